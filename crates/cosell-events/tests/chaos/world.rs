//! What the tests of this binary share: a store on disk, targets at receivers, and an engine between them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cosell_events::{
    Deliverer, EngineOptions, Network, Now, Outside, RealSinks, Registered, Registry, Rule, Secrets, Target,
};
use cosell_model::Timestamp;
use cosell_store::{Changes, DeliveryQuery, DeliveryState, Event, Store};
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::json;

/// The account of all events.
pub const ACCOUNT: &str = "111111111111";

/// Targets and rules as a test keeps them.
#[derive(Default)]
pub struct Fixed(pub Mutex<Registered>);

#[async_trait]
impl Registry for Fixed {
    async fn load(&self) -> Result<Registered, String> {
        Ok(self.0.lock().unwrap().clone())
    }
}

/// The machine's time.
#[expect(clippy::disallowed_methods, reason = "the tests' machine time")]
pub fn machine_time() -> Now {
    Arc::new(|| {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
    })
}

/// A webhook of the operator with a short schedule.
pub fn webhook(id: &str, url: &str) -> (Target, Secrets) {
    let target = json!({
        "id": id, "sink": {"kind": "webhook", "url": url},
        "concurrency": 16, "timeoutSeconds": 1, "retrySeconds": vec![0.05; 20],
    });
    let target = Target::read(target.to_string().as_bytes()).unwrap();
    let secrets = Secrets {
        signing: vec![cosell_events::new_signing_secret().unwrap()],
        ..Secrets::default()
    };
    target.check(&secrets).unwrap();
    (target, secrets)
}

/// A rule that sends everything to these targets.
pub fn everything_to(targets: &[(Target, Secrets)]) -> Rule {
    Rule {
        account: String::new(),
        name: "all".into(),
        description: String::new(),
        pattern: json!({"source": ["aws.partnercentral-selling"]}),
        targets: targets.iter().map(|(target, _)| target.name()).collect(),
        enabled: true,
        since: 0,
    }
}

/// A store on disk, and what is registered.
pub struct World {
    pub store: Arc<SqliteStore>,
    pub registry: Arc<Fixed>,
    _folder: tempfile::TempDir,
}

impl World {
    pub fn new(targets: Vec<(Target, Secrets)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = vec![everything_to(&targets)];
        Self {
            store: Arc::new(SqliteStore::open(folder.path(), Options::default()).unwrap()),
            registry: Arc::new(Fixed(Mutex::new(Registered { targets, rules }))),
            _folder: folder,
        }
    }

    /// An engine with the real sinks over this store.
    pub async fn start(&self, holder: &str) -> Deliverer {
        self.start_over(self.store.clone(), holder, machine_time()).await
    }

    /// The same over a store that may misbehave, and with a machine's time of its own.
    pub async fn start_over(&self, store: Arc<dyn Store>, holder: &str, now: Now) -> Deliverer {
        let options = EngineOptions {
            holder: holder.into(),
            lease: Duration::from_secs(2),
            now,
            signing_now: machine_time(),
            event_now: machine_time(),
            held: false,
        };
        let sinks = RealSinks::new(Outside::new(Network::development(), Vec::new()));
        Deliverer::start(store, self.registry.clone(), Arc::new(sinks), options).await
    }

    /// Emits events `id-<number>`, turn by turn about so many opportunities.
    pub async fn emit(&self, from: u64, count: u64, opportunities: u64) {
        let time = machine_time()();
        let events = (from..from + count).map(|number| {
            let id = format!("id-{number}");
            let body = json!({"version": "0", "id": id, "detail-type": "Opportunity Updated",
                "source": "aws.partnercentral-selling", "account": ACCOUNT, "time": time.to_string(),
                "region": "us-east-1", "resources": [],
                "detail": {"schemaVersion": "1", "catalog": "AWS",
                    "opportunity": {"identifier": format!("O{}", number % opportunities)}}});
            Event {
                id,
                account: ACCOUNT.into(),
                catalog: "AWS".into(),
                detail_type: "Opportunity Updated".into(),
                time,
                body: Bytes::from(body.to_string()),
            }
        });
        let changes = Changes {
            events: events.collect(),
            ..Changes::default()
        };
        self.store.apply(changes).await.unwrap();
    }

    /// Whether everything up to a number is delivered at a target, as the store has it.
    pub async fn is_done(&self, target: &str, last: u64) -> bool {
        let state = self.store.open_target(target, 0).await.unwrap();
        (state.position, state.pending) == (last, 0)
    }

    /// The numbers of a target's rows in a state, up to a thousand.
    pub async fn rows(&self, target: &str, state: DeliveryState) -> Vec<u64> {
        let query = DeliveryQuery {
            target: Some(target.into()),
            seq: None,
            state: Some(state),
            after: None,
            newest_first: false,
            limit: 1000,
        };
        let rows = self.store.deliveries(&query).await.unwrap();
        rows.into_iter().map(|row| row.seq).collect()
    }
}

/// The number in an event's id.
pub fn number(id: &str) -> u64 {
    id.strip_prefix("id-").unwrap().parse().unwrap()
}

/// Fails unless the events of each lane came in their order.
pub fn assert_order(numbers: impl IntoIterator<Item = u64>, opportunities: u64) {
    let mut last = vec![0; usize::try_from(opportunities).unwrap()];
    for number in numbers {
        let lane = usize::try_from(number % opportunities).unwrap();
        assert!(
            last[lane] < number,
            "lane {lane}: {number} came behind {}",
            last[lane]
        );
        last[lane] = number;
    }
}

/// Waits until something is so, for half a minute at most.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if so().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
