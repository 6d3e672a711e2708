//! What commands print: tables for people, JSON for programs. Values only; the words of commands are theirs.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{ErrorKind, IsTerminal as _, Write as _};

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

/// A text with nothing in it that a terminal obeys or that shows it otherwise than it is: titles and names are whatever
/// partners send, and must neither move the cursor nor read backwards. Line ends stay.
pub fn tamed(text: &str) -> Cow<'_, str> {
    let wild = |letter: char| {
        let turns = matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let breaks = matches!(letter, '\u{2028}' | '\u{2029}');
        (letter.is_control() && letter != '\n') || turns || breaks
    };
    if !text.contains(wild) {
        return Cow::Borrowed(text);
    }
    let tame = |letter| match letter {
        '\t' => ' ',
        letter if wild(letter) => char::REPLACEMENT_CHARACTER,
        letter => letter,
    };
    Cow::Owned(text.replace("\r\n", "\n").chars().map(tame).collect())
}

/// The text of a cell: one line, however many were sent.
fn cell(text: &str) -> String {
    tamed(text).split('\n').collect::<Vec<_>>().join(" ")
}

/// Lines of name and value. Further lines of a value stand below its first, so that none passes for a line of its own.
fn named(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let below = format!("\n{:width$}  ", "");
    let line = |(name, value): &(&str, String)| {
        let value = tamed(value).replace('\n', &below);
        format!("{name:width$}  {value}")
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Columns of the terminal that the output goes to; `None` where it goes elsewhere, and nothing should be broken.
fn columns_of_the_terminal() -> Option<u16> {
    let out = std::io::stdout();
    let size = out
        .is_terminal()
        .then(|| terminal_size::terminal_size_of(&out))??;
    // One that says it has none does not know.
    Some(size.0.0).filter(|columns| *columns > 0)
}

/// A table, no wider than that many columns where it can be.
fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>, width: Option<u16>) -> Table {
    let mut table = Table::new();
    *table.style_mut() = presets::UTF8_HORIZONTAL_ONLY;
    table.set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        table.set_width(width);
    }
    table.set_header(columns.to_vec());
    for row in rows {
        table.add_row(row.iter().map(|text| cell(text)));
    }
    table
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
            Output::Table => say(table(columns, rows.iter().map(cells), columns_of_the_terminal())),
        }
    }

    /// Prints one thing: lines of name and value, or a JSON object.
    pub fn one<T: Serialize>(self, thing: &T, lines: &[(&str, String)]) -> anyhow::Result<()> {
        match self {
            Output::Json => say(serde_json::to_string_pretty(thing)?),
            Output::Table => say(named(lines)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_partners_send_cannot_move_the_cursor_nor_read_backwards() {
        assert_eq!(
            tamed("M\u{fc}ller \u{1f468}\u{200d}\u{1f33e}"),
            "M\u{fc}ller \u{1f468}\u{200d}\u{1f33e}"
        );
        assert_eq!(
            tamed("a\tb \u{1b}[31mred\u{9b}2J\u{202e}flow\r\nnext"),
            "a b \u{fffd}[31mred\u{fffd}2J\u{fffd}flow\nnext"
        );
    }

    #[test]
    fn a_value_of_several_lines_passes_for_no_other_line() {
        let lines = [
            ("Title", "Ovens\nReview status  Approved".to_owned()),
            ("Review status", "Submitted".to_owned()),
        ];
        assert_eq!(
            named(&lines),
            "Title          Ovens\n               Review status  Approved\nReview status  Submitted"
        );
    }

    #[test]
    fn a_table_fits_the_terminal_and_a_cell_is_one_line() {
        let rows = || {
            [
                vec!["O1".to_owned(), "long ".repeat(40)],
                vec!["O2".to_owned(), "a\nb".to_owned()],
            ]
            .into_iter()
        };
        let narrow = table(&["Id", "Title"], rows(), Some(60)).to_string();
        assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
        let wide = table(&["Id", "Title"], rows(), None).to_string();
        assert!(
            wide.contains(&"long ".repeat(39)) && wide.contains("a b"),
            "{wide}"
        );
    }
}
