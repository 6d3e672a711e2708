//! Where the log and the traces go. What is said is everybody's own business.

use std::io::IsTerminal as _;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry};

use crate::config::Config;
use crate::traces;

/// The log, for as long as it is to be kept: what waits to be told is told when this is dropped.
#[must_use]
pub struct Log {
    #[cfg(feature = "otlp")]
    _traces: Option<traces::otlp::Traces>,
}

/// Starts to log as the configuration says, and to trace where the environment says so.
pub fn start(config: &Config) -> anyhow::Result<Log> {
    let filter = EnvFilter::try_new(config.text("log")).map_err(|_| {
        config.wrong(
            "log",
            "a level (error, warn, info, debug) or a filter such as cosell=debug",
        )
    })?;
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let lines = match config.one_of("log-format", &["text", "json"])? {
        "json" => lines.json().boxed(),
        _ => lines.boxed(),
    };
    let asked = traces::asked_for();
    let unable = |error| anyhow::anyhow!("cannot start the log: {error}");
    #[cfg(feature = "otlp")]
    if asked.is_some() {
        let traces = traces::otlp::Traces::start()?;
        let subscriber = Registry::default()
            .with(lines.with_filter(filter))
            .with(traces.layer());
        subscriber.try_init().map_err(unable)?;
        return Ok(Log {
            _traces: Some(traces),
        });
    }
    Registry::default()
        .with(lines)
        .with(filter)
        .try_init()
        .map_err(unable)?;
    if let Some(variable) = asked {
        tracing::warn!("{variable} is set, but this build sends no traces: build it with --features otlp");
    }
    Ok(Log {
        #[cfg(feature = "otlp")]
        _traces: None,
    })
}
