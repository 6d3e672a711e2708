//! The engine against a real store, with sinks that misbehave as they are told.

mod flow;
mod people;

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use cosell_store::{Changes, DeliveryQuery, DeliveryState, Store as _};
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::json;

use super::*;
use crate::envelope::Envelope;
use crate::envelope::tests::event;
use crate::sink::{Batch, Outcome, Sink};
use crate::target::SinkSettings;
use crate::target::tests::target;

type Judge = dyn Fn(&Envelope, usize) -> Reply + Send + Sync;

/// What a fake receiver does with an event.
#[derive(Clone, Copy)]
enum Reply {
    Take,
    Fail,
    Hang,
    Gone,
}

/// A receiver that does as it is told and remembers what came.
struct Fake {
    judge: Box<Judge>,
    batch: Batch,
    /// Number and id of every event that came, with how often it had come by then, and whether it was taken.
    came: Mutex<Vec<(u64, String, bool)>>,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
}

impl Fake {
    fn new(judge: impl Fn(&Envelope, usize) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Self::batched(Batch::SINGLE, judge)
    }

    fn batched(batch: Batch, judge: impl Fn(&Envelope, usize) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            judge: Box::new(judge),
            batch,
            came: Mutex::default(),
            under_way: AtomicUsize::new(0),
            most_under_way: AtomicUsize::new(0),
        })
    }

    fn taken(&self) -> Vec<u64> {
        let came = self.came.lock().unwrap();
        came.iter()
            .filter(|(_, _, taken)| *taken)
            .map(|(seq, _, _)| *seq)
            .collect()
    }

    fn tries(&self) -> usize {
        self.came.lock().unwrap().len()
    }
}

#[async_trait]
impl Sink for Fake {
    fn batch(&self) -> Batch {
        self.batch
    }

    async fn deliver(&self, events: &[Envelope], _: Timestamp) -> Vec<Outcome> {
        let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_under_way.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1)).await;
        let mut outcomes = Vec::new();
        for event in events {
            let before = self
                .came
                .lock()
                .unwrap()
                .iter()
                .filter(|(seq, _, _)| *seq == event.seq)
                .count();
            let reply = (self.judge)(event, before);
            let taken = matches!(reply, Reply::Take);
            self.came
                .lock()
                .unwrap()
                .push((event.seq, event.id.clone(), taken));
            outcomes.push(match reply {
                Reply::Take => Outcome::Delivered { status: Some(200) },
                Reply::Fail => Outcome::Failed {
                    status: Some(500),
                    error: "told to fail".into(),
                    after: None,
                },
                Reply::Gone => Outcome::Gone { error: "gone".into() },
                Reply::Hang => std::future::pending().await,
            });
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        outcomes
    }
}

#[derive(Default)]
struct Fakes(HashMap<String, Arc<Fake>>);

impl Sinks for Fakes {
    fn open(&self, target: &Target, _: &Secrets) -> Result<Arc<dyn Sink>, String> {
        let fake = self.0.get(&target.id).ok_or("no such fake")?;
        Ok(fake.clone())
    }
}

#[derive(Default)]
struct Fixed(Mutex<Registered>);

#[async_trait]
impl Registry for Fixed {
    async fn load(&self) -> Result<Registered, String> {
        Ok(self.0.lock().unwrap().clone())
    }
}

#[expect(clippy::disallowed_methods, reason = "the tests' machine time")]
fn machine_time() -> Now {
    Arc::new(|| {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
    })
}

/// A store, targets with fakes, and a rule that sends everything everywhere.
struct World {
    store: Arc<SqliteStore>,
    registry: Arc<Fixed>,
    sinks: Arc<Fakes>,
}

impl World {
    fn new(fakes: &[(&str, &Arc<Fake>)], change: impl Fn(&mut Target)) -> Self {
        let mut targets = Vec::new();
        for (id, _) in fakes {
            let mut made = target(SinkSettings::Stdout);
            made.id = (*id).to_owned();
            made.retry_seconds = Some(vec![0.02; 12]);
            change(&mut made);
            targets.push((made, Secrets::default()));
        }
        let rules = vec![Rule {
            account: String::new(),
            name: "all".into(),
            description: String::new(),
            pattern: json!({"source": ["aws.partnercentral-selling"]}),
            targets: fakes.iter().map(|(id, _)| format!("/{id}")).collect(),
            enabled: true,
            since: 0,
        }];
        Self {
            store: Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap()),
            registry: Arc::new(Fixed(Mutex::new(Registered { targets, rules }))),
            sinks: Arc::new(Fakes(
                fakes
                    .iter()
                    .map(|(id, fake)| ((*id).to_owned(), (*fake).clone()))
                    .collect(),
            )),
        }
    }

    async fn start(&self, holder: &str) -> Deliverer {
        let options = EngineOptions {
            holder: holder.into(),
            lease: Duration::from_secs(2),
            now: machine_time(),
            signing_now: machine_time(),
            event_now: machine_time(),
            held: false,
        };
        Deliverer::start(
            self.store.clone(),
            self.registry.clone(),
            self.sinks.clone(),
            options,
        )
        .await
    }

    /// Emits events, turn by turn about so many opportunities.
    async fn emit(&self, from: u64, count: u64, opportunities: u64) {
        let events = (from..from + count)
            .map(|number| {
                event(
                    &format!("id-{number}"),
                    "111111111111",
                    &format!("O{}", number % opportunities),
                )
            })
            .collect();
        let changes = Changes {
            events,
            ..Changes::default()
        };
        self.store.apply(changes).await.unwrap();
    }

    async fn rows(&self, name: &str, state: DeliveryState) -> Vec<u64> {
        let query = DeliveryQuery {
            target: Some(name.into()),
            seq: None,
            state: Some(state),
            after: None,
            newest_first: false,
            limit: 1000,
        };
        self.store
            .deliveries(&query)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.seq)
            .collect()
    }
}

/// Waits until something is so, for half a minute at most.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}

/// The events taken of each lane, in the order in which they were.
fn by_lane(taken: &[u64], opportunities: u64) -> BTreeMap<u64, Vec<u64>> {
    let mut lanes: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for seq in taken {
        lanes.entry(seq % opportunities).or_default().push(*seq);
    }
    lanes
}

fn ascending(numbers: &[u64]) -> bool {
    numbers.windows(2).all(|pair| pair[0] < pair[1])
}

/// Fails about one try in four, by the number of the event and of the try.
fn moody(event: &Envelope, before: usize) -> Reply {
    match (event.seq * 7 + before as u64 * 3) % 4 {
        0 => Reply::Fail,
        _ => Reply::Take,
    }
}

const STOP: Duration = Duration::from_secs(5);
