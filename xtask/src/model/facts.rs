//! The contract as facts: what `model/partnercentral-selling.json` holds, and how it is read and written.
//!
//! Only names, types, bounds and references live here; documentation text must never enter the file.

use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::ordered::Ordered;

/// The whole contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Names of the service on the wire and in IAM.
    pub service: Service,
    /// ARN templates by resource name.
    #[serde(default)]
    pub resources: Ordered<Resource>,
    /// Operations by name.
    pub operations: Ordered<Operation>,
    /// Shapes by name.
    pub shapes: Ordered<Shape>,
}

/// Names of the service on the wire and in IAM.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Service {
    pub name: String,
    pub sdk_id: String,
    pub api_version: String,
    pub protocol: String,
    pub content_type: String,
    pub target_prefix: String,
    pub signing_name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arn_namespace: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub iam_prefix: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub event_source: String,
    /// Which source and version the facts come from.
    pub facts_from: String,
}

/// How a resource's ARN ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Resource {
    pub template: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_account: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_region: bool,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Operation {
    pub input: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    #[serde(default)]
    pub errors: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub idempotent: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paginated: Option<Paginated>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam: Option<Iam>,
}

/// The members that page a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Paginated {
    pub input_token: String,
    pub output_token: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<String>,
}

/// What authorisation sees of an operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Iam {
    pub action: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub condition_keys: Vec<String>,
    /// Actions of other operations that the caller needs as well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_actions: Vec<String>,
}

/// One shape. Which members are set depends on `kind`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Ordered<Member>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    #[serde(default, rename = "enum", skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub sensitive: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp_format: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub union: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub exception: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub fault: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
}

/// The type of a shape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Structure,
    List,
    Map,
    String,
    Integer,
    Timestamp,
}

/// One member of a structure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Member {
    pub target: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub required: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub idempotency_token: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Model {
    /// Reads the facts file.
    pub fn load(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::from_json(&text).with_context(|| format!("{} is not a facts file", path.display()))
    }

    /// Reads the facts from text and makes sure that every name in them leads somewhere.
    pub fn from_json(text: &str) -> Result<Self> {
        let model: Self = serde_json::from_str(text)?;
        model.verify()?;
        Ok(model)
    }

    /// The facts file as text: one space of indentation, a newline at the end.
    pub fn to_json(&self) -> Result<String> {
        let mut bytes = Vec::new();
        let style = serde_json::ser::PrettyFormatter::with_indent(b" ");
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, style))?;
        bytes.push(b'\n');
        Ok(String::from_utf8(bytes)?)
    }

    /// The shape called `name`.
    pub fn shape(&self, name: &str) -> Result<&Shape> {
        self.shapes
            .get(name)
            .with_context(|| format!("the model names a shape {name} that it does not hold"))
    }

    /// Fails when an operation, member, list or map names a shape that is missing.
    pub fn verify(&self) -> Result<()> {
        for (name, operation) in self.operations.iter() {
            let errors = operation.errors.iter();
            for target in errors.chain([&operation.input]).chain(&operation.output) {
                self.shape(target).with_context(|| format!("operation {name}"))?;
            }
        }
        for (name, shape) in self.shapes.iter() {
            for target in shape.targets() {
                self.shape(target).with_context(|| format!("shape {name}"))?;
            }
        }
        Ok(())
    }
}

impl Shape {
    /// The names of the shapes this one refers to directly.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        let members = self
            .members
            .iter()
            .flat_map(|members| members.iter().map(|(_, m)| m.target.as_str()));
        members.chain(
            [&self.member, &self.key, &self.value]
                .into_iter()
                .flatten()
                .map(String::as_str),
        )
    }

    /// The members of a structure; none for any other kind.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Member)> {
        self.members.iter().flat_map(Ordered::iter)
    }
}
