//! Who did what, kept in the same write as the deed. An entry names the records that were written and their versions; what
//! they held before and after is in the store's history, and masked where it is shown.

use std::borrow::Cow;

use cosell_model::{ApiError, Operation, Timestamp};
use cosell_store::{AuditEntry, Changes, Key, Kind, Value, Write};
use serde::{Deserialize, Serialize};

use crate::answer::encode;
use crate::identity::accounts;
use crate::service::Caller;

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Actor {
    /// A partner, by a signed request.
    Partner {
        /// The account that signed.
        account: String,
        /// The access key it signed with.
        access_key: String,
    },
    /// Whoever plays AWS, by the operator API.
    Operator {
        /// The name of the token.
        token: String,
    },
    /// The server itself, when something was due.
    Server {
        /// The job.
        job: String,
    },
    /// Somebody who has the data folder, by a command beside the server.
    Command {},
}

/// Who writes what an operator keeps (accounts, keys, tokens …), by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Who acts.
    pub actor: Actor,
    /// The request's identifier; empty where there is none.
    pub request_id: String,
}

impl Author {
    /// Somebody with an operator token of that name.
    pub fn operator(token: &str, request_id: &str) -> Self {
        Self {
            actor: Actor::Operator {
                token: token.to_owned(),
            },
            request_id: request_id.to_owned(),
        }
    }

    /// A command on the data folder.
    pub fn command() -> Self {
        Self {
            actor: Actor::Command {},
            request_id: String::new(),
        }
    }

    /// The server itself, for a purpose such as `start`.
    pub fn server(purpose: &str) -> Self {
        Self {
            actor: Actor::Server {
                job: purpose.to_owned(),
            },
            request_id: String::new(),
        }
    }

    /// The author's deed of that name.
    pub fn deed(&self, action: impl Into<Cow<'static, str>>) -> Deed {
        Deed {
            actor: self.actor.clone(),
            action: action.into(),
            request_id: self.request_id.clone(),
        }
    }

    /// What the author writes, with its entry: all of it in one change.
    pub fn noting(
        &self,
        action: &'static str,
        mut changes: Changes,
        now: Timestamp,
    ) -> Result<Changes, ApiError> {
        let entries = done(&self.deed(action), &changes, now)?;
        changes.audit.extend(entries);
        Ok(changes)
    }
}

/// A deed: who does what by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who acts.
    pub actor: Actor,
    /// The operation's name, or the operator's verb.
    pub action: Cow<'static, str>,
    /// The request's identifier, as its answer tells it; empty for the server's own deeds.
    pub request_id: String,
}

impl Deed {
    /// A partner's request.
    pub fn of(caller: &Caller, operation: Operation) -> Self {
        Self {
            actor: Actor::Partner {
                account: caller.account.clone(),
                access_key: caller.access_key.clone(),
            },
            action: operation.name().into(),
            request_id: caller.request_id.clone(),
        }
    }
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Who acted.
    pub actor: Actor,
    /// What was done.
    pub action: String,
    /// By which request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
    /// Why it was refused, by the error's name; absent where it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The partners that it concerns, where they are several: it is filed once under each, and this is the same everywhere.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// What was written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub records: Vec<Touched>,
}

/// A record that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Touched {
    /// What it is, such as `opportunity`.
    pub kind: String,
    /// The account it belongs to; empty for what several share.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// Its catalog; empty where it has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub catalog: String,
    /// Its identifier.
    pub id: String,
    /// Its version before; absent for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Its version after; absent where it was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// True for what a reader of the audit log looks for. The rest follows from it: rows of lists, heads of series.
const fn is_told(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Opportunity
            | Kind::Engagement
            | Kind::Invitation
            | Kind::Task
            | Kind::Snapshot
            | Kind::SnapshotJob
            | Kind::SellingSettings
            | Kind::Setting
            | Kind::Account
            | Kind::User
            | Kind::AccessKey
            | Kind::Solution
            | Kind::OperatorToken
            | Kind::Connection
            | Kind::Offer
            | Kind::EventTarget
            | Kind::EventRule
    )
}

/// The partners that a write is about: none where all share it, two where it connects them.
fn partners_of(write: &Write) -> impl Iterator<Item = &str> {
    let key = write.key();
    let ids = match (key.kind, write) {
        // The accounts of targets and rules are the beginning of their names.
        (Kind::Account | Kind::EventTarget | Kind::EventRule, _) => &*key.id,
        // Its two accounts in their order, with a stroke between them.
        (Kind::Connection, _) => &*key.id,
        (Kind::AccessKey, Write::Insert(record) | Write::Replace { record, .. }) => {
            match record.column("owner") {
                Value::Text(owner) => owner,
                _ => "",
            }
        }
        _ => &*key.account,
    };
    ids.split('/').filter(|id| accounts::is_account_id(id))
}

fn touched(write: &Write) -> Option<Touched> {
    let key = write.key();
    let (before, after) = match write {
        Write::Insert(record) => (None, Some(record.version)),
        Write::Replace { record, expected } => (Some(*expected), Some(record.version)),
        Write::Delete { expected, .. } => (Some(*expected), None),
    };
    is_told(key.kind).then(|| Touched {
        kind: key.kind.spec().table.to_owned(),
        account: key.account.clone(),
        catalog: key.catalog.clone(),
        id: key.id.clone(),
        before,
        after,
    })
}

/// The entries of a deed that is done: one and the same for each partner concerned, so that it is found under all of them; one
/// under no account where it concerns nobody in particular. The first is that of the partner who acted, else of the first whose
/// record was written.
pub(crate) fn done(deed: &Deed, changes: &Changes, now: Timestamp) -> Result<Vec<AuditEntry>, ApiError> {
    let records: Vec<Touched> = changes.writes.iter().filter_map(touched).collect();
    let actor = match &deed.actor {
        Actor::Partner { account, .. } => Some(account.as_str()),
        _ => None,
    };
    // What is told comes first: the rest are rows of lists and the like, which may be others' as well.
    let (told, rest): (Vec<&Write>, Vec<&Write>) =
        changes.writes.iter().partition(|write| is_told(write.key().kind));
    let written = told.into_iter().chain(rest).flat_map(partners_of);
    let mut accounts: Vec<&str> = Vec::new();
    for account in actor.into_iter().chain(written) {
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    if accounts.is_empty() {
        accounts.push("");
    }
    let several = accounts.iter().filter(|_| accounts.len() > 1);
    let body = encode(&Entry {
        accounts: several.map(|&account| account.to_owned()).collect(),
        ..Entry::of(deed, None, records)
    })?;
    let filed = accounts.into_iter().map(|account| AuditEntry {
        time: now,
        account: account.to_owned(),
        body: body.clone(),
    });
    Ok(filed.collect())
}

/// The entries of a deed about a record that it leaves as it is, such as one that has something sent to a target.
pub(crate) fn done_about(deed: &Deed, key: &Key, now: Timestamp) -> Result<AuditEntry, ApiError> {
    let owner = key.id.split('/').next().filter(|id| accounts::is_account_id(id));
    let touched = Touched {
        kind: key.kind.spec().table.to_owned(),
        account: key.account.clone(),
        catalog: key.catalog.clone(),
        id: key.id.clone(),
        before: None,
        after: None,
    };
    Ok(AuditEntry {
        time: now,
        account: owner.unwrap_or_default().to_owned(),
        body: encode(&Entry::of(deed, None, vec![touched]))?,
    })
}

/// How many denied calls a second are noted: strangers must not be able to fill the disk.
const DENIALS_A_SECOND: u32 = 20;

/// What is left of a second's denied calls.
#[derive(Debug, Default)]
pub(crate) struct Denials {
    second: i64,
    noted: u32,
}

impl Denials {
    /// Whether another one is noted in the second of `now`.
    pub(crate) fn admit(&mut self, now: Timestamp) -> bool {
        let second = now.as_millis() / 1000;
        if second != self.second {
            *self = Denials { second, noted: 0 };
        }
        self.noted += 1;
        self.noted <= DENIALS_A_SECOND
    }
}

/// The entry of a call that was denied, filed under `account`.
pub(crate) fn denied(
    deed: &Deed,
    account: String,
    error: &ApiError,
    now: Timestamp,
) -> Result<AuditEntry, ApiError> {
    let error = Some(error.kind.name().to_owned());
    Ok(AuditEntry {
        time: now,
        account,
        body: encode(&Entry::of(deed, error, Vec::new()))?,
    })
}

impl Entry {
    fn of(deed: &Deed, error: Option<String>, records: Vec<Touched>) -> Self {
        Self {
            actor: deed.actor.clone(),
            action: deed.action.clone().into_owned(),
            request_id: deed.request_id.clone(),
            error,
            accounts: Vec::new(),
            records,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cosell_model::Operation as Op;
    use cosell_store::{AuditQuery, Store};
    use cosell_store_sqlite::{Options, SqliteStore};
    use serde_json::json;

    use super::*;
    use crate::operator::By;
    use crate::operator::clock::Target;
    use crate::{ClockMode, PageTokens, Service, Settings, Throttle, VirtualClock};

    const DAY: i64 = 24 * 60 * 60 * 1000;

    async fn entries(store: &dyn Store) -> Vec<Entry> {
        let query = AuditQuery {
            account: None,
            from: None,
            to: None,
            after: None,
            newest_first: false,
            limit: 100,
        };
        let found = store.audit(&query).await.unwrap();
        let read = |one: &cosell_store::StoredAudit| serde_json::from_slice(&one.entry.body).unwrap();
        found.iter().map(read).collect()
    }

    #[tokio::test]
    async fn a_deed_names_who_did_what_to_which_versions_and_goes_when_it_is_old_enough() {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap());
        let clock = Arc::new(VirtualClock::new(ClockMode::Frozen {
            at: Timestamp::from_millis(1_800_000_000_000),
        }));
        let settings = Settings {
            audit_retention_millis: 30 * DAY,
            ..Settings::default()
        };
        let tokens = PageTokens::new([1; 32]);
        let service = Service::new(
            Arc::clone(&store),
            clock.clone(),
            settings,
            tokens,
            Throttle::off(),
        );
        let caller = Caller {
            account: "111122223333".into(),
            access_key: "AKIAEXAMPLE".into(),
            request_id: "request-1".into(),
        };
        let draft = json!({"Catalog": "Sandbox", "ClientToken": "one"}).to_string();
        service
            .call(Op::CreateOpportunity, &caller, draft.as_bytes())
            .await
            .unwrap();
        // A repetition does nothing, and a refusal neither.
        service
            .call(Op::CreateOpportunity, &caller, draft.as_bytes())
            .await
            .unwrap();
        let found = entries(&*store).await;
        assert_eq!(found.len(), 1);
        let entry = &found[0];
        assert_eq!(
            (&*entry.action, &*entry.request_id),
            ("CreateOpportunity", "request-1")
        );
        let Actor::Partner { account, access_key } = &entry.actor else {
            panic!("{entry:?}")
        };
        assert_eq!((&**account, &**access_key), ("111122223333", "AKIAEXAMPLE"));
        let [record] = &entry.records[..] else {
            panic!("{entry:?}")
        };
        assert_eq!(
            (&*record.kind, record.before, record.after),
            ("opportunity", None, Some(1))
        );

        let by = By {
            token: "test".into(),
            request_id: String::new(),
        };
        service
            .move_clock(&by, &clock, Target::By(31 * DAY))
            .await
            .unwrap();
        let draft = json!({"Catalog": "Sandbox", "ClientToken": "two"}).to_string();
        service
            .call(Op::CreateOpportunity, &caller, draft.as_bytes())
            .await
            .unwrap();
        service.prune().await;
        let left = entries(&*store).await;
        let actions: Vec<_> = left.iter().map(|entry| &*entry.action).collect();
        assert_eq!(actions.last(), Some(&"CreateOpportunity"));
        assert!(!left.contains(entry), "{left:?}");
    }

    #[tokio::test]
    async fn a_call_that_the_server_failed_is_not_noted_as_denied() {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap());
        let service = Service::new(
            Arc::clone(&store),
            Arc::new(crate::SystemClock),
            Settings::default(),
            PageTokens::new([1; 32]),
            Throttle::off(),
        );
        let caller = Caller {
            account: String::new(),
            access_key: "AKIAEXAMPLE".into(),
            request_id: "request-1".into(),
        };
        let deed = Deed::of(&caller, Op::GetOpportunity);
        let failed = ApiError::new(cosell_model::ErrorKind::ServiceUnavailable, "");
        service.note_denied(&deed, &failed).await;
        assert_eq!(entries(&*store).await, []);
        let denied = ApiError::new(cosell_model::ErrorKind::InvalidSignature, "");
        service.note_denied(&deed, &denied).await;
        assert_eq!(entries(&*store).await.len(), 1);
    }

    #[test]
    fn denied_calls_are_noted_up_to_a_number_each_second() {
        let mut denials = Denials::default();
        let admitted = |denials: &mut Denials, millis| {
            let at = Timestamp::from_millis(millis);
            (0..100).filter(|_| denials.admit(at)).count()
        };
        assert_eq!(admitted(&mut denials, 5_000), 20);
        assert_eq!(admitted(&mut denials, 5_999), 0);
        assert_eq!(admitted(&mut denials, 6_000), 20);
    }
}
