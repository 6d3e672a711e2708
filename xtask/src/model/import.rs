//! `cargo xtask model import`: brings the facts file up to date from one source, keeping what that source does not know.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::facts::Model;
use super::{botocore, smithy};

/// Reads a source in either format, told apart by content.
pub fn read(path: &Path) -> Result<Model> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "cannot read {} as text (unpack it first if it ends in .gz)",
            path.display()
        )
    })?;
    let probe: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let mut model = if probe.get("smithy").is_some() {
        smithy::read(&text)?
    } else if probe.get("metadata").is_some() {
        let beside = path.with_file_name("paginators-1.json");
        let paginators = beside
            .exists()
            .then(|| std::fs::read_to_string(&beside))
            .transpose()?;
        botocore::read(&text, paginators.as_deref())?
    } else if probe.get("service").is_some() {
        Model::from_json(&text)?
    } else {
        bail!(
            "{} is neither a botocore model, a Smithy syntax tree nor a facts file",
            path.display()
        );
    };
    tidy(&mut model);
    model.verify()?;
    Ok(model)
}

/// Sorts what has no order of its own, so that both sources write the same file. Members and enum values keep theirs.
fn tidy(model: &mut Model) {
    model.resources.sort_by_name();
    model.operations.sort_by_name();
    model.shapes.sort_by_name();
    let operations = model.operations.iter().map(|(name, operation)| {
        let mut operation = operation.clone();
        operation.errors.sort();
        (name.to_owned(), operation)
    });
    model.operations = operations.collect();
}

/// Imports `source` over the facts in `out` and writes `out`. Gives a line for each kind of fact that was kept.
pub fn run(source: &Path, origin: Option<&str>, out: &Path) -> Result<Vec<String>> {
    let mut model = read(source)?;
    let kept = match out.exists() {
        true => keep(&mut model, &Model::load(out)?),
        false => Vec::new(),
    };
    if let Some(origin) = origin {
        model.service.facts_from = origin.to_owned();
    }
    std::fs::write(out, model.to_json()?).with_context(|| format!("cannot write {}", out.display()))?;
    Ok(kept)
}

/// Takes over from `old` what the new source is silent about.
pub fn keep(model: &mut Model, old: &Model) -> Vec<String> {
    let mut kept = Vec::new();
    let mut note = |count: usize, what: &str| {
        if count > 0 {
            kept.push(format!("kept {count} {what} that the source does not have"));
        }
    };
    let (new, before) = (&mut model.service, &old.service);
    let names = [
        (&mut new.arn_namespace, &before.arn_namespace),
        (&mut new.iam_prefix, &before.iam_prefix),
        (&mut new.event_source, &before.event_source),
        (&mut new.facts_from, &before.facts_from),
    ];
    let mut count = 0;
    for (slot, value) in names {
        if slot.is_empty() && !value.is_empty() {
            slot.clone_from(value);
            count += 1;
        }
    }
    note(count, "names of the service");
    if model.resources.is_empty() {
        model.resources = old.resources.clone();
        note(model.resources.len(), "resources");
    }
    let (mut iam, mut pages) = (0, 0);
    let operations = model.operations.iter().map(|(name, operation)| {
        let mut operation = operation.clone();
        if let Some(before) = old.operations.get(name) {
            if operation.iam.is_none() && before.iam.is_some() {
                operation.iam.clone_from(&before.iam);
                iam += 1;
            }
            if operation.paginated.is_none() && before.paginated.is_some() {
                operation.paginated.clone_from(&before.paginated);
                pages += 1;
            }
        }
        (name.to_owned(), operation)
    });
    model.operations = operations.collect();
    note(iam, "IAM entries");
    note(pages, "paginations");
    let mut statuses = 0;
    let shapes = model.shapes.iter().map(|(name, shape)| {
        let mut shape = shape.clone();
        let before = old.shapes.get(name).and_then(|shape| shape.http_status);
        if shape.http_status.is_none() && before.is_some() {
            shape.http_status = before;
            statuses += 1;
        }
        (name.to_owned(), shape)
    });
    model.shapes = shapes.collect();
    note(statuses, "HTTP statuses");
    kept
}
