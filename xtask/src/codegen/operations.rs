//! Writes `operations.rs`: the registry of operations and the link from each request type to its operation.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::{Input, names};

pub fn emit(input: &Input) -> Result<String> {
    let operations = &input.model.operations;
    let mut out = String::from(
        "//! The operations of the contract.\n\n\
         use crate::error::ErrorKind;\nuse crate::shape::{OperationInfo, Pagination};\nuse crate::{shapes, types};\n\n",
    );
    out.push_str(
        "/// An operation of the API.\n#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]\n",
    );
    out.push_str("pub enum Operation {\n");
    for (name, _) in operations.iter() {
        let _ = writeln!(out, "    /// `{name}`\n    {name},");
    }
    out.push_str(
        "}\n\nimpl Operation {\n    /// Every operation, by name.\n    pub const ALL: &'static [Self] = &[",
    );
    for (name, _) in operations.iter() {
        let _ = write!(out, "Self::{name}, ");
    }
    out.push_str("];\n\n    /// The name on the wire.\n    pub const fn name(self) -> &'static str {\n        match self {\n");
    for (name, _) in operations.iter() {
        let _ = writeln!(out, "            Self::{name} => {name:?},");
    }
    out.push_str("        }\n    }\n\n    /// The operation of that name; `None` when the API has none.\n");
    out.push_str("    pub fn from_name(name: &str) -> Option<Self> {\n        Some(match name {\n");
    for (name, _) in operations.iter() {
        let _ = writeln!(out, "            {name:?} => Self::{name},");
    }
    out.push_str(
        "            _ => return None,\n        })\n    }\n\n    /// What the contract says about it.\n",
    );
    out.push_str("    pub const fn info(self) -> &'static OperationInfo {\n        match self {\n");
    for (name, _) in operations.iter() {
        let _ = writeln!(out, "            Self::{name} => &{},", names::screaming(name));
    }
    out.push_str("        }\n    }\n}\n\n/// A request type.\npub trait Input: Sized {\n");
    out.push_str("    /// The operation it asks for.\n    const OPERATION: Operation;\n}\n\n");
    for (name, operation) in operations.iter() {
        emit_operation(input, name, operation, &mut out)?;
    }
    Ok(out)
}

fn emit_operation(
    input: &Input,
    name: &str,
    operation: &crate::model::facts::Operation,
    out: &mut String,
) -> Result<()> {
    let mut errors = String::new();
    for error in &operation.errors {
        let kind = error
            .strip_suffix("Exception")
            .with_context(|| format!("{name}: odd error name {error}"))?;
        let _ = write!(errors, "ErrorKind::{kind}, ");
    }
    let iam = operation.iam.as_ref();
    let action = iam.map_or_else(
        || format!("{}:{name}", input.model.service.iam_prefix),
        |iam| iam.action.clone(),
    );
    let keys = iam.map(|iam| iam.condition_keys.clone()).unwrap_or_default();
    let required = iam.map(|iam| iam.required_actions.clone()).unwrap_or_default();
    let shape = input.model.shape(&operation.input)?;
    let token = shape
        .fields()
        .find(|(_, member)| member.idempotency_token)
        .map(|(name, _)| name);
    let output = operation.output.as_ref().map_or("None".to_owned(), |output| {
        format!("Some(&shapes::{})", names::screaming(output))
    });
    let paginated = operation.paginated.as_ref().map_or("None".to_owned(), |page| {
        format!(
            "Some(Pagination {{ input_token: {:?}, output_token: {:?}, page_size: {:?}, items: {:?} }})",
            page.input_token, page.output_token, page.page_size, page.items
        )
    });
    let _ = writeln!(
        out,
        "static {}: OperationInfo = OperationInfo {{ input: &shapes::{}, output: {output}, errors: &[{errors}], \
         iam_action: {action:?}, required_actions: &{required:?}, condition_keys: &{keys:?}, idempotent: {}, idempotency_token: {token:?}, \
         paginated: {paginated} }};\n\nimpl Input for types::{} {{\n    const OPERATION: Operation = Operation::{name};\n}}\n",
        names::screaming(name),
        names::screaming(&operation.input),
        operation.idempotent,
        operation.input
    );
    Ok(())
}
