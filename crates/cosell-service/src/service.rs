//! The service: what the operations share. Which operation a request reaches is `dispatch`'s business.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cosell_domain::Catalog;
use cosell_domain::opportunity::spend::Estimates;
use cosell_domain::reference::Products;
use cosell_model::enums::ValidationExceptionErrorCode as Code;
use cosell_model::{ApiError, Timestamp, Violation, decode};
use cosell_store::{ApplyError, Changes, Key, Store};
use serde::de::DeserializeOwned;

use crate::answer::write_failed;
use crate::audit::{self, Actor, Deed};
use crate::autopilot::Scripts;
use crate::clock::{Clock, SystemClock};
use crate::faults::Faults;
use crate::identity::keys;
use crate::ids::OpportunityIds;
use crate::metrics::Metrics;
use crate::names::Names;
use crate::operator::clock::Moved;
use crate::page_token::PageTokens;
use crate::skew::Skew;
use crate::throttle::Throttle;

/// Who makes a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The 12-digit account.
    pub account: String,
    /// The access key with which the request was signed; the account where a development server asks for no signature.
    pub access_key: String,
    /// The request's identifier, as the answer tells it.
    pub request_id: String,
}

impl Caller {
    /// A caller of that account, known by nothing else.
    pub fn of(account: &str) -> Self {
        Self {
            account: account.to_owned(),
            access_key: account.to_owned(),
            request_id: String::new(),
        }
    }
}

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The region that ARNs name.
    pub region: String,
    /// True when leaving out the review status of an update in the sandbox nulls it, as AWS does
    /// (`sandbox-review-status-orphan`).
    pub orphan_quirk: bool,
    /// What estimation URLs are worth.
    pub estimates: Estimates,
    /// The AWS products that can be associated.
    pub products: Products,
    /// True where partners can invite only those with whom they are connected; else every two accounts count as connected.
    pub connections_required: bool,
    /// True where opportunities can be associated only with registered Marketplace offers; else with any well-formed one.
    pub offers_required: bool,
    /// How long a task stays IN_PROGRESS, in milliseconds; 0 to do it within the first answer, as AWS's sandbox does.
    pub task_delay_millis: i64,
    /// What made-up prospecting results are drawn from: the same seed tells the same of the same company.
    pub prospecting_seed: u64,
    /// True to note every deed in the audit log.
    pub audit: bool,
    /// How long the audit log and former versions of records are kept, in milliseconds; 0 for ever.
    pub audit_retention_millis: i64,
    /// True to emit events. False is for measuring what they cost, and for servers that nobody listens to.
    pub events: bool,
    /// True to emit events as AWS was recorded to: some come again, some in another order.
    pub events_realistic: bool,
    /// How long events are kept, delivered or not, in milliseconds; 0 for ever.
    pub events_retention_millis: i64,
    /// True where scripts that are kept play AWS.
    pub autopilot: bool,
    /// True where faults may be asked for. They are for trying clients, so never by accident in a server for real use.
    pub faults: bool,
    /// What the dice of faults are thrown by.
    pub fault_seed: u64,
    /// What the identifiers of engagements, events and the like are drawn from, so that a run over an empty store can be repeated
    /// exactly; `None` for the operating system's randomness, which every server with a lasting store needs.
    pub seed: Option<[u8; 32]>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: cosell_domain::arn::DEFAULT_REGION.to_owned(),
            orphan_quirk: true,
            estimates: Estimates::default(),
            products: Products::published(),
            connections_required: false,
            offers_required: false,
            task_delay_millis: 0,
            prospecting_seed: 0,
            audit: true,
            audit_retention_millis: 0,
            events: true,
            events_realistic: false,
            events_retention_millis: 0,
            autopilot: true,
            faults: false,
            fault_seed: 0,
            seed: None,
        }
    }
}

/// The Partner Central Selling API over one store.
pub struct Service {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) tokens: PageTokens,
    pub(crate) ids: OpportunityIds,
    pub(crate) names: Names,
    /// Names events.
    pub(crate) event_names: Names,
    pub(crate) throttle: Throttle,
    pub(crate) skew: Skew,
    /// Held by whoever does jobs, so that they are done in the order in which they are due.
    pub(crate) jobs_turn: tokio::sync::Mutex<()>,
    /// Held by all who change something together, by one who exchanges the whole state alone: what somebody decided by the former
    /// state, or an identifier that was given in it, must not land in the next. Taken before `jobs_turn`.
    exchange: tokio::sync::RwLock<()>,
    /// How far a movement of the clock is.
    pub(crate) clock_way: Mutex<Option<Moved>>,
    pub(crate) autopilot: Scripts,
    pub(crate) faults: Faults,
    unknown_members: AtomicU64,
    metrics: Metrics,
    denials: Mutex<audit::Denials>,
    forgetters: Mutex<Vec<Forget>>,
}

/// Makes something forget what it knows of the store.
type Forget = Box<dyn Fn() + Send + Sync>;

impl Service {
    /// A service over a store.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        settings: Settings,
        tokens: PageTokens,
        throttle: Throttle,
    ) -> Self {
        Self {
            store,
            clock,
            names: Names::new(settings.seed),
            event_names: Names::of_events(settings.seed),
            settings,
            tokens,
            ids: OpportunityIds::default(),
            throttle,
            skew: Skew::default(),
            jobs_turn: tokio::sync::Mutex::new(()),
            exchange: tokio::sync::RwLock::new(()),
            clock_way: Mutex::default(),
            autopilot: Scripts::default(),
            faults: Faults::default(),
            unknown_members: AtomicU64::new(0),
            metrics: Metrics::default(),
            denials: Mutex::default(),
            forgetters: Mutex::default(),
        }
    }

    /// To be held, once and not again, by whoever changes something from its first look at the store to its last write. Waits while
    /// the whole state is being exchanged.
    pub async fn working(&self) -> tokio::sync::RwLockReadGuard<'_, ()> {
        self.exchange.read().await
    }

    /// Waits until nobody is working, and keeps everybody from it.
    pub(crate) async fn exchanging(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.exchange.write().await
    }

    /// Has `forget` called whenever the store's content was exchanged under everyone who remembers some of it: accounts,
    /// keys, anything. Whoever keeps something of the store outside this service says so here.
    pub fn when_forgetting(&self, forget: impl Fn() + Send + Sync + 'static) {
        self.forgetters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Box::new(forget));
    }

    /// Forgets everything that is known of the store. Numbers of opportunities are given back by
    /// [`crate::ids::OpportunityIds::pause`], since none may be given while the store is exchanged; names are drawn and
    /// looked for in the store each time; quotas count what callers did, which stays done.
    pub(crate) fn forget(&self) {
        for forget in self
            .forgetters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
        {
            forget();
        }
    }

    /// Notes a deed that is done and not told by the records it wrote.
    pub(crate) async fn note_done(&self, deed: &Deed) {
        if !self.settings.audit {
            return;
        }
        let Ok(entries) = audit::done(deed, &Changes::default(), self.now()) else {
            return;
        };
        let changes = Changes {
            audit: entries,
            ..Changes::default()
        };
        if let Err(error) = self.store.apply(changes).await {
            tracing::warn!(
                action = %deed.action,
                "a deed cannot be noted in the audit log: {error}"
            );
        }
    }

    /// Notes a deed about a record that it leaves as it is.
    pub async fn note_about(&self, deed: &Deed, key: &Key) -> Result<(), ApiError> {
        if !self.settings.audit {
            return Ok(());
        }
        let changes = Changes {
            audit: vec![audit::done_about(deed, key, self.now())?],
            ..Changes::default()
        };
        self.store.apply(changes).await.map_err(write_failed)
    }

    /// A new id of an event, for one that is in no log.
    pub fn event_id(&self) -> Result<String, ApiError> {
        self.event_names.uuid(self.now())
    }

    /// What was counted since the start.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// How many members that the model does not know were met and passed over since the start.
    pub fn unknown_members(&self) -> u64 {
        self.unknown_members.load(Ordering::Relaxed)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Applies what a deed changes, and notes it in the same write.
    pub(crate) async fn apply(&self, deed: &Deed, mut changes: Changes) -> Result<(), ApplyError> {
        if changes.writes.is_empty() {
            return self.store.apply(changes).await;
        }
        self.note(deed, &mut changes)?;
        self.store.apply(changes).await
    }

    /// Applies what a deed changes and notes it, even where it writes no record.
    pub(crate) async fn apply_noted(&self, deed: &Deed, mut changes: Changes) -> Result<(), ApplyError> {
        self.note(deed, &mut changes)?;
        self.store.apply(changes).await
    }

    fn note(&self, deed: &Deed, changes: &mut Changes) -> Result<(), ApplyError> {
        if self.settings.audit {
            let entries = audit::done(deed, changes, self.now());
            changes
                .audit
                .extend(entries.map_err(|error| ApplyError::Invalid(error.message))?);
        }
        Ok(())
    }

    /// Notes a call that was denied, up to a bounded number each second. Where only an access key is known, which anybody may
    /// have named, it is filed under the key's account: who owns it wants to know.
    /// A failure of the server's own denies nobody anything and is not noted: where the store is away, whoever called would wait
    /// for that too.
    pub async fn note_denied(&self, deed: &Deed, error: &ApiError) {
        if error.kind.status() >= 500 {
            return;
        }
        let now = self.now();
        // By the machine's time: a clock that stands still would let nothing be noted any more.
        let admitted = self
            .denials
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .admit(SystemClock.now());
        if !self.settings.audit || !admitted {
            return;
        }
        let account = match &deed.actor {
            Actor::Partner { account, access_key } if account.is_empty() => {
                let owner = keys::owner(&*self.store, access_key).await;
                owner.ok().flatten().unwrap_or_default()
            }
            Actor::Partner { account, .. } => account.clone(),
            _ => String::new(),
        };
        let Ok(entry) = audit::denied(deed, account, error, now) else {
            return;
        };
        let changes = Changes {
            audit: vec![entry],
            ..Changes::default()
        };
        if let Err(error) = self.store.apply(changes).await {
            tracing::warn!("a denied call cannot be noted in the audit log: {error}");
        }
    }

    /// Decodes and checks an input against its shape: all violations at once.
    pub(crate) fn input<T>(&self, body: &[u8]) -> Result<T, ApiError>
    where
        T: cosell_model::Input + DeserializeOwned + cosell_model::Check,
    {
        let decoded = decode::<T>(body)?;
        self.count_unknown(decoded.unknown_members);
        Ok(decoded.input)
    }

    pub(crate) fn count_unknown(&self, members: u32) {
        if members > 0 {
            self.unknown_members
                .fetch_add(u64::from(members), Ordering::Relaxed);
        }
    }
}

/// The catalog of a request. The model types it as letters; only two exist.
pub(crate) fn catalog(name: &str) -> Result<Catalog, ApiError> {
    Catalog::from_name(name).ok_or_else(|| {
        let message = "catalog must be AWS or Sandbox, in this spelling";
        ApiError::request_validation(vec![Violation::new("catalog", Code::InvalidValue, message)])
    })
}
