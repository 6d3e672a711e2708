//! Reads a Smithy JSON syntax tree. Takes facts, drops documentation.
//!
//! Smithy hangs bounds on members where botocore has a shape of its own; such a shape is made here, named as botocore names
//! it (structure, member and type in a row), so that both sources give the same facts.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::facts::{Iam, Kind, Member, Model, Operation, Paginated, Resource, Service, Shape};
use super::ordered::Ordered;

#[derive(Deserialize)]
struct Source {
    shapes: Ordered<Node>,
}

#[derive(Deserialize)]
struct Node {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    members: Ordered<Target>,
    member: Option<Target>,
    key: Option<Target>,
    value: Option<Target>,
    input: Option<Target>,
    output: Option<Target>,
    #[serde(default)]
    errors: Vec<Target>,
    #[serde(default)]
    traits: Traits,
}

#[derive(Deserialize)]
struct Target {
    target: String,
    #[serde(default)]
    traits: Traits,
}

#[derive(Deserialize, Default)]
struct Traits(Ordered<Value>);

impl Traits {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    fn text(&self, name: &str, field: &str) -> Option<String> {
        Some(self.get(name)?.get(field)?.as_str()?.to_owned())
    }

    fn texts(&self, name: &str) -> Vec<String> {
        texts(self.get(name))
    }

    /// Whether there is a trait that bounds values.
    fn bounds(&self) -> bool {
        ["length", "range", "pattern"]
            .iter()
            .any(|name| self.has(&format!("smithy.api#{name}")))
    }

    fn bound(&self, which: &str) -> Option<i64> {
        let bounds = self
            .get("smithy.api#length")
            .or_else(|| self.get("smithy.api#range"))?;
        bounds.get(which)?.as_i64()
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let elements = value.and_then(Value::as_array).into_iter().flatten();
    elements.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// `namespace#Name` -> `Name`.
fn local(id: &str) -> String {
    id.rsplit('#').next().unwrap_or(id).to_owned()
}

/// A pattern without its anchors: in the facts every pattern means the whole text.
fn without_anchors(pattern: &str) -> String {
    let inner = pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    match inner {
        Some(inner) if !inner.ends_with('\\') => inner.to_owned(),
        _ => pattern.to_owned(),
    }
}

/// Reads the model.
pub fn read(text: &str) -> Result<Model> {
    let source: Source = serde_json::from_str(text).context("not a Smithy syntax tree")?;
    let service = source.shapes.iter().find(|(_, node)| node.kind == "service");
    let (service_id, service_node) = service.context("the tree holds no service")?;
    let service = convert_service(service_id, service_node)?;
    let mut model = Model {
        resources: Ordered::default(),
        operations: Ordered::default(),
        shapes: Ordered::default(),
        service,
    };
    for (id, node) in source.shapes.iter() {
        let name = local(id);
        match node.kind.as_str() {
            "service" => {}
            "resource" => {
                if let Some(template) = node.traits.text("aws.api#arn", "template") {
                    let flag = |field| {
                        node.traits.get("aws.api#arn").and_then(|arn| arn.get(field))
                            == Some(&Value::Bool(true))
                    };
                    let resource = Resource {
                        template,
                        no_account: flag("noAccount"),
                        no_region: flag("noRegion"),
                    };
                    model.resources.insert(name, resource);
                }
            }
            "operation" => {
                let operation = convert_operation(&name, node, &model.service)?;
                model.operations.insert(name, operation);
            }
            _ => convert_shape(&name, node, &source, &mut model.shapes)
                .with_context(|| format!("shape {name}"))?,
        }
    }
    Ok(model)
}

fn convert_service(id: &str, node: &Node) -> Result<Service> {
    if !node.traits.has("aws.protocols#awsJson1_0") {
        bail!("the service does not speak AWS JSON 1.0");
    }
    let text = |field| node.traits.text("aws.api#service", field).unwrap_or_default();
    Ok(Service {
        name: local(id),
        sdk_id: text("sdkId"),
        api_version: node.version.clone(),
        protocol: "awsJson1_0".to_owned(),
        content_type: "application/x-amz-json-1.0".to_owned(),
        target_prefix: local(id),
        signing_name: node.traits.text("aws.auth#sigv4", "name").unwrap_or_default(),
        arn_namespace: text("arnNamespace"),
        // Unless told otherwise, policies use the namespace of the ARNs.
        iam_prefix: text("arnNamespace"),
        ..Service::default()
    })
}

fn convert_operation(name: &str, node: &Node, service: &Service) -> Result<Operation> {
    let input = node
        .input
        .as_ref()
        .with_context(|| format!("operation {name} has no input"))?;
    let output = node.output.as_ref().map(|output| output.target.as_str());
    let action = node
        .traits
        .text("aws.iam#iamAction", "name")
        .unwrap_or_else(|| name.to_owned());
    let page = |field| node.traits.text("smithy.api#paginated", field);
    let required = node
        .traits
        .get("aws.iam#iamAction")
        .and_then(|action| action.get("requiredActions"));
    Ok(Operation {
        input: local(&input.target),
        output: output.filter(|output| *output != "smithy.api#Unit").map(local),
        errors: node.errors.iter().map(|error| local(&error.target)).collect(),
        idempotent: node.traits.has("smithy.api#idempotent"),
        paginated: page("inputToken")
            .zip(page("outputToken"))
            .map(|(input_token, output_token)| Paginated {
                input_token,
                output_token,
                page_size: page("pageSize"),
                items: page("items"),
            }),
        iam: Some(Iam {
            action: format!("{}:{action}", service.iam_prefix),
            required_actions: texts(required),
            condition_keys: node.traits.texts("aws.iam#conditionKeys"),
        }),
    })
}

fn convert_shape(name: &str, node: &Node, source: &Source, shapes: &mut Ordered<Shape>) -> Result<()> {
    let mut shape = Shape {
        kind: kind(&node.kind)?,
        ..bounded(&node.traits)
    };
    match node.kind.as_str() {
        "structure" | "union" => {
            let mut members = Ordered::default();
            for (member_name, member) in node.members.iter() {
                let target = match member.traits.bounds() {
                    true => own_shape(name, member_name, member, source, shapes)?,
                    false => prelude_shape(&member.target, shapes)?,
                };
                let required = member.traits.has("smithy.api#required");
                let idempotency_token = member.traits.has("smithy.api#idempotencyToken");
                members.insert(
                    member_name.to_owned(),
                    Member {
                        target,
                        required,
                        idempotency_token,
                    },
                );
            }
            shape.members = Some(members);
            shape.union = node.kind == "union";
            shape.exception = node.traits.has("smithy.api#error");
            shape.fault = node.traits.get("smithy.api#error") == Some(&Value::from("server"));
            let status = node.traits.get("smithy.api#httpError").and_then(Value::as_u64);
            shape.http_status = status.and_then(|status| u16::try_from(status).ok());
        }
        "enum" => {
            let values = node.members.iter().map(|(name, member)| {
                member
                    .traits
                    .get("smithy.api#enumValue")
                    .and_then(Value::as_str)
                    .unwrap_or(name)
                    .to_owned()
            });
            shape.values = Some(values.collect());
        }
        _ => {
            for (slot, part) in [
                (&mut shape.member, &node.member),
                (&mut shape.key, &node.key),
                (&mut shape.value, &node.value),
            ] {
                if let Some(part) = part {
                    *slot = Some(prelude_shape(&part.target, shapes)?);
                }
            }
        }
    }
    shapes.insert(name.to_owned(), shape);
    Ok(())
}

fn kind(name: &str) -> Result<Kind> {
    Ok(match name {
        "structure" | "union" => Kind::Structure,
        "list" => Kind::List,
        "map" => Kind::Map,
        "string" | "enum" => Kind::String,
        "integer" => Kind::Integer,
        "timestamp" => Kind::Timestamp,
        other => bail!("the type {other} is new; teach the generator about it"),
    })
}

/// A shape with nothing but the bounds that the traits name.
fn bounded(traits: &Traits) -> Shape {
    let format = traits.get("smithy.api#timestampFormat").and_then(Value::as_str);
    Shape {
        max: traits.bound("max"),
        min: traits.bound("min"),
        pattern: traits
            .get("smithy.api#pattern")
            .and_then(Value::as_str)
            .map(without_anchors),
        sensitive: traits.has("smithy.api#sensitive"),
        timestamp_format: format
            .map(|format| if format == "date-time" { "iso8601" } else { format }.to_owned()),
        ..Shape::default()
    }
}

/// Makes the shape of a member that has bounds of its own on top of its target.
fn own_shape(
    structure: &str,
    member_name: &str,
    member: &Target,
    source: &Source,
    shapes: &mut Ordered<Shape>,
) -> Result<String> {
    let mut shape = bounded(&member.traits);
    let target = source.shapes.get(&member.target);
    let kind_name = match target {
        Some(node) => node.kind.clone(),
        None => local(&member.target).to_lowercase(),
    };
    shape.kind = kind(&kind_name)?;
    if let Some(node) = target {
        let base = bounded(&node.traits);
        shape.sensitive |= base.sensitive;
        shape.pattern = shape.pattern.or(base.pattern);
        (shape.min, shape.max) = (shape.min.or(base.min), shape.max.or(base.max));
        if let Some(element) = &node.member {
            shape.member = Some(prelude_shape(&element.target, shapes)?);
        }
        for (slot, part) in [(&mut shape.key, &node.key), (&mut shape.value, &node.value)] {
            if let Some(part) = part {
                *slot = Some(prelude_shape(&part.target, shapes)?);
            }
        }
    }
    let suffix = match shape.kind {
        Kind::List => "List",
        Kind::Map => "Map",
        Kind::Integer => "Integer",
        _ => "String",
    };
    let name = format!("{structure}{member_name}{suffix}");
    shapes.insert(name.clone(), shape);
    Ok(name)
}

/// The name of a target; the language's own simple types become shapes when first met.
fn prelude_shape(id: &str, shapes: &mut Ordered<Shape>) -> Result<String> {
    let name = local(id);
    if id.starts_with("smithy.api#") && shapes.get(&name).is_none() {
        shapes.insert(
            name.clone(),
            Shape {
                kind: kind(&name.to_lowercase())?,
                ..Shape::default()
            },
        );
    }
    Ok(name)
}
