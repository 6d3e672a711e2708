//! The clock of a development server.

use std::sync::Arc;

use cosell_domain::autopilot::Delay;
use cosell_service::operator::clock::{Moved as Went, Target};
use cosell_service::{Clock as _, ClockMode, SystemClock, VirtualClock};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Method, shape};
use crate::problem::Kind;
use crate::{Call, Problem, Reply, Scope, Time};

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/clock",
        id: "getClock",
        scope: Scope::Read,
        summary: "Show the server's clock",
        description: "Also while it is being moved, with how far that has come.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Clock>),
        status: 200,
        run: |call| Box::pin(async move { Reply::json(&seen(call)) }),
    },
    Endpoint {
        method: Method::Post,
        path: "/clock/advance",
        id: "advanceClock",
        scope: Scope::Admin,
        summary: "Move the clock on",
        description: "Everything that becomes due on the way is done at its time and in its order; the answer comes when all \
                      of it is done. It is done too where the caller does not wait. Only a development server's clock can be moved.",
        parameters: &[],
        request: Some(shape::<Advance>),
        answer: Some(shape::<Moved>),
        status: 200,
        run: |call| Box::pin(advance(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/clock/set",
        id: "setClock",
        scope: Scope::Admin,
        summary: "Set the clock",
        description: "To a later time it goes as an advance does. To an earlier one it jumps, and what was done stays done.",
        parameters: &[],
        request: Some(shape::<Set>),
        answer: Some(shape::<Moved>),
        status: 200,
        run: |call| Box::pin(set(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/clock/freeze",
        id: "freezeClock",
        scope: Scope::Admin,
        summary: "Stop the clock where it is",
        description: "It can still be moved.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Clock>),
        status: 200,
        run: |call| {
            Box::pin(async move {
                let clock = movable(call)?;
                call.operator.service().freeze_clock(&call.by(), &clock).await?;
                Reply::json(&seen(call))
            })
        },
    },
    Endpoint {
        method: Method::Post,
        path: "/clock/resume",
        id: "resumeClock",
        scope: Scope::Admin,
        summary: "Let the clock go on from where it is",
        description: "It then stays as far from the machine's time as it is now.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Clock>),
        status: 200,
        run: |call| {
            Box::pin(async move {
                let clock = movable(call)?;
                call.operator.service().resume_clock(&call.by(), &clock).await?;
                Reply::json(&seen(call))
            })
        },
    },
    Endpoint {
        method: Method::Post,
        path: "/clock/reset",
        id: "resetClock",
        scope: Scope::Admin,
        summary: "Set the clock to the machine's time and let it go",
        description: "What was written in the meantime keeps its times, which may then lie in the future.",
        parameters: &[],
        request: None,
        answer: Some(shape::<Clock>),
        status: 200,
        run: |call| {
            Box::pin(async move {
                let clock = movable(call)?;
                call.operator.service().reset_clock(&call.by(), &clock).await?;
                Reply::json(&seen(call))
            })
        },
    },
];

/// How a clock goes.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ClockMode")]
enum Mode {
    /// The machine's clock: nobody can move it.
    System,
    /// As the machine's clock does.
    Running,
    /// It stands still.
    Frozen,
}

/// The server's clock.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Clock {
    /// How it goes.
    mode: Mode,
    /// The time it shows.
    now: Time,
    /// The machine's time.
    machine_now: Time,
    /// Milliseconds that it is ahead of the machine's time; negative where it is behind.
    offset_millis: i64,
    /// How far a movement has come that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    moving: Option<Moved>,
}

/// What a movement of the clock brought about.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ClockMoved")]
struct Moved {
    /// The time before.
    from: Time,
    /// The time after.
    to: Time,
    /// How many things were done that became due on the way.
    jobs: usize,
}

impl From<Went> for Moved {
    fn from(went: Went) -> Self {
        Self {
            from: went.from.into(),
            to: went.to.into(),
            jobs: went.jobs,
        }
    }
}

/// How far to move the clock.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ClockAdvance")]
struct Advance {
    /// A whole number with s, m, h, d or w behind it, up to 366d: `15d`.
    #[schemars(regex(pattern = r"^[0-9]+[smhdw]$"))]
    by: String,
}

/// Where to move the clock.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ClockSet")]
struct Set {
    /// The time it is to show.
    to: Time,
}

fn seen(call: &Call<'_>) -> Clock {
    let parts = &call.operator.parts;
    let (now, machine_now) = (parts.clock.now(), SystemClock.now());
    let mode = match parts.movable_clock.as_deref().map(VirtualClock::mode) {
        None => Mode::System,
        Some(ClockMode::Running { .. }) => Mode::Running,
        Some(ClockMode::Frozen { .. }) => Mode::Frozen,
    };
    Clock {
        offset_millis: match mode {
            Mode::System => 0,
            Mode::Running | Mode::Frozen => now.as_millis() - machine_now.as_millis(),
        },
        mode,
        now: now.into(),
        machine_now: machine_now.into(),
        moving: call.operator.service().clock_way().map(Moved::from),
    }
}

fn movable(call: &Call<'_>) -> Result<Arc<VirtualClock>, Problem> {
    call.operator.parts.movable_clock.clone().ok_or_else(|| {
        Problem::conflict(
            "This server goes by the machine's clock: only the clock of `cosell dev` can be moved",
        )
    })
}

async fn advance(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Advance = call.body()?;
    let delay = Delay::parse(&asked.by).map(Delay::bounds);
    let Some((seconds, _)) = delay.filter(|(from, to)| from == to) else {
        let detail = "must be a whole number with s, m, h, d or w behind it, up to 366d, such as 15d";
        return Err(Problem::member("/by", detail));
    };
    let millis = i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX);
    go(call, Target::By(millis)).await
}

async fn set(call: &Call<'_>) -> Result<Reply, Problem> {
    let asked: Set = call.body()?;
    go(call, Target::To(asked.to.0)).await
}

/// Moves the clock to the end, also where the caller goes away meanwhile: a clock that stands between two jobs because
/// somebody's patience ended would be nobody's wish.
async fn go(call: &Call<'_>, target: Target) -> Result<Reply, Problem> {
    let clock = movable(call)?;
    let service = Arc::clone(&call.operator.parts.service);
    let by = call.by();
    let moving = tokio::task::spawn_local(async move { service.move_clock(&by, &clock, target).await });
    match moving.await {
        Ok(moved) => Reply::json(&Moved::from(moved?)),
        Err(error) => Err(Problem::new(
            Kind::Unavailable,
            format!("The clock's movement was interrupted: {error}. A restart of the server finishes it"),
        )),
    }
}
