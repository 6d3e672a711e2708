//! The invitations that AWS sent, and those that partners sent to AWS.

use cosell_domain::engagement::invitation::Side;
use cosell_model::enums::InvitationStatus;
use cosell_model::shapes;
use cosell_model::types::EngagementInvitationSummary;
use cosell_service::operator::offers::Answer;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::deals::rendered;
use crate::endpoint::{CURSOR, Endpoint, IN_CATALOG, Kind, LIMIT, Method, Parameter, shape};
use crate::shapes::{Names, schema};
use crate::{Call, Page, Problem, Reply, Scope};

const INVITATION: Parameter = Parameter::path(
    "id",
    Kind::Text { max: 255 },
    "The invitation's identifier, such as engi-0000000000001.",
);
const SIDE: Parameter = Parameter::query(
    "side",
    Kind::Word(&["sent", "received"]),
    "Those that AWS sent, or those that it received; sent where left out.",
);
const STATUS: Parameter = Parameter::query(
    "status",
    Kind::Words(InvitationStatus::VALUES),
    "Only those in these statuses.",
);

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/invitations",
        id: "listInvitations",
        scope: Scope::Read,
        summary: "List the invitations that AWS sent or received",
        description: "The newest first. AWS accepts an invitation to what it approves by itself, and rejects that to what it \
                      rejects.",
        parameters: &[IN_CATALOG, SIDE, STATUS, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Invitation>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/invitations/{id}",
        id: "getInvitation",
        scope: Scope::Read,
        summary: "Show an invitation that AWS sent or received",
        description: "As ListEngagementInvitations shows it.",
        parameters: &[INVITATION, IN_CATALOG],
        request: None,
        answer: Some(shape::<Invitation>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/invitations/{id}/withdraw",
        id: "withdrawInvitation",
        scope: Scope::Review,
        summary: "Take back an invitation that AWS sent and nobody answered",
        description: "The partner sees it expired.",
        parameters: &[INVITATION, IN_CATALOG],
        request: None,
        answer: Some(shape::<Invitation>),
        status: 200,
        run: |call| Box::pin(withdraw(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/invitations/{id}/accept",
        id: "acceptInvitation",
        scope: Scope::Review,
        summary: "Have AWS join the engagement to which a partner invited it",
        description: "Also before or without an approval of the opportunity.",
        parameters: &[INVITATION, IN_CATALOG],
        request: None,
        answer: Some(shape::<Invitation>),
        status: 200,
        run: |call| Box::pin(accept(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/invitations/{id}/reject",
        id: "rejectInvitation",
        scope: Scope::Review,
        summary: "Have AWS reject a partner's invitation",
        description: "An empty object is body enough.",
        parameters: &[INVITATION, IN_CATALOG],
        request: Some(shape::<Rejection>),
        answer: Some(shape::<Invitation>),
        status: 200,
        run: |call| Box::pin(reject(call)),
    },
];

/// An invitation with AWS's names.
#[derive(Serialize)]
#[serde(transparent)]
struct Invitation(Value);

impl JsonSchema for Invitation {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Invitation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schema(
            generator,
            &shapes::ENGAGEMENT_INVITATION_SUMMARY,
            Names::Wire,
            &[],
        )
    }
}

impl Invitation {
    fn of(kept: &EngagementInvitationSummary) -> Result<Self, Problem> {
        rendered(kept).map(Self)
    }
}

/// Why AWS does not join.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "InvitationRejection")]
struct Rejection {
    /// The reason that the partner reads.
    #[schemars(length(min = 1, max = 80))]
    reason: Option<String>,
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let side = match call.get("side") {
        Some("received") => Side::Receiver,
        _ => Side::Sender,
    };
    let statuses: Vec<InvitationStatus> = call
        .words("status")
        .into_iter()
        .map(InvitationStatus::from)
        .collect();
    let part = call.part()?;
    let listed = call
        .operator
        .service()
        .list_aws_invitations(call.in_catalog(), side, &statuses, part.limit, part.after)
        .await?;
    let items: Result<Vec<Invitation>, Problem> = listed.items.iter().map(Invitation::of).collect();
    call.page(items?, listed.next)
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let service = call.operator.service();
    let found = service
        .aws_invitation(call.in_catalog(), call.required("id")?)
        .await?;
    Reply::json(&Invitation::of(&found)?)
}

async fn withdraw(call: &Call<'_>) -> Result<Reply, Problem> {
    let (service, id) = (call.operator.service(), call.required("id")?);
    let withdrawn = service
        .withdraw_invitation(&call.by(), call.in_catalog(), id)
        .await?;
    Reply::json(&Invitation::of(&withdrawn)?)
}

async fn accept(call: &Call<'_>) -> Result<Reply, Problem> {
    answer(call, &Answer::Accept).await
}

async fn reject(call: &Call<'_>) -> Result<Reply, Problem> {
    let Rejection { reason } = call.body()?;
    answer(call, &Answer::Reject(reason)).await
}

async fn answer(call: &Call<'_>, answered: &Answer) -> Result<Reply, Problem> {
    let (service, id) = (call.operator.service(), call.required("id")?);
    let became = service
        .answer_as_aws(&call.by(), call.in_catalog(), id, answered)
        .await?;
    Reply::json(&Invitation::of(&became)?)
}
