//! `cosell events`: what partners are told, to whom it is delivered, and how that goes.

mod log;
mod rules;
mod sse;
mod tail;
mod targets;

use clap::Subcommand;

use super::remote::At;
use crate::output::Output;

/// What can be done with events.
#[derive(Subcommand)]
pub enum Command {
    /// Follow the events of a running server as they happen
    Tail(tail::Tail),
    /// List events; --output json prints one EventBridge envelope a line, the oldest first
    List(log::List),
    /// Show an event and what became of it at each target
    Show(log::Show),
    /// Send an event to a target once more, or all that were given up there
    Redeliver(log::Redeliver),
    /// Send the events of a range of time to a target
    Replay(log::Replay),
    /// List the events that were given up at a target
    Dead(log::Dead),
    /// Where events are delivered to
    #[command(subcommand)]
    Target(targets::Command),
    /// Which events go to which targets
    #[command(subcommand)]
    Rule(rules::Command),
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Tail(tail) => tail::run(output, &tail).await,
        Command::List(list) => log::list(output, &list).await,
        Command::Show(show) => log::show(output, &show).await,
        Command::Redeliver(redeliver) => log::redeliver(output, &redeliver).await,
        Command::Replay(replay) => log::replay(output, &replay).await,
        Command::Dead(dead) => log::dead(output, &dead).await,
        Command::Target(command) => targets::run(output, command).await,
        Command::Rule(command) => rules::run(output, command).await,
    }
}

/// The place of something with an owner: of a list, a name as typed (`ID`, or `ACCOUNT/ID`), and a verb.
fn place(list: &str, name: &str, verb: Option<&str>) -> At {
    let (account, id) = name.split_once('/').unwrap_or(("", name));
    let account = Some(account).filter(|account| !account.is_empty());
    At::new([list, id].into_iter().chain(verb)).with("account", account)
}
