//! Whether a request and its answer are what the OpenAPI document says. Knows as much of JSON Schema as the document uses,
//! and stops at a keyword that it does not know: nothing is passed over. The tests of the crate cosell-operator use this
//! file too.

use serde_json::{Map, Value};

/// What is asked of one document.
pub struct Contract<'a> {
    /// The document.
    pub document: &'a Value,
    /// Whether a text matches a pattern: the pattern and the text.
    pub matches: fn(&str, &str) -> bool,
}

/// A request and its answer. Bodies that are not JSON are looked at by their media type only.
pub struct Exchange<'a> {
    /// In capitals.
    pub method: &'a str,
    /// Beneath the base, with or without a query.
    pub path: &'a str,
    /// The request's body.
    pub request: &'a [u8],
    /// The answer's status.
    pub status: u16,
    /// The answer's media type; empty where it has none.
    pub media: &'a str,
    /// The answer's body.
    pub answer: &'a [u8],
}

impl Contract<'_> {
    /// Everything in which an exchange is not what the document says; nothing for a path that the document does not know.
    /// The request counts only where it was accepted.
    pub fn broken(&self, exchange: &Exchange<'_>) -> Vec<String> {
        let mut faults = Vec::new();
        let Some(operation) = self.operation(exchange.method, exchange.path) else {
            if exchange.status < 400 {
                faults.push("an operation that the document does not know".to_owned());
            }
            return faults;
        };
        let response = self.resolved(&operation["responses"][exchange.status.to_string()]);
        if response.is_null() {
            faults.push(format!("status {} is not in the document", exchange.status));
            return faults;
        }
        match response["content"].as_object() {
            None if exchange.answer.is_empty() => {}
            None => faults.push("a body where the document has none".to_owned()),
            Some(content) => match content.get(exchange.media) {
                None => faults.push(format!("media type {:?} is not in the document", exchange.media)),
                Some(form) => self.text(
                    exchange.media,
                    &form["schema"],
                    exchange.answer,
                    true,
                    &mut faults,
                ),
            },
        }
        if exchange.status < 400 && !exchange.request.is_empty() {
            match operation["requestBody"]["content"].as_object() {
                None => faults.push("a body was accepted where the document has none".to_owned()),
                Some(content) => {
                    for (media, form) in content {
                        self.text(media, &form["schema"], exchange.request, false, &mut faults);
                    }
                }
            }
        }
        faults
    }

    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path: Vec<&str> = path.split('?').next()?.split('/').collect();
        let fits = |template: &str| {
            let template: Vec<&str> = template.split('/').collect();
            let same = |(template, part): (&&str, &&str)| template == part || template.starts_with('{');
            template.len() == path.len() && template.iter().zip(&path).all(same)
        };
        let known = self.document["paths"].as_object()?;
        // A path that is written out goes before one with a place to fill.
        let mut found: Vec<_> = known.iter().filter(|(template, _)| fits(template)).collect();
        found.sort_by_key(|(template, _)| template.matches('{').count());
        found.first()?.1.get(method.to_lowercase())
    }

    fn text(&self, media: &str, schema: &Value, text: &[u8], answer: bool, faults: &mut Vec<String>) {
        let side = if answer { "answer" } else { "request" };
        let mut one = |text: &[u8]| match serde_json::from_slice(text) {
            Ok(value) => self.check(schema, &value, side, answer, faults),
            Err(error) => faults.push(format!("{side}: not JSON: {error}")),
        };
        match media {
            "application/json" | "application/problem+json" => one(text),
            "application/jsonl" => {
                for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    one(line);
                }
            }
            // A state is a file of its own kind.
            "application/x-ndjson" => {}
            // Figures, and events as they happen, are texts.
            "text/plain; version=0.0.4; charset=utf-8" | "text/event-stream" => {
                if std::str::from_utf8(text).is_err() {
                    faults.push(format!("{side}: no text"));
                }
            }
            other => panic!("{other} is a media type that this does not know: teach it"),
        }
    }

    fn resolved<'b>(&'b self, schema: &'b Value) -> &'b Value {
        match schema["$ref"].as_str() {
            None => schema,
            Some(reference) => {
                let pointer = reference.strip_prefix('#').unwrap_or(reference);
                let found = self.document.pointer(pointer);
                self.resolved(found.unwrap_or_else(|| panic!("{reference} leads nowhere")))
            }
        }
    }

    /// Where `closed`, members that a schema with members does not name are faults even where it does not forbid them: what
    /// a server tells, its document must tell of.
    fn check(&self, schema: &Value, value: &Value, place: &str, closed: bool, faults: &mut Vec<String>) {
        let rules = match self.resolved(schema) {
            Value::Object(rules) => rules,
            Value::Bool(true) => return,
            other => panic!("{place}: {other} is no schema"),
        };
        for (keyword, rule) in rules {
            let count = |length: usize| Some(length as f64).zip(rule.as_f64());
            let fault = match keyword.as_str() {
                "type" => (!is_of(rule, value)).then(|| format!("is not of type {rule}")),
                "const" => (value != rule).then(|| format!("is not {rule}")),
                "enum" => (!list(rule).contains(value)).then(|| format!("is none of {rule}")),
                "anyOf" | "oneOf" => self.choice(keyword, list(rule), value, place, closed),
                "required" => {
                    let there = |name: &&Value| value.get(name.as_str().unwrap_or_default()).is_none();
                    let gone: Vec<&Value> = list(rule).iter().filter(there).collect();
                    (value.is_object() && !gone.is_empty()).then(|| format!("lacks {gone:?}"))
                }
                "properties" | "additionalProperties" => None,
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(rule, item, &format!("{place}/{index}"), closed, faults);
                    }
                    None
                }
                "minLength" => too(
                    value.as_str().and_then(|text| count(text.chars().count())),
                    f64::lt,
                    rule,
                ),
                "maxLength" => too(
                    value.as_str().and_then(|text| count(text.chars().count())),
                    f64::gt,
                    rule,
                ),
                "minItems" => too(
                    value.as_array().and_then(|items| count(items.len())),
                    f64::lt,
                    rule,
                ),
                "maxItems" => too(
                    value.as_array().and_then(|items| count(items.len())),
                    f64::gt,
                    rule,
                ),
                "minProperties" => too(value.as_object().and_then(|one| count(one.len())), f64::lt, rule),
                "maxProperties" => too(value.as_object().and_then(|one| count(one.len())), f64::gt, rule),
                "minimum" => too(value.as_f64().zip(rule.as_f64()), f64::lt, rule),
                "maximum" => too(value.as_f64().zip(rule.as_f64()), f64::gt, rule),
                "exclusiveMinimum" => too(value.as_f64().zip(rule.as_f64()), f64::le, rule),
                "pattern" => match (value.as_str(), rule.as_str()) {
                    (Some(text), Some(pattern)) if !(self.matches)(pattern, text) => {
                        Some(format!("does not match {pattern}"))
                    }
                    _ => None,
                },
                // Words for people, and hints of what a text or a number is.
                "description" | "title" | "default" | "examples" | "format" | "contentMediaType" => None,
                other => panic!("{place}: {other} is a keyword that this does not know: teach it"),
            };
            faults.extend(fault.map(|fault| format!("{place} {fault}: {}", short(value))));
        }
        if let Value::Object(members) = value {
            self.members(rules, members, place, closed, faults);
        }
    }

    fn members(
        &self,
        rules: &Map<String, Value>,
        members: &Map<String, Value>,
        place: &str,
        closed: bool,
        faults: &mut Vec<String>,
    ) {
        let (named, others) = (rules.get("properties"), rules.get("additionalProperties"));
        for (name, value) in members {
            let place = format!("{place}/{name}");
            match (named.and_then(|named| named.get(name)), others) {
                (Some(schema), _) => self.check(schema, value, &place, closed, faults),
                (None, Some(Value::Bool(false))) => faults.push(format!("{place} is not in the document")),
                (None, None) if closed && named.is_some() => {
                    faults.push(format!("{place} is not in the document"));
                }
                (None, Some(schema)) => self.check(schema, value, &place, closed, faults),
                (None, None) => {}
            }
        }
    }

    fn choice(
        &self,
        keyword: &str,
        forms: &[Value],
        value: &Value,
        place: &str,
        closed: bool,
    ) -> Option<String> {
        let (mut fitting, mut why) = (0, Vec::new());
        for form in forms {
            let mut faults = Vec::new();
            self.check(form, value, place, closed, &mut faults);
            fitting += usize::from(faults.is_empty());
            why.extend(faults);
        }
        let right = if keyword == "oneOf" {
            fitting == 1
        } else {
            fitting > 0
        };
        (!right).then(|| format!("fits {fitting} of the forms ({})", why.join("; ")))
    }
}

fn list(rule: &Value) -> &[Value] {
    rule.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn too(pair: Option<(f64, f64)>, beyond: fn(&f64, &f64) -> bool, rule: &Value) -> Option<String> {
    pair.filter(|(value, bound)| beyond(value, bound))
        .map(|_| format!("is beyond the bound {rule}"))
}

fn is_of(rule: &Value, value: &Value) -> bool {
    let is = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => panic!("{name} is a type that this does not know: teach it"),
    };
    match rule {
        Value::Array(names) => names.iter().any(is),
        name => is(name),
    }
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(200).collect()
}
