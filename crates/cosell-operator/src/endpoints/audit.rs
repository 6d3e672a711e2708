//! The audit log: who did what, and what it changed.

use cosell_service::audit::{Actor as KeptActor, Touched};
use cosell_service::operator::trail::{Change as KeptChange, Told, TrailFilter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::Value;

use crate::endpoint::{CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::openapi::LINE;
use crate::{Call, Page, Problem, Reply, Scope, Time};

const ACCOUNT: Parameter = Parameter::query("account", Kind::Account, "Only entries about this account.");
const FROM: Parameter = Parameter::query("from", Kind::Time, "Only entries of this moment or later.");
const TO: Parameter = Parameter::query("to", Kind::Time, "Only entries of this moment or earlier.");
const ACTION: Parameter = Parameter::query(
    "action",
    Kind::Text { max: 80 },
    "Only entries of this action, such as CreateOpportunity or ApproveOpportunity.",
);
const RESOURCE: Parameter = Parameter::query(
    "resource",
    Kind::Text { max: 512 },
    "Only entries that wrote the record with this identifier.",
);
const LINES: Parameter = Parameter::query(
    "limit",
    Kind::Integer { min: 1, max: 1000 },
    "Most lines of this part; 1000 where left out.",
);
const MOST_LINES: usize = 1000;
/// Most characters that are shown of a text that changed: a page has up to a hundred entries, and a text can be a megabyte.
const LONGEST_TEXT: usize = 1000;
const CONTINUE: Parameter = Parameter::query(
    "cursor",
    Kind::Text { max: 2048 },
    "Where to continue: the header x-next-cursor of the part before, with the same other parameters.",
);

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/audit",
        id: "listAudit",
        scope: Scope::Read,
        summary: "List the entries of the audit log",
        description: "The newest first: one for each change and for each call of a partner that was denied. What changed is \
                      shown with sensitive values masked, for as long as the former versions are kept. A page may have fewer \
                      entries than asked for, even none, while there is a next one.",
        parameters: &[ACCOUNT, FROM, TO, ACTION, RESOURCE, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Entry>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/audit/export",
        id: "exportAudit",
        scope: Scope::Read,
        summary: "Export the audit log as JSON lines",
        description: "The oldest entry first, each as a record in CloudTrail's form. An export comes in parts: the header \
                      x-next-cursor says where the next one begins and is absent at the end. A part may have no lines while \
                      there is a next one.",
        parameters: &[ACCOUNT, FROM, TO, ACTION, RESOURCE, LINES, CONTINUE],
        request: None,
        answer: Some(record),
        status: 200,
        run: |call| Box::pin(export(call)),
    },
];

/// An entry of the audit log.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuditEntry")]
struct Entry {
    /// Its place in the log.
    seq: u64,
    /// When it happened.
    time: Time,
    /// The account under which it was found: the partner who acted, else the one it concerns; absent where it concerns nobody in
    /// particular. A refused signature is found under the account of the key that it named.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// Every account that it concerns, where they are several. It is found under each of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    accounts: Vec<String>,
    /// Who acted.
    actor: Actor,
    /// What was done: the operation of a partner, or the deed of an operator.
    action: String,
    /// By which request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// Why it was refused, by the error's name; absent where it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What was written.
    changes: Vec<Change>,
}

/// Who acted.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuditActor")]
struct Actor {
    /// partner, operator, command (on the data folder), or one of the server's own.
    r#type: String,
    /// The account of a partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    /// The access key of a partner.
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key: Option<String>,
    /// The name of an operator's token.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// What the server had to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<String>,
}

/// What became of a record.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "AuditChange")]
struct Change {
    /// What it is, such as opportunity.
    kind: String,
    /// The account it belongs to.
    #[serde(skip_serializing_if = "String::is_empty")]
    account: String,
    /// Its catalog.
    #[serde(skip_serializing_if = "String::is_empty")]
    catalog: String,
    /// Its identifier.
    id: String,
    /// Its version before; absent for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_before: Option<u64>,
    /// Its version after; absent where it was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_after: Option<u64>,
    /// The members that changed, as they were; absent where a version is not kept (any more). What AWS alone knows of an
    /// opportunity is under `internal`. Of a text longer than 1000 characters its beginning is shown, and how long it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    /// The members that changed, as they became; cut as those before are.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
}

impl From<KeptActor> for Actor {
    fn from(kept: KeptActor) -> Self {
        // Its own form has these very members; one that is not there stays absent.
        let written = serde_json::to_value(kept).unwrap_or_default();
        let text = |name: &str| written.get(name)?.as_str().map(str::to_owned);
        Self {
            r#type: text("type").unwrap_or_default(),
            account: text("account"),
            access_key: text("accessKey"),
            token: text("token"),
            job: text("job"),
        }
    }
}

impl From<KeptChange> for Change {
    fn from(kept: KeptChange) -> Self {
        let Touched {
            kind,
            account,
            catalog,
            id,
            before: version_before,
            after: version_after,
        } = kept.record;
        let (before, after) = kept.difference.map(|diff| (diff.before, diff.after)).unzip();
        Self {
            kind,
            account,
            catalog,
            id,
            version_before,
            version_after,
            before: before.filter(|side| !side.is_null()).map(cut),
            after: after.filter(|side| !side.is_null()).map(cut),
        }
    }
}

/// Cuts the texts of a value that are longer than [`LONGEST_TEXT`], and says so at their end.
fn cut(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(match text.char_indices().nth(LONGEST_TEXT) {
            None => text,
            Some((end, _)) => {
                let all = text.chars().count();
                format!("{}… [cut: {all} characters in all]", &text[..end])
            }
        }),
        Value::Array(items) => items.into_iter().map(cut).collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, value)| (name, cut(value)))
            .collect(),
        other => other,
    }
}

impl From<Told> for Entry {
    fn from(told: Told) -> Self {
        Self {
            seq: told.seq,
            time: told.time.into(),
            account: told.account,
            accounts: told.accounts,
            actor: told.actor.into(),
            action: told.action,
            request_id: told.request_id,
            error: told.error,
            changes: told.changes.into_iter().map(Change::from).collect(),
        }
    }
}

fn record(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", LINE: true })
}

fn filter(call: &Call<'_>) -> TrailFilter {
    TrailFilter {
        account: call.get("account").map(str::to_owned),
        from: call.time("from"),
        to: call.time("to"),
        action: call.get("action").map(str::to_owned),
        resource: call.get("resource").map(str::to_owned),
    }
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let part = call.part()?;
    let service = call.operator.service();
    let listed = service.trail(&filter(call), part.limit, part.after).await?;
    call.page(listed.items.into_iter().map(Entry::from).collect(), listed.next)
}

async fn export(call: &Call<'_>) -> Result<Reply, Problem> {
    let limit = call
        .integer("limit")
        .and_then(|limit| usize::try_from(limit).ok());
    let after = call.part()?.after;
    let service = call.operator.service();
    let listed = service
        .trail_records(&filter(call), limit.unwrap_or(MOST_LINES), after)
        .await?;
    let next = listed.next.map(|place| call.seal(place)).transpose()?;
    Reply::lines(&listed.items, next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_text_is_cut_wherever_it_stands_and_says_how_long_it_was() {
        let (fits, long) = ("ä".repeat(LONGEST_TEXT), "ä".repeat(LONGEST_TEXT + 1));
        let marked = format!("{fits}… [cut: 1001 characters in all]");
        assert_eq!(
            cut(json!({"a": [long, fits, 1], "b": {"c": long}, "d": null})),
            json!({"a": [marked, fits, 1], "b": {"c": marked}, "d": null})
        );
    }
}
