//! Opportunities as partners send them, and the usual steps with them.

use serde_json::{Value, json};

use super::{Answer, Caller};

/// The day after tomorrow in UTC plus some, so that no test depends on the hour at which it runs.
pub fn close_date() -> String {
    let since = super::sign::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let seconds = i64::try_from(since.as_secs()).unwrap_or_default() + 90 * 86_400;
    let day = jiff::Timestamp::from_second(seconds).unwrap();
    day.strftime("%Y-%m-%d").to_string()
}

/// A complete opportunity that can be submitted as soon as a solution is attached.
pub fn draft(token: &str) -> Value {
    json!({
        "Catalog": "Sandbox",
        "ClientToken": token,
        "Origin": "Partner Referral",
        "OpportunityType": "Net New Business",
        "PartnerOpportunityIdentifier": format!("crm-{token}"),
        "PrimaryNeedsFromAws": ["Co-Sell - Architectural Validation"],
        "Customer": {
            "Account": {
                "CompanyName": "Northwind Marzipan",
                "Industry": "Retail",
                "WebsiteUrl": "https://northwind.example.com",
                "Duns": "123456789",
                "AwsAccountId": "123456789012",
                "Address": {
                    "City": "Seattle", "CountryCode": "US", "PostalCode": "98101",
                    "StateOrRegion": "Washington", "StreetAddress": "1 Pier Road"
                }
            },
            "Contacts": [{
                "FirstName": "Wilhelmina", "LastName": "Quartz", "BusinessTitle": "CIO",
                "Email": "wilhelmina.quartz@northwind.example.com", "Phone": "+12065550100"
            }]
        },
        "Project": {
            "Title": format!("Marzipan on demand {token}"),
            "CustomerBusinessProblem": "The ovens are planned by hand, which costs two nights a week.",
            "CustomerUseCase": "Database",
            "DeliveryModels": ["SaaS or PaaS"],
            "SalesActivities": ["Initialized discussions with customer"],
            "CompetitorName": "On-Prem",
            "ExpectedCustomerSpend": [{
                "Amount": "2500.00", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"
            }]
        },
        "Marketing": {"Source": "None"},
        "LifeCycle": {"Stage": "Qualified", "TargetCloseDate": close_date(), "NextSteps": "Call the bakers"}
    })
}

/// Creates it and returns its id.
#[track_caller]
pub fn create(caller: &mut Caller, body: &Value) -> String {
    let made = caller.call("CreateOpportunity", body).ok();
    made["Id"].as_str().unwrap_or_default().to_owned()
}

/// Reads it.
#[track_caller]
pub fn get(caller: &mut Caller, id: &str) -> Value {
    let request = json!({"Catalog": "Sandbox", "Identifier": id});
    caller.call("GetOpportunity", &request).ok()
}

/// What was read, as AWS's guide says to turn it into an update.
pub fn as_update(mut read: Value) -> Value {
    let id = read["Id"].take();
    if let Some(members) = read.as_object_mut() {
        for gone in [
            "Id",
            "Arn",
            "CreatedDate",
            "OpportunityTeam",
            "RelatedEntityIdentifiers",
        ] {
            members.remove(gone);
        }
        members.insert("Identifier".to_owned(), id);
    }
    read
}

/// Reads it, lets `change` edit the payload, and sends the update.
#[track_caller]
pub fn update(caller: &mut Caller, id: &str, change: impl FnOnce(&mut Value)) -> Answer {
    let mut payload = as_update(get(caller, id));
    change(&mut payload);
    caller.call("UpdateOpportunity", &payload)
}

/// Attaches the solution that every account has in Sandbox.
#[track_caller]
pub fn associate(caller: &mut Caller, id: &str) {
    let request = json!({
        "Catalog": "Sandbox", "OpportunityIdentifier": id,
        "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-1234567"
    });
    let answer = caller.call("AssociateOpportunity", &request);
    answer.ok();
    assert!(
        answer.body.is_empty(),
        "a void operation answers nothing: {answer}"
    );
}

/// Submits it.
#[track_caller]
pub fn submit(caller: &mut Caller, id: &str) -> Answer {
    let request = json!({
        "Catalog": "Sandbox", "Identifier": id, "InvolvementType": "Co-Sell", "Visibility": "Full"
    });
    caller.call("SubmitOpportunity", &request)
}

/// Creates, attaches and submits.
#[track_caller]
pub fn submitted(caller: &mut Caller, token: &str) -> String {
    let id = create(caller, &draft(token));
    associate(caller, &id);
    submit(caller, &id).ok();
    id
}

/// Makes AWS act through the sandbox's trigger.
#[track_caller]
pub fn review(caller: &mut Caller, id: &str, status: &str) {
    update(caller, id, |payload| {
        payload["LifeCycle"]["ReviewStatus"] = status.into();
        if status != "Approved" && status != "In review" {
            payload["LifeCycle"]["ReviewStatusReason"] = "MoreInformation".into();
            payload["LifeCycle"]["ReviewComments"] = "Please say more about the ovens".into();
        }
    })
    .ok();
    assert_eq!(get(caller, id)["LifeCycle"]["ReviewStatus"], status);
}

/// Every page of a list; each page's summaries in order.
#[track_caller]
pub fn list_all(caller: &mut Caller, request: &Value) -> Vec<Value> {
    let mut request = request.clone();
    let mut rows = Vec::new();
    loop {
        let page = caller.call("ListOpportunities", &request).ok();
        rows.extend(
            page["OpportunitySummaries"]
                .as_array()
                .cloned()
                .unwrap_or_default(),
        );
        match page.get("NextToken") {
            Some(Value::String(token)) => request["NextToken"] = token.as_str().into(),
            _ => return rows,
        }
    }
}
