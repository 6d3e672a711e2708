//! Builders: parties, engagements with contexts, invitations in every status. Decides nothing by itself.

use cosell_domain::engagement::invitation::{Invitation, answer, create as invite};
use cosell_domain::engagement::{Engagement, Profile, Refusal, context, create, party};
use cosell_domain::opportunity::spend::Estimates;
use cosell_domain::{Catalog, arn};
use cosell_model::Timestamp;
use serde_json::{Value, json};

pub use crate::support::{codes, minute, noon, with};

pub const ANN: &str = "111122223333";
pub const BOB: &str = "222233334444";
pub const CAT: &str = "333344445555";
pub const AWS: &str = "390403897881";
pub const ENGAGEMENT: &str = "eng-xjn5vr10vyjm1t";
pub const INVITATION: &str = "engi-dansn8enotil9";

/// So many days after noon.
pub fn day(days: i64) -> Timestamp {
    noon().plus_millis(days * 24 * 60 * 60 * 1000)
}

pub fn profile(account: &str) -> Profile {
    if account == AWS {
        return party::aws(Catalog::Sandbox);
    }
    Profile {
        account_id: account.to_owned(),
        company_name: format!("Company {account}"),
        website_url: Some(format!("www.c{account}.example")),
    }
}

pub fn customer_project() -> Value {
    json!({"Type": "CustomerProject", "Payload": {"CustomerProject": {
        "Customer": {"Industry": "Retail", "CompanyName": "Fjord Fish", "WebsiteUrl": "https://fjord.example", "CountryCode": "NO"},
        "Project": {"Title": "Move the warehouse", "TargetCompletionDate": "2027-03-31",
            "BusinessProblem": "The customer's database outgrew its own machines."}}}})
}

pub fn interaction(name: &str) -> Value {
    json!({"SourceType": "Event", "SourceName": name, "Usecase": "Storage", "BusinessProblem": "no room",
        "InteractionDate": "2026-11-01T00:00:00Z", "Contact": {"BusinessTitle": "CTO", "Email": "kai@fjord.example",
        "FirstName": "Kai", "LastName": "Moe", "Phone": "+4711111111"}})
}

pub fn lead() -> Value {
    json!({"Type": "Lead", "Payload": {"Lead": {
        "Customer": {"CompanyName": "Fjord Fish", "Industry": "Retail", "WebsiteUrl": "fjord.example",
            "Address": {"City": "Oslo", "PostalCode": "0150", "CountryCode": "NO"}, "MarketSegment": "Small"},
        "Insights": {"LeadReadinessScore": "Contact Ready"},
        "Interactions": [interaction("Fair")]}}})
}

pub fn create_by(account: &str, contexts: Value) -> Result<Engagement, Refusal> {
    let body = json!({"Catalog": "Sandbox", "ClientToken": "t", "Title": "Fish", "Description": "All of it",
        "Contexts": contexts});
    create::create(
        serde_json::from_value(body).unwrap(),
        create::Context {
            creator: &profile(account),
            catalog: Catalog::Sandbox,
            region: arn::DEFAULT_REGION,
            id: ENGAGEMENT,
            now: noon(),
        },
    )
}

/// Ann's engagement with those contexts.
pub fn engagement(contexts: Value) -> Engagement {
    create_by(ANN, contexts).unwrap()
}

pub fn add_context(
    stored: &Engagement,
    caller: &str,
    body: &Value,
    at: Timestamp,
) -> Result<(Engagement, String), Refusal> {
    let body = with(
        body.clone(),
        &[
            ("Catalog", json!("Sandbox")),
            ("EngagementIdentifier", json!(ENGAGEMENT)),
            ("ClientToken", json!("t")),
        ],
    );
    context::create(stored, caller, serde_json::from_value(body).unwrap(), at)
}

/// An update of that context with the latest lock.
pub fn update_context(
    stored: &Engagement,
    caller: &str,
    id: &str,
    body: &Value,
    at: Timestamp,
) -> Result<Engagement, Refusal> {
    update_context_seen(stored, caller, id, body, stored.modified_at, at)
}

pub fn update_context_seen(
    stored: &Engagement,
    caller: &str,
    id: &str,
    body: &Value,
    seen: Timestamp,
    at: Timestamp,
) -> Result<Engagement, Refusal> {
    let body = with(
        body.clone(),
        &[
            ("Catalog", json!("Sandbox")),
            ("EngagementIdentifier", json!(ENGAGEMENT)),
            ("ContextIdentifier", json!(id)),
            ("EngagementLastModifiedAt", json!(seen)),
        ],
    );
    context::update(stored, caller, serde_json::from_value(body).unwrap(), at)
}

pub fn opportunity_invitation(receiver: &str) -> Value {
    json!({"Message": "Come along", "Receiver": {"Account": {"AwsAccountId": receiver, "Alias": "friend"}},
        "Payload": {"OpportunityInvitation": {
            "SenderContacts": [{"Email": "ann@one.example", "FirstName": "Ann"}],
            "ReceiverResponsibilities": ["Reseller"],
            "Customer": customer_project()["Payload"]["CustomerProject"]["Customer"],
            "Project": {"Title": "Move the warehouse", "TargetCompletionDate": "2027-03-31",
                "BusinessProblem": "The customer's database outgrew its own machines.",
                "ExpectedCustomerSpend": [{"Amount": "2500.00", "CurrencyCode": "USD", "Frequency": "Monthly",
                    "TargetCompany": "AWS"}]}}}})
}

pub fn lead_invitation(receiver: &str) -> Value {
    json!({"Message": "A lead", "Receiver": {"Account": {"AwsAccountId": receiver}},
        "Payload": {"LeadInvitation": {"Customer": {"CompanyName": "Fjord Fish", "CountryCode": "NO"},
            "Interaction": {"SourceType": "Event", "ContactBusinessTitle": "CTO"}}}})
}

pub fn invite_with(
    stored: &Engagement,
    sender: &str,
    body: &Value,
    connected: bool,
    earlier: &[Invitation],
    at: Timestamp,
) -> Result<Invitation, Refusal> {
    let receiver = body["Receiver"]["Account"]["AwsAccountId"]
        .as_str()
        .unwrap_or_default();
    let receiver = connected.then(|| profile(receiver));
    let estimates = Estimates::default();
    invite::create(
        serde_json::from_value(body.clone()).unwrap(),
        invite::Context {
            engagement: stored,
            sender: &profile(sender),
            receiver: receiver.as_ref(),
            earlier,
            catalog: Catalog::Sandbox,
            region: arn::DEFAULT_REGION,
            id: INVITATION,
            now: at,
            estimates: &estimates,
        },
    )
}

/// Ann invites at noon.
pub fn invited(stored: &Engagement, body: &Value) -> Invitation {
    invite_with(stored, ANN, body, true, &[], noon()).unwrap()
}

pub fn accepted(stored: &Invitation, room: &Engagement, by: &str) -> (Invitation, Engagement) {
    answer::accept(stored, room, &profile(by), minute(1)).unwrap()
}

/// Field and code of each violation of a refused action.
pub fn faults<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Vec<(String, String)> {
    match result {
        Err(Refusal::Violations(violations)) => codes(&violations)
            .into_iter()
            .map(|(field, code)| (field.to_owned(), code.to_owned()))
            .collect(),
        other => panic!("no violations: {other:?}"),
    }
}

/// The name of the refusal; empty where there is none.
pub fn refusal<T>(result: &Result<T, Refusal>) -> &'static str {
    match result {
        Ok(_) => "",
        Err(Refusal::Violations(_)) => "violations",
        Err(Refusal::QuotaExceeded(_)) => "quota",
        Err(Refusal::Conflict(_)) => "conflict",
        Err(Refusal::NotFound(_)) => "not found",
    }
}

pub fn pair(field: &str, code: &str) -> (String, String) {
    (field.to_owned(), code.to_owned())
}
