//! Engagements as partners make them, and the usual steps with them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::deal::close_date;
use super::{Answer, Caller, Key, Server};

/// A caller of the shared server in an account of its own.
pub fn caller(account: &str) -> Caller {
    Server::shared().caller(Key::account(account))
}

/// Creates one with these contexts; the answer.
#[track_caller]
pub fn create(caller: &mut Caller, token: &str, contexts: Value) -> Value {
    let body = json!({"Catalog": "Sandbox", "ClientToken": token, "Title": format!("Ovens {token}"),
        "Description": "One place for the plans of all ovens", "Contexts": contexts});
    caller.call("CreateEngagement", &body).ok()
}

/// The request that names one, by identifier or ARN.
pub fn named(id: &Value) -> Value {
    json!({"Catalog": "Sandbox", "Identifier": id})
}

/// The payload of a customer project.
pub fn project() -> Value {
    json!({"CustomerProject": {
        "Customer": {"Industry": "Retail", "CompanyName": "Northwind Marzipan",
            "WebsiteUrl": "https://northwind.example.com", "CountryCode": "US"},
        "Project": {"Title": "Marzipan on demand", "TargetCompletionDate": close_date(),
            "BusinessProblem": "The ovens are planned by hand, which costs two nights a week."}
    }})
}

/// An interaction of a lead.
pub fn interaction(number: usize) -> Value {
    json!({"SourceName": format!("Fair {number}"), "Contact": {"BusinessTitle": "CIO", "FirstName": "Wilhelmina",
        "LastName": "Quartz", "Email": "wilhelmina.quartz@northwind.example.com"}})
}

/// The payload of a lead with one interaction.
pub fn lead() -> Value {
    json!({"Lead": {"Customer": {"CompanyName": "Northwind Marzipan"}, "Interactions": [interaction(0)]}})
}

/// Adds a context.
pub fn add(caller: &mut Caller, id: &Value, token: &str, kind: &str, payload: Value) -> Answer {
    let body = json!({"Catalog": "Sandbox", "EngagementIdentifier": id, "ClientToken": token,
        "Type": kind, "Payload": payload});
    caller.call("CreateEngagementContext", &body)
}

/// Every row of ListEngagements with that filter, over all pages.
#[track_caller]
pub fn list(caller: &mut Caller, filter: Value) -> Vec<Value> {
    let mut request = filter;
    request["Catalog"] = "Sandbox".into();
    let mut rows = Vec::new();
    loop {
        let page = caller.call("ListEngagements", &request).ok();
        rows.extend(page["EngagementSummaryList"].as_array().unwrap().clone());
        match page.get("NextToken") {
            Some(token) => request["NextToken"] = token.clone(),
            None => return rows,
        }
    }
}

/// The identifiers of rows.
pub fn ids(rows: &[Value]) -> BTreeSet<String> {
    rows.iter().map(|row| row["Id"].to_string()).collect()
}

/// The request that invites an account to a deal.
pub fn invitation(engagement: &Value, receiver: &str, token: &str) -> Value {
    json!({"Catalog": "Sandbox", "ClientToken": token, "EngagementIdentifier": engagement, "Invitation": {
        "Message": "Plan the ovens with us", "Receiver": {"Account": {"AwsAccountId": receiver, "Alias": "Oven makers"}},
        "Payload": {"OpportunityInvitation": {"ReceiverResponsibilities": ["Reseller"],
            "Customer": project()["CustomerProject"]["Customer"],
            "Project": {"Title": "Marzipan on demand", "TargetCompletionDate": close_date(),
                "BusinessProblem": "The ovens are planned by hand, which costs two nights a week.",
                "ExpectedCustomerSpend": [{"Amount": "100.00", "CurrencyCode": "USD",
                    "Frequency": "Monthly", "TargetCompany": "AWS"}]}}}}})
}
