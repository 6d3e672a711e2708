//! Where events are delivered to: registered, watched, paused, tried out, and sent to again.

mod forms;
mod verbs;

use cosell_events::{Secrets, SinkSettings, Target, TargetMetrics, TargetStatus, confidant, target_name};
use cosell_service::delivery::{split_name, targets};
use cosell_service::identity::AdminError;
use serde_json::{Map, Value};

use super::events::{DeadLetter, Parked, dead_letters};
use crate::endpoint::{CURSOR, Endpoint, Kind, LIMIT, Method, Parameter, shape};
use crate::{Call, Page, Problem, Reply, Scope};
use forms::{NewTarget, Settings, Shown};
use verbs::{OldSecretDropped, Pause, Range, Replay, Replayed, Rotate, Tested};

pub(super) const TARGET: Parameter =
    Parameter::path("target", Kind::Text { max: 64 }, "The id of the target.");
pub(super) const OWNER: Parameter = Parameter::query(
    "account",
    Kind::Account,
    "The account that owns it; left out for what the operator owns.",
);
const OF_ACCOUNT: Parameter =
    Parameter::query("account", Kind::Account, "Only targets that this account owns.");

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/event-targets",
        id: "listEventTargets",
        scope: Scope::Read,
        summary: "List the targets and how they stand",
        description: "By name. No secret is shown, only which there are.",
        parameters: &[OF_ACCOUNT, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<Shown>>),
        status: 200,
        run: |call| Box::pin(list(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-targets",
        id: "createEventTarget",
        scope: Scope::Admin,
        summary: "Register a target",
        description: "It is sent what happens from now on and a rule chooses. A webhook that comes without a signing secret \
                      gets one, which is shown this once.",
        parameters: &[],
        request: Some(shape::<NewTarget>),
        answer: Some(shape::<Shown>),
        status: 201,
        run: |call| Box::pin(create(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/event-targets/{target}",
        id: "getEventTarget",
        scope: Scope::Read,
        summary: "Show a target and how it stands",
        description: "No secret is shown, only which there are.",
        parameters: &[TARGET, OWNER],
        request: None,
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(show(call)),
    },
    Endpoint {
        method: Method::Put,
        path: "/event-targets/{target}",
        id: "updateEventTarget",
        scope: Scope::Admin,
        summary: "Change the settings of a target",
        description: "They become those that are sent; what is left out becomes the default. Secrets that are left out stay, \
                      unless the target becomes one of another kind. What waits for it is sent by the new settings.",
        parameters: &[TARGET, OWNER],
        request: Some(shape::<Settings>),
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(update(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/event-targets/{target}",
        id: "deleteEventTarget",
        scope: Scope::Admin,
        summary: "Take a target away",
        description: "With everything that waits for it or was given up there. One that a rule names stays: change the rule \
                      first.",
        parameters: &[TARGET, OWNER],
        request: None,
        answer: None,
        status: 204,
        run: |call| Box::pin(remove(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-targets/{target}/pause",
        id: "pauseEventTarget",
        scope: Scope::Admin,
        summary: "Deliver nothing to a target until it is resumed",
        description: "Events wait in the log meanwhile. One that is paused already keeps its reason.",
        parameters: &[TARGET, OWNER],
        request: Some(shape::<Pause>),
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(verbs::pause(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-targets/{target}/resume",
        id: "resumeEventTarget",
        scope: Scope::Admin,
        summary: "Deliver to a target again",
        description: "It goes on where it was, and one that is backing off is tried at once.",
        parameters: &[TARGET, OWNER],
        request: None,
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(verbs::resume(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-targets/{target}/test",
        id: "testEventTarget",
        scope: Scope::Admin,
        summary: "Send a test event to a target now",
        description: "Once, past its queue and its counts; also to one that is paused or switched off. The event is of source \
                      cosell.test and detail type Test Event.",
        parameters: &[TARGET, OWNER],
        request: None,
        answer: Some(shape::<Tested>),
        status: 200,
        run: |call| Box::pin(verbs::test(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-targets/{target}/rotate-secret",
        id: "rotateEventTargetSecret",
        scope: Scope::Admin,
        summary: "Give a webhook a new signing secret",
        description: "The new one is shown this once. The former one stays active beside it, so that each delivery carries both \
                      signatures until the old secret is dropped, before which it is not rotated again.",
        parameters: &[TARGET, OWNER],
        request: Some(shape::<Rotate>),
        answer: Some(shape::<Shown>),
        status: 200,
        run: |call| Box::pin(verbs::rotate(call)),
    },
    Endpoint {
        method: Method::Delete,
        path: "/event-targets/{target}/old-secret",
        id: "dropOldEventTargetSecret",
        scope: Scope::Admin,
        summary: "Take away the older of a webhook's two signing secrets",
        description: "Deliveries carry the signature of the new one alone from then on.",
        parameters: &[TARGET, OWNER],
        request: None,
        answer: Some(shape::<OldSecretDropped>),
        status: 200,
        run: |call| Box::pin(verbs::drop_old(call)),
    },
    Endpoint {
        method: Method::Get,
        path: "/event-targets/{target}/dead-letters",
        id: "listDeadLetters",
        scope: Scope::Read,
        summary: "List the events that were given up at a target",
        description: "The oldest first, each with its last tries.",
        parameters: &[TARGET, OWNER, LIMIT, CURSOR],
        request: None,
        answer: Some(shape::<Page<DeadLetter>>),
        status: 200,
        run: |call| Box::pin(dead(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-targets/{target}/redeliver",
        id: "redeliverDeadLetters",
        scope: Scope::Admin,
        summary: "Send the events that were given up at a target once more",
        description: "All of them, or those of a range of time; each with all its tries before it.",
        parameters: &[TARGET, OWNER],
        request: Some(shape::<Range>),
        answer: Some(shape::<Parked>),
        status: 200,
        run: |call| Box::pin(verbs::redeliver(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/event-targets/{target}/replay",
        id: "replayEvents",
        scope: Scope::Admin,
        summary: "Send the events of a range of time to a target",
        description: "Once more or for the first time: those that its enabled rules choose now, also from before the rules were \
                      made. It goes in steps: while the answer has `next`, the same request with that as `cursor` goes on.",
        parameters: &[TARGET, OWNER],
        request: Some(shape::<Replay>),
        answer: Some(shape::<Replayed>),
        status: 200,
        run: |call| Box::pin(verbs::replay(call)),
    },
];

/// How a target stands, in a word. `delivers`: whether this server delivers at all.
pub(in crate::endpoints) fn status_word(status: &TargetStatus, delivers: bool) -> &'static str {
    match status {
        TargetStatus::Delivering | TargetStatus::BackingOff if !delivers => "held",
        status => status.word(),
    }
}

/// The full name of a target as it is typed.
pub(super) fn full_name(typed: &str) -> String {
    let (account, id) = split_name(typed);
    target_name(account, id)
}

/// The full name of the target that a path means.
fn name(call: &Call<'_>) -> Result<String, Problem> {
    Ok(target_name(
        call.get("account").unwrap_or_default(),
        call.required("target")?,
    ))
}

/// How a target stands; nothing for one whose secrets cannot be opened.
async fn figures(call: &Call<'_>) -> Result<Vec<TargetMetrics>, Problem> {
    Ok(call.operator.deliverer().metrics().await?)
}

/// The answer that shows a target. `secret` is a signing secret that nobody has seen yet.
async fn answer(call: &Call<'_>, kept: targets::Kept, secret: Option<&str>) -> Result<Reply, Problem> {
    let figures = figures(call).await?;
    let delivers = call.operator.parts.delivers;
    Reply::json(&Shown::of(kept, &figures, delivers, secret))
}

async fn list(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator;
    let listed = targets::part(
        operator.store(),
        operator.sealer(),
        call.get("account"),
        call.part()?,
    )
    .await?;
    let (figures, delivers) = (figures(call).await?, operator.parts.delivers);
    let items = listed.items.into_iter();
    call.page(
        items
            .map(|kept| Shown::of(kept, &figures, delivers, None))
            .collect(),
        listed.next,
    )
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator;
    let kept = targets::expect(operator.store(), operator.sealer(), &name(call)?).await?;
    answer(call, kept, None).await
}

/// Settings and secrets as they are sent. What the server keeps for itself is refused like any other strange member.
fn read(mut sent: Map<String, Value>) -> Result<(Target, Map<String, Value>), Problem> {
    if sent.contains_key("since") {
        return Err(Problem::member(
            "/since",
            "is unknown: a target is sent what happens after it was made",
        ));
    }
    let secrets = match sent.remove("secrets") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(secrets)) => secrets,
        Some(_) => return Err(Problem::member("/secrets", "must be an object")),
    };
    if let Some(Value::Null) = sent.get("account") {
        sent.remove("account");
    }
    let target = Target::read(Value::Object(sent).to_string().as_bytes())?;
    Ok((target, secrets))
}

/// The secrets with those members replaced that were sent.
fn merged(present: &Secrets, sent: &Map<String, Value>) -> Result<Secrets, Problem> {
    let mut secrets = Secrets::read(Value::Object(sent.clone()).to_string().as_bytes())?;
    let kept = |name: &str| !sent.contains_key(name);
    if kept("signing") {
        secrets.signing.clone_from(&present.signing);
    }
    if kept("headers") {
        secrets.headers.clone_from(&present.headers);
    }
    if kept("secretAccessKey") {
        secrets.secret_access_key.clone_from(&present.secret_access_key);
    }
    if kept("password") {
        secrets.password.clone_from(&present.password);
    }
    Ok(secrets)
}

async fn create(call: &Call<'_>) -> Result<Reply, Problem> {
    let (target, secrets) = read(call.body()?)?;
    let secrets = merged(&Secrets::default(), &secrets)?;
    let operator = call.operator;
    let (store, sealer) = (operator.store(), operator.sealer());
    let (kept, secret) = targets::create(store, &call.author(), sealer, (target, secrets), call.now).await?;
    operator.deliverer().reload().await;
    let path = match kept.target.account.as_str() {
        "" => format!("/event-targets/{}", kept.target.id),
        account => format!("/event-targets/{}?account={account}", kept.target.id),
    };
    Ok(answer(call, kept, secret.as_ref().map(|secret| secret.as_str()))
        .await?
        .at(&path))
}

async fn update(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut sent: Map<String, Value> = call.body()?;
    let (account, id) = (call.get("account").unwrap_or_default(), call.required("target")?);
    for (member, is) in [("account", account), ("id", id)] {
        let same = sent
            .get(member)
            .is_none_or(|sent| sent.as_str().unwrap_or_default() == is);
        if !same {
            return Err(Problem::member(
                format!("/{member}"),
                "cannot be changed: make another target instead",
            ));
        }
        sent.insert(member.to_owned(), is.into());
    }
    let (wanted, secrets) = read(sent)?;
    let operator = call.operator;
    let author = call.author();
    let deed = (&author, "UpdateEventTarget", call.now);
    // What was sent is read once before anything is touched, so that its faults are told as such.
    merged(&Secrets::default(), &secrets)?;
    let name = name(call)?;
    let (kept, secret) = targets::change(
        operator.store(),
        deed,
        operator.sealer(),
        &name,
        |target, present| {
            let same_kind = target.sink.kind() == wanted.sink.kind();
            let before = std::mem::take(present);
            let before = if same_kind { before } else { Secrets::default() };
            let next = merged(&before, &secrets).unwrap_or_default();
            // What is wrong with the settings is told first, by whoever checks them all.
            let elsewhere =
                confidant(&target.sink) != confidant(&wanted.sink) && wanted.check(&next).is_ok();
            for (member, held) in [
                ("headers", !before.headers.is_empty()),
                ("password", before.password.is_some()),
            ] {
                // Otherwise whoever may change an address could have a secret sent to themselves.
                if elsewhere && held && !secrets.contains_key(member) {
                    return Err(AdminError::Refused(format!(
                        "the target has secret {member} for its present address only: send secrets.{member} anew with the \
                         new address, or empty to take them away"
                    )));
                }
            }
            *present = next;
            *target = wanted.clone();
            Ok(())
        },
    )
    .await?;
    operator.deliverer().reload().await;
    answer(call, kept, secret.as_ref().map(|secret| secret.as_str())).await
}

async fn remove(call: &Call<'_>) -> Result<Reply, Problem> {
    let (operator, name) = (call.operator, name(call)?);
    let author = call.author();
    let removed = targets::remove(operator.store(), &author, operator.sealer(), &name, call.now).await?;
    let deliverer = operator.deliverer();
    // First, so that no worker is left that could open it again.
    deliverer.forget(&removed.name()).await?;
    deliverer.reload().await;
    Ok(Reply::empty())
}

async fn dead(call: &Call<'_>) -> Result<Reply, Problem> {
    let (operator, name) = (call.operator, name(call)?);
    targets::expect(operator.store(), operator.sealer(), &name).await?;
    dead_letters(call, &name).await
}

/// Whether a target is a webhook, for what only those have.
fn is_webhook(target: &Target) -> bool {
    matches!(target.sink, SinkSettings::Webhook(_))
}
