//! The log of events: listed, shown with what became of each, followed live, sent again.

mod stream;

use cosell_events::{Note, Try};
use cosell_model::{ApiError, Timestamp};
use cosell_service::delivery::targets;
use cosell_store::{
    Cursor, Delivery, DeliveryQuery, DeliveryState, EventQuery, MAX_PAGE, StoredEvent, Value as Column,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event_targets::full_name;
use crate::endpoint::{CATALOGS, CURSOR, EVENT_STREAM, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::{Call, Page, Problem, Reply, Scope, Time};

const ACCOUNT: Parameter = Parameter::query(
    "account",
    Kind::Account,
    "Only events that this account receives.",
);
const CATALOG: Parameter = Parameter::query("catalog", Kind::Word(CATALOGS), "Only events of this catalog.");
const DETAIL_TYPE: Parameter = Parameter::query(
    "detailType",
    Kind::Text { max: 128 },
    "Only events of this detail type, such as Opportunity Created.",
);
const FROM: Parameter = Parameter::query("from", Kind::Time, "Only events of this moment or later.");
const TO: Parameter = Parameter::query("to", Kind::Time, "Only events of this moment or earlier.");
const NEWEST_FIRST: Parameter = Parameter::query(
    "newestFirst",
    Kind::Flag,
    "true: the newest event first; else the oldest.",
);
const AFTER: Parameter = Parameter::query(
    "after",
    Kind::Integer {
        min: 0,
        max: i64::MAX,
    },
    "Begin behind the event with this number; 0 for all that are kept. Left out: with what happens from now on. The header \
     last-event-id, which says the same, wins.",
);
const EVENT: Parameter = Parameter::path("event", Kind::Text { max: 64 }, "The id of the event.");

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/events",
        id: "listEvents",
        scope: Scope::Read,
        summary: "List the events",
        description: "The oldest first, each with the envelope in which EventBridge would deliver it. A page may have fewer \
                      events than asked for, even none, while there is a next one.",
        parameters: &[
            ACCOUNT,
            CATALOG,
            DETAIL_TYPE,
            FROM,
            TO,
            NEWEST_FIRST,
            LIMIT,
            CURSOR,
        ],
        request: None,
        answer: Some(shape::<Page<Listed>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/events/stream",
        id: "streamEvents",
        scope: Scope::Read,
        summary: "Follow the events as they happen",
        description: "Server-sent events: `id` is the number of the event, `event` its detail type, `data` its envelope in one \
                      line. Who comes back with the header last-event-id misses nothing and gets nothing twice. The stream \
                      ends when the token is revoked, when the client takes nothing for long, and when the server stops.",
        parameters: &[ACCOUNT, CATALOG, DETAIL_TYPE, AFTER],
        request: None,
        answer: Some(event_stream),
        status: 200,
        run: |call| Box::pin(stream::open(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/events/{event}",
        id: "getEvent",
        scope: Scope::Read,
        summary: "Show an event and what became of it",
        description: "With a delivery for each target to which it was sent, or to which it waits to be sent again. A target \
                      that has not come to it yet has none.",
        parameters: &[EVENT],
        request: None,
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/events/{event}/redeliver",
        id: "redeliverEvent",
        scope: Scope::Admin,
        summary: "Send an event to a target once more",
        description: "Whatever became of it there, and whether a rule chooses it or not; with the same id as before. The usual \
                      deliveries do it, in their order.",
        parameters: &[EVENT],
        request: Some(shape::<Redeliver>),
        answer: Some(shape::<Parked>),
        status: 200,
        run: |call| Box::pin(redeliver(call)),
    },
];

/// An event of the log.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Event")]
struct Listed {
    /// Its place in the log.
    seq: u64,
    /// Its catalog.
    catalog: String,
    /// The envelope.
    #[schemars(schema_with = "envelope")]
    event: Box<RawValue>,
}

impl TryFrom<StoredEvent> for Listed {
    type Error = Problem;

    fn try_from(stored: StoredEvent) -> Result<Self, Problem> {
        let broken = |why: String| Problem::internal(format!("event {} is damaged: {why}", stored.seq));
        let text = std::str::from_utf8(&stored.event.body).map_err(|error| broken(error.to_string()))?;
        Ok(Self {
            seq: stored.seq,
            event: RawValue::from_string(text.to_owned()).map_err(|error| broken(error.to_string()))?,
            catalog: stored.event.catalog,
        })
    }
}

/// An event with what became of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventWithDeliveries")]
struct Shown {
    #[serde(flatten)]
    event: Listed,
    /// What became of it at each target.
    deliveries: Vec<Delivered>,
}

/// What became of an event at a target.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EventDelivery")]
pub(super) struct Delivered {
    /// The target: its account and id with a stroke between them, no account for one of the operator.
    target: String,
    /// Where it stands.
    state: State,
    /// Tries so far.
    attempts: u32,
    /// When the next try is due, by the machine's time, or that of the database that servers share; of one that is waiting only.
    #[serde(skip_serializing_if = "Option::is_none")]
    due_date: Option<Time>,
    /// When it was delivered or given up, by the machine's time, or that of the database that servers share.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_date: Option<Time>,
    /// The last tries, the oldest first.
    tries: Vec<Tried>,
}

/// Where a delivery stands.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
enum State {
    /// It waits for its next try, or behind another of its opportunity.
    Pending,
    /// The target has it.
    Delivered,
    /// It was given up after its last try.
    Dead,
}

/// A try.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EventDeliveryTry")]
struct Tried {
    /// When it began, by the machine's time, or that of the database that servers share.
    date: Time,
    /// How long it took, in milliseconds.
    millis: u64,
    /// The HTTP status that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Try> for Tried {
    fn from(tried: Try) -> Self {
        Self {
            date: tried.at.into(),
            millis: tried.millis,
            status: tried.status,
            error: tried.error,
        }
    }
}

impl From<Delivery> for Delivered {
    fn from(delivery: Delivery) -> Self {
        let (state, waits) = match delivery.state {
            DeliveryState::Pending => (State::Pending, true),
            DeliveryState::Delivered => (State::Delivered, false),
            DeliveryState::Dead => (State::Dead, false),
        };
        let at = Time::from(delivery.due_at);
        Self {
            target: delivery.target,
            state,
            attempts: delivery.attempts,
            due_date: waits.then_some(at),
            ended_date: (!waits).then_some(at),
            tries: Note::read(&delivery.note)
                .tries
                .into_iter()
                .map(Tried::from)
                .collect(),
        }
    }
}

/// Where an event is to be sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EventRedelivery")]
struct Redeliver {
    /// The target: the id of one of the operator, or account and id with a stroke between them.
    #[schemars(length(min = 1, max = 80))]
    target: String,
}

/// How many events wait to be sent by what was asked for.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventsParked")]
pub(super) struct Parked {
    /// So many.
    pub(super) events: u64,
}

/// A delivery that was given up, with its event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetter")]
pub(super) struct DeadLetter {
    #[serde(flatten)]
    event: Listed,
    /// What became of it.
    delivery: Delivered,
}

fn envelope(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "description": "The envelope in which EventBridge would deliver it.",
        "required": ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"],
        "properties": {
            "version": {"type": "string"}, "id": {"type": "string"}, "detail-type": {"type": "string"},
            "source": {"type": "string"}, "account": {"type": "string"}, "region": {"type": "string"},
            "time": {"type": "string", "format": "date-time"},
            "resources": {"type": "array", "items": {"type": "string"}}, "detail": {"type": "object"}}})
}

fn event_stream(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "contentMediaType": EVENT_STREAM})
}

/// The place of an event in a list by time.
fn cursor((time, seq): (Timestamp, u64)) -> Cursor {
    Cursor {
        values: vec![time.into()],
        id: seq.to_string(),
    }
}

fn place(cursor: &Cursor) -> Result<(Timestamp, u64), Problem> {
    match (cursor.values.as_slice(), cursor.id.parse()) {
        ([Column::Integer(time)], Ok(seq)) => Ok((Timestamp::from_millis(*time), seq)),
        _ => Err(Problem::internal(
            "a cursor of the events names no place among them",
        )),
    }
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let part = call.part()?;
    let query = EventQuery {
        account: call.get("account").map(str::to_owned),
        catalog: call.get("catalog").map(str::to_owned),
        detail_type: call.get("detailType").map(str::to_owned),
        from: call.time("from"),
        to: call.time("to"),
        after: part.after.as_ref().map(place).transpose()?,
        newest_first: call.get("newestFirst") == Some("true"),
        limit: part.limit,
    };
    let page = call.operator.store().events(&query).await?;
    let items = page.events.into_iter().map(Listed::try_from);
    call.page(items.collect::<Result<_, _>>()?, page.next.map(cursor))
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let (store, id) = (call.operator.store(), call.required("event")?);
    let missing = || {
        Problem::not_found(format!(
            "There is no event {id}: it may have been pruned; GET /events lists them"
        ))
    };
    let event = store.event(id).await?.ok_or_else(missing)?;
    let query = DeliveryQuery {
        target: None,
        seq: Some(event.seq),
        state: None,
        after: None,
        newest_first: false,
        // More than there can be targets.
        limit: MAX_PAGE,
    };
    let deliveries = store.deliveries(&query).await?;
    Reply::json(&Shown {
        event: Listed::try_from(event)?,
        deliveries: deliveries.into_iter().map(Delivered::from).collect(),
    })
}

async fn redeliver(call: &Call<'_>) -> Result<Reply, Problem> {
    let wanted: Redeliver = call.body()?;
    let target = full_name(&wanted.target);
    let id = call.required("event")?;
    call.operator.deliverer().redeliver(&target, id).await?;
    call.note_about(&targets::key(&target)).await?;
    Reply::json(&Parked { events: 1 })
}

/// A part of the deliveries that were given up at a target, the oldest first.
pub(super) async fn dead_letters(call: &Call<'_>, target: &str) -> Result<Reply, Problem> {
    let (store, part) = (call.operator.store(), call.part()?);
    let seq = |cursor: &Cursor| {
        let strange = || ApiError::internal("a cursor of dead letters names no event");
        cursor.id.parse::<u64>().map_err(|_| strange())
    };
    let query = DeliveryQuery {
        target: Some(target.to_owned()),
        seq: None,
        state: Some(DeliveryState::Dead),
        after: part
            .after
            .as_ref()
            .map(seq)
            .transpose()?
            .map(|seq| (target.to_owned(), seq)),
        newest_first: false,
        limit: part.limit,
    };
    let found = store.deliveries(&query).await?;
    let next = found
        .last()
        .filter(|_| found.len() == part.limit)
        .map(|last| Cursor {
            values: Vec::new(),
            id: last.seq.to_string(),
        });
    let mut letters = Vec::with_capacity(found.len());
    for delivery in found {
        let seq = delivery.seq;
        let events = store.events_after(seq.saturating_sub(1), 1).await?;
        // One that was pruned between the two looks takes its delivery with it.
        for event in events.into_iter().filter(|event| event.seq == seq) {
            letters.push(DeadLetter {
                event: Listed::try_from(event)?,
                delivery: delivery.clone().into(),
            });
        }
    }
    call.page(letters, next)
}
