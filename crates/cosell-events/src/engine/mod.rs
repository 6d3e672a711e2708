//! The engine: reads the log of events, delivers to every target, and sees to it that nothing is lost.
//!
//! A supervisor keeps a worker for each enabled target. A worker leases its target, so that of several servers over one store
//! only one delivers there; a session of it reads the log behind the target's cursor. See `session.rs` for the order of
//! things.
//!
//! The engine must never decide what an event is or to whom it belongs, and never read a clock but those it was given.

mod metrics;
mod note;
mod people;
mod session;
#[cfg(test)]
mod tests;
mod window;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use cosell_model::Timestamp;
use cosell_store::{Store, StoreError};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

pub use metrics::{TargetMetrics, TargetStatus};
pub use note::{Note, Try};
pub use people::{PeopleError, Replayed, TimeRange};

use crate::rule::{CompiledRule, Rule};
use crate::secrets::Secrets;
use crate::sink::Sinks;
use crate::target::Target;
use worker::Worker;

/// Tells a time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How long the registry is left alone after it failed.
const REGISTRY_PATIENCE: Duration = Duration::from_secs(5);
/// How long deliveries under way at a target that is forgotten are waited for.
const FAREWELL: Duration = Duration::from_secs(1);
/// Most commands that wait for the supervisor.
const COMMANDS: usize = 64;

/// Everything that is registered: targets with their secrets opened, and rules.
#[derive(Clone, Debug, Default)]
pub struct Registered {
    /// The targets.
    pub targets: Vec<(Target, Secrets)>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// Where targets and rules are kept. Whoever has the key to the secrets implements it.
#[async_trait]
pub trait Registry: Send + Sync {
    /// Everything that is registered now.
    ///
    /// # Errors
    /// Why it cannot be told, for the log. The engine goes on with what it knows and asks again soon.
    async fn load(&self) -> Result<Registered, String>;
}

/// How the engine works.
#[derive(Clone)]
pub struct EngineOptions {
    /// How this server is called in leases: other than every other server over the same store.
    pub holder: String,
    /// How long a lease is held without a sign of life. So long another server waits after this one was killed.
    pub lease: Duration,
    /// The time for retries and leases: the same for all servers over one store, which compare it.
    pub now: Now,
    /// The machine's time, for signatures: receivers compare it with their own.
    pub signing_now: Now,
    /// The time that events carry, for the lag: that of the service, which a development server can move.
    pub event_now: Now,
    /// Whether it begins on hold: nothing is delivered until [`Deliverer::go_on`]. People can do all they can otherwise.
    pub held: bool,
}

enum Command {
    Reload(oneshot::Sender<()>),
    /// Nothing is delivered any more; what is under way has that long.
    Hold(Duration, oneshot::Sender<()>),
    /// What is registered is delivered again.
    GoOn(oneshot::Sender<()>),
    Forget(String, oneshot::Sender<Result<(), StoreError>>),
    /// Wakes one worker.
    Wake(String),
}

/// The running engine. Dropping it stops everything at once, as a crash would: what was under way comes again.
pub struct Deliverer {
    store: Arc<dyn Store>,
    sinks: Arc<dyn Sinks>,
    options: EngineOptions,
    registered: watch::Receiver<Arc<Registered>>,
    rules: watch::Receiver<Arc<Vec<CompiledRule>>>,
    commands: mpsc::Sender<Command>,
    stop: watch::Sender<Option<Instant>>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl Deliverer {
    /// Starts it on the current runtime. Returns when targets and rules have been read once, or could not be.
    pub async fn start(
        store: Arc<dyn Store>,
        registry: Arc<dyn Registry>,
        sinks: Arc<dyn Sinks>,
        options: EngineOptions,
    ) -> Self {
        let (commands, inbox) = mpsc::channel(COMMANDS);
        let (stop, stopped) = watch::channel(None);
        let (registered_in, registered) = watch::channel(Arc::default());
        let (rules_in, rules) = watch::channel(Arc::default());
        let mut supervisor = Supervisor {
            store: store.clone(),
            registry,
            sinks: sinks.clone(),
            options: options.clone(),
            registered: registered_in,
            rules: rules_in,
            running: HashMap::new(),
            tasks: JoinSet::new(),
            held: options.held,
        };
        let again = supervisor.reconcile().await;
        Self {
            store,
            sinks,
            options,
            registered,
            rules,
            commands,
            stop,
            supervisor: Mutex::new(Some(tokio::spawn(supervisor.run(inbox, stopped, again)))),
        }
    }

    /// Reads targets and rules anew; to be called after either was changed. Returns when the change counts, though a target
    /// that was changed or removed may still have deliveries of before under way.
    pub async fn reload(&self) {
        let (done, wait) = oneshot::channel();
        // An engine that is stopping needs to know nothing any more.
        if self.commands.send(Command::Reload(done)).await.is_ok() {
            wait.await.ok();
        }
    }

    /// Forgets a target's state and deliveries, after its record was deleted: waits for what is under way there.
    ///
    /// # Errors
    /// Those of the store; a repetition goes on.
    pub async fn forget(&self, target: &str) -> Result<(), StoreError> {
        let (done, wait) = oneshot::channel();
        if self
            .commands
            .send(Command::Forget(target.to_owned(), done))
            .await
            .is_ok()
            && let Ok(result) = wait.await
        {
            return result;
        }
        self.store.drop_target(target).await
    }

    /// Delivers nothing until [`Deliverer::go_on`]: for whoever exchanges what the store holds. What is under way may end
    /// within that time; what does not, comes again. Returns when nothing is delivered any more.
    pub async fn hold(&self, within: Duration) {
        let (done, wait) = oneshot::channel();
        // One that is stopping delivers nothing either.
        if self.commands.send(Command::Hold(within, done)).await.is_ok() {
            wait.await.ok();
        }
    }

    /// Reads targets and rules anew, and delivers again.
    pub async fn go_on(&self) {
        let (done, wait) = oneshot::channel();
        if self.commands.send(Command::GoOn(done)).await.is_ok() {
            wait.await.ok();
        }
    }

    /// Stops: nothing new is started, what is under way may end within that time, and everything known is settled.
    pub async fn stop(&self, within: Duration) {
        self.stop.send_replace(Some(Instant::now() + within));
        let supervisor = self
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(supervisor) = supervisor {
            // A panic of the supervisor has been told by then; there is nothing left to stop.
            supervisor.await.ok();
        }
    }

    /// Lets a target's worker look at what a person has changed.
    async fn wake(&self, target: &str) {
        self.commands.send(Command::Wake(target.to_owned())).await.ok();
    }
}

impl Drop for Deliverer {
    fn drop(&mut self) {
        let supervisor = self.supervisor.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(supervisor) = supervisor {
            supervisor.abort();
        }
    }
}

/// Waits until whoever is asked to stop is told so. The sender's end counts as telling.
async fn told(stopped: &mut watch::Receiver<Option<Instant>>) {
    // The guard that a success holds must not live on: it would lock the sender out.
    drop(stopped.wait_for(Option::is_some).await);
}

/// A worker that runs.
struct Running {
    target: Target,
    secrets: Secrets,
    stop: watch::Sender<Option<Instant>>,
    wake: Arc<Notify>,
    /// Closed when the worker has ended.
    done: oneshot::Receiver<()>,
}

struct Supervisor {
    store: Arc<dyn Store>,
    registry: Arc<dyn Registry>,
    sinks: Arc<dyn Sinks>,
    options: EngineOptions,
    registered: watch::Sender<Arc<Registered>>,
    rules: watch::Sender<Arc<Vec<CompiledRule>>>,
    running: HashMap<String, Running>,
    tasks: JoinSet<()>,
    /// Whether nothing is to be delivered.
    held: bool,
}

impl Supervisor {
    /// Works until it is told to stop. `again`: the registry is to be read again soon, because it could not be.
    async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Command>,
        mut stopped: watch::Receiver<Option<Instant>>,
        mut again: bool,
    ) {
        loop {
            let retry = async {
                match again {
                    true => tokio::time::sleep(REGISTRY_PATIENCE).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                () = told(&mut stopped) => break,
                // One that panicked is started anew, as soon as the registry is read again.
                Some(ended) = self.tasks.join_next() => again |= ended.is_err(),
                () = retry => again = self.reconcile().await,
                command = inbox.recv() => match command {
                    Some(Command::Reload(done)) => {
                        again = self.reconcile().await;
                        done.send(()).ok();
                    }
                    Some(Command::Hold(within, done)) => {
                        self.hold(within).await;
                        done.send(()).ok();
                    }
                    Some(Command::GoOn(done)) => {
                        self.held = false;
                        again = self.reconcile().await;
                        done.send(()).ok();
                    }
                    Some(Command::Forget(target, done)) => {
                        done.send(self.forget(&target).await).ok();
                    }
                    Some(Command::Wake(target)) => {
                        if let Some(running) = self.running.get(&target) {
                            running.wake.notify_one();
                        }
                    }
                    None => break,
                },
            }
        }
        let deadline = (*stopped.borrow()).unwrap_or_else(Instant::now);
        for running in self.running.values() {
            running.stop.send_replace(Some(deadline));
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Makes the workers those of the registry. True where the registry could not be read.
    async fn reconcile(&mut self) -> bool {
        let registered = match self.registry.load().await {
            Ok(registered) => registered,
            Err(error) => {
                tracing::warn!(
                    error,
                    "targets and rules cannot be read; deliveries go on with what is known"
                );
                return true;
            }
        };
        let mut rules = Vec::with_capacity(registered.rules.len());
        for rule in &registered.rules {
            match rule.compile() {
                Ok(rule) => rules.push(rule),
                Err(flaw) => tracing::error!(rule = rule.name, %flaw, "a rule is left out; correct it"),
            }
        }
        self.rules.send_replace(Arc::new(rules));
        let wanted: HashMap<String, &(Target, Secrets)> = registered
            .targets
            .iter()
            .filter(|(target, _)| target.enabled && !self.held)
            .map(|registered| (registered.0.name(), registered))
            .collect();
        let gone: Vec<String> = self
            .running
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            if let Some(running) = self.running.remove(&name) {
                running.end();
            }
        }
        for (name, (target, secrets)) in wanted {
            match self.running.get(&name) {
                // An ended worker has closed its channel: it panicked, and is started anew.
                Some(running)
                    if running.target == *target && running.secrets == *secrets && !running.has_ended() =>
                {
                    running.wake.notify_one();
                }
                _ => self.start(name, target.clone(), secrets.clone()),
            }
        }
        self.registered.send_replace(Arc::new(registered));
        false
    }

    /// Starts a worker, behind the former one of the same target.
    fn start(&mut self, name: String, target: Target, secrets: Secrets) {
        let opened = target
            .schedule()
            .map_err(|flaw| flaw.to_string())
            .and_then(|schedule| self.sinks.open(&target, &secrets).map(|sink| (schedule, sink)));
        let former = self.running.remove(&name).map(Running::end);
        let (schedule, sink) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::error!(target_name = name, error, "a target cannot be used; correct it");
                return;
            }
        };
        let (stop, stopped) = watch::channel(None);
        let (running, done) = oneshot::channel();
        let wake = Arc::new(Notify::new());
        let worker = Worker {
            store: self.store.clone(),
            name: name.clone(),
            target: target.clone(),
            schedule,
            sink,
            rules: self.rules.subscribe(),
            now: self.options.now.clone(),
            signing_now: self.options.signing_now.clone(),
            holder: self.options.holder.clone(),
            lease_time: self.options.lease,
            stop: stopped,
            wake: wake.clone(),
        };
        self.tasks.spawn(async move {
            let _running: oneshot::Sender<()> = running;
            if let Some(former) = former {
                former.await.ok();
            }
            worker.run().await;
        });
        self.running.insert(
            name,
            Running {
                target,
                secrets,
                stop,
                wake,
                done,
            },
        );
    }

    async fn hold(&mut self, within: Duration) {
        self.held = true;
        for (_, running) in self.running.drain() {
            running.stop.send_replace(Some(Instant::now() + within));
        }
        // Those that were told to end before count too.
        while self.tasks.join_next().await.is_some() {}
    }

    async fn forget(&mut self, target: &str) -> Result<(), StoreError> {
        if let Some(running) = self.running.remove(target) {
            // Nobody wants to know any more what became of what is under way, and others wait for the supervisor meanwhile.
            running.stop.send_replace(Some(Instant::now() + FAREWELL));
            // Closed without a word is how a worker ends.
            running.done.await.ok();
        }
        self.store.drop_target(target).await
    }
}

impl Running {
    /// Tells it to stop, letting what is under way end within its own time. What is returned closes when it has.
    fn end(self) -> oneshot::Receiver<()> {
        self.stop
            .send_replace(Some(Instant::now() + self.target.timeout()));
        self.done
    }

    fn has_ended(&self) -> bool {
        self.stop.is_closed()
    }
}
