//! `cosell audit`: who did what on a running server.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::Value;

use super::ask::Ask as _;
use super::remote::{At, Remote, Target};
use super::shown::{at, row};
use crate::output::{Output, say};

/// What can be done with the audit log.
#[derive(Subcommand)]
pub enum Command {
    /// List entries, the newest first; --output json also tells what changed
    List(List),
    /// Export entries as JSON lines in CloudTrail's form, the oldest first
    Export(Export),
}

#[derive(Args)]
pub struct Filter {
    /// About this partner account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Of this time or later, such as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Of this time or earlier
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Of this action, such as CreateOpportunity or ApproveOpportunity
    #[arg(long)]
    action: Option<String>,
    /// About this thing, such as O1234567
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    filter: Filter,
    /// Most rows
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::parse_rows)]
    limit: usize,
}

#[derive(Args)]
pub struct Export {
    #[command(flatten)]
    filter: Filter,
    /// A new file to write to [default: the standard output]
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
}

impl Filter {
    fn of(&self, at: At) -> At {
        at.with("account", self.account.as_deref())
            .with("from", self.from.as_deref())
            .with("to", self.to.as_deref())
            .with("action", self.action.as_deref())
            .with("resource", self.resource.as_deref())
    }
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(wanted) => list(output, &wanted).await,
        Command::Export(wanted) => export(output, &wanted).await,
    }
}

async fn list(output: Output, wanted: &List) -> anyhow::Result<()> {
    let place = wanted.filter.of(At::new(["audit"]));
    let rows: Vec<Value> = Remote::open(&wanted.filter.target)?
        .list(&place, wanted.limit)
        .await?;
    output.list(
        &["Time", "Who", "Action", "About", "Refused"],
        &rows,
        |entry| {
            let mut cells = row(entry, &["/time"]);
            cells.extend([
                who(entry),
                at(entry, "/action"),
                about(entry),
                at(entry, "/error"),
            ]);
            cells
        },
        "No entries",
    )
}

fn who(entry: &Value) -> String {
    let kind = at(entry, "/actor/type");
    let named = ["/actor/account", "/actor/token", "/actor/job"]
        .into_iter()
        .find_map(|pointer| entry.pointer(pointer)?.as_str());
    named.map_or_else(|| kind.clone(), |name| format!("{kind} {name}"))
}

/// The first thing that was written, and how many others.
fn about(entry: &Value) -> String {
    let changes = entry["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    match changes {
        [] => "-".to_owned(),
        [one] => at(one, "/id"),
        [first, others @ ..] => format!("{} and {} more", at(first, "/id"), others.len()),
    }
}

async fn export(output: Output, wanted: &Export) -> anyhow::Result<()> {
    let remote = Remote::open(&wanted.filter.target)?;
    let mut out: Box<dyn Write> = match &wanted.to_file {
        Some(path) => {
            let file = File::create_new(path).with_context(|| format!("cannot write {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
        None => Box::new(std::io::stdout().lock()),
    };
    let place = wanted.filter.of(At::new(["audit", "export"]));
    let (mut cursor, mut lines) = (None::<String>, 0);
    loop {
        let (part, next) = remote
            .lines(&place.clone().with("cursor", cursor.as_deref()))
            .await?;
        lines += part.iter().filter(|byte| **byte == b'\n').count();
        match out.write_all(&part) {
            // Who reads has what it wanted.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("cannot write the export")?,
        }
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    out.flush().context("cannot write the export")?;
    match (&wanted.to_file, output) {
        (Some(path), Output::Table) => say(format_args!("{lines} records in {}", path.display())),
        _ => Ok(()),
    }
}
