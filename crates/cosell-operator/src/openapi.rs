//! The OpenAPI 3.1 document, written from the table of endpoints. Adds nothing that the table does not know.

use schemars::SchemaGenerator;
use schemars::generate::{Contract, SchemaSettings};
use serde_json::{Map, Value, json};

use crate::endpoint::{Endpoint, Kind, Parameter, Place, media_type, shape};
use crate::problem;
use crate::reply::NEXT_CURSOR;
use crate::{BASE, Scope, endpoints};

/// The name of the only security scheme.
const TOKEN: &str = "operatorToken";

/// The media type of JSON lines.
pub(crate) const LINES: &str = "application/jsonl";
/// The mark of a schema that describes one line of an answer in JSON lines; it does not reach the document.
pub(crate) const LINE: &str = "x-cosell-line";

/// The document, for a version of the program.
pub fn document(version: &str) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in endpoints::all() {
        let operation = operation(endpoint, &mut schemas);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(endpoint.method.name().to_lowercase(), operation);
        }
    }
    let problem = shape::<problem::Document<'_>>(&mut schemas.answers);
    let scopes: Vec<&str> = Scope::ALL.into_iter().map(Scope::name).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "cosell operator API",
            "version": version,
            "description": "What AWS and an administrator do, for a self-hosted cosell server. Not an API of AWS.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": BASE }],
        "tags": endpoints::RESOURCES.iter().map(|resource| json!({
            "name": resource.name,
            "description": resource.description,
        })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas.definitions(),
            "responses": { "Problem": {
                "description": "What went wrong and what to do about it (RFC 9457).",
                "headers": { "x-request-id": { "$ref": "#/components/headers/RequestId" } },
                "content": { "application/problem+json": { "schema": problem } },
            }},
            "headers": { "RequestId": {
                "description": "The id of the request, as in the server's log.",
                "schema": { "type": "string" },
            }},
            "securitySchemes": { TOKEN: {
                "type": "http",
                "scheme": "bearer",
                "description": format!(
                    "A token cosell_op_…. Its scope is one of {}; each includes those before it.", scopes.join(", ")
                ),
            }},
        },
    })
}

/// What is written of bodies. A type promises less where it is read than where it is written: a member that may be left out of
/// a request is another than one that an answer leaves out.
struct Schemas {
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let generator = |contract: Contract| {
            let settings = SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
                settings.contract = contract;
            });
            settings.into_generator()
        };
        Self {
            requests: generator(Contract::Deserialize),
            answers: generator(Contract::Serialize),
        }
    }

    /// Every schema that has a name. One that requests and answers share must be the same for both: a test sees to it.
    fn definitions(&mut self) -> Map<String, Value> {
        let mut all = self.requests.take_definitions(true);
        all.extend(self.answers.take_definitions(true));
        all
    }
}

fn operation(endpoint: &Endpoint, schemas: &mut Schemas) -> Value {
    let mut success = json!({
        "description": endpoint.summary,
        "headers": { "x-request-id": { "$ref": "#/components/headers/RequestId" } },
    });
    if let Some(answer) = endpoint.answer {
        let media = media_type(answer);
        let mut schema = answer(&mut schemas.answers);
        schema.remove(LINE);
        if media == LINES {
            success["headers"][NEXT_CURSOR] = json!({
                "description": "What to send as `cursor` for the next page; absent at the end.",
                "schema": { "type": "string" },
            });
        }
        success["content"] = json!({ media: { "schema": schema } });
    }
    let mut responses = Map::new();
    responses.insert(endpoint.status.to_string(), success);
    for kind in possible(endpoint) {
        let status = kind.status().to_string();
        responses.insert(status, json!({ "$ref": "#/components/responses/Problem" }));
    }
    let mut operation = json!({
        "operationId": endpoint.id,
        "tags": [endpoints::resource_of(endpoint)],
        "summary": endpoint.summary,
        "description": endpoint.description,
        "security": [{ TOKEN: [endpoint.scope.name()] }],
        "parameters": endpoint.parameters.iter().map(parameter).collect::<Vec<_>>(),
        "responses": responses,
    });
    if let Some(request) = endpoint.request {
        operation["requestBody"] = json!({
            "required": true,
            "content": { media_type(request): { "schema": request(&mut schemas.requests) } },
        });
    }
    operation
}

/// The problems that an endpoint can answer because of what it is.
fn possible(endpoint: &Endpoint) -> Vec<problem::Kind> {
    use problem::Kind as P;
    let mut kinds = vec![
        P::Invalid,
        P::Unauthenticated,
        P::MissingScope,
        P::TooManyRequests,
        P::Internal,
        P::Unavailable,
    ];
    let changes = endpoint.method != crate::endpoint::Method::Get;
    // What is named in a query or a body can be missing as well.
    if changes || endpoint.path.contains('{') {
        kinds.push(P::NotFound);
    }
    if changes {
        kinds.extend([P::Conflict, P::Refused]);
    }
    if endpoint.request.is_some() {
        kinds.extend([P::TooLarge, P::UnsupportedMediaType, P::Timeout]);
    }
    kinds
}

fn parameter(parameter: &Parameter) -> Value {
    let (place, required) = match parameter.place {
        Place::Path => ("path", true),
        Place::Query { required } => ("query", required),
    };
    let mut value = json!({
        "name": parameter.name,
        "in": place,
        "required": required,
        "description": parameter.meaning,
        "schema": schema(parameter.kind),
    });
    if matches!(parameter.kind, Kind::Words(_)) {
        // One text with commas, not a repeated parameter.
        value["style"] = "form".into();
        value["explode"] = false.into();
    }
    value
}

fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Text { max } => json!({ "type": "string", "minLength": 1, "maxLength": max }),
        Kind::Account => json!({ "type": "string", "pattern": "^[0-9]{12}$" }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Word(words) => json!({ "type": "string", "enum": words }),
        Kind::Words(words) => {
            json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": words } })
        }
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Time => json!({ "type": "string", "format": "date-time" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_that_requests_and_answers_share_is_the_same_for_both() {
        let mut schemas = Schemas::new();
        for endpoint in endpoints::all() {
            operation(endpoint, &mut schemas);
        }
        let requests = schemas.requests.take_definitions(true);
        let answers = schemas.answers.take_definitions(true);
        let shared: Vec<&String> = requests
            .keys()
            .filter(|name| answers.contains_key(*name))
            .collect();
        assert!(shared.iter().any(|name| *name == "User"), "{shared:?}");
        for name in shared {
            assert_eq!(requests[name], answers[name], "{name}");
        }
    }
}
