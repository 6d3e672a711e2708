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
         use crate::generated::patterns;\nuse crate::shape::{Member, Shape, ShapeKind};\n\n",
    );
    let mut taken = BTreeSet::new();
    for (name, shape) in input.model.shapes.iter() {
        let constant = names::screaming(name);
        ensure!(
            taken.insert(constant.clone()),
            "two shapes would be called {constant}"
        );
        let kind = kind(input, name, shape)?;
        let _ = writeln!(
            out,
            "/// `{name}`\npub static {constant}: Shape = Shape {{ name: {name:?}, sensitive: {}, kind: {kind} }};\n",
            shape.sensitive
        );
    }
    let all: Vec<String> = taken.iter().map(|name| format!("&{name}")).collect();
    let _ = writeln!(
        out,
        "/// Every shape.\npub static ALL: &[&Shape] = &[{}];",
        all.join(", ")
    );
    Ok(out)
}

fn kind(input: &Input, name: &str, shape: &Shape) -> Result<String> {
    let (min, max) = (shape.min, shape.max);
    let target = |name: &Option<String>| names::screaming(name.as_deref().unwrap_or_default());
    Ok(match shape.kind {
        Kind::Structure => {
            let mut members = String::new();
            for (wire_name, member) in shape.fields() {
                let _ = write!(
                    members,
                    "Member {{ name: {wire_name:?}, path_name: {:?}, shape: &{}, required: {} }}, ",
                    names::lower_camel(wire_name),
                    names::screaming(&member.target),
                    member.required
                );
            }
            format!(
                "ShapeKind::Structure {{ members: &[{members}], union: {} }}",
                shape.union
            )
        }
        Kind::List => {
            format!(
                "ShapeKind::List {{ element: &{}, min: {min:?}, max: {max:?} }}",
                target(&shape.member)
            )
        }
        Kind::Map => format!(
            "ShapeKind::Map {{ key: &{}, value: &{}, min: {min:?}, max: {max:?} }}",
            target(&shape.key),
            target(&shape.value)
        ),
        Kind::Integer => format!("ShapeKind::Integer {{ min: {min:?}, max: {max:?} }}"),
        Kind::Timestamp => "ShapeKind::Timestamp".to_owned(),
        Kind::String => string_kind(input, name, shape)?,
    })
}

fn string_kind(input: &Input, name: &str, shape: &Shape) -> Result<String> {
    let (mut min, mut max, mut table) = (shape.min, shape.max, "None".to_owned());
    if let Some(source) = &shape.pattern {
        let compiled = pattern::compile(source)?;
        if compiled.matcher == Matcher::Length {
            // A pattern that only bounds the length is explained as a length.
            min = Some(min.unwrap_or(0).max(compiled.min.into()));
            max = Some(max.unwrap_or(i64::MAX).min(compiled.max.into()));
        } else {
            table = format!("Some(&patterns::{})", pattern_name(&input.model, source));
        }
    }
    let accepted: Vec<&str> = match &shape.values {
        Some(values) => values
            .iter()
            .map(String::as_str)
            .chain(input.overlay.accepted(name))
            .collect(),
        None => Vec::new(),
    };
    let read_only: Vec<&str> = input.overlay.read_only(name).collect();
    let enforced = input.overlay.enforced_in_answers(name);
    Ok(format!(
        "ShapeKind::String {{ min: {min:?}, max: {max:?}, pattern: {table}, values: &{accepted:?}, \
         read_only: &{read_only:?}, enforced_in_answers: {enforced} }}"
    ))
}
