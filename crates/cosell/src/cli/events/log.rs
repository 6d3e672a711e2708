//! The log of events: listed, shown, sent again.

use clap::{ArgGroup, Args};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::place;
use crate::cli::ask::Ask as _;
use crate::cli::desk::Desk;
use crate::cli::remote::{At, Target};
use crate::cli::shown::{at, lines, row};
use crate::output::{Output, say};

/// Rows of a table where no number is given.
const ROWS: usize = 50;

#[derive(Args)]
pub struct List {
    /// Received by this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Of this catalog: AWS or Sandbox
    #[arg(long, value_parser = crate::cli::parse_catalog)]
    catalog: Option<cosell_domain::Catalog>,
    /// Of this detail type, such as "Opportunity Created"
    #[arg(long = "type", value_name = "TYPE")]
    detail_type: Option<String>,
    /// Of this time or later, such as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Of this time or earlier
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Most events [default: the 50 newest in a table, all in JSON]
    #[arg(long, value_name = "N", value_parser = crate::cli::parse_rows)]
    limit: Option<usize>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Show {
    /// The event's id
    event: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
#[command(group(ArgGroup::new("which").required(true).args(["event", "dead"])))]
pub struct Redeliver {
    /// The event's id
    event: Option<String>,
    /// All events that were given up at the target
    #[arg(long)]
    dead: bool,
    /// Only those of this time or later
    #[arg(long, value_name = "TIME", requires = "dead")]
    from: Option<String>,
    /// Only those of this time or earlier
    #[arg(long, value_name = "TIME", requires = "dead")]
    to: Option<String>,
    /// The target: its id, or ACCOUNT/ID for one of an account
    #[arg(long = "target", value_name = "NAME")]
    at_target: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Replay {
    /// The target: its id, or ACCOUNT/ID for one of an account
    #[arg(long = "target", value_name = "NAME")]
    at_target: String,
    /// Events of this time or later, such as 2026-03-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    from: String,
    /// Events of this time or earlier [default: all up to now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Dead {
    /// The target: its id, or ACCOUNT/ID for one of an account
    name: String,
    /// Most rows
    #[arg(long, value_name = "N", default_value_t = ROWS, value_parser = crate::cli::parse_rows)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

/// What an event is about: its opportunity, else its engagement, else its first resource.
pub fn about(event: &Value) -> String {
    const PLACES: [&str; 8] = [
        "/detail/opportunity/identifier",
        "/detail/resourceSnapshot/resourceId",
        "/detail/engagementInvitation/id",
        "/detail/engagement/id",
        "/detail/engagement/engagementId",
        "/detail/resourceSnapshotJob/id",
        "/detail/resourceSnapshot/engagementId",
        "/resources/0",
    ];
    let found = PLACES.iter().find_map(|pointer| event.pointer(pointer)?.as_str());
    found.unwrap_or("-").to_owned()
}

impl List {
    fn place(&self) -> At {
        At::new(["events"])
            .with("account", self.account.as_deref())
            .with("catalog", self.catalog.map(|catalog| catalog.as_str()))
            .with("detailType", self.detail_type.as_deref())
            .with("from", self.from.as_deref())
            .with("to", self.to.as_deref())
    }
}

pub async fn list(output: Output, list: &List) -> anyhow::Result<()> {
    let desk = Desk::open(&list.target).await?;
    if output == Output::Json {
        return envelopes(&desk, list).await;
    }
    let newest = list.place().with("newestFirst", Some("true"));
    let rows: Vec<Value> = desk.list(&newest, list.limit.unwrap_or(ROWS)).await?;
    output.list(
        &["Time", "Account", "Catalog", "Type", "About", "Id"],
        &rows,
        |item| {
            let mut cells = row(
                item,
                &["/event/time", "/event/account", "/catalog", "/event/detail-type"],
            );
            cells.extend([about(&item["event"]), at(item, "/event/id")]);
            cells
        },
        "No events",
    )
}

/// Prints the envelopes, each in a line as it is, page by page.
async fn envelopes(desk: &Desk, list: &List) -> anyhow::Result<()> {
    #[derive(Deserialize)]
    struct Page {
        items: Vec<Item>,
        next: Option<String>,
    }
    #[derive(Deserialize)]
    struct Item {
        event: Box<RawValue>,
    }
    let place = list.place().with("limit", Some("100"));
    let mut left = list.limit.unwrap_or(usize::MAX);
    let mut cursor: Option<String> = None;
    loop {
        let page: Page = desk.get(&place.clone().with("cursor", cursor.as_deref())).await?;
        for item in page.items.iter().take(left) {
            say(item.event.get())?;
        }
        left = left.saturating_sub(page.items.len());
        cursor = page.next;
        if cursor.is_none() || left == 0 {
            return Ok(());
        }
    }
}

pub async fn show(output: Output, show: &Show) -> anyhow::Result<()> {
    let desk = Desk::open(&show.target).await?;
    let shown: Value = desk.get(&At::new(["events", &show.event])).await?;
    let wanted = [
        ("Number", "/seq"),
        ("Time", "/event/time"),
        ("Account", "/event/account"),
        ("Catalog", "/catalog"),
        ("Type", "/event/detail-type"),
    ];
    output.one(&shown, &lines(&shown, &wanted))?;
    if output == Output::Table {
        say(format_args!(
            "\n{}\n",
            serde_json::to_string_pretty(&shown["event"])?
        ))?;
        let deliveries = shown["deliveries"].as_array().cloned().unwrap_or_default();
        table(output, &deliveries, "", "No target has it, and it waits for none")?;
    }
    Ok(())
}

/// A table of deliveries; `within` is where in a row the delivery is.
fn table(output: Output, rows: &[Value], within: &str, nothing: &str) -> anyhow::Result<()> {
    output.list(
        &["What", "State", "Tries", "When", "Last try"],
        rows,
        |item| {
            let delivery = item.pointer(within).unwrap_or(item);
            let last = delivery["tries"].as_array().and_then(|tries| tries.last());
            let outcome = last.map_or_else(
                || "-".to_owned(),
                |last| match (&last["error"], &last["status"]) {
                    (Value::String(error), _) => error.clone(),
                    (_, Value::Number(status)) => format!("HTTP {status}"),
                    _ => "delivered".to_owned(),
                },
            );
            let what = match within {
                "" => at(delivery, "/target"),
                _ => format!("{} {}", at(item, "/event/detail-type"), at(item, "/event/id")),
            };
            let when = ["/endedDate", "/dueDate"]
                .into_iter()
                .find(|pointer| delivery.pointer(pointer).is_some());
            vec![
                what,
                at(delivery, "/state"),
                at(delivery, "/attempts"),
                when.map_or_else(|| "-".to_owned(), |pointer| at(delivery, pointer)),
                outcome,
            ]
        },
        nothing,
    )
}

pub async fn dead(output: Output, dead: &Dead) -> anyhow::Result<()> {
    let desk = Desk::open(&dead.target).await?;
    let place = place("event-targets", &dead.name, Some("dead-letters"));
    let rows: Vec<Value> = desk.list(&place, dead.limit).await?;
    table(output, &rows, "/delivery", "Nothing was given up there")
}

pub async fn redeliver(output: Output, wanted: &Redeliver) -> anyhow::Result<()> {
    let desk = Desk::open(&wanted.target).await?;
    let parked: Value = match &wanted.event {
        Some(event) => {
            let body = json!({"target": wanted.at_target});
            desk.post(&At::new(["events", event, "redeliver"]), Some(&body))
                .await?
        }
        None => {
            let range = json!({"from": wanted.from, "to": wanted.to});
            let place = place("event-targets", &wanted.at_target, Some("redeliver"));
            desk.post(&place, Some(&range)).await?
        }
    };
    output.one(
        &parked,
        &[("Events that wait to be sent", at(&parked, "/events"))],
    )
}

pub async fn replay(output: Output, wanted: &Replay) -> anyhow::Result<()> {
    let desk = Desk::open(&wanted.target).await?;
    let place = place("event-targets", &wanted.at_target, Some("replay"));
    let (mut events, mut cursor) = (0, None::<String>);
    loop {
        let body = json!({"from": wanted.from, "to": wanted.to, "cursor": cursor});
        let step: Value = desk.post(&place, Some(&body)).await?;
        events += step["events"].as_u64().unwrap_or_default();
        cursor = step["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            let all = json!({"events": events});
            return output.one(&all, &[("Events that wait to be sent", events.to_string())]);
        }
    }
}
