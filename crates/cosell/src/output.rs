//! What commands print: tables for people, JSON for programs. Values only; the words of commands are theirs.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{ErrorKind, Write as _};

use anyhow::Context as _;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

/// The form of a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs.
    Json,
}

/// Prints a text and a line end. A reader that has gone away, as in `cosell config show | head -1`, is no failure: it has
/// what it wanted.
pub fn say(text: impl Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to the standard output"),
    }
}

impl Output {
    /// The form that a command line asks for which cannot be understood as a whole: complaints about it are said in that form.
    pub fn asked_for(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        let apart = arguments
            .windows(2)
            .any(|two| two[0] == "--output" && two[1] == "json");
        if apart || arguments.iter().any(|one| one == "--output=json") {
            Self::Json
        } else {
            Self::Table
        }
    }

    /// Prints a list: a table of `columns`, or a JSON array of the rows themselves.
    pub fn list<T: Serialize>(
        self,
        columns: &[&str],
        rows: &[T],
        cells: impl Fn(&T) -> Vec<String>,
        nothing: &str,
    ) -> anyhow::Result<()> {
        match self {
            Output::Json => say(serde_json::to_string_pretty(rows)?),
            Output::Table if rows.is_empty() => say(nothing),
            Output::Table => {
                let mut table = Table::new();
                *table.style_mut() = presets::UTF8_HORIZONTAL_ONLY;
                table.set_content_arrangement(ContentArrangement::Dynamic);
                table.set_header(columns.to_vec());
                for row in rows {
                    table.add_row(cells(row));
                }
                say(table)
            }
        }
    }

    /// Prints one thing: lines of name and value, or a JSON object.
    pub fn one<T: Serialize>(self, thing: &T, lines: &[(&str, String)]) -> anyhow::Result<()> {
        match self {
            Output::Json => say(serde_json::to_string_pretty(thing)?),
            Output::Table => {
                let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
                for (name, value) in lines {
                    say(format_args!("{name:width$}  {value}"))?;
                }
                Ok(())
            }
        }
    }
}
