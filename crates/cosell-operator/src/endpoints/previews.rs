//! "Why would this be refused?": a partner's request, judged and not done.

use cosell_model::{ApiError, ErrorKind};
use cosell_service::identity::accounts;
use cosell_service::operator::preview::Wish;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::Document;
use crate::endpoint::{ACCOUNT, Endpoint, Method, shape};
use crate::problem::Listed;
use crate::{Call, Problem, Reply, Scope};

pub(super) static ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Post,
    path: "/accounts/{account}/preview",
    id: "previewRequest",
    scope: Scope::Read,
    summary: "Say how a partner's request would be answered, without doing it",
    description: "For CreateOpportunity, UpdateOpportunity and SubmitOpportunity. Nothing changes, and none of the partner's \
                  quotas is spent.",
    parameters: &[ACCOUNT],
    request: Some(shape::<Preview>),
    answer: Some(shape::<Outlook>),
    status: 200,
    run: |call| Box::pin(preview(call)),
}];

/// A request to be judged.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Preview {
    /// Which operation.
    kind: Wanted,
    /// The operation's body in AWS's form; the ClientToken of a CreateOpportunity may be left out.
    #[schemars(schema_with = "any_object")]
    document: Document,
}

/// An operation that can be judged.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PreviewKind")]
enum Wanted {
    /// CreateOpportunity.
    Create,
    /// UpdateOpportunity.
    Update,
    /// SubmitOpportunity.
    Submit,
}

/// How a request would be answered.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Outlook<'a> {
    /// Whether it would be done.
    accepted: bool,
    /// The name of AWS's error otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    /// The error's message.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// The reason of a ValidationException.
    #[serde(rename = "Reason", skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    /// The violations of a ValidationException.
    #[serde(rename = "ErrorList", skip_serializing_if = "Vec::is_empty")]
    error_list: Vec<Listed<'a>>,
}

fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

async fn preview(call: &Call<'_>) -> Result<Reply, Problem> {
    let account = call.required("account")?;
    accounts::expect(call.operator.store(), account).await?;
    let Preview { kind, document } = call.body()?;
    let Document(mut document) = document;
    if let (Wanted::Create, Value::Object(members)) = (&kind, &mut document) {
        // AWS's SDKs send one by themselves, and nothing is created here that it could tell apart.
        members.entry("ClientToken").or_insert_with(|| "preview".into());
    }
    let body = document.to_string();
    let wish = match kind {
        Wanted::Create => Wish::Create(body.as_bytes()),
        Wanted::Update => Wish::Update(body.as_bytes()),
        Wanted::Submit => Wish::Submit(body.as_bytes()),
    };
    match call.operator.service().preview(account, wish).await {
        Ok(()) => Reply::json(&Outlook {
            accepted: true,
            error: None,
            message: None,
            reason: None,
            error_list: Vec::new(),
        }),
        Err(error) if is_the_servers(error.kind) => Err(error.into()),
        Err(error) => Reply::json(&told(&error)),
    }
}

/// True for what says nothing about the request.
fn is_the_servers(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InternalServer | ErrorKind::ServiceUnavailable)
}

fn told(error: &ApiError) -> Outlook<'_> {
    Outlook {
        accepted: false,
        error: Some(error.kind.name()),
        message: Some(&error.message),
        reason: error.reason.as_ref().map(|reason| reason.as_str()),
        error_list: error.violations.iter().map(Listed::of).collect(),
    }
}
