//! Opportunities as the clients send them, and what they look for in those that they read.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// A whole opportunity with a token of its own.
#[must_use]
pub fn draft(token: &str) -> Value {
    json!({
        "Catalog": "AWS",
        "ClientToken": token,
        "Origin": "Partner Referral",
        "PrimaryNeedsFromAws": ["Co-Sell - Architectural Validation"],
        "Customer": {"Account": {
            "CompanyName": "Kestrel Kilns", "Industry": "Manufacturing", "WebsiteUrl": "https://kestrel.example.com",
            "Address": {"City": "Seattle", "CountryCode": "US", "PostalCode": "98101", "StateOrRegion": "Washington"}
        }},
        "Project": {
            "Title": format!("Kilns that survive {token}"),
            "CustomerBusinessProblem": "A kiln that goes out loses a week of work.",
            "DeliveryModels": ["SaaS or PaaS"],
            "ExpectedCustomerSpend": [{
                "Amount": "900.00", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"
            }]
        },
        "Marketing": {"Source": "None"},
        "LifeCycle": {"Stage": "Prospect", "TargetCloseDate": "2199-12-31", "NextSteps": next_steps(0)}
    })
}

/// What the next steps are after so many updates.
#[must_use]
pub fn next_steps(updates: u32) -> String {
    format!("step {updates}")
}

/// The next steps of a document.
#[must_use]
pub fn steps_of(document: &Value) -> &str {
    document["LifeCycle"]["NextSteps"].as_str().unwrap_or_default()
}

/// The id in the answer to a create.
///
/// # Errors
/// Where there is none.
pub fn id_of(made: &Value) -> Result<String> {
    text(&made["Id"])
}

/// A text.
///
/// # Errors
/// Where it is none.
pub fn text(value: &Value) -> Result<String> {
    let found = value.as_str().filter(|text| !text.is_empty());
    Ok(found.context("an answer lacks what it must hold")?.to_owned())
}

/// A document as the payload of an update.
#[must_use]
pub fn as_update(mut document: Value) -> Value {
    let id = document["Id"].take();
    if let Some(members) = document.as_object_mut() {
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
    document
}
