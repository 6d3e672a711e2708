//! Referrals and leads: what AWS offers to partners.

use cosell_domain::Catalog as KnownCatalog;
use cosell_domain::engagement::invitation::lead::Lead;
use cosell_domain::engagement::invitation::recipients::MAX_RECIPIENTS;
use cosell_domain::engagement::invitation::referral::Terms;
use cosell_model::enums::ReceiverResponsibility;
use cosell_model::types::{CreateOpportunityRequest, LeadContext};
use cosell_model::{Rejection, Shape, check_value, shapes};
use cosell_service::operator::offers::{Offered as Made, Receiver as Meant};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::solutions::Catalog;
use crate::document::Document;
use crate::endpoint::{Endpoint, Method, shape};
use crate::shapes::{Names, or_null, schema, unknown};
use crate::{Call, Problem, Reply, Scope, Time};

pub(super) static REFERRALS: &[Endpoint] = &[Endpoint {
    method: Method::Post,
    path: "/referrals",
    id: "createReferral",
    scope: Scope::Review,
    summary: "Refer a deal of AWS's to one partner or several",
    description: "Each partner gets an invitation of its own, in an engagement of its own, and does not learn of the others; \
                  accepting it brings the opportunity to light, approved. All of them or none. A request that is repeated \
                  makes other invitations.",
    parameters: &[],
    request: Some(shape::<NewReferral>),
    answer: Some(shape::<Offers>),
    status: 201,
    run: |call| Box::pin(refer(call)),
}];

pub(super) static LEADS: &[Endpoint] = &[Endpoint {
    method: Method::Post,
    path: "/leads",
    id: "inviteToLead",
    scope: Scope::Review,
    summary: "Offer a lead to one partner or several",
    description: "Each partner gets an invitation of its own, in an engagement of its own, and does not learn of the others. \
                  All of them or none. A request that is repeated makes other invitations.",
    parameters: &[],
    request: Some(shape::<NewLead>),
    answer: Some(shape::<Offers>),
    status: 201,
    run: |call| Box::pin(offer(call)),
}];

/// A partner to whom something is offered.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Receiver {
    /// Its account.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    account: String,
    /// The name that AWS gives it.
    #[schemars(length(max = 80))]
    alias: Option<String>,
}

impl From<Receiver> for Meant {
    fn from(sent: Receiver) -> Self {
        Self {
            account: sent.account,
            alias: sent.alias,
        }
    }
}

/// A referral to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewReferral {
    /// The catalog.
    catalog: Catalog,
    /// To whom.
    #[schemars(length(min = 1, max = MAX_RECIPIENTS))]
    receivers: Vec<Receiver>,
    /// The deal, as the body of a CreateOpportunity; Catalog and ClientToken may be left out. It needs the customer's
    /// company, industry, website and country, the project's title and business problem, and a target close date.
    #[schemars(schema_with = "opportunity")]
    opportunity: Document,
    /// AWS's message to the partner; that of AWS's sandbox where left out.
    #[schemars(length(min = 1, max = 255))]
    message: Option<String>,
    /// AWS's people to turn to, 1 to 3 of them, in AWS's form; somebody made up where left out.
    #[serde(default)]
    #[schemars(schema_with = "contacts")]
    contacts: Option<Vec<Document>>,
    /// What the partner is wanted for; services and software where left out.
    #[serde(default)]
    #[schemars(schema_with = "responsibilities")]
    responsibilities: Option<Vec<String>>,
}

/// A lead to be offered.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewLead {
    /// The catalog.
    catalog: Catalog,
    /// To whom.
    #[schemars(length(min = 1, max = MAX_RECIPIENTS))]
    receivers: Vec<Receiver>,
    /// The engagement's title.
    #[schemars(length(min = 1, max = 40))]
    title: String,
    /// The engagement's description.
    #[schemars(length(max = 255))]
    description: Option<String>,
    /// AWS's message to the partner.
    #[schemars(length(min = 1, max = 255))]
    message: String,
    /// The lead in AWS's form: the customer and its interactions.
    #[schemars(schema_with = "lead")]
    lead: Document,
}

/// What was offered to one partner.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Offered {
    /// The partner.
    account: String,
    /// AWS's engagement.
    engagement_id: String,
    /// The invitation.
    invitation_id: String,
    /// The opportunity that acceptance brings to light; leads have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    opportunity_id: Option<String>,
    /// Until when it can be accepted.
    expires_date: Time,
}

/// What was offered, to each partner in the order of the request.
#[derive(Serialize, JsonSchema)]
struct Offers {
    /// One for each partner.
    items: Vec<Offered>,
}

fn opportunity(generator: &mut SchemaGenerator) -> Schema {
    let left_out = &["Catalog", "ClientToken"];
    schema(
        generator,
        &shapes::CREATE_OPPORTUNITY_REQUEST,
        Names::Wire,
        left_out,
    )
}

fn lead(generator: &mut SchemaGenerator) -> Schema {
    schema(generator, &shapes::LEAD_CONTEXT, Names::Wire, &[])
}

fn contacts(generator: &mut SchemaGenerator) -> Schema {
    or_null(schema(generator, &shapes::SENDER_CONTACT_LIST, Names::Wire, &[]))
}

fn responsibilities(generator: &mut SchemaGenerator) -> Schema {
    or_null(schema(
        generator,
        &shapes::RECEIVER_RESPONSIBILITY_LIST,
        Names::Wire,
        &[],
    ))
}

/// Reads a document of AWS's model that stands at `pointer` in a body; names every member that the model does not know, and
/// every rule of the model that it breaks.
fn modelled<T: DeserializeOwned>(
    shape: &'static Shape,
    document: Value,
    pointer: &str,
) -> Result<T, Problem> {
    let mut faults = Vec::new();
    unknown(shape, &document, pointer, &mut faults);
    if !faults.is_empty() {
        return Err(Problem::faulty(faults));
    }
    match check_value(shape, &document) {
        Ok(_) => {}
        Err(Rejection::Violations(violations)) => {
            return Err(cosell_model::ApiError::business_validation(violations).into());
        }
        Err(Rejection::Serialization(message)) => return Err(Problem::member(pointer, message)),
    }
    serde_json::from_value(document).map_err(|error| Problem::member(pointer, error.to_string()))
}

async fn refer(call: &Call<'_>) -> Result<Reply, Problem> {
    let sent: NewReferral = call.body()?;
    let catalog = KnownCatalog::from(sent.catalog);
    let Document(mut deal) = sent.opportunity;
    if let Value::Object(members) = &mut deal {
        let named = members
            .entry("Catalog")
            .or_insert_with(|| catalog.as_str().into());
        if *named != *catalog.as_str() {
            let detail = "is another catalog than that of the referral: leave it out";
            return Err(Problem::member("/opportunity/Catalog", detail));
        }
        members.entry("ClientToken").or_insert_with(|| "operator".into());
    }
    let deal: CreateOpportunityRequest = modelled(&shapes::CREATE_OPPORTUNITY_REQUEST, deal, "/opportunity")?;
    let mut terms = Terms::default();
    if let Some(message) = sent.message {
        terms.message = message;
    }
    if let Some(contacts) = sent.contacts {
        let read = contacts
            .into_iter()
            .enumerate()
            .map(|(index, Document(contact))| {
                modelled(&shapes::SENDER_CONTACT, contact, &format!("/contacts/{index}"))
            });
        terms.contacts = read.collect::<Result<_, _>>()?;
    }
    if let Some(wanted) = sent.responsibilities {
        if let Some(index) = wanted
            .iter()
            .position(|one| !ReceiverResponsibility::VALUES.contains(&one.as_str()))
        {
            let detail = format!("must be one of {}", ReceiverResponsibility::VALUES.join(", "));
            return Err(Problem::member(format!("/responsibilities/{index}"), detail));
        }
        let wanted = wanted
            .iter()
            .map(|one| ReceiverResponsibility::from(one.as_str()));
        terms.responsibilities = wanted.collect();
    }
    let receivers: Vec<Meant> = sent.receivers.into_iter().map(Meant::from).collect();
    let service = call.operator.service();
    let made = service
        .refer(&call.by(), catalog, &deal, &terms, &receivers)
        .await?;
    answer(made)
}

async fn offer(call: &Call<'_>) -> Result<Reply, Problem> {
    let sent: NewLead = call.body()?;
    let Document(context) = sent.lead;
    let lead = Lead {
        title: sent.title,
        description: sent.description,
        message: sent.message,
        lead: modelled::<LeadContext>(&shapes::LEAD_CONTEXT, context, "/lead")?,
    };
    let receivers: Vec<Meant> = sent.receivers.into_iter().map(Meant::from).collect();
    let service = call.operator.service();
    let made = service
        .offer_lead(&call.by(), sent.catalog.into(), &lead, &receivers)
        .await?;
    answer(made)
}

fn answer(made: Vec<Made>) -> Result<Reply, Problem> {
    let items = made.into_iter().map(|one| Offered {
        account: one.account,
        engagement_id: one.engagement_id,
        invitation_id: one.invitation_id,
        opportunity_id: one.opportunity_id,
        expires_date: one.expires_at.into(),
    });
    Reply::json(&Offers {
        items: items.collect(),
    })
}
