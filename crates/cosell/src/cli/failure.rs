//! What a running server refused, in words for people and an exit code for scripts.

use serde::Deserialize;

/// Why a command came back without what it asked for.
#[derive(Debug)]
pub enum Failure {
    /// The server refused the request.
    Refused(Seen),
    /// The server is not reached, or does not answer as one should.
    Unreachable(String),
    /// The server would refuse the request that was only looked at; what it would say is told already.
    WouldBeRefused,
    /// The server does not take the token, or the token may not do this.
    Unauthorised(Seen),
}

/// A problem as it is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Seen {
    status: u16,
    title: String,
    detail: String,
    request_id: String,
    errors: Vec<Fault>,
    #[serde(rename = "ErrorList")]
    error_list: Vec<Violation>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fault {
    pointer: Option<String>,
    parameter: Option<String>,
    detail: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Violation {
    field_name: Option<String>,
    code: String,
    message: String,
}

impl Failure {
    /// What the program should end with: 2 for a refusal, 3 for no server or no right.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::WouldBeRefused => 2,
            Self::Unreachable(_) | Self::Unauthorised(_) => 3,
        }
    }
}

impl std::error::Error for Failure {}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seen = match self {
            Self::Unreachable(words) => return f.write_str(words),
            Self::WouldBeRefused => return f.write_str("the request would be refused"),
            Self::Refused(seen) | Self::Unauthorised(seen) => seen,
        };
        let detail = if seen.detail.is_empty() {
            &seen.title
        } else {
            &seen.detail
        };
        f.write_str(detail)?;
        for fault in &seen.errors {
            // With few faults the sentence says them all.
            if !detail.contains(&fault.detail) {
                let place = fault
                    .parameter
                    .as_deref()
                    .or(fault.pointer.as_deref())
                    .unwrap_or_default();
                write!(f, "\n  {place}: {}", fault.detail)?;
            }
        }
        for Violation {
            field_name,
            code,
            message,
        } in &seen.error_list
        {
            let place = field_name.as_deref().unwrap_or("the request");
            write!(f, "\n  {place}: {message} ({code})")?;
        }
        if seen.status >= 500 && !seen.request_id.is_empty() {
            write!(f, "\n  request {}", seen.request_id)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_all_that_is_wrong_and_nothing_twice() {
        let seen: Seen = serde_json::from_str(
            r#"{"status": 422, "title": "A rule forbids it", "detail": "Two things are wrong",
                "errors": [{"pointer": "/name", "detail": "is too long"}],
                "ErrorList": [{"FieldName": "project.title", "Code": "REQUIRED_FIELD_MISSING", "Message": "is missing"}]}"#,
        )
        .unwrap();
        let failure = Failure::Refused(seen);
        assert_eq!(
            failure.to_string(),
            "Two things are wrong\n  /name: is too long\n  project.title: is missing (REQUIRED_FIELD_MISSING)"
        );
        assert_eq!(failure.exit_code(), 2);
        let seen = r#"{"status": 400, "detail": "limit: must be less", "errors": [{"parameter": "limit", "detail": "must be less"}]}"#;
        let failure = Failure::Unauthorised(serde_json::from_str(seen).unwrap());
        assert_eq!(failure.to_string(), "limit: must be less");
        assert_eq!(failure.exit_code(), 3);
    }
}
