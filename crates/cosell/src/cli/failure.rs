//! What a command could not do: in words for people, as JSON for programs, and as an exit code for scripts.

use std::io::Write as _;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use crate::output::{Output, tamed};

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
    /// What is given as a token cannot be one of any server.
    NoToken(String),
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

impl Seen {
    /// What is wrong, in words. Where a server tells it as a list of faults with their JSON pointers, the words are made anew,
    /// since who types flags has never seen the body that those point into.
    fn in_words(&self) -> String {
        let raw = self.errors.iter().map(|fault| match fault.raw() {
            "" => fault.detail.clone(),
            place => format!("{place}: {}", fault.detail),
        });
        let raw: Vec<String> = raw.collect();
        let summed_up = !raw.is_empty() && self.detail == raw.join("; ");
        let faults = self.errors.iter().map(|fault| fault.at(&fault.place()));
        if summed_up {
            return faults.collect::<Vec<_>>().join("\n");
        }
        let mut words = match self.detail.as_str() {
            "" => self.title.clone(),
            detail => detail.to_owned(),
        };
        for (fault, said) in self.errors.iter().zip(faults) {
            // With few faults the sentence says them all.
            if !self.detail.contains(&fault.detail) {
                words.push_str("\n  ");
                words.push_str(&said);
            }
        }
        words
    }
}

impl Fault {
    /// Its parameter or JSON pointer.
    fn raw(&self) -> &str {
        self.parameter
            .as_deref()
            .or(self.pointer.as_deref())
            .unwrap_or_default()
    }

    /// The same as people write it: `/customer/contacts/0` is customer.contacts[0].
    fn place(&self) -> String {
        if self.parameter.is_some() {
            return self.raw().to_owned();
        }
        let mut place = String::new();
        for segment in self.raw().split('/').skip(1) {
            let name = segment.replace("~1", "/").replace("~0", "~");
            match name.parse::<usize>() {
                Ok(index) => place.push_str(&format!("[{index}]")),
                Err(_) if place.is_empty() => place.push_str(&name),
                Err(_) => place.push_str(&format!(".{name}")),
            }
        }
        place
    }

    fn at(&self, place: &str) -> String {
        match place {
            "" => self.detail.clone(),
            // Some complaints begin with what they complain of.
            _ if self.detail.starts_with(&format!("{place} ")) => self.detail.clone(),
            _ => format!("{place}: {}", self.detail),
        }
    }
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
            Self::Unauthorised(_) | Self::NoToken(_) => (
                "unauthorised",
                3,
                "Give a token that may do this: --operator-token or COSELL_OPERATOR_TOKEN, or the server's folder with --data.",
            ),
        }
    }

    fn seen(&self) -> Option<&Seen> {
        match self {
            Self::Unreachable(_) | Self::NoToken(_) | Self::WouldBeRefused => None,
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
            Output::Table => format!("cosell: {}", tamed(&self.message)),
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
            Self::Unreachable(words) | Self::NoToken(words) => return f.write_str(words),
            Self::WouldBeRefused => return f.write_str("the request would be refused"),
            Self::Refused(seen) | Self::Unavailable(seen) | Self::Unauthorised(seen) => seen,
        };
        let detail = seen.in_words();
        f.write_str(&detail)?;
        for Violation {
            field_name,
            code,
            message,
        } in &seen.error_list
        {
            // With few violations the sentence says them all.
            if !detail.contains(message) {
                let place = field_name.as_deref().unwrap_or("the request");
                write!(f, "\n  {place}: {message} ({code})")?;
            }
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
            "Two things are wrong\n  name: is too long\n  project.title: is missing (REQUIRED_FIELD_MISSING)"
        );
        assert_eq!(failure.about().1, 2);
        let seen = r#"{"status": 400, "detail": "limit: must be less", "errors": [{"parameter": "limit", "detail": "must be less"}]}"#;
        let failure = Failure::Unauthorised(serde_json::from_str(seen).unwrap());
        assert_eq!(failure.to_string(), "limit: must be less");
        assert_eq!(failure.about().1, 3);
    }

    #[test]
    fn no_pointer_reaches_who_types_flags_and_a_rule_is_said_once() {
        let told = |seen: &str| Failure::Refused(serde_json::from_str(seen).unwrap()).to_string();
        assert_eq!(
            told(
                r#"{"detail": "/by: must be a span; /operations/0/name: names nothing",
                "errors": [{"pointer": "/by", "detail": "must be a span"},
                           {"pointer": "/operations/0/name", "detail": "names nothing"}]}"#
            ),
            "by: must be a span\noperations[0].name: names nothing"
        );
        assert_eq!(
            told(
                r#"{"detail": "/stage: stage must be one of: A",
                "errors": [{"pointer": "/stage", "detail": "stage must be one of: A"}]}"#
            ),
            "stage must be one of: A"
        );
        assert_eq!(
            told(
                r#"{"detail": "1 validation error: it names a twice",
                "ErrorList": [{"FieldName": "it", "Code": "X", "Message": "it names a twice"}]}"#
            ),
            "1 validation error: it names a twice"
        );
    }
}
