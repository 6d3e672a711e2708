//! `cosell dev` and `cosell serve`: from configuration to a running server.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use cosell_domain::Catalog;
use cosell_domain::amount::Cents;
use cosell_domain::opportunity::spend::Estimates;
use cosell_operator::Operator;
use cosell_service::autopilot::{Behaviour, EVERYONE};
use cosell_service::identity::{Keyring, keys};
use cosell_service::operator::{By, clock};
use cosell_service::{Clock, PageTokens, Service, Settings, SystemClock, Throttle, VirtualClock};
use cosell_store::Store;
use cosell_wire::cors::OriginRule;
use cosell_wire::sigv4::{SigningKeyCache, Verifier};

use super::autopilot as scripts;
use crate::config::{Config, Flags, Mode};
use crate::data_dir::{self, Opened, Role, Serving};
use crate::delivery::{self, Delivery, EventsTo};
use crate::dev as development;
use crate::operator_file::{self, OperatorFile, Peers};
use crate::output::{Output, say};
use crate::server::tls::Certificate;
use crate::server::{self, Authentication, Bound, Handler, Limits, OpenAccounts, Server};

/// Derived signing keys that are kept: one per key, day and region.
const SIGNING_KEYS: usize = 10_000;

/// How often a server that starts asks what the clock of a shared store shows. It watches the clock from then on anyway.
const TRIES_OF_CLOCK: usize = 5;
/// How long the store is given to end the token of a server that stops.
const RETIRING: Duration = Duration::from_secs(2);

/// `cosell dev`.
#[derive(Args)]
pub struct Dev {
    /// Keep everything in memory-backed temporary files and leave nothing behind
    #[arg(long)]
    ephemeral: bool,
    /// Who plays AWS: approve-fast, realistic, picky, a file with a script of your own, or manual
    /// [default: as it was; manual at first]
    #[arg(long, value_name = "NAME|FILE")]
    autopilot: Option<String>,
    /// Begin with examples where there are no opportunities yet: `starter`
    #[arg(long, value_name = "PACK", value_enum)]
    seed: Option<Pack>,
    /// Have every event sent to a webhook, to a file as JSON lines, or to the standard output (-)
    #[arg(long, value_name = "URL|FILE|-")]
    events_to: Option<String>,
    #[command(flatten)]
    flags: Box<Flags>,
}

/// What a development server can begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Pack {
    /// A believable pipeline of 40 opportunities of the two accounts
    Starter,
}

/// `cosell serve`.
#[derive(Args)]
pub struct Serve {
    /// Allow fault rules (see `cosell fault`); those kept from an earlier start count again
    #[arg(long)]
    faults: bool,
    #[command(flatten)]
    flags: Box<Flags>,
}

/// Runs a development server until it is asked to stop.
pub fn dev(output: Output, command: Dev) -> anyhow::Result<()> {
    let started = Instant::now();
    let config = Config::read(&command.flags, Mode::Dev)?;
    let _log = crate::log::start(&config)?;
    development::check_address(config.listen()?)?;
    if let Some(address) = config.operator_listen()? {
        development::check_address(address)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut opened, place) = runtime.block_on(open_for_development(&config, command.ephemeral))?;
    let _lock = opened.lock.take();
    let mut settings = Settings {
        faults: true,
        ..settings(&config)?
    };
    let player = command.autopilot.as_deref().map(scripts::behaviour).transpose()?;
    settings.seed = runtime.block_on(names_seed(&config, &*opened.store))?;
    runtime.block_on(keys::expect_sealer(&*opened.store, &opened.sealer))?;
    runtime.block_on(release_claims(&*opened.store))?;
    let mode = runtime
        .block_on(clock::kept_mode(&*opened.store))
        .map_err(in_words)?;
    let clock = Arc::new(mode.map(VirtualClock::new).unwrap_or_default());
    runtime
        .block_on(development::seed(
            &*opened.store,
            &opened.sealer,
            &settings.region,
            clock.now(),
        ))
        .context("cannot prepare the development accounts")?;
    let origins = match config.text("cors-origins") {
        "" => OriginRule::Loopback,
        _ => origins(&config),
    };
    let region = settings.region.clone();
    let store = Arc::clone(&opened.store);
    let open_accounts = Some(OpenAccounts::new(Arc::clone(&store), settings.region.clone()));
    let folder = (!command.ephemeral).then(|| config.data());
    let token = runtime.block_on(operator_file::token(
        &*store,
        folder.as_deref(),
        Peers::None,
        clock.now(),
    ))?;
    let time = Time::Movable(Arc::clone(&clock));
    // Beside the database, which has room for what the files hold.
    let spool = folder.clone().unwrap_or_else(std::env::temp_dir);
    let wanted = command.events_to.as_deref().map(EventsTo::read).transpose()?;
    let (files, wanted) = delivery::place(&config, folder.as_deref(), wanted)?;
    let sealer = opened.sealer.clone();
    let delivery = Delivery::start(&config, files, &store, &sealer, Arc::clone(&clock) as _, true)?;
    let place_of = (&time, spool);
    let server = assemble(
        &config,
        opened,
        settings,
        origins,
        open_accounts,
        place_of,
        &delivery,
    )?;
    let service = &server.handler.service;
    let signed = runtime.block_on(development::send_events(&*store, &sealer, wanted, clock.now()))?;
    if let Some(Pack::Starter) = command.seed {
        runtime
            .block_on(development::fill(service))
            .context("cannot make the examples")?;
    }
    runtime
        .block_on(prepare(service, &clock, player))
        .map_err(in_words)?;
    let usable = runtime
        .block_on(development::usable(&*store))
        .context("cannot look at the keys of the development accounts")?;
    let tls = server.tls.clone();
    let scheme = scheme(tls.as_deref());
    runtime.block_on(delivery.begin());
    server.run(|bound| {
        let endpoint = format!("{scheme}://{}", bound.api);
        let url = format!("{scheme}://{}", bound.operator);
        if let Some(folder) = &folder {
            note(&config, folder, tls.as_deref(), bound, &token);
        }
        let announcement = Announcement {
            endpoint: &endpoint,
            operator_url: &url,
            operator_token: Some(&token),
            started,
        };
        announcement.say(output, || {
            let mut banner = development::banner(&endpoint, &place, &region, &usable);
            if let Some(to) = &command.events_to {
                banner.push_str(&format!("\nevents are sent to {to}"));
            }
            if let Some(secret) = &signed {
                banner.push_str(&format!(", signed with {}", secret.as_str()));
            }
            format!(
                "{banner}\noperator API   {url}{}\noperator token {}",
                cosell_operator::BASE,
                *token
            )
        });
    })?;
    delivery.stop();
    runtime.block_on(store.close());
    Ok(())
}

/// Opens what a development server keeps its data in, and says where that is.
async fn open_for_development(config: &Config, ephemeral: bool) -> anyhow::Result<(Opened, String)> {
    if ephemeral {
        if config.store().is_some() {
            let expected = "empty for --ephemeral, which keeps everything in temporary files: leave one of the two out, or say \
                            --store \"\"";
            return Err(config.wrong("store", expected));
        }
        return Ok((
            data_dir::ephemeral()?,
            "ephemeral: gone when the server stops".to_owned(),
        ));
    }
    let folder = config.data();
    let opened = data_dir::open_or_create(&folder, config.store(), serving(config)?).await?;
    let mut place = folder.display().to_string();
    if let Some(url) = config.store() {
        development::expect_own(&*opened.store).await?;
        place = format!("{place} and {}", cosell_store_postgres::shown(url));
    }
    Ok((opened, place))
}

fn serving(config: &Config) -> anyhow::Result<Serving<'_>> {
    Ok(Serving {
        listen: config.text("listen"),
        replicas: config.read_store()?,
        connections: Some(config.store_connections()?),
    })
}

/// Runs a server for real use until it is asked to stop.
pub fn serve(output: Output, command: Serve) -> anyhow::Result<()> {
    let started = Instant::now();
    let config = Config::read(&command.flags, Mode::Serve)?;
    let _log = crate::log::start(&config)?;
    if !config.text("random-seed").is_empty() {
        let expected = "empty for cosell serve, whose identifiers nobody may foresee: use cosell dev to repeat a run, \
                        or prospecting-seed and fault-seed";
        return Err(config.wrong("random-seed", expected));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let role = Role::Server(serving(&config)?);
    let mut opened = runtime.block_on(data_dir::open(&config.data(), config.store(), role))?;
    let _lock = opened.lock.take();
    let store = Arc::clone(&opened.store);
    runtime.block_on(keys::expect_sealer(&*store, &opened.sealer))?;
    runtime.block_on(release_claims(&*store))?;
    let settings = Settings {
        faults: command.faults,
        ..settings(&config)?
    };
    let folder = config.data();
    let peers = match config.store() {
        Some(_) => Peers::Some,
        None => Peers::None,
    };
    let token = runtime.block_on(operator_file::token(
        &*store,
        Some(&folder),
        peers,
        SystemClock.now(),
    ))?;
    let place = (&Time::Machine, config.data());
    let (files, _) = delivery::place(&config, Some(&folder), None)?;
    let sealer = opened.sealer.clone();
    let delivery = Delivery::start(
        &config,
        files,
        &store,
        &sealer,
        Arc::new(SystemClock),
        config.store().is_none(),
    )?;
    let server = assemble(
        &config,
        opened,
        settings,
        origins(&config),
        None,
        place,
        &delivery,
    )?;
    let service = &server.handler.service;
    let ready = async {
        // Before anything is delivered: leases are compared with those of other servers.
        for _ in 0..TRIES_OF_CLOCK {
            match service.measure_skew().await {
                Ok(()) => break,
                Err(error) => tracing::warn!("the clock cannot be compared with the store's yet: {error}"),
            }
        }
        service.list_old_deals().await?;
        service.load_faults().await
    };
    runtime.block_on(ready).map_err(in_words)?;
    let tls = server.tls.clone();
    let scheme = scheme(tls.as_deref());
    runtime.block_on(delivery.begin());
    server.run(|bound| {
        let endpoint = format!("{scheme}://{}", bound.api);
        let url = format!("{scheme}://{}", bound.operator);
        note(&config, &folder, tls.as_deref(), bound, &token);
        let announcement = Announcement {
            endpoint: &endpoint,
            operator_url: &url,
            // What a server for real use prints may be kept in a log that others read.
            operator_token: None,
            started,
        };
        announcement.say(output, || {
            let quotas = match config.text("throttle") {
                "aws" => "AWS's published quotas, one write a second per account and operation (throttle = \"aws\")",
                _ => "none (throttle = \"off\")",
            };
            let base = cosell_operator::BASE;
            format!("cosell serves {endpoint}\noperator API: {url}{base}, token in operator.json of the data folder\nquotas: {quotas}")
        });
    })?;
    if peers == Peers::Some {
        let retired = operator_file::retire(&*store, &folder, SystemClock.now());
        let retired = async { tokio::time::timeout(RETIRING, retired).await };
        match runtime.block_on(retired) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("the token in operator.json stays valid: {error:#}"),
            Err(_) => {
                tracing::warn!("the token in operator.json stays valid: the store did not answer in time")
            }
        }
    }
    delivery.stop();
    runtime.block_on(store.close());
    Ok(())
}

/// Which clock a server goes by.
enum Time {
    /// The machine's.
    Machine,
    /// One of its own, which operators move.
    Movable(Arc<VirtualClock>),
}

/// Brings a development server to where it was: a movement of its clock that was cut off ends, and its fault rules count.
/// Then AWS is played as it was asked for at the start.
async fn prepare(
    service: &Service,
    clock: &VirtualClock,
    player: Option<Behaviour>,
) -> Result<(), cosell_model::ApiError> {
    service.list_old_deals().await?;
    service.restore_clock(clock).await?;
    service.load_faults().await?;
    if let Some(player) = player {
        let by = By {
            token: "cosell dev --autopilot".to_owned(),
            request_id: String::new(),
        };
        for catalog in Catalog::ALL {
            service.set_player(&by, EVERYONE, catalog, player.clone()).await?;
        }
    }
    Ok(())
}

fn in_words(error: cosell_model::ApiError) -> anyhow::Error {
    anyhow::anyhow!(error.internal.unwrap_or(error.message))
}

/// Lets go of the jobs that a killed server had in its hands, where this is the only server of the store, so that nobody
/// holds them. Where there may be others, they are due again when the leases end.
async fn release_claims(store: &dyn Store) -> anyhow::Result<()> {
    let released = store
        .release_claims()
        .await
        .context("cannot release claimed jobs")?;
    if released > 0 {
        tracing::info!(released, "jobs that the last server did not finish are due again");
    }
    Ok(())
}

fn scheme(tls: Option<&Certificate>) -> &'static str {
    if tls.is_some() { "https" } else { "http" }
}

/// Writes down where operators find the server. It serves whether or not that succeeds.
fn note(config: &Config, folder: &Path, tls: Option<&Certificate>, bound: Bound, token: &str) {
    let certificate = Some(config.text("tls-cert")).filter(|path| !path.is_empty());
    let scheme = scheme(tls);
    let file = OperatorFile {
        url: format!("{scheme}://{}", operator_file::reachable(bound.operator)),
        token: token.to_owned(),
        certificate: certificate.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.into())),
        fingerprint: tls.and_then(Certificate::fingerprint),
    };
    if let Some(tls) = tls {
        let folder = folder.to_owned();
        tls.when_renewed(move |fingerprint| {
            let noted = OperatorFile::read(&folder)
                .and_then(|file| OperatorFile { fingerprint, ..file }.write(&folder));
            if let Err(error) = noted {
                tracing::warn!("commands on this machine will not know the renewed certificate: {error:#}");
            }
        });
    }
    if let Err(error) = file.write(folder) {
        tracing::warn!("commands on this machine will not find the server: {error:#}");
    }
}

/// What a server says when it is ready.
struct Announcement<'a> {
    endpoint: &'a str,
    operator_url: &'a str,
    operator_token: Option<&'a str>,
    started: Instant,
}

impl Announcement<'_> {
    /// Says that the server is ready: in `words` for people, in one line of JSON for programs. It serves whether or not
    /// anyone hears.
    fn say(&self, output: Output, words: impl FnOnce() -> String) {
        let millis = self.started.elapsed().as_millis();
        let said = match output {
            Output::Table => say(words()).and_then(|()| say(format_args!("ready in {millis} ms"))),
            Output::Json => {
                let ready = u64::try_from(millis).unwrap_or(u64::MAX);
                let mut line = serde_json::json!({
                    "Endpoint": self.endpoint,
                    "ReadyMillis": ready,
                    "operatorUrl": self.operator_url,
                });
                if let Some(token) = self.operator_token {
                    line["operatorToken"] = token.into();
                }
                say(line)
            }
        };
        if let Err(error) = said {
            tracing::warn!("{error:#}");
        }
    }
}

fn assemble(
    config: &Config,
    opened: Opened,
    settings: Settings,
    origins: OriginRule,
    open_accounts: Option<OpenAccounts>,
    (time, spool): (&Time, PathBuf),
    delivery: &Delivery,
) -> anyhow::Result<Server> {
    let store: Arc<dyn Store> = opened.store;
    let is_service = matches!(time, Time::Machine);
    let (clock, movable_clock): (Arc<dyn Clock>, _) = match time {
        Time::Machine => (Arc::new(SystemClock), None),
        Time::Movable(clock) => (Arc::clone(clock) as _, Some(Arc::clone(clock))),
    };
    let throttle = match config.one_of("throttle", &["aws", "off"])? {
        "aws" => Throttle::published(),
        _ => Throttle::off(),
    };
    let tokens = PageTokens::new(opened.sealer.derive("page tokens"));
    let region = Some(config.text("region").to_owned()).filter(|region| !region.is_empty());
    let arn_region = settings.region.clone();
    let service = Service::new(Arc::clone(&store), Arc::clone(&clock), settings, tokens, throttle);
    let service = Arc::new(service.with_skew(delivery.skew.clone()));
    let seconds = |name, to| config.number(name, 1, to).map(Duration::from_secs);
    let operator = Operator::new(cosell_operator::Parts {
        service: Arc::clone(&service),
        store: Arc::clone(&store),
        sealer: opened.sealer.clone(),
        deliverer: Arc::clone(&delivery.deliverer),
        delivers: delivery.delivers,
        clock: Arc::clone(&clock),
        movable_clock,
        region: arn_region,
        version: env!("CARGO_PKG_VERSION"),
        body_timeout: seconds("body-timeout", 3600)?,
        spool,
    });
    let authentication = Authentication {
        keyring: Keyring::new(store, opened.sealer),
        verifier: Verifier {
            region,
            ..Verifier::default()
        },
        keys: SigningKeyCache::new(SIGNING_KEYS),
        open_accounts,
    };
    let handler = Arc::new(Handler {
        service: Arc::clone(&service),
        operator,
        authentication,
        clock,
        origins,
        body_limit: usize::try_from(config.number("body-limit", 1024, 64 * 1024 * 1024)?)?,
        body_timeout: seconds("body-timeout", 3600)?,
    });
    let known = Arc::downgrade(&handler);
    service.when_forgetting(move || {
        if let Some(handler) = known.upgrade() {
            handler.authentication.forget();
        }
    });
    let threads = match usize::try_from(config.number("threads", 0, 1024)?)? {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    Ok(Server {
        handler,
        is_service,
        listen: config.listen()?,
        operator_listen: config.operator_listen()?,
        tls: server::tls(config)?,
        limits: Limits {
            header_timeout: seconds("header-timeout", 3600)?,
        },
        max_connections: usize::try_from(config.number("max-connections", 1, 1_000_000)?)?,
        threads,
        shutdown_timeout: seconds("shutdown-timeout", 3600)?,
    })
}

pub(super) fn settings(config: &Config) -> anyhow::Result<Settings> {
    let mut settings = Settings {
        region: config.arn_region().to_owned(),
        orphan_quirk: config.switch("sandbox-review-status-orphan")?,
        audit: config.switch("audit")?,
        audit_retention_millis: days(config, "audit-retention")?,
        events: config.switch("events")?,
        events_realistic: config.switch("events-realistic")?,
        events_retention_millis: days(config, "events-retention")?,
        connections_required: config.one_of("connections", &["open", "required"])? == "required",
        offers_required: config.one_of("offers", &["open", "required"])? == "required",
        // At most a day: longer than any client waits, and far from where a time could overflow.
        task_delay_millis: config.seconds("task-delay", 24 * 60 * 60)?,
        prospecting_seed: config.seed("prospecting-seed")?,
        fault_seed: config.seed("fault-seed")?,
        ..Settings::default()
    };
    let amount = config.text("estimate-amount");
    if !Cents::parse(amount).is_some_and(Cents::is_positive) {
        return Err(config.wrong("estimate-amount", "an amount above 0 such as 1000 or 999.99"));
    }
    settings.estimates = Estimates {
        amount: amount.to_owned(),
    };
    Ok(settings)
}

/// Days from 0 to a hundred years, in milliseconds.
fn days(config: &Config, name: &str) -> anyhow::Result<i64> {
    let days = i64::try_from(config.number(name, 0, 36_500)?)?;
    Ok(days * 24 * 60 * 60 * 1000)
}

/// What identifiers are drawn from where a seed was given. Every start over a store draws others, since those of the
/// starts before are taken; so the first start over an empty store is repeated by the same seed, and so is the second.
async fn names_seed(config: &Config, store: &dyn Store) -> anyhow::Result<Option<[u8; 32]>> {
    let Some(seed) = config.random_seed()? else {
        return Ok(None);
    };
    let start = store
        .reserve("random-seed", 1)
        .await
        .context("cannot count the starts with --random-seed")?
        .start;
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    bytes[8..16].copy_from_slice(&start.to_be_bytes());
    Ok(Some(bytes))
}

fn origins(config: &Config) -> OriginRule {
    let list: Vec<String> = config
        .text("cors-origins")
        .split(',')
        .map(|origin| origin.trim().to_owned())
        .filter(|origin| !origin.is_empty())
        .collect();
    if list.is_empty() {
        OriginRule::None
    } else {
        OriginRule::List(list)
    }
}
