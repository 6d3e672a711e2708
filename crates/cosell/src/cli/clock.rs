//! `cosell clock`: the time of a development server.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use clap::{Args, Subcommand};
use cosell_model::Timestamp;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::remote::{At, Remote, Target};
use crate::output::Output;

/// How long a movement may take before its progress is shown, and between two looks at it.
const LOOK: Duration = Duration::from_millis(400);

/// What can be done with the clock.
#[derive(Subcommand)]
pub enum Command {
    /// Show what time the server has
    Show(Target),
    /// Move the clock on; what becomes due on the way is done
    Advance(Advance),
    /// Set the clock to a time
    Set(Set),
    /// Stop the clock where it is
    Freeze(Target),
    /// Let the clock go on from where it is
    Resume(Target),
    /// Set the clock to this machine's time and let it go
    Reset(Target),
}

#[derive(Args)]
pub struct Advance {
    /// How far: 30s, 15m, 4h, 15d, 2w
    by: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Set {
    /// The time, such as 2027-01-31T00:00:00Z
    #[arg(value_parser = parse_time)]
    to: Timestamp,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Show(target) => {
            let clock: Value = Remote::open(&target)?.get(&At::new(["clock"])).await?;
            show(output, &clock)
        }
        Command::Advance(advance) => {
            let body = json!({"by": advance.by});
            go(output, &advance.target, "advance", &body).await
        }
        Command::Set(set) => go(output, &set.target, "set", &json!({"to": set.to})).await,
        Command::Freeze(target) => simply(output, &target, "freeze").await,
        Command::Resume(target) => simply(output, &target, "resume").await,
        Command::Reset(target) => simply(output, &target, "reset").await,
    }
}

async fn simply(output: Output, target: &Target, verb: &str) -> anyhow::Result<()> {
    let at = At::new(["clock", verb]);
    let clock: Value = Remote::open(target)?.post(&at, None::<&()>).await?;
    show(output, &clock)
}

/// Moves the clock and tells how far it is where somebody is looking.
async fn go(output: Output, target: &Target, verb: &str, body: &Value) -> anyhow::Result<()> {
    let remote = Remote::open(target)?;
    let at = At::new(["clock", verb]);
    let mut moving = std::pin::pin!(remote.post::<Value>(&at, Some(body)));
    let mut told = false;
    let moved = loop {
        tokio::select! {
            moved = &mut moving => break moved,
            () = tokio::time::sleep(LOOK), if output == Output::Table => told |= progress(&remote).await,
        }
    };
    if told {
        eprint!("\r\x1b[K");
    }
    let moved = moved?;
    let lines = [
        ("From", text(&moved, "from")),
        ("To", text(&moved, "to")),
        ("Done on the way", text(&moved, "jobs")),
    ];
    output.one(&moved, &lines)
}

/// Tells how far a movement is; whether there was anything to tell.
async fn progress(remote: &Remote) -> bool {
    if !std::io::stderr().is_terminal() {
        return false;
    }
    let Ok(clock) = remote.get::<Value>(&At::new(["clock"])).await else {
        return false;
    };
    let moving = &clock["moving"];
    if moving.is_null() {
        return false;
    }
    let line = format!(
        "{} of {}: {} done",
        text(&clock, "now"),
        text(moving, "to"),
        text(moving, "jobs")
    );
    eprint!("\r\x1b[K{line}");
    std::io::stderr().flush().is_ok()
}

fn show(output: Output, clock: &Value) -> anyhow::Result<()> {
    let mode = match clock["mode"].as_str() {
        Some("frozen") => "frozen",
        Some("running") => "running",
        _ => "the machine's",
    };
    let lines = [
        ("Clock", mode.to_owned()),
        ("Now", text(clock, "now")),
        ("Machine", text(clock, "machineNow")),
    ];
    output.one(clock, &lines)
}

fn text(value: &Value, member: &str) -> String {
    match &value[member] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be a time such as 2027-01-31T00:00:00Z".to_owned())
}
