//! What a story's facts look like as input of the operations. Decides nothing.

use cosell_model::Timestamp;
use serde_json::{Value, json};

use super::pack::Facts;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A draft of these facts, without what differs from deal to deal.
pub(super) fn opportunity(facts: &Facts, now: Timestamp) -> Value {
    // Far ahead, so that no later step of any story comes after it.
    let close = now.plus_millis(400 * DAY).date();
    let mut address = json!({
        "CountryCode": facts.country, "PostalCode": facts.postal_code, "City": facts.city,
    });
    if let Some(state) = &facts.state {
        address["StateOrRegion"] = state.as_str().into();
    }
    json!({
        "Origin": "Partner Referral",
        "PrimaryNeedsFromAws": ["Co-Sell - Technical Consultation"],
        "NationalSecurity": "No",
        "Customer": {"Account": {
            "CompanyName": facts.company, "Industry": facts.industry, "WebsiteUrl": website(facts),
            "Address": address,
        }},
        "Project": {
            "Title": facts.title, "CustomerBusinessProblem": facts.problem, "CustomerUseCase": facts.use_case,
            "DeliveryModels": ["SaaS or PaaS"], "SalesActivities": ["Customer has shown interest in solution"],
            "OtherSolutionDescription": "A solution of our own",
            "ExpectedCustomerSpend": [spend(facts)],
        },
        "Marketing": {"Source": "None"},
        "LifeCycle": {"TargetCloseDate": close, "NextSteps": "First meeting with the customer"},
    })
}

fn spend(facts: &Facts) -> Value {
    json!({"Amount": facts.amount, "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"})
}

fn website(facts: &Facts) -> String {
    let name: String = facts
        .company
        .to_lowercase()
        .chars()
        .map(|letter| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '-'
            }
        })
        .collect();
    format!("https://{name}.example.com")
}

/// An invitation of a partner into a deal's engagement.
pub(super) fn invitation(facts: &Facts, message: &str, receiver: &str) -> Value {
    json!({"Invitation": {
        "Message": message,
        "Receiver": {"Account": {"AwsAccountId": receiver}},
        "Payload": {"OpportunityInvitation": {
            "ReceiverResponsibilities": ["Distributor"],
            "Customer": {
                "Industry": facts.industry, "CompanyName": facts.company, "WebsiteUrl": website(facts),
                "CountryCode": facts.country,
            },
            "Project": {
                "Title": facts.title, "BusinessProblem": facts.problem, "TargetCompletionDate": "2040-12-31",
                "ExpectedCustomerSpend": [spend(facts)],
            },
        }},
    }})
}

/// A customer's interest, shown two days before.
pub(super) fn lead(facts: &Facts, now: Timestamp) -> Value {
    json!({
        "Customer": {
            "CompanyName": facts.company, "Industry": facts.industry, "WebsiteUrl": website(facts),
            "Address": {"CountryCode": facts.country, "City": facts.city},
        },
        "Interactions": [{
            "SourceType": "Event", "SourceId": "fair-7", "SourceName": "Trade fair",
            "InteractionDate": now.plus_millis(-2 * DAY).to_string(), "Usecase": facts.use_case,
            "CustomerAction": "Asked for a call", "BusinessProblem": facts.problem,
            "Contact": {
                "BusinessTitle": "Head of IT", "Email": "it@customer.example.com", "FirstName": "Robin",
                "LastName": "Vance",
            },
        }],
    })
}
