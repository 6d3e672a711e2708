//! Writes `types/`: one Rust structure for each structure shape, in files by initial letter so that none grows endless.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;

use super::{Input, names, pattern, pattern_name, rust_type, sensitive};
use crate::model::facts::{Kind, Member, Model, Shape};

pub fn emit(input: &Input) -> Result<Vec<(String, String)>> {
    let mut files: BTreeMap<char, String> = BTreeMap::new();
    for (name, shape) in input.model.shapes.iter() {
        if shape.kind == Kind::Structure && input.reachable.contains(name) {
            let letter = name.chars().next().unwrap_or('_').to_ascii_lowercase();
            emit_structure(input, name, shape, files.entry(letter).or_default())?;
        }
    }
    let mut modules = String::from("//! The structures of the contract, all flat under this name.\n\n");
    for letter in files.keys() {
        let _ = writeln!(modules, "mod {letter};");
    }
    for letter in files.keys() {
        let _ = writeln!(modules, "pub use {letter}::*;");
    }
    let mut all = vec![("types/mod.rs".to_owned(), modules)];
    for (letter, text) in files {
        let initial = letter.to_ascii_uppercase();
        let mut head = format!("//! The contract's structures whose names begin with {initial}.\n\n");
        if text.contains("BTreeMap<") {
            head.push_str("use std::collections::BTreeMap;\n\n");
        }
        if text.contains("Timestamp") {
            head.push_str("use crate::Timestamp;\n");
        }
        for (used, import) in [
            (
                uses(&input.model, &text, |shape| shape.values.is_some()),
                "use crate::enums::*;\n",
            ),
            (text.contains("patterns::"), "use crate::generated::patterns;\n"),
            (text.contains("length("), "use crate::pattern::length;\n"),
            (
                uses(&input.model, &text, |shape| shape.kind == Kind::Structure),
                "use crate::types::*;\n",
            ),
            (text.contains("count("), "use crate::wire::count;\n"),
            (true, "use crate::wire::wire;\n\n"),
        ] {
            if used {
                head.push_str(import);
            }
        }
        all.push((format!("types/{letter}.rs"), head + &text));
    }
    Ok(all)
}

/// Whether a field has the type of some shape of that sort.
fn uses(model: &Model, text: &str, sort: impl Fn(&Shape) -> bool) -> bool {
    let mut names = model
        .shapes
        .iter()
        .filter(|(_, shape)| sort(shape))
        .map(|(name, _)| name);
    names.any(|name| {
        [format!(": {name},"), format!("<{name}>")]
            .iter()
            .any(|field| text.contains(field.as_str()))
            && !text.contains(&format!("pub struct {name} {{"))
    })
}

fn emit_structure(input: &Input, name: &str, shape: &Shape, out: &mut String) -> Result<()> {
    let union = if shape.union {
        ", a union: exactly one member is set"
    } else {
        ""
    };
    let _ = writeln!(out, "/// `{name}`{union}.");
    let default = if input.defaultable.contains(name) {
        ", Default"
    } else {
        ""
    };
    let _ = writeln!(out, "#[derive(Clone, PartialEq{default})]\npub struct {name} {{");
    let mut lines = String::new();
    for (wire_name, member) in shape.fields() {
        let field = names::snake(wire_name);
        let value = rust_type(&input.model, &member.target)?;
        let _ = writeln!(out, "    /// {}", describe(input, wire_name, member)?);
        let (field_type, need) = match member.required {
            true => (value.clone(), "required"),
            false => (format!("Option<{value}>"), "optional"),
        };
        let _ = writeln!(out, "    pub {field}: {field_type},");
        let show = if sensitive(&input.model, &member.target)? {
            "hidden"
        } else {
            "shown"
        };
        let check = check(input, &member.target, 0)?
            .map_or_else(|| "|_| true".to_owned(), |body| format!("|v0| {body}"));
        let _ = writeln!(
            lines,
            "    {field}: {value} = {wire_name:?}, {need}, {show}, {check};"
        );
    }
    let kind = if shape.union { "union" } else { "structure" };
    let _ = write!(out, "}}\n\nwire!({name}, {kind} {{\n{lines}}});\n\n");
    Ok(())
}

/// One line about a member: its shape and bounds, in words.
fn describe(input: &Input, wire_name: &str, member: &Member) -> Result<String> {
    let shape = input.model.shape(&member.target)?;
    let mut text = format!("`{wire_name}`, a `{}`", member.target);
    let (mut min, mut max) = (shape.min, shape.max);
    if let Some(source) = &shape.pattern {
        let compiled = pattern::compile(source)?;
        if compiled.matcher != pattern::Matcher::Length {
            let _ = write!(text, " like `{}`", source.replace('`', "'"));
        }
        min = min.or((compiled.max != u32::MAX).then_some(compiled.min.into()));
        max = max.or((compiled.max != u32::MAX).then_some(compiled.max.into()));
    }
    let unit = match shape.kind {
        Kind::String => " characters",
        Kind::List => " elements",
        Kind::Map => " entries",
        _ => "",
    };
    match (min, max) {
        (Some(min), Some(max)) => write!(text, ", {min} to {max}{unit}")?,
        (Some(min), None) => write!(text, ", at least {min}{unit}")?,
        (None, Some(max)) => write!(text, ", at most {max}{unit}")?,
        (None, None) => {}
    }
    if member.required {
        text.push_str("; required");
    }
    if member.idempotency_token {
        text.push_str("; makes a repeated request recognisable");
    }
    Ok(text + ".")
}

/// The expression that tells whether the value `v<depth>` of a shape obeys it; `None` when nothing can be wrong.
fn check(input: &Input, target: &str, depth: usize) -> Result<Option<String>> {
    let shape = input.model.shape(target)?;
    let value = format!("v{depth}");
    let mut parts = Vec::new();
    match shape.kind {
        Kind::Structure => parts.push(format!("{value}.check()")),
        Kind::String if shape.values.is_some() => parts.push(format!("{value}.check()")),
        Kind::String => {
            if shape.min.is_some() || shape.max.is_some() {
                let (min, max) = (
                    shape.min.unwrap_or(0),
                    shape.max.map_or("u32::MAX".to_owned(), |max| max.to_string()),
                );
                parts.push(format!("length({value}, {min}, {max})"));
            }
            if let Some(source) = &shape.pattern {
                let compiled = pattern::compile(source)?;
                match compiled.matcher {
                    pattern::Matcher::Length => {
                        parts.push(format!("length({value}, {}, {})", compiled.min, compiled.max));
                    }
                    _ => parts.push(format!(
                        "patterns::{}.matches({value})",
                        pattern_name(&input.model, source)
                    )),
                }
            }
        }
        Kind::Integer => match (shape.min, shape.max) {
            (None, None) => {}
            (min, max) => {
                let end = max.map_or(String::new(), |max| format!("={max}"));
                parts.push(format!(
                    "({}..{end}).contains({value})",
                    min.unwrap_or(i32::MIN.into())
                ));
            }
        },
        Kind::Timestamp => {}
        Kind::List | Kind::Map => {
            if shape.min.is_some() || shape.max.is_some() {
                let max = shape.max.map_or("usize::MAX".to_owned(), |max| max.to_string());
                parts.push(format!("count({value}.len(), {}, {max})", shape.min.unwrap_or(0)));
            }
            for (part, iterate) in [
                (&shape.member, "iter"),
                (&shape.key, "keys"),
                (&shape.value, "values"),
            ] {
                let Some(part) = part else { continue };
                if let Some(inner) = check(input, part, depth + 1)? {
                    parts.push(format!("{value}.{iterate}().all(|v{}| {inner})", depth + 1));
                }
            }
        }
    }
    Ok((!parts.is_empty()).then(|| parts.join(" && ")))
}
