//! The OpenAPI 3.1 document, written from the table of endpoints. Adds nothing that the table does not know.

use schemars::generate::SchemaSettings;
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
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    let mut paths: Map<String, Value> = Map::new();
    for endpoint in endpoints::all() {
        let operation = operation(endpoint, &mut generator);
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(endpoint.method.name().to_lowercase(), operation);
        }
    }
    let problem = shape::<problem::Document<'_>>(&mut generator);
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
            "schemas": generator.take_definitions(true),
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

fn operation(endpoint: &Endpoint, generator: &mut schemars::SchemaGenerator) -> Value {
    let mut success = json!({
        "description": endpoint.summary,
        "headers": { "x-request-id": { "$ref": "#/components/headers/RequestId" } },
    });
    if let Some(answer) = endpoint.answer {
        let media = media_type(answer);
        let mut schema = answer(generator);
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
            "content": { media_type(request): { "schema": request(generator) } },
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
    if endpoint.path.contains('{') {
        kinds.push(P::NotFound);
    }
    if endpoint.method != crate::endpoint::Method::Get {
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
