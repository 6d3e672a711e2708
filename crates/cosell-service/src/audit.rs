//! Who did what, kept in the same write as the deed. An entry names the records that were written and their versions; what
//! they held before and after is in the store's history, and masked where it is shown.

use bytes::Bytes;
use cosell_model::{ApiError, Operation, Timestamp};
use cosell_store::{AuditEntry, Changes, Kind, Write};
use serde::{Deserialize, Serialize};

use crate::answer::encode;
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
}

/// A deed: who does what by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Who acts.
    pub actor: Actor,
    /// The operation's name, or the operator's verb.
    pub action: &'static str,
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
            action: operation.name(),
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
    )
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

/// The entry of a deed that is done. It is kept for the account that acted, else for the first one whose record was written.
pub(crate) fn done(deed: &Deed, changes: &Changes, now: Timestamp) -> Result<AuditEntry, ApiError> {
    let records: Vec<Touched> = changes.writes.iter().filter_map(touched).collect();
    let account = match &deed.actor {
        Actor::Partner { account, .. } => account.clone(),
        _ => {
            let owned = records.iter().find(|record| !record.account.is_empty());
            owned.map(|record| record.account.clone()).unwrap_or_default()
        }
    };
    entry(deed, account, None, records, now)
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

/// The entry of a call that was denied.
pub(crate) fn denied(deed: &Deed, error: &ApiError, now: Timestamp) -> Result<AuditEntry, ApiError> {
    let account = match &deed.actor {
        Actor::Partner { account, .. } => account.clone(),
        _ => String::new(),
    };
    entry(deed, account, Some(error.kind.name().to_owned()), Vec::new(), now)
}

fn entry(
    deed: &Deed,
    account: String,
    error: Option<String>,
    records: Vec<Touched>,
    now: Timestamp,
) -> Result<AuditEntry, ApiError> {
    let body: Bytes = encode(&Entry {
        actor: deed.actor.clone(),
        action: deed.action.to_owned(),
        request_id: deed.request_id.clone(),
        error,
        records,
    })?;
    Ok(AuditEntry {
        time: now,
        account,
        body,
    })
}
