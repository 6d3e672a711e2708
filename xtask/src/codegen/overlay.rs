//! `model/overlay.json`: the few corrections to the contract that AWS's documentation or answers force, each with its reason.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::model::facts::Model;

/// The corrections.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Overlay {
    /// Enum values that requests may carry although the contract does not list them.
    pub accepted_values: Vec<ExtraValue>,
    /// Enum values that only answers may carry.
    pub read_only_values: Vec<ExtraValue>,
    /// Shapes whose pattern AWS's own answers contradict.
    pub patterns_not_enforced_in_answers: Vec<LoosePattern>,
}

/// One more value of an enum.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraValue {
    pub shape: String,
    pub value: String,
    pub reason: String,
}

/// A pattern that answers need not obey.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoosePattern {
    pub shape: String,
    pub reason: String,
}

impl Overlay {
    /// Reads the file and checks every entry against the contract, so that a correction that became moot is noticed.
    pub fn load(path: &Path, model: &Model) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let overlay: Self =
            serde_json::from_str(&text).with_context(|| format!("{} is not an overlay", path.display()))?;
        for extra in overlay.accepted_values.iter().chain(&overlay.read_only_values) {
            let values = model.shape(&extra.shape)?.values.as_ref();
            let values = values.with_context(|| format!("overlay: {} is not an enum", extra.shape))?;
            ensure!(
                !values.contains(&extra.value),
                "overlay: {} lists {:?} by now; remove the entry",
                extra.shape,
                extra.value
            );
            ensure!(
                !extra.reason.is_empty(),
                "overlay: {} needs a reason",
                extra.shape
            );
        }
        for loose in &overlay.patterns_not_enforced_in_answers {
            ensure!(
                model.shape(&loose.shape)?.pattern.is_some(),
                "overlay: {} has no pattern",
                loose.shape
            );
            ensure!(
                !loose.reason.is_empty(),
                "overlay: {} needs a reason",
                loose.shape
            );
        }
        Ok(overlay)
    }

    /// The values of an enum that requests may carry beyond the contract's own.
    pub fn accepted<'a>(&'a self, shape: &str) -> impl Iterator<Item = &'a str> {
        self.accepted_values
            .iter()
            .filter(move |e| e.shape == shape)
            .map(|e| e.value.as_str())
    }

    /// The values of an enum that only answers may carry.
    pub fn read_only<'a>(&'a self, shape: &str) -> impl Iterator<Item = &'a str> {
        self.read_only_values
            .iter()
            .filter(move |e| e.shape == shape)
            .map(|e| e.value.as_str())
    }

    /// Whether answers must obey the shape's pattern.
    pub fn enforced_in_answers(&self, shape: &str) -> bool {
        !self
            .patterns_not_enforced_in_answers
            .iter()
            .any(|loose| loose.shape == shape)
    }
}
