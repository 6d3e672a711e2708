//! `cosell events tail`: follows the stream, and comes back to where it was when the connection breaks.

use std::io::{ErrorKind, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use http::Method;
use http_body_util::{BodyExt as _, Empty};
use serde_json::Value;

use super::log::about;
use super::sse::Reader;
use crate::cli::ask::Ask as _;
use crate::cli::failure::Failure;
use crate::cli::remote::{At, Remote, Target};
use crate::cli::shown::at;
use crate::output::Output;

/// How long the server may be silent: it gives a sign of life every quarter of a minute.
const SILENCE: Duration = Duration::from_secs(60);
/// How long to wait before coming back, at first and at most.
const BACK: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

#[derive(Args)]
pub struct Tail {
    /// Received by this account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Of this catalog: AWS or Sandbox
    #[arg(long, value_parser = crate::cli::parse_catalog)]
    catalog: Option<cosell_domain::Catalog>,
    /// Of this detail type, such as "Opportunity Created"
    #[arg(long = "type", value_name = "TYPE")]
    detail_type: Option<String>,
    /// Begin behind the event with this number; 0 for all that are kept [default: what happens from now on]
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    #[command(flatten)]
    target: Target,
}

/// Why reading came to an end.
enum End {
    /// The reader of the output has gone.
    Done,
    /// The connection broke.
    Broken(String),
}

/// Follows until it is told to stop.
pub async fn run(output: Output, tail: &Tail) -> anyhow::Result<()> {
    let interrupted = tokio::signal::ctrl_c();
    tokio::select! {
        followed = follow(output, tail) => followed,
        heard = interrupted => heard.context("cannot wait for Ctrl-C"),
    }
}

async fn follow(output: Output, tail: &Tail) -> anyhow::Result<()> {
    let mut reader = Reader::behind(tail.after.map(|after| after.to_string()));
    let (mut wait, mut connected) = (BACK.0, false);
    loop {
        let end = match read(output, tail, &mut reader, &mut connected, &mut wait).await {
            Ok(End::Done) => return Ok(()),
            Ok(End::Broken(why)) => why,
            // One that was there once may be on its way back.
            Err(error)
                if connected
                    && matches!(
                        error.downcast_ref(),
                        Some(Failure::Unreachable(_) | Failure::Unavailable(_))
                    ) =>
            {
                error.to_string()
            }
            Err(error) => return Err(error),
        };
        // Half an event is as good as none: it comes again.
        reader = Reader::behind(reader.id);
        if wait == BACK.0 {
            // Told where nobody takes it for an event. That it cannot be told is no reason to stop.
            let _ = writeln!(std::io::stderr(), "cosell: {end}; trying again");
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(BACK.1);
    }
}

/// Reads a stream to its end.
async fn read(
    output: Output,
    tail: &Tail,
    reader: &mut Reader,
    connected: &mut bool,
    wait: &mut Duration,
) -> anyhow::Result<End> {
    // Each time anew: a server that was started again may be somewhere else.
    let remote = Remote::open(&tail.target)?;
    let place = At::new(["events", "stream"])
        .with("account", tail.account.as_deref())
        .with("catalog", tail.catalog.map(|catalog| catalog.as_str()))
        .with("detailType", tail.detail_type.as_deref());
    let mut request = remote.request(Method::GET, &place);
    if let Some(id) = &reader.id {
        request = request.header("last-event-id", id);
    }
    let talk = remote.talk(request.body(Empty::<Bytes>::new())?);
    let mut talk = match tokio::time::timeout(SILENCE, talk).await {
        Ok(talk) => talk?,
        Err(_) => return Err(remote.refused("gave no answer in time").into()),
    };
    if !talk.response.status().is_success() {
        let refusal: anyhow::Result<Value> = remote.answer(talk).await;
        refusal?;
        return Ok(End::Done);
    }
    *connected = true;
    loop {
        let frame = match tokio::time::timeout(SILENCE, talk.response.body_mut().frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Ok(End::Broken(format!("the connection broke: {error}"))),
            Ok(None) => return Ok(End::Broken("the server has ended the stream".to_owned())),
            Err(_) => return Ok(End::Broken("the server has fallen silent".to_owned())),
        };
        *wait = BACK.0;
        let Some(piece) = frame.data_ref() else { continue };
        let messages = reader.take(piece).map_err(|what| remote.refused(what))?;
        for message in messages {
            if !told(output, &message.data)? {
                return Ok(End::Done);
            }
        }
    }
}

/// Prints an event. False where nobody reads any more.
fn told(output: Output, data: &str) -> anyhow::Result<bool> {
    let line = match output {
        Output::Json => data.to_owned(),
        Output::Table => {
            let event: Value = serde_json::from_str(data).unwrap_or_default();
            let part = |pointer: &str| at(&event, pointer);
            format!(
                "{}  {}  {:<28}  {}",
                part("/time"),
                part("/account"),
                part("/detail-type"),
                about(&event)
            )
        }
    };
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written
            .map(|()| true)
            .context("cannot write to the standard output"),
    }
}
