//! Reads botocore's `service-2.json`. Takes facts, drops documentation.
//!
//! Botocore knows neither HTTP statuses nor IAM, and keeps paging in a file beside this one (`paginators-1.json`).

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::facts::{Kind, Member, Model, Operation, Paginated, Service, Shape};
use super::ordered::Ordered;

#[derive(Deserialize)]
struct Source {
    metadata: Metadata,
    operations: Ordered<SourceOperation>,
    shapes: Ordered<SourceShape>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    api_version: String,
    #[serde(default)]
    json_version: String,
    protocol: String,
    service_id: String,
    signing_name: Option<String>,
    endpoint_prefix: String,
    target_prefix: Option<String>,
}

#[derive(Deserialize)]
struct SourceOperation {
    input: Option<Reference>,
    output: Option<Reference>,
    #[serde(default)]
    errors: Vec<Reference>,
    #[serde(default)]
    idempotent: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    shape: String,
    #[serde(default)]
    idempotency_token: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceShape {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    required: Vec<String>,
    members: Option<Ordered<Reference>>,
    member: Option<Reference>,
    key: Option<Reference>,
    value: Option<Reference>,
    #[serde(rename = "enum")]
    values: Option<Vec<String>>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    #[serde(default)]
    sensitive: bool,
    timestamp_format: Option<String>,
    #[serde(default)]
    union: bool,
    #[serde(default)]
    exception: bool,
    #[serde(default)]
    fault: bool,
}

#[derive(Deserialize)]
struct Paginators {
    pagination: Ordered<Pager>,
}

#[derive(Deserialize)]
struct Pager {
    input_token: String,
    output_token: String,
    limit_key: Option<String>,
    result_key: Option<String>,
}

/// Reads the model, and the paginators when they are at hand.
pub fn read(text: &str, paginators: Option<&str>) -> Result<Model> {
    let source: Source = serde_json::from_str(text).context("not a botocore service model")?;
    let pagers = match paginators {
        Some(text) => {
            serde_json::from_str::<Paginators>(text)
                .context("not a paginators file")?
                .pagination
        }
        None => Ordered::default(),
    };
    let metadata = source.metadata;
    if metadata.protocol != "json" || metadata.json_version != "1.0" {
        bail!(
            "the protocol is {} {}, not AWS JSON 1.0",
            metadata.protocol,
            metadata.json_version
        );
    }
    let mut operations = Ordered::default();
    for (name, operation) in source.operations.iter() {
        operations.insert(name.to_owned(), convert_operation(name, operation, &pagers)?);
    }
    let mut shapes = Ordered::default();
    for (name, shape) in source.shapes.iter() {
        shapes.insert(
            name.to_owned(),
            convert_shape(shape).with_context(|| format!("shape {name}"))?,
        );
    }
    let target_prefix = metadata.target_prefix.unwrap_or_default();
    Ok(Model {
        service: Service {
            name: target_prefix.clone(),
            sdk_id: metadata.service_id,
            api_version: metadata.api_version,
            protocol: "awsJson1_0".to_owned(),
            content_type: "application/x-amz-json-1.0".to_owned(),
            target_prefix,
            signing_name: metadata.signing_name.unwrap_or(metadata.endpoint_prefix),
            ..Service::default()
        },
        resources: Ordered::default(),
        operations,
        shapes,
    })
}

fn convert_operation(name: &str, source: &SourceOperation, pagers: &Ordered<Pager>) -> Result<Operation> {
    let input = source
        .input
        .as_ref()
        .with_context(|| format!("operation {name} has no input"))?;
    Ok(Operation {
        input: input.shape.clone(),
        output: source.output.as_ref().map(|output| output.shape.clone()),
        errors: source.errors.iter().map(|error| error.shape.clone()).collect(),
        idempotent: source.idempotent,
        paginated: pagers.get(name).map(|pager| Paginated {
            input_token: pager.input_token.clone(),
            output_token: pager.output_token.clone(),
            page_size: pager.limit_key.clone(),
            items: pager.result_key.clone(),
        }),
        iam: None,
    })
}

fn convert_shape(source: &SourceShape) -> Result<Shape> {
    let name = |reference: &Option<Reference>| reference.as_ref().map(|reference| reference.shape.clone());
    let members = source.members.as_ref().map(|members| {
        let convert = |(name, member): (&str, &Reference)| {
            let required = source.required.iter().any(|required| required == name);
            let target = member.shape.clone();
            (
                name.to_owned(),
                Member {
                    target,
                    required,
                    idempotency_token: member.idempotency_token,
                },
            )
        };
        members.iter().map(convert).collect()
    });
    Ok(Shape {
        kind: match source.kind.as_str() {
            "structure" => Kind::Structure,
            "list" => Kind::List,
            "map" => Kind::Map,
            "string" => Kind::String,
            "integer" => Kind::Integer,
            "timestamp" => Kind::Timestamp,
            other => bail!("the type {other} is new; teach the generator about it"),
        },
        members,
        member: name(&source.member),
        key: name(&source.key),
        value: name(&source.value),
        values: source.values.clone(),
        max: source.max,
        min: source.min,
        pattern: source.pattern.clone(),
        sensitive: source.sensitive,
        timestamp_format: source.timestamp_format.clone(),
        union: source.union,
        exception: source.exception,
        fault: source.fault,
        http_status: None,
    })
}
