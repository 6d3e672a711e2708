//! `cosell store copy`: everything from one store into another, in steps that can be cut off and taken up again.
//!
//! What a copy is, how it goes on and when it is right is in the store's own room; here it is told to people and programs.

mod place;

use anyhow::bail;
use clap::{Args, Subcommand};
use cosell_store::Progress;
use cosell_store::copy::{At, CopyError, Copying, Difference, Outcome, Phase, Plan, Table};
use serde_json::{Value, json};

use super::progress::{Bar, Unit};
use crate::output::{Output, say};
use place::{Place, Places};

/// Items between two lines of progress for programs, within one table.
const TELL: u64 = 5_000;

/// What can be done with stores.
#[derive(Subcommand)]
pub enum Command {
    /// Copy everything from one store into another one that holds nothing, and verify it
    Copy(Copy),
}

#[derive(Args)]
pub struct Copy {
    /// What to copy: a data folder with its own database, or the postgres:// address of one; no server may use it meanwhile
    #[arg(env = "COSELL_COPY_FROM", hide_env_values = true)]
    from: String,
    /// Where to: a data folder, which may be new, or a postgres:// address; it must hold nothing but an unfinished copy
    #[arg(env = "COSELL_COPY_TO", hide_env_values = true)]
    to: String,
    /// Erase the unfinished copy in TO and begin anew
    #[arg(long)]
    restart: bool,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Copy(command) => copy(output, command).await,
    }
}

async fn copy(output: Output, copy: Copy) -> anyhow::Result<()> {
    let places = Places {
        from: Place::read(&copy.from)?,
        to: Place::read(&copy.to)?,
    };
    let opened = places.open().await?;
    let plan = Plan {
        restart: copy.restart,
        ..Plan::new(places.from.shown())
    };
    let (source, target) = (opened.source.clone(), opened.target.clone());
    let mut copying = Copying::begin(source, target, plan)
        .await
        .map_err(|error| in_words(error, &places))?;
    places.put_key()?;
    let resumed = copying.resumed();
    let mut teller = Teller::new(output);
    if resumed > 0 && output == Output::Table {
        say(format_args!(
            "{resumed} items are in already: going on behind them"
        ))?;
    }
    while let Some(at) = copying.step().await.map_err(|error| in_words(error, &places))? {
        teller.tell(at)?;
    }
    let mut told = Ok(());
    let mut tell = |at| {
        if told.is_ok() {
            told = teller.tell(at);
        }
    };
    let outcome = copying.finish(&mut tell).await;
    let outcome = outcome.map_err(|error| in_words(error, &places))?;
    told?;
    drop(teller);
    opened.source.close().await;
    opened.target.close().await;
    show(output, &places, resumed, &outcome)?;
    match &outcome.difference {
        None => Ok(()),
        Some(difference) => bail!(
            "the copy is not the same: {}. Somebody wrote to one of the two meanwhile: see to it that nobody does, and begin anew \
             with --restart; until then {} is opened by nobody",
            apart(difference),
            places.to.shown()
        ),
    }
}

/// The error, with what to do about it where the copy can go on.
fn in_words(error: CopyError, places: &Places) -> anyhow::Error {
    let advice = match &error {
        CopyError::Source(_) => format!("{} cannot be read on", places.from.shown()),
        CopyError::Target(_) => format!("{} cannot be filled", places.to.shown()),
        CopyError::NotEmpty => return anyhow::Error::new(error).context(places.to.shown()),
        _ => return error.into(),
    };
    let advice = format!("{advice}; when the cause is gone, the same command goes on where this one was");
    anyhow::Error::new(error).context(advice)
}

fn apart(difference: &Difference) -> String {
    let has = |item: &Option<String>| item.as_deref().unwrap_or("nothing more").to_owned();
    let (here, there) = (has(&difference.source), has(&difference.target));
    let table = difference.table;
    match here == there {
        true => format!("in the table {table}, {here} is not what it was copied from"),
        false => format!("in the table {table}, the source has {here} where the copy has {there}"),
    }
}

/// Says how far a copy is: a bar for people, now and then a line for programs.
struct Teller {
    output: Output,
    bar: Option<(Phase, Bar)>,
    last: Option<At>,
}

impl Teller {
    fn new(output: Output) -> Self {
        Teller {
            output,
            bar: None,
            last: None,
        }
    }

    fn tell(&mut self, at: At) -> anyhow::Result<()> {
        let done = match at.phase {
            Phase::Resuming => "looked at",
            Phase::Copying => "copied",
            Phase::Verifying => "verified",
        };
        if self.bar.as_ref().is_none_or(|(phase, _)| *phase != at.phase) {
            // The old one goes before the new one comes: there is room for one.
            self.bar = None;
            self.bar = Some((at.phase, Bar::new(self.output, Unit::Things("items"), done)));
        }
        if let Some((_, bar)) = &self.bar {
            bar.say(format!("{done} ({})", at.table));
            bar.teller()(Progress {
                done: at.done,
                total: at.total,
            });
        }
        let is_news = |last: At| {
            (last.phase, last.table) != (at.phase, at.table) || at.done >= last.done.saturating_add(TELL)
        };
        if self.output == Output::Json && self.last.is_none_or(is_news) {
            self.last = Some(at);
            let phase = match at.phase {
                Phase::Resuming => "resuming",
                Phase::Copying => "copying",
                Phase::Verifying => "verifying",
            };
            say(json!({ "phase": phase, "table": at.table, "items": at.done, "total": at.total }))?;
        }
        Ok(())
    }
}

/// Prints what was found; for programs in one line, the last one.
fn show(output: Output, places: &Places, resumed: u64, outcome: &Outcome) -> anyhow::Result<()> {
    let is_same = outcome.difference.is_none();
    let next = if is_same { places.next()? } else { Vec::new() };
    if output == Output::Json {
        let difference = outcome
            .difference
            .as_ref()
            .map(|found| json!({ "table": found.table, "source": found.source, "target": found.target }));
        return say(json!({
            "phase": if is_same { "done" } else { "different" },
            "items": outcome.items,
            "resumedAt": resumed,
            "tables": outcome.tables.iter().map(row).collect::<Vec<_>>(),
            "difference": difference,
            "next": next,
        }));
    }
    let columns = ["Table", "Items", "In the copy", "SHA-256", "In the copy"];
    let cells = |table: &Table| {
        let items =
            |sum: &Option<cosell_store::copy::Sum>| sum.as_ref().map_or(0, |sum| sum.items).to_string();
        // As much as tells two apart; programs are told all.
        let start = |sum: &Option<cosell_store::copy::Sum>| {
            sum.as_ref()
                .map_or("-".to_owned(), |sum| sum.sha256.chars().take(16).collect())
        };
        vec![
            table.name.to_owned(),
            items(&table.source),
            items(&table.target),
            start(&table.source),
            start(&table.target),
        ]
    };
    let rows: Vec<Shown<'_>> = outcome.tables.iter().map(Shown).collect();
    output.list(
        &columns,
        &rows,
        |shown| cells(shown.0),
        "there was nothing to copy",
    )?;
    if is_same {
        say(format_args!("\n{} items copied and verified.\n", outcome.items))?;
    }
    next.iter().try_for_each(say)
}

/// A table as programs see it.
struct Shown<'a>(&'a Table);

impl serde::Serialize for Shown<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        row(self.0).serialize(serializer)
    }
}

fn row(table: &Table) -> Value {
    let sum = |sum: &Option<cosell_store::copy::Sum>| match sum {
        Some(sum) => json!({ "items": sum.items, "sha256": sum.sha256 }),
        None => Value::Null,
    };
    json!({ "table": table.name, "source": sum(&table.source), "target": sum(&table.target) })
}
