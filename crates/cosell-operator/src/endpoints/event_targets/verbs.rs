//! What people do with a target: pause and resume it, try it out, rotate its secret, send to it again.

use std::time::Instant;

use cosell_events::{Outcome, SIGNING_PREFIX, TimeRange};
use cosell_model::Timestamp;
use cosell_service::delivery::targets;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::events::Parked;
use super::{answer, name};
use crate::{Call, Problem, Reply, Time};

/// Events that one request for a replay looks at, about.
const STEP: u64 = 10_000;
/// Longest reason for a pause, in characters.
const MAX_REASON: usize = 500;

/// Why a target is paused.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EventTargetPause")]
pub(super) struct Pause {
    /// For whoever looks at it.
    #[serde(default)]
    #[schemars(length(max = MAX_REASON))]
    reason: Option<String>,
}

/// Which secret a webhook is to have.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecretRotation")]
pub(super) struct Rotate {
    /// whsec_ and 24 to 64 bytes in base64; left out: one is drawn.
    #[serde(default)]
    #[schemars(length(max = 100))]
    secret: Option<Zeroized>,
}

/// A text that is wiped from memory.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
struct Zeroized(#[schemars(with = "String")] Zeroizing<String>);

/// A range of time.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EventRange")]
pub(super) struct Range {
    /// Events of this moment or later; all up to `to` where left out.
    from: Option<Time>,
    /// Events of this moment or earlier; all from `from` on where left out.
    to: Option<Time>,
}

/// A range of time to be sent.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EventReplay")]
pub(super) struct Replay {
    /// Events of this moment or later.
    from: Time,
    /// Events of this moment or earlier; up to now where left out.
    to: Option<Time>,
    /// Where to go on: `next` of the answer before.
    #[schemars(length(max = 64))]
    cursor: Option<String>,
}

/// How far a replay has come.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventsReplayed")]
pub(super) struct Replayed {
    /// Events that wait to be sent by this request.
    events: u64,
    /// What to send as `cursor` to go on; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// What became of a test event.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "EventTargetTest")]
pub(super) struct Tested {
    /// The id of the test event.
    event_id: String,
    /// Whether the target has it.
    delivered: bool,
    /// How long it took, in milliseconds.
    millis: u64,
    /// The HTTP status that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// How many signing secrets are left.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OldSecretDropped")]
pub(super) struct OldSecretDropped {
    /// So many.
    signing: usize,
}

impl Range {
    fn read(&self) -> Result<TimeRange, Problem> {
        range(self.from, self.to)
    }
}

fn range(from: Option<Time>, to: Option<Time>) -> Result<TimeRange, Problem> {
    if from.zip(to).is_some_and(|(from, to)| from > to) {
        return Err(Problem::member("/to", "must not lie before from"));
    }
    Ok(TimeRange {
        from: from.map(|time| time.0),
        to: to.map(|time| time.0),
    })
}

/// Answers the target as it stands now.
async fn standing(call: &Call<'_>, name: &str) -> Result<Reply, Problem> {
    let operator = call.operator;
    answer(
        call,
        targets::expect(operator.store(), operator.sealer(), name).await?,
        None,
    )
    .await
}

pub(super) async fn pause(call: &Call<'_>) -> Result<Reply, Problem> {
    let (name, pause) = (name(call)?, call.body::<Pause>()?);
    let given = pause.reason.filter(|reason| !reason.trim().is_empty());
    if given
        .as_ref()
        .is_some_and(|reason| reason.chars().count() > MAX_REASON)
    {
        let detail = format!("must have at most {MAX_REASON} characters");
        return Err(Problem::member("/reason", detail));
    }
    let reason = given.unwrap_or_else(|| format!("paused by {}", call.by().token));
    call.operator.deliverer().pause(&name, &reason).await?;
    call.note_about(&targets::key(&name)).await?;
    standing(call, &name).await
}

pub(super) async fn resume(call: &Call<'_>) -> Result<Reply, Problem> {
    let name = name(call)?;
    call.operator.deliverer().resume(&name).await?;
    call.note_about(&targets::key(&name)).await?;
    standing(call, &name).await
}

pub(super) async fn test(call: &Call<'_>) -> Result<Reply, Problem> {
    let (operator, name) = (call.operator, name(call)?);
    let kept = targets::expect(operator.store(), operator.sealer(), &name).await?;
    let secrets = kept.secrets.ok_or_else(|| {
        Problem::conflict(
            "The key file of the data folder does not open its secrets: give it new ones with PUT",
        )
    })?;
    let event_id = operator.service().event_id()?;
    call.note_about(&targets::key(&name)).await?;
    let started = Instant::now();
    let outcome = operator
        .deliverer()
        .send_test(&kept.target, &secrets, &event_id)
        .await;
    let (delivered, status, error) = match outcome {
        Ok(Outcome::Delivered { status }) => (true, status, None),
        Ok(Outcome::Failed { status, error, .. }) => (false, status, Some(error)),
        Ok(Outcome::Gone { error }) => (false, Some(410), Some(error)),
        Err(error) => (false, None, Some(error)),
    };
    Reply::json(&Tested {
        event_id,
        delivered,
        millis: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        status,
        error,
    })
}

pub(super) async fn rotate(call: &Call<'_>) -> Result<Reply, Problem> {
    let (operator, name) = (call.operator, name(call)?);
    let own = call.body::<Rotate>()?.secret.map(|secret| secret.0);
    if own.as_ref().is_some_and(|own| !own.starts_with(SIGNING_PREFIX)) {
        let detail = format!("must begin with {SIGNING_PREFIX}, followed by 24 to 64 bytes in base64");
        return Err(Problem::member("/secret", detail));
    }
    let (store, sealer) = (operator.store(), operator.sealer());
    let (kept, secret) =
        targets::rotate_secret(store, &call.author(), sealer, (&name, own), call.now).await?;
    operator.deliverer().reload().await;
    answer(call, kept, Some(&secret)).await
}

pub(super) async fn drop_old(call: &Call<'_>) -> Result<Reply, Problem> {
    let (operator, name) = (call.operator, name(call)?);
    let (store, sealer) = (operator.store(), operator.sealer());
    let kept = targets::drop_old_secret(store, &call.author(), sealer, &name, call.now).await?;
    operator.deliverer().reload().await;
    Reply::json(&OldSecretDropped {
        signing: kept.secrets.map_or(0, |secrets| secrets.signing.len()),
    })
}

pub(super) async fn redeliver(call: &Call<'_>) -> Result<Reply, Problem> {
    let (name, range) = (name(call)?, call.body::<Range>()?.read()?);
    let events = call.operator.deliverer().redeliver_dead(&name, range).await?;
    call.note_about(&targets::key(&name)).await?;
    Reply::json(&Parked { events })
}

pub(super) async fn replay(call: &Call<'_>) -> Result<Reply, Problem> {
    let (name, wanted) = (name(call)?, call.body::<Replay>()?);
    let range = range(Some(wanted.from), wanted.to)?;
    let after = wanted.cursor.as_deref().map(place).transpose()?;
    let replayed = call
        .operator
        .deliverer()
        .replay(&name, range, after, STEP)
        .await?;
    call.note_about(&targets::key(&name)).await?;
    Reply::json(&Replayed {
        events: replayed.events,
        next: replayed
            .next
            .map(|(time, seq)| format!("{}.{seq}", time.as_millis())),
    })
}

/// Where a replay goes on.
fn place(cursor: &str) -> Result<(Timestamp, u64), Problem> {
    let read = || {
        let (millis, seq) = cursor.split_once('.')?;
        Some((Timestamp::from_millis(millis.parse().ok()?), seq.parse().ok()?))
    };
    read().ok_or_else(|| {
        Problem::member(
            "/cursor",
            "must be `next` of the answer before: start again without it",
        )
    })
}
