//! Builders: a complete opportunity, the ways into every review status, and edits by path. Decides nothing by itself.

use cosell_domain::opportunity::relate::{self, Known};
use cosell_domain::opportunity::spend::Estimates;
use cosell_domain::opportunity::update::{self, Refusal};
use cosell_domain::opportunity::{Opportunity, create, submit};
use cosell_domain::reference::Products;
use cosell_domain::{Catalog, arn};
use cosell_model::enums::{RelatedEntityType, SalesInvolvementType, SolutionStatus};
use cosell_model::{Timestamp, Violation};
use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
pub const ID: &str = "O5465588";

/// The time at which every story begins: 2026-11-21, noon.
pub fn noon() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// So many minutes after noon.
pub fn minute(minutes: i64) -> Timestamp {
    noon().plus_millis(minutes * 60_000)
}

/// A create request that breaks no rule and carries all that a submission needs but a solution.
pub fn whole_input() -> Value {
    json!({
        "Catalog": "Sandbox",
        "ClientToken": "test-annjq11we",
        "Origin": "Partner Referral",
        "OpportunityType": "Net New Business",
        "PrimaryNeedsFromAws": ["Co-Sell - Deal Support"],
        "NationalSecurity": "No",
        "PartnerOpportunityIdentifier": "crm-1",
        "Customer": {
            "Account": {
                "Industry": "Retail", "CompanyName": "Fjord Fish", "WebsiteUrl": "https://fjord.example",
                "AwsAccountId": "444455556666", "Duns": "123456789",
                "Address": {"CountryCode": "US", "StateOrRegion": "Washington", "City": "Seattle",
                    "PostalCode": "98101", "StreetAddress": "1 Pike St"},
            },
            "Contacts": [{"Email": "ann@fjord.example", "FirstName": "Ann", "LastName": "Berg"}],
        },
        "Project": {
            "Title": "Move the warehouse", "CustomerUseCase": "Migration/Database Migration",
            "CustomerBusinessProblem": "The customer's database outgrew its own machines.",
            "DeliveryModels": ["SaaS or PaaS"], "SalesActivities": ["Completed Action Plan"],
            "ApnPrograms": ["Well-Architected"], "AdditionalComments": "none so far",
            "ExpectedCustomerSpend": [
                {"Amount": "2500", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}],
        },
        "Marketing": {"Source": "None"},
        "LifeCycle": {"Stage": "Qualified", "TargetCloseDate": "2027-03-31", "NextSteps": "call the customer"},
    })
}

/// Puts `value` at a dotted path of member names; makes the objects on the way.
pub fn set(body: &mut Value, path: &str, value: Value) {
    let mut place = body;
    for name in path.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[name];
    }
    *place = value;
}

/// Takes the member at a dotted path away.
pub fn unset(body: &mut Value, path: &str) {
    let (parent, name) = match path.rsplit_once('.') {
        Some((parent, name)) => (body.pointer_mut(&format!("/{}", parent.replace('.', "/"))), name),
        None => (Some(body), path),
    };
    if let Some(Value::Object(parent)) = parent {
        parent.remove(name);
    }
}

/// The body with some members changed; null takes a member away.
pub fn with(mut body: Value, edits: &[(&str, Value)]) -> Value {
    for (path, value) in edits {
        if value.is_null() {
            unset(&mut body, path);
        } else {
            set(&mut body, path, value.clone());
        }
    }
    body
}

pub fn create_at(body: &Value, at: Timestamp) -> Result<Opportunity, Vec<Violation>> {
    let input = serde_json::from_value(body.clone()).expect("a create request");
    let catalog = Catalog::from_name(body["Catalog"].as_str().unwrap()).unwrap();
    create::create(
        input,
        create::Context {
            account: ACCOUNT,
            catalog,
            region: arn::DEFAULT_REGION,
            id: ID,
            now: at,
            estimates: &Estimates::default(),
        },
    )
}

pub fn created(body: &Value) -> Opportunity {
    create_at(body, noon()).expect("a valid input")
}

/// A whole draft with a solution.
pub fn draft() -> Opportunity {
    solved(&created(&whole_input()))
}

/// The same with the sandbox's solution attached.
pub fn solved(stored: &Opportunity) -> Opportunity {
    attach(stored, "Solutions", "S-1234567", minute(1))
        .expect("a solution can be attached")
        .expect("a change")
}

pub fn attach(
    stored: &Opportunity,
    kind: &str,
    identifier: &str,
    at: Timestamp,
) -> Result<Option<Opportunity>, Vec<Violation>> {
    let products = Products::published();
    let known = Known {
        account: ACCOUNT,
        products: &products,
        solution: Some(&SolutionStatus::Active),
        offer: None,
    };
    relate::associate(stored, &RelatedEntityType::from(kind), identifier, known, at)
}

pub fn detach(
    stored: &Opportunity,
    kind: &str,
    identifier: &str,
    at: Timestamp,
) -> Result<Option<Opportunity>, Vec<Violation>> {
    relate::disassociate(stored, &RelatedEntityType::from(kind), identifier, at)
}

/// The update that changes nothing: what AWS's samples make of a GetOpportunity answer.
pub fn echo(stored: &Opportunity) -> Value {
    let mut body = serde_json::to_value(&stored.document).expect("a document is JSON");
    for name in [
        "Id",
        "CreatedDate",
        "OpportunityTeam",
        "RelatedEntityIdentifiers",
        "Arn",
    ] {
        unset(&mut body, name);
    }
    set(&mut body, "Identifier", json!(stored.document.id));
    body
}

pub fn update_as(
    stored: &Opportunity,
    body: &Value,
    at: Timestamp,
    orphan_quirk: bool,
) -> Result<Opportunity, Refusal> {
    let input = serde_json::from_value(body.clone()).expect("an update request");
    let duration = body.pointer("/Project/ExpectedContractDuration");
    let context = update::Context {
        catalog: Catalog::from_name(&stored.document.catalog).unwrap(),
        now: at,
        clears_contract_duration: duration == Some(&Value::Null),
        orphan_quirk,
        estimates: &Estimates::default(),
    };
    update::update(stored, input, context)
}

/// An update in which leaving out the review status orphans, as in AWS.
pub fn update(stored: &Opportunity, body: &Value, at: Timestamp) -> Result<Opportunity, Refusal> {
    update_as(stored, body, at, true)
}

/// The echo with some members changed; null takes a member away.
pub fn edit(stored: &Opportunity, edits: &[(&str, Value)]) -> Result<Opportunity, Refusal> {
    update(stored, &with(echo(stored), edits), minute(60))
}

/// The echo with a review status: the sandbox's trigger.
pub fn act(stored: &Opportunity, status: &str) -> Result<Opportunity, Refusal> {
    edit(stored, &[("LifeCycle.ReviewStatus", json!(status))])
}

pub fn submit_as(
    stored: &Opportunity,
    involvement: &str,
    visibility: Option<&str>,
) -> Result<Option<Opportunity>, Vec<Violation>> {
    submit_as_at(stored, involvement, visibility, minute(30))
}

pub fn submit_as_at(
    stored: &Opportunity,
    involvement: &str,
    visibility: Option<&str>,
    at: Timestamp,
) -> Result<Option<Opportunity>, Vec<Violation>> {
    let involvement = SalesInvolvementType::from(involvement);
    submit::submit(stored, involvement, visibility.map(Into::into), at)
}

pub fn submitted(stored: &Opportunity) -> Opportunity {
    submit_as(stored, "Co-Sell", None)
        .expect("a whole draft")
        .expect("a change")
}

/// A deal of that review status, made of `draft` the way a partner gets there. `""` is the orphan.
pub fn of_status(draft: &Opportunity, status: &str) -> Opportunity {
    match status {
        "Pending Submission" => draft.clone(),
        "Submitted" => submitted(draft),
        "" => edit(draft, &[("LifeCycle.ReviewStatus", Value::Null)]).expect("the quirk"),
        _ => act(&submitted(draft), status).expect("the sandbox's trigger"),
    }
}

/// An approved deal moved on to Launched or Closed Lost.
pub fn closed(draft: &Opportunity, stage: &str) -> Opportunity {
    let approved = of_status(draft, "Approved");
    let reason = if stage == "Closed Lost" {
        json!("Price")
    } else {
        Value::Null
    };
    let edits = [
        ("LifeCycle.Stage", json!(stage)),
        ("LifeCycle.ClosedLostReason", reason),
    ];
    edit(&approved, &edits).expect("an approved deal can be closed")
}

pub fn status_of(opportunity: &Opportunity) -> &str {
    opportunity.review_status().map_or("", |status| status.as_str())
}

/// Field (empty for none), code and message of each violation.
pub fn told(violations: &[Violation]) -> Vec<(&str, &str, &str)> {
    violations
        .iter()
        .map(|v| {
            (
                v.field_name.as_deref().unwrap_or_default(),
                v.code.as_str(),
                v.message.as_str(),
            )
        })
        .collect()
}

/// Field and code of each violation.
pub fn codes(violations: &[Violation]) -> Vec<(&str, &str)> {
    told(violations)
        .into_iter()
        .map(|(field, code, _)| (field, code))
        .collect()
}

pub fn refused(result: Result<Opportunity, Refusal>) -> Vec<Violation> {
    match result {
        Err(Refusal::Violations(violations)) => violations,
        Err(Refusal::Stale) => panic!("stale"),
        Ok(_) => panic!("the update was taken"),
    }
}
