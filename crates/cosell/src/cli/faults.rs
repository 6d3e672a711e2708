//! `cosell fault`: faults on demand.

use anyhow::bail;
use clap::{ArgGroup, Args, Subcommand};
use cosell_domain::autopilot::Delay;
use cosell_domain::fault::{Effect, Latency};
use cosell_model::Timestamp;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::file;
use super::remote::{At, Remote, Target};
use crate::output::Output;

/// What can be done with fault rules.
#[derive(Subcommand)]
pub enum Command {
    /// Add a rule; it counts at once
    Add(Box<Add>),
    /// List the rules and what they have met
    List(Target),
    /// Show a rule and what it has met
    Show(Named),
    /// Take a rule away
    Remove(Named),
    /// Take all rules away
    Clear(Target),
}

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["error", "throttle", "latency", "drop", "stale", "file"])))]
#[command(group(ArgGroup::new("which").args(["probability", "first", "every"])))]
pub struct Add {
    /// How the rule is called [default: a number]
    #[arg(long)]
    id: Option<String>,
    /// Only calls of this operation, or of a pattern such as Get*; may be repeated
    #[arg(long, value_name = "NAME")]
    operation: Vec<String>,
    /// Only calls of this account; may be repeated
    #[arg(long)]
    account: Vec<String>,
    /// Only calls in this catalog
    #[arg(long, value_name = "AWS|Sandbox")]
    catalog: Vec<String>,
    /// That share of the calls, above 0 and up to 1
    #[arg(long, value_name = "SHARE")]
    probability: Option<f64>,
    /// The first so many calls
    #[arg(long, value_name = "COUNT")]
    first: Option<u64>,
    /// One in so many calls: 3 hits the third, the sixth and so on
    #[arg(long, value_name = "COUNT")]
    every: Option<u64>,
    /// Not before this time of the server's clock
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    from: Option<Timestamp>,
    /// Not from this time on
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to: Option<Timestamp>,
    /// Answer this error of AWS, such as ConflictException, and do nothing
    #[arg(long, value_name = "NAME")]
    error: Option<String>,
    /// The message of the error
    #[arg(long, requires = "error")]
    message: Option<String>,
    /// Answer ThrottlingException and do nothing
    #[arg(long)]
    throttle: bool,
    /// Wait before anything is done: milliseconds such as 250ms or 2s, or a range such as 100ms..2s
    #[arg(long, value_name = "TIME")]
    latency: Option<String>,
    /// Do everything, and then cut the connection instead of answering
    #[arg(long)]
    drop: bool,
    /// Show an opportunity as it was so long ago: 500ms, 30s, 10m
    #[arg(long, value_name = "TIME")]
    stale: Option<String>,
    /// A rule in JSON from this file instead; - reads it from the standard input
    #[arg(long, conflicts_with_all = ["operation", "account", "catalog", "which", "from", "to"])]
    file: Option<std::path::PathBuf>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Named {
    /// The rule's id
    id: String,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => {
            let rule = rule(&add)?;
            let remote = Remote::open(&add.target)?;
            let added: Value = remote.post(&At::new(["faults"]), Some(&rule)).await?;
            show(output, &added)
        }
        Command::List(target) => {
            let listed: Value = Remote::open(&target)?.get(&At::new(["faults"])).await?;
            let rows = listed["items"].as_array().cloned().unwrap_or_default();
            let cells = |row: &Value| {
                vec![
                    text(row, "id"),
                    filters(row),
                    what(row),
                    text(row, "matched"),
                    text(row, "hits"),
                ]
            };
            let columns = ["Id", "Calls", "Effect", "Matched", "Hits"];
            output.list(
                &columns,
                &rows,
                cells,
                "No fault rules: add one with `cosell fault add`",
            )
        }
        Command::Show(named) => {
            let at = At::new(["faults", &named.id]);
            let rule: Value = Remote::open(&named.target)?.get(&at).await?;
            show(output, &rule)
        }
        Command::Remove(remove) => {
            let at = At::new(["faults", &remove.id]);
            let removed: Value = Remote::open(&remove.target)?.delete(&at).await?;
            show(output, &removed)
        }
        Command::Clear(target) => {
            let cleared: Value = Remote::open(&target)?.delete(&At::new(["faults"])).await?;
            output.one(&cleared, &[("Taken away", text(&cleared, "cleared"))])
        }
    }
}

fn rule(add: &Add) -> anyhow::Result<Value> {
    if let Some(file) = &add.file {
        let mut rule = file::object(file)?;
        if let Some(id) = &add.id {
            rule.insert("id".to_owned(), id.as_str().into());
        }
        return Ok(Value::Object(rule));
    }
    let effect = match (&add.error, &add.latency, &add.stale) {
        (Some(name), ..) => match &add.message {
            Some(message) => json!({"error": {"name": name, "message": message}}),
            None => json!({"error": {"name": name}}),
        },
        (_, Some(latency), _) => json!({"latency": spread(latency)?}),
        (.., Some(stale)) => json!({"staleRead": {"byMs": millis(stale)?}}),
        _ if add.throttle => json!("throttle"),
        _ => json!("dropAfterCommit"),
    };
    let mut rule = json!({"effect": effect});
    let mut set = |name: &str, value: Value| {
        let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !empty {
            rule[name] = value;
        }
    };
    set("id", json!(add.id));
    set("operations", json!(add.operation));
    set("accounts", json!(add.account));
    set("catalogs", json!(add.catalog));
    set("probability", json!(add.probability));
    set("first", json!(add.first));
    set("every", json!(add.every));
    set("activeFrom", json!(add.from));
    set("activeTo", json!(add.to));
    Ok(rule)
}

fn spread(text: &str) -> anyhow::Result<Value> {
    Ok(match text.split_once("..") {
        Some((from, to)) => json!({"uniform": {"fromMs": millis(from)?, "toMs": millis(to)?}}),
        None => json!({"fixed": {"ms": millis(text)?}}),
    })
}

/// A time of whole milliseconds.
fn millis(text: &str) -> anyhow::Result<u64> {
    let text = text.trim();
    if let Some(number) = text.strip_suffix("ms")
        && let Ok(number) = number.parse()
    {
        return Ok(number);
    }
    match Delay::parse(text).map(Delay::bounds) {
        Some((from, to)) if from == to => Ok(from.saturating_mul(1000)),
        _ => bail!("{text} is no time such as 250ms, 2s or 1m"),
    }
}

fn text(row: &Value, member: &str) -> String {
    match &row[member] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn filters(rule: &Value) -> String {
    let mut parts = Vec::new();
    for member in ["operations", "accounts", "catalogs"] {
        let words: Vec<&str> = rule[member]
            .as_array()
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        if !words.is_empty() {
            parts.push(words.join(" "));
        }
    }
    for member in ["probability", "first", "every", "activeFrom", "activeTo"] {
        if !rule[member].is_null() {
            parts.push(format!("{member} {}", text(rule, member)));
        }
    }
    if parts.is_empty() {
        "all".to_owned()
    } else {
        parts.join(", ")
    }
}

/// What a rule does, in words.
fn what(rule: &Value) -> String {
    // A newer server may know of effects that this program does not.
    let Ok(effect) = Effect::deserialize(&rule["effect"]) else {
        return text(rule, "effect");
    };
    match effect {
        Effect::Error { name, message } => match message {
            Some(message) => format!("answers {name}: {message}"),
            None => format!("answers {name}"),
        },
        Effect::Throttle => "answers ThrottlingException".to_owned(),
        Effect::Latency(Latency::Fixed { ms }) => format!("waits {ms} ms"),
        Effect::Latency(Latency::Uniform { from_ms, to_ms }) => format!("waits {from_ms} to {to_ms} ms"),
        Effect::Latency(Latency::Exponential { mean_ms }) => format!("waits {mean_ms} ms on average"),
        Effect::DropAfterCommit => "cuts the connection when all is done".to_owned(),
        Effect::StaleRead { by_ms } => format!("shows it as it was {by_ms} ms ago"),
    }
}

fn show(output: Output, rule: &Value) -> anyhow::Result<()> {
    let lines = [
        ("Id", text(rule, "id")),
        ("Calls", filters(rule)),
        ("Effect", what(rule)),
        ("Matched", text(rule, "matched")),
        ("Hits", text(rule, "hits")),
    ];
    output.one(rule, &lines)
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be a time such as 2027-01-31T00:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_is_told_in_words() {
        for (effect, words) in [
            (json!("throttle"), "answers ThrottlingException"),
            (
                json!({"error": {"name": "ConflictException", "message": "no"}}),
                "answers ConflictException: no",
            ),
            (
                json!({"latency": {"uniform": {"fromMs": 1, "toMs": 2}}}),
                "waits 1 to 2 ms",
            ),
            (
                json!({"latency": {"exponential": {"meanMs": 5}}}),
                "waits 5 ms on average",
            ),
            (json!("dropAfterCommit"), "cuts the connection when all is done"),
            (
                json!({"staleRead": {"byMs": 600_000}}),
                "shows it as it was 600000 ms ago",
            ),
        ] {
            assert_eq!(what(&json!({"effect": effect})), words);
        }
    }

    #[test]
    fn times_are_read_down_to_the_millisecond() {
        assert_eq!(millis("250ms").unwrap(), 250);
        assert_eq!(millis("2s").unwrap(), 2000);
        assert_eq!(
            spread("100ms..2s").unwrap(),
            json!({"uniform": {"fromMs": 100, "toMs": 2000}})
        );
        for wrong in ["", "ms", "2", "1.5s", "1s..2s..3s", "-1ms"] {
            assert!(millis(wrong).is_err(), "{wrong}");
        }
    }
}
