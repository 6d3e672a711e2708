//! `cosell events rule`: which events go to which targets.

use std::path::Path;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::place;
use crate::cli::ask::Ask as _;
use crate::cli::desk::Desk;
use crate::cli::remote::{At, Target};
use crate::cli::shown::{at, lines, row};
use crate::output::Output;

/// What can be done with rules.
#[derive(Subcommand)]
pub enum Command {
    /// Make a rule; without a pattern it takes every event
    Add(Add),
    /// List the rules
    List(Target),
    /// Show a rule
    Show(Named),
    /// Switch a rule on: it takes what happens from now on
    Enable(Named),
    /// Switch a rule off: events pass by it for ever meanwhile
    Disable(Named),
    /// Take a rule away
    Remove(Named),
    /// Ask whether a pattern takes an event
    Test(Test),
}

#[derive(Args)]
pub struct Add {
    /// Its name, or ACCOUNT/NAME for one about an account's events alone
    name: String,
    /// A target: its id, or ACCOUNT/ID; may be repeated
    #[arg(long = "target", value_name = "NAME", required = true)]
    at_targets: Vec<String>,
    /// Only events of this detail type, such as "Opportunity Created"; may be repeated
    #[arg(long = "type", value_name = "TYPE", conflicts_with = "pattern")]
    detail_type: Vec<String>,
    /// An event pattern as EventBridge has it: JSON, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    pattern: Option<String>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Named {
    /// Its name, or ACCOUNT/NAME
    name: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Test {
    /// The event pattern: JSON, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    pattern: String,
    /// The event: an envelope as JSON or @FILE, or the id of one that is kept
    #[arg(long, value_name = "JSON|@FILE|ID")]
    event: String,
    #[command(flatten)]
    target: Target,
}

/// JSON as typed, or from a file.
fn read_json(what: &str, text: &str) -> anyhow::Result<Value> {
    let text = match text.strip_prefix('@') {
        Some(path) => {
            std::fs::read_to_string(Path::new(path)).with_context(|| format!("cannot read {path}"))?
        }
        None => text.to_owned(),
    };
    serde_json::from_str(&text).with_context(|| format!("{what} is no JSON"))
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => {
            let pattern = match (&add.pattern, add.detail_type.as_slice()) {
                (Some(text), _) => read_json("the pattern", text)?,
                (None, []) => json!({"source": ["aws.partnercentral-selling"]}),
                (None, types) => json!({"detail-type": types}),
            };
            let (account, name) = add.name.split_once('/').unwrap_or(("", &add.name));
            let mut rule = json!({"name": name, "pattern": pattern, "targets": add.at_targets});
            if !account.is_empty() {
                rule["account"] = account.into();
            }
            if let Some(description) = &add.description {
                rule["description"] = description.as_str().into();
            }
            let desk = Desk::open(&add.target).await?;
            show(output, &desk.post(&At::new(["event-rules"]), Some(&rule)).await?)
        }
        Command::List(target) => {
            let desk = Desk::open(&target).await?;
            let rows: Vec<Value> = desk.list(&At::new(["event-rules"]), usize::MAX).await?;
            let cells = |rule: &Value| {
                let mut cells = row(rule, &["/name", "/account", "/enabled"]);
                cells.extend([targets(rule), rule["pattern"].to_string()]);
                cells
            };
            let nothing = "No rules: make one with `cosell events rule add`";
            output.list(
                &["Name", "Account", "On", "Targets", "Pattern"],
                &rows,
                cells,
                nothing,
            )
        }
        Command::Show(named) => {
            let desk = Desk::open(&named.target).await?;
            show(output, &desk.get(&place("event-rules", &named.name, None)).await?)
        }
        Command::Enable(named) => switch(output, &named, true).await,
        Command::Disable(named) => switch(output, &named, false).await,
        Command::Remove(named) => {
            let desk = Desk::open(&named.target).await?;
            show(
                output,
                &desk.delete(&place("event-rules", &named.name, None)).await?,
            )
        }
        Command::Test(test) => {
            let mut question = json!({"pattern": read_json("the pattern", &test.pattern)?});
            match test.event.starts_with(['{', '@']) {
                true => question["event"] = read_json("the event", &test.event)?,
                false => question["eventId"] = test.event.as_str().into(),
            }
            let desk = Desk::open(&test.target).await?;
            let verdict: Value = desk
                .post(&At::new(["event-rules", "test"]), Some(&question))
                .await?;
            output.one(&verdict, &[("Taken", at(&verdict, "/matches"))])
        }
    }
}

async fn switch(output: Output, named: &Named, on: bool) -> anyhow::Result<()> {
    let desk = Desk::open(&named.target).await?;
    let place = place("event-rules", &named.name, None);
    let mut rule: Map<String, Value> = desk.get(&place).await?;
    // What the server keeps for itself is not sent back.
    rule.remove("since");
    rule.insert("enabled".to_owned(), on.into());
    show(output, &desk.put(&place, &rule).await?)
}

fn targets(rule: &Value) -> String {
    let names = rule["targets"].as_array().into_iter().flatten();
    names.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
}

fn show(output: Output, rule: &Value) -> anyhow::Result<()> {
    let wanted = [
        ("Name", "/name"),
        ("Account", "/account"),
        ("For", "/description"),
        ("On", "/enabled"),
    ];
    let mut told = lines(rule, &wanted);
    told.push(("Targets", targets(rule)));
    told.push(("Pattern", rule["pattern"].to_string()));
    output.one(rule, &told)
}
