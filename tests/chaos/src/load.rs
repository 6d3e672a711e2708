//! The load: clients that create, update, read and list, repeat what was not answered, and note everything that was
//! acknowledged.
//!
//! An opportunity is written by the client that made it alone. So each knows exactly what must be there, and holds every
//! answer against it at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::background::Background;
use crate::client::{Client, Outcome};
use crate::deal::{as_update, draft, id_of, next_steps, steps_of, text};

/// Clients at the same time.
pub const CLIENTS: u64 = 8;
/// Updates of one opportunity, after which it is left as it is.
const MOST_UPDATES: u32 = 12;
/// Opportunities of one list.
const MOST_LISTED: usize = 20;
/// How long something is repeated. Longer than every fault and what follows from it.
const PERSISTENCE: Duration = Duration::from_secs(180);

/// What a client knows of an opportunity.
#[derive(Debug, Clone)]
pub struct Deal {
    /// Its id.
    pub id: String,
    /// The ClientToken that it was made with.
    pub token: String,
    /// How many updates were acknowledged.
    pub updates: u32,
    /// Its LastModifiedDate then.
    pub last_modified: String,
    /// The payload of its updates.
    payload: Value,
}

/// A write that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// When it was sent for the first time.
    pub sent: Instant,
    /// When it was acknowledged.
    pub answered: Instant,
}

/// What all clients note.
#[derive(Default)]
pub struct Notes {
    /// Every acknowledged write, in the order of the acknowledgements.
    pub written: Vec<Written>,
    /// What came instead of an answer, and when.
    pub unsure: Vec<(Instant, String)>,
    /// Reads that were answered, lists among them.
    pub reads: usize,
    /// Lists that were answered.
    pub lists: usize,
    /// Creates that were sent twice at the same moment.
    pub twice: usize,
    /// Creates that were sent again long after they were acknowledged.
    pub replayed: usize,
    /// What must not be.
    pub violations: Vec<String>,
}

/// Notes that all share.
pub type Shared = Arc<Mutex<Notes>>;

/// The notes.
pub fn lock(notes: &Shared) -> MutexGuard<'_, Notes> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Clients at work.
pub struct Load {
    /// What they note.
    pub notes: Shared,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<Vec<Deal>>>,
}

impl Load {
    /// Sets them to work.
    #[must_use]
    pub fn start(background: &Background, client: &Client, seed: u64) -> Self {
        let (notes, (stop, stopped)) = (Shared::default(), watch::channel(false));
        let tasks = (0..CLIENTS).map(|number| {
            let worker = Worker {
                client: client.clone(),
                notes: Arc::clone(&notes),
                random: ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1009).wrapping_add(number)),
                name: format!("{seed}-{number}"),
                deals: Vec::new(),
                abandoned: Vec::new(),
            };
            background.handle().spawn(worker.work(stopped.clone()))
        });
        let tasks = tasks.collect();
        Self { notes, stop, tasks }
    }

    /// Stops them, each after what it is at; every opportunity that they made.
    ///
    /// # Errors
    /// Where one of them panicked.
    pub fn stop(self, background: &Background) -> Result<(Vec<Deal>, Shared)> {
        self.stop.send_replace(true);
        let mut deals = Vec::new();
        for task in self.tasks {
            deals.extend(background.wait(task).context("a client panicked")?);
        }
        Ok((deals, self.notes))
    }
}

struct Worker {
    client: Client,
    notes: Shared,
    random: ChaCha8Rng,
    name: String,
    deals: Vec<Deal>,
    /// Deals about which something was wrong already. They are told of once.
    abandoned: Vec<Deal>,
}

impl Worker {
    async fn work(mut self, stopped: watch::Receiver<bool>) -> Vec<Deal> {
        let mut number = 0;
        while !*stopped.borrow() {
            let choice = self.random.next_u32() % 100;
            let wrong = if self.deals.is_empty() || choice < 30 {
                number += 1;
                self.create(number).await
            } else {
                let at = self.random.next_u64() % self.deals.len() as u64;
                let deal = self.deals.swap_remove(usize::try_from(at).unwrap_or_default());
                match choice {
                    30..65 if deal.updates < MOST_UPDATES => self.update(deal).await,
                    65..70 => self.replay(deal).await,
                    70..75 => self.list(deal).await,
                    _ => self.read(deal).await,
                }
            };
            if let Err(violation) = wrong {
                lock(&self.notes).violations.push(format!("{violation:#}"));
            }
            tokio::time::sleep(Duration::from_millis(10 + u64::from(self.random.next_u32() % 30))).await;
        }
        self.deals.append(&mut self.abandoned);
        self.deals
    }

    /// Sends until there is an answer that says what was done, or that it was refused. `Err` where there never is one.
    /// The second value says whether one try is in doubt.
    async fn settle(&mut self, operation: &str, body: &Value) -> Result<(Outcome, bool)> {
        let (begun, mut in_doubt) = (Instant::now(), false);
        loop {
            match self.client.call(operation, body).await {
                Outcome::Unsure(why) => {
                    self.doubt(operation, &why);
                    in_doubt = true;
                    anyhow::ensure!(
                        begun.elapsed() < PERSISTENCE,
                        "{operation} is never answered: {why}"
                    );
                }
                outcome => return Ok((outcome, in_doubt)),
            }
            tokio::time::sleep(Duration::from_millis(
                100 + u64::from(self.random.next_u32() % 200),
            ))
            .await;
        }
    }

    fn doubt(&self, operation: &str, why: &str) {
        let text = format!("{operation}: {why}");
        lock(&self.notes).unsure.push((Instant::now(), text));
    }

    fn acknowledge(&self, sent: Instant) {
        let answered = Instant::now();
        lock(&self.notes).written.push(Written { sent, answered });
    }

    async fn create(&mut self, number: u32) -> Result<()> {
        let token = format!("{}-{number}", self.name);
        let (sent, body) = (Instant::now(), draft(&token));
        let mut told = Vec::new();
        if self.random.next_u32().is_multiple_of(8) {
            lock(&self.notes).twice += 1;
            let both = tokio::join!(
                self.client.call("CreateOpportunity", &body),
                self.client.call("CreateOpportunity", &body)
            );
            for outcome in [both.0, both.1] {
                match outcome {
                    Outcome::Done(made) => told.push(id_of(&made)?),
                    Outcome::Unsure(why) => self.doubt("CreateOpportunity", &why),
                    // The other of the two is under way.
                    Outcome::Refused(kind, _) if kind == "ConflictException" => {}
                    Outcome::Refused(kind, text) => anyhow::bail!("a create was refused: {kind} {text}"),
                }
            }
        }
        let made = match self.settle("CreateOpportunity", &body).await?.0 {
            Outcome::Done(made) => made,
            other => anyhow::bail!("create {token} was refused: {other:?}"),
        };
        self.acknowledge(sent);
        let id = id_of(&made)?;
        let mut deal = Deal {
            id: id.clone(),
            token: token.clone(),
            updates: 0,
            last_modified: text(&made["LastModifiedDate"])?,
            payload: Value::Null,
        };
        match self.get(&id).await {
            Ok(document) => deal.payload = as_update(document),
            Err(error) => {
                self.abandoned.push(deal);
                return Err(error.context("what was just created cannot be read"));
            }
        }
        self.deals.push(deal);
        anyhow::ensure!(
            told.iter().all(|one| *one == id),
            "token {token} made {told:?} and {id}"
        );
        Ok(())
    }

    async fn replay(&mut self, deal: Deal) -> Result<()> {
        lock(&self.notes).replayed += 1;
        let outcome = self.settle("CreateOpportunity", &draft(&deal.token)).await;
        let (id, token) = (deal.id.clone(), deal.token.clone());
        self.deals.push(deal);
        match outcome?.0 {
            Outcome::Done(made) if id_of(&made)? == id => Ok(()),
            other => anyhow::bail!("token {token} made {id}, and is answered now: {other:?}"),
        }
    }

    async fn update(&mut self, mut deal: Deal) -> Result<()> {
        let (sent, next) = (Instant::now(), deal.updates + 1);
        deal.payload["LastModifiedDate"] = deal.last_modified.as_str().into();
        deal.payload["LifeCycle"]["NextSteps"] = next_steps(next).into();
        let landed = match self.settle("UpdateOpportunity", &deal.payload).await {
            Ok((Outcome::Done(answer), _)) => text(&answer["LastModifiedDate"]),
            // One of the tries that were not answered has landed, and nobody else writes here.
            Ok((Outcome::Refused(kind, _), true)) if kind == "ConflictException" => {
                match self.get(&deal.id).await {
                    Ok(document) if steps_of(&document) == next_steps(next) => {
                        text(&document["LastModifiedDate"])
                    }
                    Ok(document) => Err(anyhow::anyhow!(
                        "{}: a conflict, but update {next} is not there: {document}",
                        deal.id
                    )),
                    Err(error) => Err(error),
                }
            }
            Ok((other, in_doubt)) => Err(anyhow::anyhow!(
                "{}: update {next} was refused (in doubt before: {in_doubt}): {other:?}",
                deal.id
            )),
            Err(error) => Err(error),
        };
        match landed {
            Ok(last_modified) => {
                self.acknowledge(sent);
                let before = std::mem::replace(&mut deal.last_modified, last_modified);
                deal.updates = next;
                let rises = deal.last_modified > before;
                let text = format!(
                    "{}: LastModifiedDate went from {before} to {}",
                    deal.id, deal.last_modified
                );
                self.deals.push(deal);
                anyhow::ensure!(rises, text);
                Ok(())
            }
            Err(error) => {
                self.abandoned.push(deal);
                Err(error)
            }
        }
    }

    async fn read(&mut self, deal: Deal) -> Result<()> {
        let read = self.get(&deal.id).await;
        let checked = read.and_then(|document| check(&deal, &document));
        match checked {
            Ok(()) => self.deals.push(deal),
            Err(_) => self.abandoned.push(deal),
        }
        checked
    }

    /// Lists what this client made last. Every one must be there, as it was acknowledged, although another server may have
    /// written it and a replica may answer.
    async fn list(&mut self, deal: Deal) -> Result<()> {
        self.deals.push(deal);
        let last = self.deals.len().saturating_sub(MOST_LISTED);
        let wanted: BTreeMap<String, String> = self.deals[last..]
            .iter()
            .map(|deal| (deal.id.clone(), deal.last_modified.clone()))
            .collect();
        let ids: Vec<&String> = wanted.keys().collect();
        let request = json!({"Catalog": "AWS", "Identifier": ids, "MaxResults": MOST_LISTED});
        let page = match self.settle("ListOpportunities", &request).await?.0 {
            Outcome::Done(page) => page,
            other => anyhow::bail!("a list was refused: {other:?}"),
        };
        let rows = page["OpportunitySummaries"]
            .as_array()
            .context("a list without rows")?;
        let listed: BTreeMap<String, String> = rows
            .iter()
            .map(|row| (shown(row, "Id"), shown(row, "LastModifiedDate")))
            .collect();
        anyhow::ensure!(
            listed == wanted,
            "acknowledged was {wanted:?}, and the list shows {listed:?}"
        );
        let mut notes = lock(&self.notes);
        notes.reads += 1;
        notes.lists += 1;
        Ok(())
    }

    async fn get(&mut self, id: &str) -> Result<Value> {
        let request = json!({"Catalog": "AWS", "Identifier": id});
        match self.settle("GetOpportunity", &request).await?.0 {
            Outcome::Done(document) => {
                lock(&self.notes).reads += 1;
                Ok(document)
            }
            other => anyhow::bail!("{id} was acknowledged and is not there: {other:?}"),
        }
    }
}

/// Holds a document against what its client knows.
///
/// # Errors
/// What differs.
pub fn check(deal: &Deal, document: &Value) -> Result<()> {
    let (steps, wanted) = (steps_of(document), next_steps(deal.updates));
    anyhow::ensure!(
        steps == wanted && document["LastModifiedDate"] == deal.last_modified.as_str(),
        "{}: \"{wanted}\" of {} was acknowledged, and it is \"{steps}\" of {}",
        deal.id,
        deal.last_modified,
        document["LastModifiedDate"]
    );
    let history = document["LifeCycle"]["NextStepsHistory"]
        .as_array()
        .map_or(0, Vec::len);
    anyhow::ensure!(
        history == deal.updates as usize + 1,
        "{}: {} updates were acknowledged, and {history} steps are in its history",
        deal.id,
        deal.updates
    );
    Ok(())
}

/// A member of a row; empty where it is none.
fn shown(row: &Value, member: &str) -> String {
    row[member].as_str().unwrap_or_default().to_owned()
}

/// What came instead of answers within a time, each with how often.
#[must_use]
pub fn kinds(unsure: &[(Instant, String)]) -> BTreeMap<&str, usize> {
    let mut found = BTreeMap::new();
    for (_, text) in unsure {
        *found.entry(text.as_str()).or_default() += 1;
    }
    found
}
