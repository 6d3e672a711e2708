//! Writes `shapes.rs` and `patterns.rs`: the contract as static tables.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Result, ensure};

use super::pattern::{self, Matcher, Step};
use super::{Input, names, pattern_name};
use crate::model::facts::{Kind, Shape};

pub fn emit_patterns(input: &Input) -> Result<String> {
    let mut out = String::from(
        "//! The patterns of the contract, each named after the first shape that has it.\n\n\
         use std::sync::LazyLock;\n\nuse crate::pattern::{Matcher, Pattern, Step, compile};\n\n",
    );
    let mut seen = Vec::new();
    for (_, shape) in input.model.shapes.iter() {
        let Some(source) = shape.pattern.as_deref().filter(|source| !seen.contains(source)) else {
            continue;
        };
        seen.push(source);
        let compiled = pattern::compile(source)?;
        let matcher = match &compiled.matcher {
            Matcher::Length => "Matcher::Length".to_owned(),
            Matcher::Steps(steps) => {
                format!(
                    "Matcher::Steps(&[{}])",
                    steps.iter().map(step).collect::<Vec<_>>().join(", ")
                )
            }
            Matcher::Regex(regex) => format!("Matcher::Regex(LazyLock::new(|| compile({regex:?})))"),
        };
        let (min, max) = (compiled.min, bound(compiled.max));
        let _ = writeln!(
            out,
            "/// `{}`\npub static {}: Pattern = Pattern {{ source: {source:?}, min: {min}, max: {max}, matcher: {matcher} }};\n",
            source.replace('`', "'"),
            pattern_name(&input.model, source)
        );
    }
    let all: Vec<String> = seen
        .iter()
        .map(|source| format!("&{}", pattern_name(&input.model, source)))
        .collect();
    let _ = writeln!(
        out,
        "/// Every pattern.\npub static ALL: &[&Pattern] = &[{}];",
        all.join(", ")
    );
    Ok(out)
}

fn bound(max: u32) -> String {
    if max == u32::MAX {
        "u32::MAX".to_owned()
    } else {
        max.to_string()
    }
}

fn step(step: &Step) -> String {
    match step {
        Step::Text(text) => format!("Step::Text({text:?})"),
        Step::Class { ranges, min, max } => {
            format!(
                "Step::Class {{ ranges: &{ranges:?}, min: {min}, max: {} }}",
                bound(*max)
            )
        }
    }
}

pub fn emit(input: &Input) -> Result<String> {
    let mut out = String::from(
        "//! The shapes of the contract as tables.\n\n\
         use crate::generated::patterns;\nuse crate::shape::{Shape, optional, required};\n\n",
    );
    let mut taken = BTreeSet::new();
    for (name, shape) in input.model.shapes.iter() {
        let constant = names::screaming(name);
        ensure!(
            taken.insert(constant.clone()),
            "two shapes would be called {constant}"
        );
        let mut table = table(input, name, shape)?;
        if shape.sensitive {
            table.push_str(".sensitive()");
        }
        let _ = writeln!(out, "/// `{name}`\npub static {constant}: Shape = {table};\n");
    }
    let all: Vec<String> = taken.iter().map(|name| format!("&{name}")).collect();
    let _ = writeln!(
        out,
        "/// Every shape.\npub static ALL: &[&Shape] = &[{}];",
        all.join(", ")
    );
    Ok(out)
}

fn table(input: &Input, name: &str, shape: &Shape) -> Result<String> {
    let (min, max) = (shape.min, shape.max);
    let target = |name: &Option<String>| names::screaming(name.as_deref().unwrap_or_default());
    Ok(match shape.kind {
        Kind::Structure => {
            let mut members = String::new();
            for (wire_name, member) in shape.fields() {
                let need = if member.required { "required" } else { "optional" };
                let (path_name, target) = (names::lower_camel(wire_name), names::screaming(&member.target));
                let _ = write!(members, "{need}({wire_name:?}, {path_name:?}, &{target}), ");
            }
            let kind = if shape.union { "union" } else { "structure" };
            format!("Shape::{kind}({name:?}, &[{members}])")
        }
        Kind::List => format!(
            "Shape::list({name:?}, &{}, {min:?}, {max:?})",
            target(&shape.member)
        ),
        Kind::Map => {
            let (key, value) = (target(&shape.key), target(&shape.value));
            format!("Shape::map({name:?}, &{key}, &{value}, {min:?}, {max:?})")
        }
        Kind::Integer => format!("Shape::integer({name:?}, {min:?}, {max:?})"),
        Kind::Timestamp => format!("Shape::timestamp({name:?})"),
        Kind::String => string_table(input, name, shape)?,
    })
}

fn string_table(input: &Input, name: &str, shape: &Shape) -> Result<String> {
    if let Some(values) = &shape.values {
        let accepted: Vec<&str> = values
            .iter()
            .map(String::as_str)
            .chain(input.overlay.accepted(name))
            .collect();
        let read_only: Vec<&str> = input.overlay.read_only(name).collect();
        return Ok(format!("Shape::one_of({name:?}, &{accepted:?}, &{read_only:?})"));
    }
    let (mut min, mut max, mut suffix) = (shape.min, shape.max, String::new());
    if let Some(source) = &shape.pattern {
        let compiled = pattern::compile(source)?;
        if compiled.matcher == Matcher::Length {
            // A pattern that only bounds the length is explained as a length.
            min = Some(min.unwrap_or(0).max(compiled.min.into()));
            max = Some(max.unwrap_or(i64::MAX).min(compiled.max.into()));
        } else {
            suffix = format!(".like(&patterns::{})", pattern_name(&input.model, source));
        }
    }
    if !input.overlay.enforced_in_answers(name) {
        suffix.push_str(".loose_in_answers()");
    }
    Ok(format!("Shape::text({name:?}, {min:?}, {max:?}){suffix}"))
}
