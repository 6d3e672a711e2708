//! The requests that are measured: an opportunity of about 3 KB as JSON, and what is done with it.

use serde_json::{Value, json};

/// The access key of a development server's first account.
pub const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
/// Its secret, which AWS publishes as an example.
pub const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// Its account.
pub const ACCOUNT: &str = "111122223333";

/// Different companies among the rows.
pub const COMPANIES: u64 = 500;
/// The stages of open deals, over which the rows are spread.
pub const STAGES: [&str; 5] = [
    "Prospect",
    "Qualified",
    "Technical Validation",
    "Business Validation",
    "Committed",
];

/// The body of the `number`th CreateOpportunity. Company, stage and close date are spread independently of each other.
pub fn create(number: u64, token: &str) -> Value {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 24;
    let (company, stage, close) = (scattered % COMPANIES, (scattered >> 12) % 5, scattered >> 20);
    let filler = "The customer runs its analytics on premises, misses its deadlines and wants to move. ";
    json!({
        "Catalog": "Sandbox",
        "ClientToken": token,
        "PrimaryNeedsFromAws": ["Co-Sell - Architectural Validation", "Co-Sell - Deal Support"],
        "NationalSecurity": "No",
        "PartnerOpportunityIdentifier": format!("crm-{number}"),
        "OpportunityType": "Net New Business",
        "Customer": {
            "Account": {
                "Industry": "Software and Internet",
                "CompanyName": format!("Example Customer {company:04}"),
                "WebsiteUrl": "https://customer.example.com",
                "Duns": "123456789",
                "Address": {
                    "City": "Seattle", "PostalCode": "98101", "StateOrRegion": "Washington", "CountryCode": "US",
                    "StreetAddress": "100 Example Street"
                }
            },
            "Contacts": [
                {"Email": "jane.doe@customer.example.com", "FirstName": "Jane", "LastName": "Doe", "BusinessTitle": "CTO", "Phone": "+12065550100"},
                {"Email": "john.roe@customer.example.com", "FirstName": "John", "LastName": "Roe", "BusinessTitle": "Buyer", "Phone": "+12065550101"}
            ]
        },
        "Project": {
            "Title": format!("Migration of the analytics platform, part {number}"),
            "CustomerBusinessProblem": filler.repeat(12),
            "CustomerUseCase": "Migration / Database Migration",
            "DeliveryModels": ["SaaS or PaaS", "Professional Services"],
            "ExpectedCustomerSpend": [{"Amount": "12500.00", "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS"}],
            "SalesActivities": ["Initialized discussions with customer", "Customer has shown interest in solution"],
            "CompetitorName": "On-Prem",
            "OtherSolutionDescription": "A migration accelerator of our own",
            "AdditionalComments": "Decision expected after the proof of concept."
        },
        "Marketing": {"Source": "Marketing Activity", "CampaignName": "Autumn", "AwsFundingUsed": "No", "Channels": ["Email"]},
        "LifeCycle": {
            "Stage": STAGES[usize::try_from(stage).unwrap_or_default()],
            "TargetCloseDate": format!("20{:02}-{:02}-{:02}", 40 + close % 50, 1 + close % 12, 1 + close % 28),
            "NextSteps": "Proof of concept with two pipelines"
        },
        "OpportunityTeam": [
            {"Email": "ana.carolina@one.example.com", "FirstName": "Ana", "LastName": "Carolina", "BusinessTitle": "OpportunityOwner"}
        ]
    })
}

/// The body of an UpdateOpportunity that sends back what GetOpportunity answered, with a new next step.
pub fn update(document: &Value, last_modified: &str, number: u64) -> Value {
    let mut body = document.clone();
    if let Some(body) = body.as_object_mut() {
        body.insert("Identifier".into(), document["Id"].clone());
        body.insert("LastModifiedDate".into(), last_modified.into());
        for member in [
            "Id",
            "Arn",
            "CreatedDate",
            "OpportunityTeam",
            "RelatedEntityIdentifiers",
        ] {
            body.remove(member);
        }
    }
    body["LifeCycle"]["NextSteps"] = format!("Step {number}").into();
    body
}
