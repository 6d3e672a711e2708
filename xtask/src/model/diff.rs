//! `cargo xtask model diff`: what differs between two contracts, a sentence a difference, for whoever reviews an update.

use std::fmt::Debug;

use super::facts::{Model, Operation, Shape};
use super::ordered::Ordered;

/// Sentences about everything that `new` changes in `old`; empty when nothing.
pub fn differences(old: &Model, new: &Model) -> Vec<String> {
    let mut out = Vec::new();
    changed(&mut out, "service", "names", &old.service, &new.service);
    both(
        &mut out,
        "resource",
        &old.resources,
        &new.resources,
        |out, name, a, b| {
            changed(out, &format!("resource {name}"), "ARN", a, b);
        },
    );
    both(&mut out, "operation", &old.operations, &new.operations, operation);
    both(&mut out, "shape", &old.shapes, &new.shapes, shape);
    out
}

fn both<V>(
    out: &mut Vec<String>,
    what: &str,
    old: &Ordered<V>,
    new: &Ordered<V>,
    mut compare: impl FnMut(&mut Vec<String>, &str, &V, &V),
) {
    for (name, before) in old.iter() {
        match new.get(name) {
            Some(after) => compare(out, name, before, after),
            None => out.push(format!("{what} {name} removed")),
        }
    }
    for (name, _) in new.iter().filter(|(name, _)| old.get(name).is_none()) {
        out.push(format!("{what} {name} added"));
    }
}

/// `none` for an absent value, the value otherwise.
fn words<T: Debug>(value: &Option<T>) -> String {
    value
        .as_ref()
        .map_or_else(|| "none".to_owned(), |value| format!("{value:?}"))
}

fn changed<T: PartialEq + Debug>(out: &mut Vec<String>, place: &str, what: &str, old: &T, new: &T) {
    if old != new {
        out.push(format!("{place}: {what} changed from {old:?} to {new:?}"));
    }
}

fn optional<T: PartialEq + Debug>(
    out: &mut Vec<String>,
    place: &str,
    what: &str,
    old: &Option<T>,
    new: &Option<T>,
) {
    if old != new {
        out.push(format!(
            "{place}: {what} changed from {} to {}",
            words(old),
            words(new)
        ));
    }
}

fn set(out: &mut Vec<String>, place: &str, what: &str, old: &[String], new: &[String]) {
    for gone in old.iter().filter(|value| !new.contains(value)) {
        out.push(format!("{place}: {what} {gone:?} removed"));
    }
    for added in new.iter().filter(|value| !old.contains(value)) {
        out.push(format!("{place}: {what} {added:?} added"));
    }
    let same = |a: &[String], b: &[String]| a.iter().filter(|v| b.contains(v)).cloned().collect::<Vec<_>>();
    if same(old, new) != same(new, old) {
        out.push(format!("{place}: order of {what}s changed"));
    }
}

fn operation(out: &mut Vec<String>, name: &str, old: &Operation, new: &Operation) {
    let place = format!("operation {name}");
    changed(out, &place, "input", &old.input, &new.input);
    optional(out, &place, "output", &old.output, &new.output);
    set(out, &place, "error", &old.errors, &new.errors);
    changed(out, &place, "idempotency", &old.idempotent, &new.idempotent);
    optional(out, &place, "pagination", &old.paginated, &new.paginated);
    optional(out, &place, "IAM", &old.iam, &new.iam);
}

fn shape(out: &mut Vec<String>, name: &str, old: &Shape, new: &Shape) {
    let place = format!("shape {name}");
    changed(out, &place, "type", &old.kind, &new.kind);
    members(out, name, old, new);
    for (what, a, b) in [
        ("element", &old.member, &new.member),
        ("key", &old.key, &new.key),
        ("value", &old.value, &new.value),
    ] {
        optional(out, &place, what, a, b);
    }
    match (&old.values, &new.values) {
        (Some(old), Some(new)) => set(out, &place, "enum value", old, new),
        (None, Some(_)) => out.push(format!("{place}: became an enum")),
        (Some(_), None) => out.push(format!("{place}: is no enum any more")),
        (None, None) => {}
    }
    optional(out, &place, "lower bound", &old.min, &new.min);
    optional(out, &place, "upper bound", &old.max, &new.max);
    optional(out, &place, "pattern", &old.pattern, &new.pattern);
    optional(
        out,
        &place,
        "timestamp format",
        &old.timestamp_format,
        &new.timestamp_format,
    );
    optional(out, &place, "HTTP status", &old.http_status, &new.http_status);
    let flags = [
        ("sensitive", old.sensitive, new.sensitive),
        ("a union", old.union, new.union),
        ("an error", old.exception, new.exception),
        ("a server fault", old.fault, new.fault),
    ];
    for (what, before, after) in flags {
        flag(out, &place, what, before, after);
    }
}

fn flag(out: &mut Vec<String>, place: &str, what: &str, before: bool, after: bool) {
    match (before, after) {
        (false, true) => out.push(format!("{place}: became {what}")),
        (true, false) => out.push(format!("{place}: is no longer {what}")),
        _ => {}
    }
}

fn members(out: &mut Vec<String>, name: &str, old: &Shape, new: &Shape) {
    let (before, after) = (
        old.members.clone().unwrap_or_default(),
        new.members.clone().unwrap_or_default(),
    );
    for (member_name, member) in after
        .iter()
        .filter(|(member_name, _)| before.get(member_name).is_none())
    {
        let required = if member.required { ", required" } else { "" };
        out.push(format!(
            "member {name}.{member_name} added ({}{required})",
            member.target
        ));
    }
    for (member_name, member) in before.iter() {
        let place = format!("member {name}.{member_name}");
        let Some(now) = after.get(member_name) else {
            out.push(format!("{place} removed"));
            continue;
        };
        changed(out, &place, "shape", &member.target, &now.target);
        flag(out, &place, "required", member.required, now.required);
        flag(
            out,
            &place,
            "an idempotency token",
            member.idempotency_token,
            now.idempotency_token,
        );
    }
    let order = |a: &Ordered<_>, b: &Ordered<_>| {
        a.iter()
            .map(|(name, _)| name.to_owned())
            .filter(|name| b.get(name).is_some())
            .collect::<Vec<_>>()
    };
    if order(&before, &after) != order(&after, &before) {
        out.push(format!("shape {name}: order of members changed"));
    }
}
