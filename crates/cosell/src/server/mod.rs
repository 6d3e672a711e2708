//! The HTTP server: one acceptor, one single-threaded runtime per processor, and a stop that finishes what it accepted.
//!
//! A request is served from beginning to end on the thread that owns its connection, so that no request pays for a
//! hand-over between threads. What is in a request is `handler`'s business.

mod connection;
mod follow;
mod handler;
mod outcome;
mod preface;
pub mod tls;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::{Semaphore, mpsc, watch};

pub use connection::Limits;
pub use handler::{Authentication, Handler, OpenAccounts};

use handler::Door;

use crate::config::Config;
use tls::Certificate;

/// What a server needs to run.
pub struct Server {
    /// Answers requests.
    pub handler: Arc<Handler>,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it listens for operators alone; `None` where they come by the same way as partners.
    pub operator_listen: Option<SocketAddr>,
    /// Certificate and key; `None` for plain HTTP.
    pub tls: Option<Arc<Certificate>>,
    /// Whether SIGHUP says that there is something to read anew, as it does to a service, or that the terminal is gone and the
    /// server with it.
    pub is_service: bool,
    /// Bounds of a connection.
    pub limits: Limits,
    /// Connections served at the same time.
    pub max_connections: usize,
    /// Threads that serve connections.
    pub threads: usize,
    /// How long requests under way are given at a stop.
    pub shutdown_timeout: Duration,
}

/// Connections of operators served at the same time, where they have a listener of their own: however many partners come,
/// these are kept. Those beyond the streams of events are for all else: whoever may only read must not be able to lock out who
/// revokes his token.
const OPERATOR_CONNECTIONS: usize = 64 + cosell_operator::STREAMS;

/// What a server is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// For partners.
    pub api: SocketAddr,
    /// For operators; the same where there is one listener only.
    pub operator: SocketAddr,
}

/// Reads the server's certificate and key: `None` where none are configured.
pub fn tls(config: &Config) -> anyhow::Result<Option<Arc<Certificate>>> {
    match (config.text("tls-cert"), config.text("tls-key")) {
        ("", "") => Ok(None),
        ("", _) => Err(config.wrong("tls-cert", "the certificate file, because tls-key is set")),
        (_, "") => Err(config.wrong("tls-key", "the key file, because tls-cert is set")),
        (cert, key) => Certificate::load(cert.as_ref(), key.as_ref()).map(Some),
    }
}

impl Server {
    /// Binds its addresses, calls `ready` with what was bound, and serves until the process is asked to stop
    /// (SIGINT or SIGTERM). Returns when every accepted request was answered or the shutdown timeout has passed.
    pub fn run(self, ready: impl FnOnce(Bound)) -> anyhow::Result<()> {
        let listener = bind(self.listen, "--listen")?;
        let operators = self
            .operator_listen
            .map(|address| bind(address, "--operator-listen"))
            .transpose()?;
        let api = listener.local_addr()?;
        let bound = Bound {
            api,
            operator: match &operators {
                Some(listener) => listener.local_addr()?,
                None => api,
            },
        };

        let tls = self.tls.as_ref().map(Certificate::config).transpose()?;
        let tls = tls.map(tokio_rustls::TlsAcceptor::from);
        let (stop, stopping) = watch::channel(false);
        let mut senders = Vec::new();
        let mut workers = Vec::new();
        for number in 0..self.threads.max(1) {
            // Bounded by the semaphore: there are never more sockets under way than connections allowed.
            let (sender, receiver) = mpsc::unbounded_channel();
            senders.push(sender);
            let worker = Worker {
                handler: Arc::clone(&self.handler),
                tls: tls.clone(),
                limits: self.limits,
                stopping: stopping.clone(),
                shutdown_timeout: self.shutdown_timeout,
            };
            let thread = std::thread::Builder::new()
                .name(format!("cosell-{number}"))
                .spawn(move || worker.run(receiver))
                .context("cannot start a thread")?;
            workers.push(thread);
        }
        workers.push(by_itself(Arc::clone(&self.handler), stopping)?);

        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let signals = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let operators = operators.map(tokio::net::TcpListener::from_std).transpose()?;
            // Before anyone is told to come: who stops the server at once must find it able to stop in good order.
            let mut signals = Signals::new()?;
            let mut hangups = self.is_service.then(|| Hangups::new(self.tls)).transpose()?;
            ready(bound);
            manager(Word::Ready);
            let door = if operators.is_some() {
                Door::Partners
            } else {
                Door::Both
            };
            let mut at_operators = Dealer::new(OPERATOR_CONNECTIONS, Door::Operators, senders.clone());
            let mut dealer = Dealer::new(self.max_connections, door, senders);
            let accept_operators = async {
                match &operators {
                    Some(listener) => at_operators.accept(listener).await,
                    None => std::future::pending().await,
                }
            };
            let reload = async {
                match &mut hangups {
                    Some(hangups) => hangups.reload().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = dealer.accept(&listener) => {}
                () = accept_operators => {}
                () = reload => {}
                name = signals.wait() => tracing::info!("{name} received: finishing the requests under way"),
            }
            dealer.accept_waiting(&listener).await;
            if let Some(listener) = &operators {
                at_operators.accept_waiting(listener).await;
            }
            anyhow::Ok(signals)
        })?;
        manager(Word::Stopping);
        end_at_second_signal(runtime, signals)?;
        // The queues are closed by now; after the flag, workers take what was accepted before they leave.
        let _ = stop.send(true);
        // These would last as long as their clients do.
        self.handler.operator.close_streams();
        for worker in workers {
            if worker.join().is_err() {
                tracing::error!("a thread of the server broke down");
            }
        }
        let unknown = self.handler.service.unknown_members();
        if unknown > 0 {
            tracing::info!(
                unknown,
                "members of requests that the model does not know were passed over"
            );
        }
        Ok(())
    }
}

/// What a service manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Ready,
    Stopping,
}

/// Tells systemd, where that started the server and waits for a word (`Type=notify`).
fn manager(word: Word) {
    #[cfg(target_os = "linux")]
    {
        let state = match word {
            Word::Ready => sd_notify::NotifyState::Ready,
            Word::Stopping => sd_notify::NotifyState::Stopping,
        };
        if let Err(error) = sd_notify::notify(&[state]) {
            tracing::warn!(?word, "the service manager cannot be told: {error}");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = word;
}

/// Starts the thread of what no request asks for: it does what is due at a time, compares the clocks, and follows
/// what other servers change. It ends with the connections' threads.
fn by_itself(
    handler: Arc<Handler>,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<std::thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let stop = move || {
        let mut stopping = stopping.clone();
        async move {
            // An error means that nobody is left who could ask to stop, which is one more reason to.
            let _ = stopping.wait_for(|stop| *stop).await;
        }
    };
    let run = move || {
        let service = &handler.service;
        runtime.block_on(async {
            tokio::join!(
                service.run_jobs(stop()),
                service.watch_skew(stop()),
                follow::follow(&handler, stop())
            )
        });
    };
    std::thread::Builder::new()
        .name("cosell-jobs".to_owned())
        .spawn(run)
        .context("cannot start a thread")
}

fn bind(address: SocketAddr, flag: &str) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address}: is another server running there? Choose another with {flag}")
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

type Accepted = (TcpStream, Door, tokio::sync::OwnedSemaphorePermit);

/// Hands connections to the threads in turn, as long as there are fewer than allowed.
struct Dealer {
    connections: Arc<Semaphore>,
    door: Door,
    senders: Vec<mpsc::UnboundedSender<Accepted>>,
    turn: usize,
}

impl Dealer {
    fn new(connections: usize, door: Door, senders: Vec<mpsc::UnboundedSender<Accepted>>) -> Self {
        Self {
            connections: Arc::new(Semaphore::new(connections)),
            door,
            senders,
            turn: 0,
        }
    }

    /// Accepts for ever.
    async fn accept(&mut self, listener: &tokio::net::TcpListener) {
        loop {
            let Ok(permit) = Arc::clone(&self.connections).acquire_owned().await else {
                return;
            };
            match listener.accept().await {
                Ok((stream, _)) => self.hand_over(stream, permit),
                Err(error) => {
                    // Out of file handles, most likely: waiting lets connections end.
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    /// Takes what the system has accepted already, so that a stop resets nobody who was let in.
    async fn accept_waiting(&mut self, listener: &tokio::net::TcpListener) {
        while let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
            tokio::select! {
                biased;
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.hand_over(stream, permit),
                    Err(_) => return,
                },
                () = std::future::ready(()) => return,
            }
        }
    }

    fn hand_over(&mut self, stream: tokio::net::TcpStream, permit: tokio::sync::OwnedSemaphorePermit) {
        let _ = stream.set_nodelay(true);
        if let Ok(stream) = stream.into_std() {
            let _ = self.senders[self.turn].send((stream, self.door, permit));
            self.turn = (self.turn + 1) % self.senders.len();
        }
    }
}

/// Someone who asks twice does not want to wait for slow clients. Nothing that was acknowledged is lost by it.
fn end_at_second_signal(runtime: tokio::runtime::Runtime, mut signals: Signals) -> anyhow::Result<()> {
    let wait = move || {
        let name = runtime.block_on(signals.wait());
        tracing::warn!("{name} received again: ending at once");
        std::process::exit(130);
    };
    std::thread::Builder::new()
        .name("cosell-signals".to_owned())
        .spawn(wait)?;
    Ok(())
}

struct Worker {
    handler: Arc<Handler>,
    tls: Option<tokio_rustls::TlsAcceptor>,
    limits: Limits,
    stopping: watch::Receiver<bool>,
    shutdown_timeout: Duration,
}

impl Worker {
    fn run(self, mut accepted: mpsc::UnboundedReceiver<Accepted>) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            tracing::error!("a thread cannot serve connections: no runtime");
            return;
        };
        let local = tokio::task::LocalSet::new();
        local.block_on(&runtime, async {
            let mut tasks = tokio::task::JoinSet::new();
            while let Some((stream, door, permit)) = accepted.recv().await {
                let Ok(stream) = tokio::net::TcpStream::from_std(stream) else {
                    continue;
                };
                let (handler, tls) = (Arc::clone(&self.handler), self.tls.clone());
                let (limits, stopping) = (self.limits, self.stopping.clone());
                tasks.spawn_local(async move {
                    let service = Arc::clone(&handler.service);
                    let _connected = service.metrics().connected();
                    connection::serve(stream, tls, handler, door, limits, stopping).await;
                    drop(permit);
                });
                // Collects what has ended, so that the set does not grow.
                while tasks.try_join_next().is_some() {}
            }
            let finished = async { while tasks.join_next().await.is_some() {} };
            if tokio::time::timeout(self.shutdown_timeout, finished)
                .await
                .is_err()
            {
                tracing::warn!("connections were cut off: they did not end within the shutdown timeout");
            }
        });
    }
}

/// The signals that ask for certificate and key to be read again.
struct Hangups {
    certificate: Option<Arc<Certificate>>,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Hangups {
    fn new(certificate: Option<Arc<Certificate>>) -> anyhow::Result<Self> {
        Ok(Self {
            certificate,
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// Reads them at each signal. Never returns.
    async fn reload(&mut self) {
        loop {
            #[cfg(unix)]
            let heard = self.hangup.recv().await;
            #[cfg(not(unix))]
            let heard: Option<()> = None;
            if heard.is_none() {
                return std::future::pending().await;
            }
            match self.certificate.as_deref().map(Certificate::reload) {
                None => tracing::info!("SIGHUP received: there is no certificate to read again"),
                Some(Ok(())) => tracing::info!("SIGHUP received: certificate and key were read again"),
                Some(Err(error)) => tracing::error!(
                    error = format!("{error:#}"),
                    "SIGHUP received, and the certificate of before stays in use: mend the files and send it again"
                ),
            }
        }
    }
}

/// The signals that ask for a stop.
struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            interrupt: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    #[cfg(unix)]
    async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }

    #[cfg(not(unix))]
    async fn wait(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}
