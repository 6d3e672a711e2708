//! Writes `enums.rs`: one Rust enum for each string shape that lists its values.

use std::fmt::Write as _;

use super::{Input, names};

pub fn emit(input: &Input) -> String {
    let mut out = String::from("//! The enums of the contract.\n\nuse crate::wire::text_enum;\n\n");
    for (name, shape) in input.model.shapes.iter() {
        let Some(values) = &shape.values else { continue };
        let accepted: Vec<&str> = values
            .iter()
            .map(String::as_str)
            .chain(input.overlay.accepted(name))
            .collect();
        let read_only: Vec<&str> = input.overlay.read_only(name).collect();
        let all: Vec<&str> = accepted.iter().chain(&read_only).copied().collect();
        let variants = names::variants(&all);
        let _ = writeln!(
            out,
            "text_enum! {{\n    /// The values of `{name}`.\n    {name} {{"
        );
        for (index, (value, variant)) in all.iter().zip(&variants).enumerate() {
            if index == accepted.len() {
                out.push_str("    } read_only {\n");
            }
            let _ = writeln!(out, "        {variant} = {value:?},");
        }
        if read_only.is_empty() {
            out.push_str("    } read_only {\n");
        }
        out.push_str("    }\n}\n\n");
    }
    out
}
