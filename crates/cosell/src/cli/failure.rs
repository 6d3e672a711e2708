//! What a command could not do: in words for people, as JSON for programs, and as an exit code for scripts.

use std::io::Write as _;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::output::Output;

/// Why a command came back without what it asked for.
#[derive(Debug)]
pub enum Failure {
    /// The server refused the request.
    Refused(Seen),
    /// The server is not reached, or does not answer as one should.
    Unreachable(String),
    /// The server would refuse the request that was only looked at; what it would say is told already.
    WouldBeRefused,
    /// The server cannot do it now.
    Unavailable(Seen),
    /// The server does not take the token, or the token may not do this.
    Unauthorised(Seen),
}

/// A problem as it is read.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Seen {
    #[serde(rename = "type")]
    kind: String,
    status: u16,
    #[serde(skip_serializing)]
    title: String,
    #[serde(skip_serializing)]
    detail: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    request_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    #[serde(rename = "ErrorList", skip_serializing_if = "Vec::is_empty")]
    error_list: Vec<Violation>,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Fault {
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    detail: String,
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
struct Violation {
    #[serde(skip_serializing_if = "Option::is_none")]
    field_name: Option<String>,
    code: String,
    message: String,
}

impl Failure {
    /// Its name, what the program ends with, and what to do next.
    const fn about(&self) -> (&'static str, u8, &'static str) {
        match self {
            Self::Refused(_) => (
                "refused",
                2,
                "Change what the message names. The same request will be refused again.",
            ),
            Self::WouldBeRefused => (
                "would-be-refused",
                2,
                "Change what the printed answer names before you send the request.",
            ),
            Self::Unreachable(_) => (
                "unreachable",
                3,
                "Start the server, or name another one with --operator-url and --operator-token, or its folder with --data.",
            ),
            Self::Unavailable(_) => ("unavailable", 3, "Repeat the command later."),
            Self::Unauthorised(_) => (
                "unauthorised",
                3,
                "Give a token that may do this: --operator-token or COSELL_OPERATOR_TOKEN, or the server's folder with --data.",
            ),
        }
    }

    fn seen(&self) -> Option<&Seen> {
        match self {
            Self::Unreachable(_) | Self::WouldBeRefused => None,
            Self::Refused(seen) | Self::Unavailable(seen) | Self::Unauthorised(seen) => Some(seen),
        }
    }
}

/// Why the program ends without having done what it was told to do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Complaint<'a> {
    /// What happened, in a word: `misuse`, `failed`, or that of a [`Failure`].
    kind: &'static str,
    /// What happened, in words.
    message: String,
    /// What to do next.
    advice: &'static str,
    /// What the program ends with.
    exit_code: u8,
    /// What a server told, where one did: its status, its problem's type, each fault.
    #[serde(flatten)]
    seen: Option<&'a Seen>,
}

impl<'a> Complaint<'a> {
    /// Not 2, which says that a server has refused.
    pub const MISUSE_CODE: u8 = 1;

    /// Of a command that was understood and not done.
    pub fn of(error: &'a anyhow::Error) -> Self {
        let failure = error.downcast_ref::<Failure>();
        let (kind, exit_code, advice) = failure.map_or(
            ("failed", 1, "Change what the message names, and repeat."),
            Failure::about,
        );
        Self {
            kind,
            message: format!("{error:#}"),
            advice,
            exit_code,
            seen: failure.and_then(Failure::seen),
        }
    }

    /// Of a command line that was not understood.
    pub fn of_misuse(told: &clap::Error) -> Self {
        let text = told.render().to_string();
        Self {
            kind: "misuse",
            message: text.trim().trim_start_matches("error: ").to_owned(),
            advice: "The same command with --help says what it takes.",
            exit_code: Self::MISUSE_CODE,
            seen: None,
        }
    }

    /// Says it on the standard error; what the program ends with.
    pub fn say(&self, output: Output) -> ExitCode {
        let text = match output {
            Output::Table => format!("cosell: {}", self.message),
            // Texts and numbers only: this cannot fail.
            Output::Json => serde_json::to_string(self).unwrap_or_default(),
        };
        // Where nobody hears it, the exit code still tells.
        let _ = writeln!(std::io::stderr(), "{text}");
        self.exit_code.into()
    }
}

impl std::error::Error for Failure {}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seen = match self {
            Self::Unreachable(words) => return f.write_str(words),
            Self::WouldBeRefused => return f.write_str("the request would be refused"),
            Self::Refused(seen) | Self::Unavailable(seen) | Self::Unauthorised(seen) => seen,
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
        assert_eq!(failure.about().1, 2);
        let seen = r#"{"status": 400, "detail": "limit: must be less", "errors": [{"parameter": "limit", "detail": "must be less"}]}"#;
        let failure = Failure::Unauthorised(serde_json::from_str(seen).unwrap());
        assert_eq!(failure.to_string(), "limit: must be less");
        assert_eq!(failure.about().1, 3);
    }
}
