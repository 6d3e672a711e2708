//! Collects the violations of one pass, so that a caller hears of all of them at once.
//! Knows no rule: it only gathers what the rules find.

use cosell_model::Violation;
use cosell_model::enums::ValidationExceptionErrorCode as Code;

/// The violations found so far in one pass over a request.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// An empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a violation on `field`, a dotted lowerCamel path from the request's root.
    pub fn add(&mut self, field: &str, code: Code, message: impl Into<String>) {
        self.0.push(Violation::new(field, code, message));
    }

    /// Adds a violation that concerns the whole request and names no field.
    pub fn add_general(&mut self, code: Code, message: impl Into<String>) {
        self.0.push(Violation::without_field(code, message));
    }

    /// Adds `<field> is required` with REQUIRED_FIELD_MISSING, unless the same field is already reported missing.
    pub fn required(&mut self, field: &str) {
        let known = self
            .0
            .iter()
            .any(|v| v.field_name.as_deref() == Some(field) && v.code == Code::RequiredFieldMissing);
        if !known {
            self.add(field, Code::RequiredFieldMissing, format!("{field} is required"));
        }
    }

    /// Adds ACTION_NOT_PERMITTED on `field`.
    pub fn not_permitted(&mut self, field: &str, message: impl Into<String>) {
        self.add(field, Code::ActionNotPermitted, message);
    }

    /// Adds INVALID_VALUE on `field`.
    pub fn invalid(&mut self, field: &str, message: impl Into<String>) {
        self.add(field, Code::InvalidValue, message);
    }

    /// True when nothing was found.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Ok(value)` when nothing was found, else everything that was.
    pub fn into_result<T>(self, value: T) -> Result<T, Vec<Violation>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }

    /// The violations in the order in which they were found.
    pub fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}
