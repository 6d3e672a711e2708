//! Which events go to which targets.

use std::borrow::Cow;

use cosell_events::pattern::MAX_BYTES;
use cosell_events::{MAX_TARGETS, Pattern, Rule, target_name};
use cosell_service::delivery::rules;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::event_targets::OWNER;
use crate::endpoint::{CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::{Call, Page, Problem, Reply, Scope};

const RULE: Parameter = Parameter::path("rule", Kind::Text { max: 64 }, "The name of the rule.");
const OF_ACCOUNT: Parameter = Parameter::query("account", Kind::Account, "Only rules about this account.");

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/event-rules",
        id: "listEventRules",
        scope: Scope::Read,
        summary: "List the rules",
        description: "By account and name; first those about all accounts.",
        parameters: &[OF_ACCOUNT, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Shown>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-rules",
        id: "createEventRule",
        scope: Scope::Admin,
        summary: "Make a rule",
        description: "It takes what happens from now on. A rule of an account may use targets of that account and of the \
                      operator. An event goes to a target once, however many rules choose it.",
        parameters: &[],
        request: Some(shape::<NewRule>),
        answer: Some(shape::<Shown>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-rules/test",
        id: "testEventRule",
        scope: Scope::Read,
        summary: "Ask whether a pattern takes an event",
        description: "Changes nothing. The event is an envelope, or the id of one that is kept.",
        parameters: &[],
        request: Some(shape::<Question>),
        answer: Some(shape::<Verdict>),
        status: 200,
        run: |call| Box::pin(test(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/event-rules/{rule}",
        id: "getEventRule",
        scope: Scope::Read,
        summary: "Show a rule",
        description: "With its pattern and targets.",
        parameters: &[RULE, OWNER],
        request: None,
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Put,
        path: "/event-rules/{rule}",
        id: "updateEventRule",
        scope: Scope::Admin,
        summary: "Change a rule",
        description: "It becomes what is sent. Rules are applied when an event is read for a target, so a target that lags \
                      behind chooses by the new rule. One that is switched on again takes what happens from then on.",
        parameters: &[RULE, OWNER],
        request: Some(shape::<RuleSettings>),
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(update(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/event-rules/{rule}",
        id: "deleteEventRule",
        scope: Scope::Admin,
        summary: "Take a rule away",
        description: "Answers what it was. What waits already is still delivered.",
        parameters: &[RULE, OWNER],
        request: None,
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(remove(call)),
    },
];

/// A rule.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EventRule")]
struct Shown {
    /// Its name, unique in its account.
    name: String,
    /// The account whose events it is about; absent where it is about all.
    #[serde(skip_serializing_if = "String::is_empty")]
    account: String,
    /// What it is for.
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    /// The pattern that events must fulfil, as EventBridge has it.
    #[schemars(schema_with = "pattern")]
    pattern: Value,
    /// The targets, by their full names.
    targets: Vec<String>,
    /// Whether it takes events. While it does not, they pass by it for ever.
    enabled: bool,
    /// It takes events with greater numbers than this.
    since: u64,
}

impl From<Rule> for Shown {
    fn from(rule: Rule) -> Self {
        Self {
            name: rule.name,
            account: rule.account,
            description: rule.description,
            pattern: rule.pattern,
            targets: rule.targets,
            enabled: rule.enabled,
            since: rule.since,
        }
    }
}

/// A rule that is sent to be made.
struct NewRule;

/// What a rule is to be.
struct RuleSettings;

impl JsonSchema for NewRule {
    fn schema_name() -> Cow<'static, str> {
        "NewEventRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "description": "A rule to be made.", "required": ["name", "pattern", "targets"],
            "additionalProperties": false, "properties": properties()})
    }
}

impl JsonSchema for RuleSettings {
    fn schema_name() -> Cow<'static, str> {
        "EventRuleSettings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "description": "What a rule is to be.", "required": ["pattern", "targets"],
            "additionalProperties": false, "properties": properties()})
    }
}

fn properties() -> Value {
    json!({
        "name": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "description": "Its name, unique in its account."},
        "account": {"type": ["string", "null"], "pattern": "^[0-9]{12}$",
            "description": "The account whose events it is about; left out: all accounts."},
        "description": {"type": "string", "maxLength": 512, "description": "What it is for."},
        "pattern": {"type": "object", "description": pattern_words()},
        "targets": {"type": "array", "minItems": 1, "maxItems": MAX_TARGETS, "items": {"type": "string"},
            "description": "Names of targets: account and id with a stroke between them, no account for one of the operator. An \
                id alone is that of the rule's account where there is one, else the operator's."},
        "enabled": {"type": "boolean", "default": true, "description": "Whether it takes events."}
    })
}

fn pattern_words() -> String {
    format!("An event pattern as Amazon EventBridge has it, {MAX_BYTES} bytes at most.")
}

fn pattern(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "description": pattern_words()})
}

/// A pattern and an event to hold against it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "EventRuleQuestion")]
struct Question {
    /// The pattern.
    #[schemars(schema_with = "pattern")]
    pattern: Value,
    /// An envelope.
    #[serde(default)]
    event: Option<Map<String, Value>>,
    /// The id of an event that is kept, instead.
    #[serde(default)]
    event_id: Option<String>,
}

/// Whether a pattern takes an event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventRuleVerdict")]
struct Verdict {
    /// So.
    matches: bool,
}

fn name(call: &Call<'_>) -> Result<String, Problem> {
    Ok(target_name(
        call.get("account").unwrap_or_default(),
        call.required("rule")?,
    ))
}

fn read(mut sent: Map<String, Value>) -> Result<Rule, Problem> {
    if sent.contains_key("since") {
        return Err(Problem::member(
            "/since",
            "is unknown: a rule takes what happens after it was made",
        ));
    }
    if let Some(Value::Null) = sent.get("account") {
        sent.remove("account");
    }
    Ok(Rule::read(Value::Object(sent).to_string().as_bytes())?)
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let listed = rules::part(call.operator.store(), call.get("account"), call.part()?).await?;
    call.page(listed.items.into_iter().map(Shown::from).collect(), listed.next)
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let rule = read(call.body()?)?;
    let operator = call.operator;
    let rule = rules::create(operator.store(), &call.author(), rule, call.now).await?;
    operator.deliverer().reload().await;
    let path = match rule.account.as_str() {
        "" => format!("/event-rules/{}", rule.name),
        account => format!("/event-rules/{}?account={account}", rule.name),
    };
    Ok(Reply::json(&Shown::from(rule))?.at(&path))
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let rule = rules::expect(call.operator.store(), &name(call)?).await?;
    Reply::json(&Shown::from(rule))
}

async fn update(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut sent: Map<String, Value> = call.body()?;
    let (account, rule) = (call.get("account").unwrap_or_default(), call.required("rule")?);
    for (member, is) in [("account", account), ("name", rule)] {
        if sent
            .get(member)
            .is_some_and(|sent| sent.as_str().unwrap_or_default() != is)
        {
            return Err(Problem::member(
                format!("/{member}"),
                "cannot be changed: make another rule instead",
            ));
        }
        sent.insert(member.to_owned(), is.into());
    }
    let wanted = read(sent)?;
    let operator = call.operator;
    let (author, name) = (call.author(), name(call)?);
    let become_wanted = |rule: &mut Rule| *rule = wanted.clone();
    let rule = rules::change(operator.store(), &author, &name, call.now, become_wanted).await?;
    operator.deliverer().reload().await;
    Reply::json(&Shown::from(rule))
}

async fn remove(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator;
    let rule = rules::remove(operator.store(), &call.author(), &name(call)?, call.now).await?;
    operator.deliverer().reload().await;
    Reply::json(&Shown::from(rule))
}

async fn test(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Question = call.body()?;
    let pattern = Pattern::from_value(&asked.pattern)
        .map_err(|error| Problem::member("/pattern", error.to_string()))?;
    let event = match (asked.event, asked.event_id) {
        (Some(event), None) => Value::Object(event),
        (None, Some(id)) => {
            let found = call.operator.store().event(&id).await?;
            let missing = || Problem::not_found(format!("There is no event {id}: GET /events lists them"));
            serde_json::from_slice(&found.ok_or_else(missing)?.event.body).unwrap_or_default()
        }
        _ => return Err(Problem::member("", "must have either an event or an eventId")),
    };
    Reply::json(&Verdict {
        matches: pattern.matches(&event),
    })
}
