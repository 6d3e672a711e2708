//! The machine that delivers events, on a thread of its own: from configuration to its start and its stop. What it does is
//! `cosell-events`' business.
//!
//! It never begins before it is told to: a server that is still getting ready has nothing to tell yet.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use cosell_events::{Deliverer, EngineOptions, Network, Outside, RealSinks};
use cosell_service::delivery::Registry;
use cosell_service::identity::Sealer;
use cosell_service::{Clock, Skew, SystemClock};
use cosell_store::Store;
use tokio::sync::oneshot;

use crate::config::Config;

/// The folder of targets that are files, in the data folder.
pub const FILES: &str = "events";
/// How long a lease is held without a sign of life.
const LEASE: Duration = Duration::from_secs(10);
/// How long deliveries under way are waited for at a stop.
const LAST: Duration = Duration::from_secs(5);
/// Who holds the leases of a store that has one server at a time: one that follows one that was killed goes on at once where
/// that one was.
const HOLDER: &str = "the only server";

/// Where a development server sends every event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventsTo {
    /// To a webhook.
    Webhook(String),
    /// To a file; an absolute path, or one from the folder of such files once that is known.
    File(PathBuf),
    /// To the standard output.
    Stdout,
}

impl EventsTo {
    /// As it is typed.
    pub fn read(text: &str) -> anyhow::Result<Self> {
        if text == "-" {
            return Ok(Self::Stdout);
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Webhook(text.to_owned()));
        }
        let path =
            std::path::absolute(text).with_context(|| format!("--events-to: \"{text}\" is no path"))?;
        Ok(Self::File(path))
    }
}

/// The folder of targets that are files. Gone when this is dropped where the server leaves nothing behind.
pub struct Files {
    path: PathBuf,
    _passing: Option<tempfile::TempDir>,
}

/// Finds the folder of targets that are files, and where in it the file lies that events are to be sent to. Unless a folder
/// is configured, that file decides.
pub fn place(
    config: &Config,
    data: Option<&Path>,
    wanted: Option<EventsTo>,
) -> anyhow::Result<(Files, Option<EventsTo>)> {
    let configured = Some(config.text("events-files")).filter(|text| !text.is_empty());
    let lasting = |path: PathBuf| Files { path, _passing: None };
    let files = match (configured, &wanted, data) {
        (Some(folder), ..) => lasting(std::path::absolute(folder)?),
        (None, Some(EventsTo::File(file)), _) => {
            lasting(file.parent().context("--events-to names no file")?.to_owned())
        }
        (None, _, Some(data)) => lasting(std::path::absolute(data)?.join(FILES)),
        (None, _, None) => {
            let passing = tempfile::tempdir().context("cannot make a folder for events")?;
            Files {
                path: passing.path().to_owned(),
                _passing: Some(passing),
            }
        }
    };
    let wanted = match wanted {
        Some(EventsTo::File(file)) => {
            let beneath = file.strip_prefix(&files.path).with_context(|| {
                format!(
                    "--events-to: {} does not lie beneath {}, which events-files names",
                    file.display(),
                    files.path.display()
                )
            })?;
            Some(EventsTo::File(beneath.to_owned()))
        }
        other => other,
    };
    Ok((files, wanted))
}

/// The ways out that the configuration allows.
pub fn sinks(config: &Config, files: PathBuf) -> anyhow::Result<RealSinks> {
    let allowed = config.networks("events-networks")?;
    let files = match config.text("events-files") {
        "" => files,
        folder => std::path::absolute(folder)?,
    };
    Ok(RealSinks::new(Outside::new(Network { allowed }, Vec::new())).with_files(files))
}

/// How a server is called in leases. Beside others it draws a name for as long as it runs: two of the same name would
/// deliver the same events at the same time. What a killed one held is free when its leases have run out.
pub fn holder(alone: bool) -> anyhow::Result<String> {
    if alone {
        return Ok(HOLDER.to_owned());
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system gives no randomness: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn options(clock: Arc<dyn Clock>, holder: String, skew: Skew) -> EngineOptions {
    EngineOptions {
        holder,
        lease: LEASE,
        // Of servers over one store each compares its own time with what others wrote down.
        now: Arc::new(move || skew.shared(SystemClock.now())),
        signing_now: Arc::new(|| SystemClock.now()),
        event_now: Arc::new(move || clock.now()),
        held: true,
    }
}

/// A machine that delivers nothing until it is told to go on.
pub async fn machine(
    store: &Arc<dyn Store>,
    sealer: &Sealer,
    sinks: RealSinks,
    clock: Arc<dyn Clock>,
    holder: String,
    skew: Skew,
) -> Deliverer {
    let registry = Registry::new(Arc::clone(store), sealer.clone());
    let options = options(clock, holder, skew);
    Deliverer::start(Arc::clone(store), Arc::new(registry), Arc::new(sinks), options).await
}

/// The machine, running.
pub struct Delivery {
    /// What delivers.
    pub deliverer: Arc<Deliverer>,
    /// Whether it is to deliver at all.
    pub delivers: bool,
    /// What it knows of this server's clock, once somebody finds it out.
    pub skew: Skew,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    _files: Files,
}

impl Delivery {
    /// Starts it, without anything being delivered yet. `alone`: no other server can be at work on the store.
    pub fn start(
        config: &Config,
        files: Files,
        store: &Arc<dyn Store>,
        sealer: &Sealer,
        clock: Arc<dyn Clock>,
        alone: bool,
    ) -> anyhow::Result<Self> {
        let skew = Skew::default();
        let holder = holder(alone)?;
        let delivers = config.switch("events-delivery")?;
        let sinks = sinks(config, files.path.clone())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (store, sealer) = (Arc::clone(store), sealer.clone());
        let deliverer =
            Arc::new(runtime.block_on(machine(&store, &sealer, sinks, clock, holder, skew.clone())));
        let (stop, stopped) = oneshot::channel::<()>();
        let running = Arc::clone(&deliverer);
        let run = move || {
            runtime.block_on(async move {
                // Who forgets to say when it is to stop has gone.
                let _ = stopped.await;
                running.stop(LAST).await;
            });
        };
        let thread = std::thread::Builder::new()
            .name("cosell-events".to_owned())
            .spawn(run)
            .context("cannot start a thread")?;
        Ok(Self {
            deliverer,
            delivers,
            skew,
            stop,
            thread,
            _files: files,
        })
    }

    /// Begins to deliver, where it is to.
    pub async fn begin(&self) {
        if self.delivers {
            self.deliverer.go_on().await;
        }
    }

    /// Lets what is under way end, keeps what is known, and ends. Before the store is closed.
    pub fn stop(self) {
        let _ = self.stop.send(());
        if self.thread.join().is_err() {
            tracing::error!("the thread that delivers events broke down");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Mode};

    fn config(files: Option<&str>) -> Config {
        let flags = Flags {
            data: Some("/nowhere".to_owned()),
            events_files: files.map(str::to_owned),
            ..Flags::default()
        };
        Config::read(&flags, Mode::Dev).unwrap()
    }

    #[test]
    fn where_events_are_sent_to_is_read_from_what_is_typed() {
        assert_eq!(EventsTo::read("-").unwrap(), EventsTo::Stdout);
        let url = "http://127.0.0.1:1/x";
        assert_eq!(EventsTo::read(url).unwrap(), EventsTo::Webhook(url.to_owned()));
        assert_eq!(
            EventsTo::read("/a/b.jsonl").unwrap(),
            EventsTo::File("/a/b.jsonl".into())
        );
    }

    #[test]
    fn the_folder_of_files_is_the_configured_one_else_that_of_the_file_else_in_the_data_folder() {
        let file = || Some(EventsTo::File("/a/b/c.jsonl".into()));
        let (files, wanted) = place(&config(None), None, file()).unwrap();
        assert_eq!(
            (files.path, wanted),
            ("/a/b".into(), Some(EventsTo::File("c.jsonl".into())))
        );
        let (files, wanted) = place(&config(Some("/a")), None, file()).unwrap();
        assert_eq!(
            (files.path, wanted),
            ("/a".into(), Some(EventsTo::File("b/c.jsonl".into())))
        );
        assert!(place(&config(Some("/z")), None, file()).is_err());
        let (files, _) = place(&config(None), Some(Path::new("/data")), None).unwrap();
        assert_eq!(files.path, Path::new("/data/events"));
        let (files, _) = place(&config(None), None, None).unwrap();
        let path = files.path.clone();
        assert!(path.exists());
        drop(files);
        assert!(!path.exists());
    }
}
