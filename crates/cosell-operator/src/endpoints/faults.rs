//! Faults on demand.

use std::borrow::Cow;

use cosell_domain::fault::{Counts, Rule};
use cosell_service::faults::Refused;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::endpoint::{Endpoint, Kind, Method, Parameter, shape};
use crate::{Call, Problem, Reply, Scope, body, flaws};

const FAULT: Parameter = Parameter::path("id", Kind::Text { max: 64 }, "The id of the rule.");

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/faults",
        id: "listFaults",
        scope: Scope::Read,
        summary: "List the fault rules",
        description: "All of them, in the order in which calls are held against them, with what they have met since the \
                      server was started.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Listed>),
        status: 200,
        run: |call| Box::pin(async move { Reply::json(&Listed::of(call.operator.service().faults()?)) }),
    },
    Endpoint {
        method: Method::Post,
        path: "/faults",
        id: "createFault",
        scope: Scope::Admin,
        summary: "Add a fault rule",
        description: "It goes behind the others and counts at once. It outlasts a restart; what it has met does not. Without \
                      an id it gets one.",
        parameters: &[],
        request: Some(shape::<NewRule>),
        answer: Some(shape::<Counted>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/faults",
        id: "clearFaults",
        scope: Scope::Admin,
        summary: "Take all fault rules away",
        description: "Calls that are under way finish as they began.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Cleared>),
        status: 200,
        run: |call| {
            Box::pin(async move {
                let cleared = call.operator.service().clear_faults(&call.by()).await?;
                Reply::json(&Cleared { cleared })
            })
        },
    },
    Endpoint {
        method: Method::Get,
        path: "/faults/{id}",
        id: "getFault",
        scope: Scope::Read,
        summary: "Show a fault rule",
        description: "With what it has met since the server was started.",
        parameters: &[FAULT],
        request: None,
        answer: Some(shape::<Counted>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/faults/{id}",
        id: "deleteFault",
        scope: Scope::Admin,
        summary: "Take a fault rule away",
        description: "Answers what it was and what it had met.",
        parameters: &[FAULT],
        request: None,
        answer: Some(shape::<Counted>),
        status: 200,
        run: |call| Box::pin(remove(call)),
    },
];

/// A rule with what it has met.
#[derive(Serialize)]
struct Counted {
    #[serde(flatten)]
    rule: Rule,
    #[serde(flatten)]
    counts: Counts,
}

/// The effects that are a word.
const WORDS: [&str; 2] = ["throttle", "dropAfterCommit"];
/// The effects that are an object with one member.
const OBJECTS: [&str; 3] = ["error", "latency", "staleRead"];

/// The fault rules.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Faults")]
struct Listed {
    /// The rules, in their order.
    items: Vec<Counted>,
}

/// How many rules were taken away.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FaultsCleared")]
struct Cleared {
    /// So many.
    cleared: usize,
}

impl Listed {
    fn of(rules: Vec<(Rule, Counts)>) -> Self {
        let items = rules.into_iter().map(|(rule, counts)| Counted { rule, counts });
        Self {
            items: items.collect(),
        }
    }
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut sent: Map<String, Value> = call.body()?;
    sent.get("effect").map_or(Ok(()), one_form)?;
    let service = call.operator.service();
    if !sent.contains_key("id") {
        let known = service.faults()?;
        let mut number = known.len() + 1;
        while known.iter().any(|(rule, _)| rule.id == format!("fault-{number}")) {
            number += 1;
        }
        sent.insert("id".to_owned(), format!("fault-{number}").into());
    }
    let rule: Rule = body::parse(Value::Object(sent).to_string().as_bytes())?;
    match service.add_fault(&call.by(), rule.clone()).await {
        Ok(()) => {}
        Err(Refused::Flaws(found)) => return Err(flaws::problem("", &found)),
        Err(Refused::Error(error)) => return Err(error.into()),
    }
    let path = format!("/faults/{}", rule.id);
    let counts = Counts::default();
    Ok(Reply::json(&Counted { rule, counts })?.at(&path))
}

/// Refuses an effect that is none of the forms, or several at once: which of them was meant is nobody's guess.
fn one_form(effect: &Value) -> Result<(), Problem> {
    let known = match effect {
        Value::String(name) => WORDS.contains(&name.as_str()),
        Value::Object(members) => {
            members.len() == 1 && members.keys().all(|name| OBJECTS.contains(&name.as_str()))
        }
        _ => false,
    };
    if known {
        return Ok(());
    }
    let words = WORDS.map(|name| format!("\"{name}\""));
    let objects = OBJECTS.map(|name| format!("{{\"{name}\": {{…}}}}"));
    let forms = [&words[..], &objects[..]].concat().join(", ");
    Err(Problem::member(
        "/effect",
        format!(
            "must be exactly one of these forms: {forms}; a rule has one effect, so make a rule for each"
        ),
    ))
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let id = call.required("id")?;
    let rules = call.operator.service().faults()?;
    let found = rules.into_iter().find(|(rule, _)| rule.id == id);
    reply(id, found)
}

async fn remove(call: &Call<'_>) -> Result<Reply, Problem> {
    let id = call.required("id")?;
    reply(id, call.operator.service().remove_fault(&call.by(), id).await?)
}

fn reply(id: &str, found: Option<(Rule, Counts)>) -> Result<Reply, Problem> {
    let missing = || Problem::not_found(format!("There is no fault rule {id}: see `cosell fault list`"));
    let (rule, counts) = found.ok_or_else(missing)?;
    Reply::json(&Counted { rule, counts })
}

fn properties() -> Value {
    let milliseconds = |words: &str| serde_json::json!({"type": "integer", "minimum": 1, "maximum": 60_000, "description": words});
    serde_json::json!({
        "id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "description": "How the rule is called; unique."},
        "operations": {"type": "array", "maxItems": 100, "items": {"type": "string", "examples": ["CreateOpportunity", "Get*"]},
            "description": "Names of operations, or patterns such as Get*. Left out: all."},
        "accounts": {"type": "array", "maxItems": 100, "items": {"type": "string"},
            "description": "Accounts of callers, or patterns such as 1111*. Left out: all."},
        "catalogs": {"type": "array", "items": {"enum": ["AWS", "Sandbox"]},
            "description": "Left out: all, and calls that name none."},
        "probability": {"type": "number", "exclusiveMinimum": 0, "maximum": 1,
            "description": "The share of matching calls that it hits. At most one of probability, first and every."},
        "first": {"type": "integer", "minimum": 1, "description": "It hits that many matching calls and then none."},
        "every": {"type": "integer", "minimum": 1, "description": "It hits the third, sixth, ninth matching call for 3."},
        "activeFrom": {"type": "string", "format": "date-time", "description": "By the server's clock."},
        "activeTo": {"type": "string", "format": "date-time", "description": "From this time on it hits nothing."},
        "effect": {"description": "What it does to a call.", "oneOf": [
            {"const": "throttle", "description": "ThrottlingException; nothing is done."},
            {"const": "dropAfterCommit",
                "description": "Everything is done, and then the connection is cut instead of answering."},
            {"type": "object", "required": ["error"], "additionalProperties": false, "properties": {"error": {
                "type": "object", "required": ["name"], "additionalProperties": false,
                "description": "An error of AWS; nothing is done.", "properties": {
                    "name": {"type": "string", "examples": ["ConflictException", "InternalServerException"]},
                    "message": {"type": "string", "minLength": 1, "maxLength": 1000}}}}},
            {"type": "object", "required": ["latency"], "additionalProperties": false, "properties": {"latency": {
                "description": "The call waits before anything is done.", "oneOf": [
                    {"type": "object", "required": ["fixed"], "additionalProperties": false, "properties": {"fixed":
                        {"type": "object", "required": ["ms"], "properties": {"ms": milliseconds("Always as long.")}}}},
                    {"type": "object", "required": ["uniform"], "additionalProperties": false, "properties": {"uniform":
                        {"type": "object", "required": ["fromMs", "toMs"], "properties": {
                            "fromMs": milliseconds("The shortest."), "toMs": milliseconds("The longest.")}}}},
                    {"type": "object", "required": ["exponential"], "additionalProperties": false, "properties": {"exponential":
                        {"type": "object", "required": ["meanMs"],
                            "properties": {"meanMs": milliseconds("Mostly short, sometimes long.")}}}}]}}},
            {"type": "object", "required": ["staleRead"], "additionalProperties": false, "properties": {"staleRead": {
                "type": "object", "required": ["byMs"], "additionalProperties": false,
                "description": "GetOpportunity and GetAwsOpportunitySummary answer as of so long ago; no other operation.",
                "properties": {"byMs": {"type": "integer", "minimum": 1, "maximum": 3_600_000}}}}}]}
    })
}

/// The schema of a rule to be added.
struct NewRule;

impl JsonSchema for NewRule {
    fn schema_name() -> Cow<'static, str> {
        "NewFaultRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = properties();
        for name in ["probability", "first", "every", "activeFrom", "activeTo"] {
            let kind = properties[name]["type"].take();
            properties[name]["type"] = serde_json::json!([kind, "null"]);
        }
        let message = "/effect/oneOf/2/properties/error/properties/message/type";
        if let Some(kind) = properties.pointer_mut(message) {
            *kind = serde_json::json!(["string", "null"]);
        }
        json_schema!({"type": "object", "description": "A fault rule to be added.", "required": ["effect"],
            "additionalProperties": false, "properties": properties})
    }
}

impl JsonSchema for Counted {
    fn schema_name() -> Cow<'static, str> {
        "FaultRule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut properties = properties();
        properties["matched"] = serde_json::json!({"type": "integer", "minimum": 0,
            "description": "Calls that fitted its filters while it was active, since the server was started."});
        properties["hits"] = serde_json::json!({"type": "integer", "minimum": 0,
            "description": "Calls on which it took effect."});
        json_schema!({"type": "object", "description": "A fault rule with what it has met.",
            "required": ["id", "effect", "matched", "hits"], "properties": properties})
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_effect_is_one_of_the_forms_that_the_schema_shows() {
        let document = properties();
        let shown = document["effect"]["oneOf"].as_array().unwrap();
        let mut forms: Vec<&str> = shown
            .iter()
            .filter_map(|form| form["const"].as_str().or_else(|| form["required"][0].as_str()))
            .collect();
        let mut known = [&WORDS[..], &OBJECTS[..]].concat();
        forms.sort_unstable();
        known.sort_unstable();
        assert_eq!(forms, known);
        for right in [json!("throttle"), json!({"staleRead": {"byMs": 1}})] {
            assert!(one_form(&right).is_ok(), "{right}");
        }
        for wrong in [
            json!({"throttle": null, "staleRead": {"byMs": 1}}),
            json!({"throttle": null}),
            json!({}),
            json!("latency"),
            json!(null),
        ] {
            let problem = one_form(&wrong).unwrap_err();
            assert!(
                problem
                    .detail
                    .contains("exactly one of these forms: \"throttle\""),
                "{problem:?}"
            );
        }
    }
}
