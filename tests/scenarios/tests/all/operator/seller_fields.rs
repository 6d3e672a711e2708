//! AWS's side of a deal, member by member as the model lists it: an operator sets each, and the partner reads each in the summary and
//! in AWS's view. A member of the model that is not set here fails the test.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::harness::deal::{create, draft};
use crate::harness::{Key, Server};

const ACCOUNT: &str = "620000000401";

/// The paths of every value in a document of that shape. `[]` stands for the elements of a list, `{}` for the values of a map.
fn of_model(shapes: &Value, shape: &str, path: &str, found: &mut BTreeSet<String>) {
    let described = &shapes[shape];
    assert!(described.is_object(), "no shape {shape}");
    match described["type"].as_str().unwrap() {
        "structure" => {
            for (name, member) in described["members"].as_object().unwrap() {
                let target = member["target"].as_str().unwrap();
                of_model(shapes, target, &format!("{path}/{name}"), found);
            }
        }
        "list" => of_model(
            shapes,
            described["member"].as_str().unwrap(),
            &format!("{path}[]"),
            found,
        ),
        "map" => of_model(
            shapes,
            described["value"].as_str().unwrap(),
            &format!("{path}{{}}"),
            found,
        ),
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// Members whose own members have names of the client's choice.
const MAPS: [&str; 2] = ["TotalAmountByCategory", "Attributes"];

/// The paths of every value in a document.
fn of_document(document: &Value, path: &str, found: &mut BTreeSet<String>) {
    match document {
        Value::Object(members) => {
            let map = MAPS.iter().any(|name| path.ends_with(name));
            for (name, value) in members {
                let step = if map { "{}".to_owned() } else { format!("/{name}") };
                of_document(value, &format!("{path}{step}"), found);
            }
        }
        Value::Array(items) => {
            for item in items {
                of_document(item, &format!("{path}[]"), found);
            }
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// The operator's spelling of a member of AWS's documents.
fn lower(document: &Value, in_map: bool) -> Value {
    let spelt = |name: &str| match name {
        _ if in_map => name.to_owned(),
        "AWS" => "aws".to_owned(),
        _ => name[..1].to_lowercase() + &name[1..],
    };
    match document {
        Value::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (spelt(name), lower(value, MAPS.contains(&name.as_str()))));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(|item| lower(item, false)).collect(),
        other => other.clone(),
    }
}

fn spend(amount: &str) -> Value {
    json!({"CurrencyCode": "USD", "Frequency": "Monthly", "TotalAmount": amount, "TotalOptimizedAmount": "70.5",
        "TotalPotentialSavingsAmount": "29.5", "TotalAmountByCategory": {"Compute": "60", "Storage": "40"},
        "AwsProducts": [{"ProductCode": "AmazonEC2", "ServiceCode": "EC2", "Categories": ["Compute"], "Amount": "60",
            "OptimizedAmount": "40", "PotentialSavingsAmount": "20",
            "Optimizations": [{"Description": "Smaller ovens", "SavingsAmount": "20"}]}]})
}

/// Everything that an operator can set, as the partner reads it.
fn wanted(id: &str) -> Value {
    json!({
        "Catalog": "AWS",
        "RelatedOpportunityId": id,
        "Origin": "Partner Referral",
        "InvolvementType": "Co-Sell",
        "InvolvementTypeChangeReason": "Technical Complexity",
        "Visibility": "Full",
        "CosellMotion": "AWS Field-engaged",
        "LifeCycle": {"Stage": "Closed Lost", "ClosedLostReason": "Price", "TargetCloseDate": "2031-02-28",
            "NextSteps": "Thank the bakers", "NextStepsHistory": [{"Value": "Call the bakers", "Time": "…"},
                {"Value": "Thank the bakers", "Time": "…"}]},
        "OpportunityTeam": [{"FirstName": "Ada", "LastName": "Oven", "Email": "ada@aws.example", "BusinessTitle": "PSM"},
            {"FirstName": "Bo", "LastName": "Crust", "Email": "bo@aws.example", "BusinessTitle": "AWSSalesRep"}],
        "Insights": {"NextBestActions": "Show a forecast", "EngagementScore": "Medium",
            "OpportunityQuality": {"Score": 77, "Trend": "Declining"},
            "Recommendations": [{"Type": "Programme", "Details": "Apply for funding", "Attributes": {"Programme": "MAP"}}],
            "AwsProductsSpendInsightsBySource": {"Partner": spend("100"), "AWS": spend("110.25")}},
        "RelatedEntityIds": {"AwsProducts": ["AmazonEC2Linux"], "Solutions": ["S-0000102"],
            "AwsMarketplaceSolutions": ["arn:aws:aws-marketplace:us-east-1:620000000401:AWSMarketplace/SaaSProduct/prod-1"],
            "AwsMarketplaceProducts": ["arn:aws:aws-marketplace:us-east-1:620000000401:AWSMarketplace/SaaSProduct/prod-2"]},
        "Customer": {"Contacts": [{"FirstName": "Wil", "LastName": "Quartz", "Email": "wil@northwind.example",
            "BusinessTitle": "CIO", "Phone": "+4930123456"}]},
        "Project": {"AwsPartition": "aws-eusc", "ExpectedCustomerSpend": [{"Amount": "4321", "CurrencyCode": "EUR",
            "Frequency": "Monthly", "TargetCompany": "AWS",
            "EstimationUrl": "https://calculator.aws/#/estimate?id=0123456789abcdef0123456789abcdef"}]},
        "SoftwareRevenue": {"Value": {"Amount": "99.5", "CurrencyCode": "USD"}, "Discount": "10 percent",
            "EffectiveDate": "2030-01-01", "ExpirationDate": "2032-12-31"},
    })
}

/// What a document says without the times at which next steps were remembered, which are checked to be some.
fn timeless(mut document: Value) -> Value {
    let history = document
        .pointer_mut("/LifeCycle/NextStepsHistory")
        .expect("a history");
    for entry in history.as_array_mut().unwrap() {
        assert!(
            entry["Time"].as_str().is_some_and(|text| text.ends_with('Z')),
            "{entry}"
        );
        entry["Time"] = json!("…");
    }
    document
}

#[test]
fn every_member_of_awss_side_that_the_model_has_is_set_by_an_operator_and_read_by_the_partner() {
    let facts = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../model/partnercentral-selling.json"
    );
    let facts: Value = serde_json::from_slice(&std::fs::read(facts).unwrap()).unwrap();
    let listed = |shape: &str| {
        let mut found = BTreeSet::new();
        of_model(&facts["shapes"], shape, "", &mut found);
        found
    };
    let server = Server::shared();
    let mut partner = server.caller(Key::account(ACCOUNT));
    let mut operator = server.operator();
    partner.call("ListSolutions", &json!({"Catalog": "AWS"})).ok();
    let mut body = draft("member by member");
    body["Catalog"] = "AWS".into();
    let id = create(&mut partner, &body);
    let solution = json!({"Catalog": "AWS", "OpportunityIdentifier": id, "RelatedEntityType": "Solutions",
        "RelatedEntityIdentifier": "S-0000101"});
    partner.call("AssociateOpportunity", &solution).ok();
    let start = json!({"Catalog": "AWS", "ClientToken": "member by member", "Identifier": id,
        "AwsSubmission": {"InvolvementType": "For Visibility Only", "Visibility": "Limited"}});
    let room = partner.call("StartEngagementFromOpportunityTask", &start).ok()["EngagementId"].clone();
    let mut read = || {
        let read = json!({"Catalog": "AWS", "RelatedOpportunityIdentifier": id});
        partner.call("GetAwsOpportunitySummary", &read).ok()
    };
    // With its approval AWS joins the engagement, and members see its view from then on.
    operator.post(&format!("/reviews/{id}/approve?catalog=AWS"), &json!({}));
    let path = format!("/aws-opportunities/{id}?catalog=AWS");
    let mut patch = |change: &Value| {
        let answer = operator.send("PATCH", &path, Some(change));
        assert_eq!(answer.status, 200, "{answer}");
        answer.json()["awsSummary"].clone()
    };
    // What is for visibility only can be limited or not; what is worked together cannot.
    assert_eq!(read()["Visibility"], "Limited");
    patch(&json!({"visibility": "Full", "nextSteps": "Call the bakers"}));
    assert_eq!(read()["Visibility"], "Full");

    let wanted = wanted(&id);
    let mut covered = BTreeSet::new();
    of_document(&wanted, "", &mut covered);
    let members = listed("GetAwsOpportunitySummaryResponse");
    assert_eq!(covered, members, "each member of the model needs a value here");

    // The members of the life cycle stand by themselves in a change; what nobody sets is left out.
    let mut change = wanted.clone();
    let parts = change.as_object_mut().unwrap();
    let Some(Value::Object(mut cycle)) = parts.remove("LifeCycle") else {
        panic!("no life cycle")
    };
    cycle.remove("NextStepsHistory");
    parts.extend(cycle);
    for fixed in ["Catalog", "RelatedOpportunityId", "Origin"] {
        parts.remove(fixed);
    }
    let answered = patch(&lower(&change, false));
    let seen = read();
    assert_eq!(timeless(seen.clone()), wanted);
    assert_eq!(answered, seen, "the operator sees what the partner reads");

    let template = json!({"Catalog": "AWS", "EngagementIdentifier": room, "ResourceType": "Opportunity",
        "ResourceIdentifier": id, "ResourceSnapshotTemplateIdentifier": "AwsOpportunitySummaryFullView"});
    let snapshot = partner.call("GetResourceSnapshot", &template).ok();
    let view = snapshot["Payload"]["AwsOpportunitySummaryFullView"].clone();
    let mut viewed = BTreeSet::new();
    of_document(&view, "", &mut viewed);
    assert_eq!(viewed, listed("AwsOpportunitySummaryFullView"));
    let mut wanted = wanted;
    wanted.as_object_mut().unwrap().remove("Catalog");
    assert_eq!(timeless(view), wanted);
}
