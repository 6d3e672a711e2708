//! AWS played by scripts.

use cosell_domain::Catalog as KnownCatalog;
use cosell_domain::autopilot::{Explanation, SHIPPED, Script};
use cosell_model::ApiError;
use cosell_model::types::CreateOpportunityRequest;
use cosell_service::autopilot::{Asked, Behaviour, EVERYONE, PlannedStep, Player as Kept};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::endpoint::{CATALOGS, Endpoint, Kind, Method, Parameter, shape};
use crate::shapes::or_null;
use crate::{Call, Problem, Reply, Scope, flaws};

const ACCOUNT: Parameter = Parameter::query(
    "account",
    Kind::Text { max: 12 },
    "A 12-digit account; * or left out: everyone who has nothing of its own.",
);
const CATALOG: Parameter = Parameter::required("catalog", Kind::Word(CATALOGS), "The catalog.");
const OPPORTUNITY: Parameter = Parameter::required(
    "opportunity",
    Kind::Text { max: 64 },
    "The opportunity; or an invitation to AWS that is about no single one.",
);

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/autopilot",
        id: "getAutopilot",
        scope: Scope::Read,
        summary: "Show who plays AWS for an account",
        description: "What is set for the account itself counts before what is set for everyone; where nothing is set, \
                      people play AWS.",
        parameters: &[ACCOUNT, CATALOG],
        request: None,
        answer: Some(shape::<Player>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Put,
        path: "/autopilot",
        id: "setAutopilot",
        scope: Scope::Admin,
        summary: "Set who plays AWS for an account, or for everyone",
        description: "Counts for what is submitted, approved by a person or sent to AWS from now on. What is planned already \
                      stays planned: take it back with DELETE /autopilot/steps.",
        parameters: &[ACCOUNT, CATALOG],
        request: Some(shape::<NewPlayer>),
        answer: Some(shape::<Player>),
        status: 200,
        run: |call| Box::pin(set(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/autopilot",
        id: "removeAutopilot",
        scope: Scope::Admin,
        summary: "Take back what is set for an account, or for everyone",
        description: "Answers who plays AWS for it then. What is planned already stays planned.",
        parameters: &[ACCOUNT, CATALOG],
        request: None,
        answer: Some(shape::<Player>),
        status: 200,
        run: |call| Box::pin(remove(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/autopilot/all",
        id: "listAutopilots",
        scope: Scope::Read,
        summary: "List everything that is set",
        description: "By account and catalog; without the scripts themselves.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Players>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/autopilot/scripts",
        id: "listScripts",
        scope: Scope::Read,
        summary: "List the scripts that come with cosell",
        description: "As TOML with comments that explain the format: a good start for one of your own.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Scripts>),
        status: 200,
        run: |_| {
            Box::pin(async move {
                let items = SHIPPED.map(|(name, text)| ShippedScript { name, text });
                Reply::json(&Scripts {
                    items: items.to_vec(),
                })
            })
        },
    },
    Endpoint {
        method: Method::Post,
        path: "/autopilot/explain",
        id: "explainAutopilot",
        scope: Scope::Read,
        summary: "Explain what a script does about a deal",
        description: "Changes nothing. About an opportunity that is there, or about one that an account might create.",
        parameters: &[],
        request: Some(shape::<Explain>),
        answer: Some(explanation),
        status: 200,
        run: |call| Box::pin(explain(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/autopilot/steps",
        id: "listSteps",
        scope: Scope::Read,
        summary: "List the steps that are planned for a deal",
        description: "In the order in which they are due. When a step is due, it is done only if the deal still allows it.",
        parameters: &[CATALOG, OPPORTUNITY],
        request: None,
        answer: Some(steps),
        status: 200,
        run: |call| Box::pin(planned(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/autopilot/steps",
        id: "cancelSteps",
        scope: Scope::Admin,
        summary: "Take back the steps that are planned for a deal",
        description: "Nothing happens to it by itself then, until a person approves it or it is handed in again.",
        parameters: &[CATALOG, OPPORTUNITY],
        request: None,
        answer: Some(shape::<Cancelled>),
        status: 200,
        run: |call| Box::pin(cancel(call)),
    },
];

/// A catalog.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[expect(clippy::upper_case_acronyms, reason = "AWS's spelling")]
#[schemars(inline)]
enum Catalog {
    /// The real one.
    AWS,
    /// For tests.
    Sandbox,
}

impl From<Catalog> for KnownCatalog {
    fn from(catalog: Catalog) -> Self {
        match catalog {
            Catalog::AWS => KnownCatalog::Aws,
            Catalog::Sandbox => KnownCatalog::Sandbox,
        }
    }
}

/// Who plays AWS for whom.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Autopilot")]
struct Player {
    /// The account for which this is set; * for everyone.
    account: String,
    /// The catalog.
    catalog: &'static str,
    /// The name of the script; `manual` where people play AWS.
    name: String,
    /// The script; absent where people play AWS, and in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "script")]
    script: Option<Value>,
}

/// A behaviour to be set: a script that comes with cosell by its name, or one of your own.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "NewAutopilot")]
struct NewPlayer {
    /// The name of a script that comes with cosell, or manual; with a script of your own whatever you call it.
    #[schemars(length(min = 1, max = 100))]
    name: Option<String>,
    /// A script of your own: its text in TOML or JSON, or the JSON itself.
    #[serde(default)]
    #[schemars(schema_with = "sent_script")]
    script: Option<Value>,
}

/// Everything that is set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Autopilots")]
struct Players {
    /// By account and catalog.
    items: Vec<Player>,
}

/// The scripts that come with cosell.
#[derive(Serialize, JsonSchema)]
struct Scripts {
    /// The scripts.
    items: Vec<ShippedScript>,
}

/// A script that comes with cosell.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "Script")]
struct ShippedScript {
    /// Its name.
    name: &'static str,
    /// Its text, TOML.
    text: &'static str,
}

/// What to explain.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AutopilotQuestion")]
struct Explain {
    /// The catalog.
    catalog: Catalog,
    /// The opportunity.
    opportunity: Option<String>,
    /// Whose it is. Needed for a draft, which AWS does not know, and for a document.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    account: Option<String>,
    /// Instead of an opportunity: what the account would send with CreateOpportunity, in AWS's names.
    #[serde(default)]
    #[schemars(schema_with = "any_object_or_null")]
    document: Option<Value>,
    /// Another script than the one that plays AWS for the account: a name, a text in TOML or JSON, or the JSON itself.
    #[serde(default)]
    #[schemars(schema_with = "sent_script")]
    script: Option<Value>,
}

/// How many steps were taken back.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StepsCancelled")]
struct Cancelled {
    /// So many.
    cancelled: usize,
}

/// The answer to a question.
#[derive(Serialize)]
struct Explained {
    #[serde(flatten)]
    explanation: Explanation,
    /// The same for people.
    text: String,
}

impl Player {
    fn of(kept: &Kept, whole: bool) -> Self {
        let script = kept.behaviour.script.as_ref();
        Self {
            account: kept.account.clone(),
            catalog: kept.catalog.as_str(),
            name: kept.behaviour.name.clone(),
            script: script.filter(|_| whole).map(Script::to_json),
        }
    }
}

fn whose<'a>(call: &'a Call<'_>) -> Result<(&'a str, KnownCatalog), Problem> {
    let account = call.get("account").unwrap_or(EVERYONE);
    let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if account != EVERYONE && !digits {
        let detail = "must be a 12-digit account, or * for everyone";
        return Err(Problem::faulty(vec![crate::problem::Fault::of_parameter(
            "account", detail,
        )]));
    }
    Ok((account, catalog(call)?))
}

fn catalog(call: &Call<'_>) -> Result<KnownCatalog, Problem> {
    let missing = || Problem::internal("the table lets a catalog be left out");
    call.catalog().ok_or_else(missing)
}

/// A script as it may be sent.
fn read_script(sent: &Value) -> Result<Script, Problem> {
    let read = match sent {
        Value::String(name) if !name.contains(['\n', '=', '{']) => {
            return Script::shipped(name).ok_or_else(|| {
                let names = SHIPPED.map(|(name, _)| name).join(", ");
                Problem::member(
                    "/script",
                    format!("no script of that name comes with cosell: {names} do"),
                )
            });
        }
        Value::String(text) => Script::parse(text),
        json => Script::try_from(json.clone()),
    };
    read.map_err(|errors| flaws::problem("/script", &errors.0))
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, catalog) = whose(call)?;
    let player = call.operator.service().player(account, catalog).await?;
    Reply::json(&Player::of(&player, true))
}

async fn set(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, catalog) = whose(call)?;
    let new: NewPlayer = call.body()?;
    let behaviour = match (new.name, new.script) {
        (name, Some(sent)) => Behaviour {
            script: Some(read_script(&sent)?),
            name: name.unwrap_or_else(|| match &sent {
                Value::String(text) if Script::shipped(text).is_some() => text.clone(),
                _ => "own".to_owned(),
            }),
        },
        (Some(name), None) => Behaviour::shipped(&name).ok_or_else(|| {
            let names = SHIPPED.map(|(name, _)| name).join(", ");
            let detail = format!(
                "must be manual or a script that comes with cosell ({names}), or have a script beside it"
            );
            Problem::member("/name", detail)
        })?,
        (None, None) => {
            return Err(Problem::member("", "must have a name or a script"));
        }
    };
    let service = call.operator.service();
    service
        .set_player(&call.by(), account, catalog, behaviour)
        .await?;
    let player = service.player(account, catalog).await?;
    Reply::json(&Player::of(&player, true))
}

async fn remove(call: &Call<'_>) -> Result<Reply, Problem> {
    let (account, catalog) = whose(call)?;
    let service = call.operator.service();
    if !service.remove_player(&call.by(), account, catalog).await? {
        let detail =
            format!("Nothing is set for {account} in catalog {catalog}: see `cosell autopilot show`");
        return Err(Problem::not_found(detail));
    }
    let player = service.player(account, catalog).await?;
    Reply::json(&Player::of(&player, true))
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let players = call.operator.service().players().await?;
    Reply::json(&Players {
        items: players.iter().map(|player| Player::of(player, false)).collect(),
    })
}

async fn explain(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Explain = call.body()?;
    let script = asked.script.as_ref().map(read_script).transpose()?;
    let about = match (asked.opportunity, asked.document, asked.account) {
        (Some(id), None, account) => Asked::Opportunity { id, account },
        (None, Some(mut document), Some(account)) => {
            // Nothing is created, so what tells repetitions apart may be left out, and the catalog is said already.
            if let Value::Object(members) = &mut document {
                let catalog = KnownCatalog::from(asked.catalog).as_str();
                members.insert("Catalog".to_owned(), catalog.into());
                members.entry("ClientToken").or_insert_with(|| "explain".into());
            }
            let decoded = cosell_model::decode::<CreateOpportunityRequest>(document.to_string().as_bytes())
                .map_err(|rejection| Problem::from(ApiError::from(rejection)))?;
            Asked::Document {
                account,
                document: Box::new(decoded.input),
            }
        }
        (None, Some(_), None) => {
            return Err(Problem::member("/account", "must say whose document it is"));
        }
        (Some(_), Some(_), _) | (None, None, _) => {
            return Err(Problem::member(
                "",
                "must have either an opportunity or a document",
            ));
        }
    };
    let service = call.operator.service();
    let explained = service
        .explain(asked.catalog.into(), about, script.as_ref())
        .await?;
    let explanation = explained.ok_or_else(|| {
        let detail = "People play AWS for this account (manual), so nothing happens by itself: say which script to \
                      explain, or set one with `cosell autopilot use`";
        Problem::conflict(detail)
    })?;
    Reply::json(&Explained {
        text: explanation.to_string(),
        explanation,
    })
}

async fn planned(call: &Call<'_>) -> Result<Reply, Problem> {
    #[derive(Serialize)]
    struct Steps {
        items: Vec<PlannedStep>,
    }
    let service = call.operator.service();
    let items = service
        .planned_steps(catalog(call)?, call.required("opportunity")?)
        .await?;
    Reply::json(&Steps { items })
}

async fn cancel(call: &Call<'_>) -> Result<Reply, Problem> {
    let service = call.operator.service();
    let done = service
        .cancel_steps(&call.by(), catalog(call)?, call.required("opportunity")?)
        .await?;
    Reply::json(&Cancelled {
        cancelled: done.cancelled,
    })
}

fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object" })
}

fn any_object_or_null(generator: &mut SchemaGenerator) -> Schema {
    or_null(any_object(generator))
}

fn sent_script(generator: &mut SchemaGenerator) -> Schema {
    or_null(script(generator))
}

fn script(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["object", "string"],
        "description": "A script: docs/operator-api.md explains the format." })
}

fn explanation(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "description": "What a script does about a deal, and why.",
        "required": ["situation", "rules", "decided", "steps", "text"], "properties": {
        "situation": {"type": "string", "description": "Where the deal stands and from when times count."},
        "rules": {"type": "array", "description": "The rules up to the one that matched.", "items": {"type": "object",
            "required": ["rule", "matched", "findings"], "properties": {
            "rule": {"type": "string"}, "matched": {"type": "boolean"},
            "findings": {"type": "array", "items": {"type": "object", "required": ["condition", "holds", "words"],
                "properties": {"condition": {"type": "string"}, "holds": {"type": "boolean"}, "words": {"type": "string"}}}}}}},
        "decided": {"type": "string", "description": "Which part of the script decides, and what."},
        "steps": {"type": "array", "description": "What happens and when.", "items": {"type": "object",
            "required": ["afterMillis", "after", "what"], "properties": {
            "afterMillis": {"type": "integer"}, "after": {"type": "string"}, "what": {"type": "string"}}}},
        "text": {"type": "string", "description": "All of it as lines for people."}}})
}

fn steps(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "description": "Planned steps.", "required": ["items"], "properties": {"items":
        {"type": "array", "items": {"type": "object",
        "required": ["at", "subject", "account", "script", "submission", "action"], "properties": {
        "at": {"type": "string", "format": "date-time", "description": "When it is due."},
        "subject": {"type": "string", "description": "The opportunity or invitation that it is about."},
        "account": {"type": "string", "description": "The partner's account."},
        "script": {"type": "string", "description": "The name of the script that planned it."},
        "submission": {"type": "integer", "description": "The submission for which it was planned; 0 for an invitation."},
        "action": {"description": "take, verdict, moveStage or acceptInvitation, the last three with what belongs to them.",
            "type": ["object", "string"]}}}}}})
}
