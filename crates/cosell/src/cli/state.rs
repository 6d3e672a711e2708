//! `cosell state`: everything a server keeps, saved, loaded, reset and filled; of a running server, else of a data folder on
//! which none runs.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use cosell_domain::Catalog;
use cosell_service::Service;
use cosell_service::identity::Sealer;
use cosell_service::operator::By;
use cosell_service::operator::state::{LARGEST, Large, Starter};
use cosell_store::{Progress, Store};
use cosell_store_sqlite::OpenError;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk;
use super::progress::{Bar, Unit};
use super::remote::{At, Remote, Target};
use crate::data_dir::{self, Role, Serving};
use crate::output::{Output, say};

/// Opportunities of the pack large that are asked of a server at once, so that it tells how far it is.
const STEP: u64 = 10_000;

/// What can be done with the state.
#[derive(Subcommand)]
pub enum Command {
    /// Save everything to a file, also while the server works
    Save(Save),
    /// Replace everything by a saved file: all of it or, where the file is not right, nothing
    Load(Load),
    /// Erase deals and what belongs to them; accounts, users, keys, solutions and tokens stay
    Reset(Reset),
    /// Fill the server with examples
    Seed(Seed),
}

#[derive(Args)]
pub struct Save {
    /// The file to write; - for the standard output
    file: PathBuf,
    /// Write over a file that exists
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Load {
    /// The file to read; - for the standard input
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Reset {
    /// Of this account only
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// In this catalog only: AWS or Sandbox
    #[arg(long, value_parser = super::parse_catalog)]
    catalog: Option<Catalog>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Seed {
    /// starter: 40 opportunities of two partners; large: as many as wanted; else a file with a story of your own
    pack: String,
    /// How many opportunities; for large, which needs it
    #[arg(value_parser = clap::value_parser!(u64).range(1..=LARGEST))]
    count: Option<u64>,
    /// Whose they are; twice for a story of two partners [default: for large the first account of `cosell dev`, else the
    /// first two that are registered]
    #[arg(long = "account", value_name = "ID", num_args = 1)]
    accounts: Vec<String>,
    /// Where they are: AWS or Sandbox
    #[arg(long, default_value = "Sandbox", value_parser = super::parse_catalog)]
    catalog: Catalog,
    /// What they are drawn from; for large [default: 0]
    #[arg(long)]
    seed: Option<u64>,
    #[command(flatten)]
    target: Target,
}

/// Where the state is.
enum Place {
    /// Behind a running server.
    Server(Remote),
    /// In a data folder that no server uses now, nor can before this command ends.
    Folder(Box<Local>),
}

struct Local {
    service: Service,
    store: Arc<dyn Store>,
    sealer: Sealer,
    by: By,
    _lock: Option<File>,
}

impl Place {
    async fn find(target: &Target) -> anyhow::Result<Self> {
        if target.url().is_some() {
            return Ok(Self::Server(Remote::open(target)?));
        }
        // The lock of a server: whoever gets it knows that none runs, and keeps any from starting meanwhile.
        let config = target.store.config(&target.data)?;
        let role = Role::Server(Serving {
            listen: "nowhere: `cosell state` is at work",
            replicas: None,
            connections: None,
        });
        let opened = match data_dir::open(&target.data, config.store(), role).await {
            Ok(opened) => opened,
            Err(error) if matches!(error.downcast_ref(), Some(OpenError::InUse { .. })) => {
                return Ok(Self::Server(Remote::open(target)?));
            }
            Err(error) => return Err(error),
        };
        let store: Arc<dyn Store> = opened.store;
        let service = desk::service(super::run::settings(&config)?, &store, &opened.sealer);
        let by = By {
            token: "the command line".to_owned(),
            request_id: String::new(),
        };
        Ok(Self::Folder(Box::new(Local {
            service,
            store,
            sealer: opened.sealer,
            by,
            _lock: opened.lock,
        })))
    }

    /// Waits until everything is on the disk.
    async fn leave(self) {
        if let Self::Folder(local) = self {
            local.store.close().await;
        }
    }
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Save(command) => save(output, command).await,
        Command::Load(command) => load(output, command).await,
        Command::Reset(command) => reset(output, command).await,
        Command::Seed(command) => seed(output, command).await,
    }
}

async fn seed(output: Output, seed: Seed) -> anyhow::Result<()> {
    if seed.pack == "large" {
        let Some(count) = seed.count else {
            bail!("say how many opportunities: cosell state seed large 10000");
        };
        return seed_large(output, seed, count).await;
    }
    if seed.count.is_some() || seed.seed.is_some() {
        bail!("a count and --seed are for the pack large: leave them out");
    }
    if seed.pack == "starter" {
        return seed_story(output, seed, None).await;
    }
    let text = std::fs::read_to_string(&seed.pack).with_context(|| {
        format!(
            "\"{}\" is neither starter nor large nor a file to read",
            seed.pack
        )
    })?;
    let document = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", seed.pack))?;
    seed_story(output, seed, Some(document)).await
}

fn is_stream(file: &Path) -> bool {
    file.as_os_str() == "-"
}

async fn save(output: Output, save: Save) -> anyhow::Result<()> {
    if is_stream(&save.file) {
        let place = Place::find(&save.target).await?;
        let written = write(&place, &mut BufWriter::new(io::stdout()), output).await;
        place.leave().await;
        return written.map(|_| ());
    }
    let shown = save.file.display().to_string();
    if save.file.exists() && !save.force {
        bail!("{shown} exists already: say --force to write over it, or name another file");
    }
    let place = Place::find(&save.target).await?;
    // Beside its later place, under another name until it is whole.
    let mut partial = save.file.clone().into_os_string();
    partial.push(".part");
    let partial = PathBuf::from(partial);
    let _ = std::fs::remove_file(&partial);
    let written = async {
        let file = data_dir::private_file(&partial)
            .with_context(|| format!("cannot write {}", partial.display()))?;
        let mut out = BufWriter::new(file);
        let bytes = write(&place, &mut out, output).await?;
        out.flush()?;
        out.get_ref().sync_all()?;
        let summary = cosell_store::state::verify(BufReader::new(File::open(&partial)?))?;
        std::fs::rename(&partial, &save.file)?;
        anyhow::Ok((bytes, summary))
    }
    .await;
    place.leave().await;
    let (bytes, summary) = written.inspect_err(|_| {
        let _ = std::fs::remove_file(&partial);
    })?;
    let counts = json!({
        "file": shown, "bytes": bytes, "items": summary.items, "savedDate": summary.created_at,
    });
    let lines = [
        ("Saved", shown),
        ("Bytes", bytes.to_string()),
        ("Items", summary.items.to_string()),
    ];
    output.one(&counts, &lines)
}

/// Writes the state; how many bytes.
async fn write(place: &Place, out: &mut (dyn io::Write + Send), output: Output) -> anyhow::Result<u64> {
    match place {
        Place::Server(remote) => {
            let bar = Bar::new(output, Unit::Bytes, "saved");
            let bytes = remote.download(&At::new(["state"]), out, bar.teller()).await?;
            out.flush()?;
            Ok(bytes)
        }
        Place::Folder(local) => {
            let bar = Bar::new(output, Unit::Things("items"), "saved");
            let mut counted = Counted { out, bytes: 0 };
            local
                .service
                .save_state(&mut counted, bar.teller())
                .await
                .context("cannot save the state")?;
            Ok(counted.bytes)
        }
    }
}

struct Counted<'a> {
    out: &'a mut (dyn io::Write + Send),
    bytes: u64,
}

impl io::Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

async fn load(output: Output, load: Load) -> anyhow::Result<()> {
    let open = || {
        let shown = load.file.display();
        let file = File::open(&load.file).with_context(|| format!("cannot open {shown}"))?;
        if file.metadata()?.is_dir() {
            bail!("{shown} is a folder: name a file that `cosell state save` has written");
        }
        anyhow::Ok(file)
    };
    let file = if is_stream(&load.file) {
        None
    } else {
        Some(open()?)
    };
    let place = Place::find(&load.target).await?;
    let loaded = match &place {
        Place::Server(remote) => {
            // Who may not do it should hear so before the file is on its way.
            let _: Value = remote.get(&At::new(["status"])).await?;
            let total = file.as_ref().map(File::metadata).transpose()?;
            let from: Box<dyn Read + Send> = match file {
                Some(file) => Box::new(file),
                None => Box::new(io::stdin()),
            };
            let at = At::new(["state"]);
            let total = total.map(|about| about.len());
            let bar = Bar::new(output, Unit::Bytes, "sent");
            remote.upload(&at, from, total, bar.teller()).await
        }
        Place::Folder(local) => take(output, local, file, &load.target.data).await,
    };
    place.leave().await;
    let loaded: Value = loaded?;
    let mut lines = vec![
        ("Saved on", words(&loaded["savedDate"])),
        ("Items", words(&loaded["items"])),
    ];
    for (name, member) in [
        ("Keys left out", "keysLeftOut"),
        ("Own keys kept", "keysKept"),
        ("Targets without secrets", "targetsWithoutSecrets"),
    ] {
        let keys = loaded[member].as_array().into_iter().flatten();
        let keys: Vec<String> = keys.map(words).collect();
        if !keys.is_empty() {
            lines.push((name, keys.join(", ")));
        }
    }
    output.one(&loaded, &lines)?;
    if output == Output::Table && lines.iter().any(|(name, _)| *name == "Keys left out") {
        say(
            "\nThe key file of this data folder does not open those keys: make others with `cosell key create`.",
        )?;
    }
    Ok(())
}

async fn take(output: Output, local: &Local, file: Option<File>, folder: &Path) -> anyhow::Result<Value> {
    let mut file = match file {
        Some(file) => file,
        None => {
            let mut file = tempfile::tempfile_in(folder)?;
            io::copy(&mut io::stdin(), &mut file).context("cannot read the standard input")?;
            file
        }
    };
    let bar = Bar::new(output, Unit::Things("items"), "loaded");
    let loaded = local
        .service
        .load_state(&local.by, &local.sealer, &mut file, bar.teller())
        .await?;
    Ok(serde_json::to_value(loaded)?)
}

async fn reset(output: Output, reset: Reset) -> anyhow::Result<()> {
    let what = match (&reset.account, reset.catalog) {
        (None, None) => "everything that partners have done, in both catalogs".to_owned(),
        (Some(account), None) => format!("what account {account} has, in both catalogs"),
        (None, Some(catalog)) => format!("what all accounts have in catalog {catalog}"),
        (Some(account), Some(catalog)) => format!("what account {account} has in catalog {catalog}"),
    };
    let place = Place::find(&reset.target).await?;
    if !reset.yes && !agreed(&what)? {
        bail!("nothing was erased");
    }
    let erased: anyhow::Result<Value> = match &place {
        Place::Server(remote) => {
            let body = json!({
                "account": reset.account,
                "catalog": reset.catalog.map(Catalog::as_str),
            });
            remote.post(&At::new(["state", "reset"]), Some(&body)).await
        }
        Place::Folder(local) => local
            .service
            .reset_state(&local.by, reset.account.as_deref(), reset.catalog)
            .await
            .map_err(told_of)
            .map(|erased| {
                json!({
                    "records": erased.records, "history": erased.history, "events": erased.events,
                    "answers": erased.answers, "jobs": erased.jobs,
                })
            }),
    };
    place.leave().await;
    let erased = erased?;
    let line = |name, member: &str| (name, words(&erased[member]));
    let lines = [
        line("Records", "records"),
        line("Former versions", "history"),
        line("Events", "events"),
        line("Kept answers", "answers"),
        line("Jobs", "jobs"),
    ];
    output.one(&erased, &lines)
}

fn agreed(what: &str) -> anyhow::Result<bool> {
    if !io::stdin().is_terminal() {
        bail!("this erases {what}: say --yes");
    }
    eprint!("This erases {what}. Go on? [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

async fn seed_story(output: Output, story: Seed, document: Option<Value>) -> anyhow::Result<()> {
    let place = Place::find(&story.target).await?;
    let told: anyhow::Result<Value> = match &place {
        Place::Server(remote) => {
            let mut body = json!({
                "pack": if document.is_some() { "document" } else { "starter" },
                "accounts": story.accounts, "catalog": story.catalog.as_str(),
            });
            if let Some(document) = document {
                body["document"] = document;
            }
            remote.post(&At::new(["state", "seed"]), Some(&body)).await
        }
        Place::Folder(local) => {
            let wanted = Starter {
                accounts: story.accounts,
                catalog: story.catalog,
                document,
            };
            let told = local.service.seed_story(&local.by, &wanted).await;
            told.map_err(told_of)
                .and_then(|told| Ok(serde_json::to_value(told)?))
        }
    };
    place.leave().await;
    let told = told?;
    let lines = [
        ("Opportunities", words(&told["opportunities"])),
        ("Invitations", words(&told["invitations"])),
    ];
    output.one(&told, &lines)
}

async fn seed_large(output: Output, mut seed: Seed, wanted: u64) -> anyhow::Result<()> {
    if seed.accounts.len() > 1 {
        bail!("the pack large is for one account: say --account once");
    }
    let account = seed.accounts.pop();
    let account = account.unwrap_or_else(|| crate::dev::ACCOUNTS[0].id.to_owned());
    let (catalog, drawn_from) = (seed.catalog, seed.seed.unwrap_or(0));
    let place = Place::find(&seed.target).await?;
    let begun = Instant::now();
    let bar = Bar::new(output, Unit::Things("opportunities"), "made");
    let progress = bar.teller();
    let mut made = 0;
    let (mut first, mut last) = (Value::Null, Value::Null);
    let mut records = 0;
    let grown = async {
        progress(Progress {
            done: 0,
            total: wanted,
        });
        while made < wanted {
            let count = STEP.min(wanted - made);
            let grown: Value = match &place {
                Place::Server(remote) => {
                    let body = json!({
                        "pack": "large", "accounts": [account], "catalog": catalog.as_str(),
                        "count": count, "seed": drawn_from,
                    });
                    remote.post(&At::new(["state", "seed"]), Some(&body)).await?
                }
                Place::Folder(local) => {
                    let step = Large {
                        account: account.clone(),
                        catalog,
                        count,
                        seed: drawn_from,
                    };
                    let grown = local.service.seed_large(&local.by, &step, Arc::new(|_| {}));
                    serde_json::to_value(grown.await.map_err(told_of)?)?
                }
            };
            made += count;
            records += grown["records"].as_u64().unwrap_or_default();
            if first.is_null() {
                first = grown["firstId"].clone();
            }
            last = grown["lastId"].clone();
            progress(Progress {
                done: made,
                total: wanted,
            });
        }
        anyhow::Ok(())
    }
    .await;
    place.leave().await;
    drop(bar);
    grown.with_context(|| match made {
        0 => "it failed at the beginning".to_owned(),
        made => format!(
            "{made} opportunities are made, {} to {}; then it failed",
            words(&first),
            words(&last)
        ),
    })?;
    let seconds = begun.elapsed().as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = (made as f64 / seconds).round();
    let counts = json!({
        "opportunities": made, "records": records, "firstId": first, "lastId": last,
        "seconds": seconds, "perSecond": rate,
    });
    let lines = [
        ("Opportunities", made.to_string()),
        ("From", words(&first)),
        ("To", words(&last)),
        ("A second", format!("{rate}")),
    ];
    output.one(&counts, &lines)
}

fn told_of(error: cosell_model::ApiError) -> anyhow::Error {
    match error.internal {
        Some(detail) => anyhow::anyhow!("{}: {detail}", error.message),
        None => anyhow::anyhow!(error.message),
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
