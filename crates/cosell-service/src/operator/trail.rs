//! The audit log as people and programs read it: entries with what they changed, sensitive values masked, and the same in the
//! record form of CloudTrail. Writes nothing.

use cosell_domain::audit::{Diff, MASK, Sensitive, diff};
use cosell_model::{ApiError, Timestamp};
use cosell_store::{AuditQuery, Cursor, Key, Kind, MAX_PAGE, StoredAudit, Value as Column};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::deals::Listed;
use crate::answer::{read_failed, stored};
use crate::audit::{Actor, Entry, Touched};
use crate::service::Service;

/// How many entries are looked at for one page where a filter has to read them.
const LOOKED_AT: usize = 5000;

/// Which entries are looked for; `None` asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailFilter {
    /// About this account.
    pub account: Option<String>,
    /// Not before this time.
    pub from: Option<Timestamp>,
    /// Not after this time.
    pub to: Option<Timestamp>,
    /// Of this action, by its exact name.
    pub action: Option<String>,
    /// That wrote a record with this identifier.
    pub resource: Option<String>,
}

/// An entry with what it changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// Its place in the log.
    pub seq: u64,
    /// When it happened.
    pub time: Timestamp,
    /// The account under which it was found: the partner who acted, else the one it concerns; absent where it concerns nobody in
    /// particular.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Every account that it concerns, where they are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// Who acted.
    pub actor: Actor,
    /// What was done.
    pub action: String,
    /// By which request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Why it was refused, by the error's name; absent where it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was written.
    pub changes: Vec<Change>,
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The record.
    #[serde(flatten)]
    pub record: Touched,
    /// The members that changed, masked; absent where one of the two versions is not kept (any more).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<Diff>,
}

impl Service {
    /// One page of the audit log, at most `limit` entries (1 to 1000), newest first, with what they changed. A page may be
    /// shorter, even empty, while there is a next one.
    pub async fn trail(
        &self,
        filter: &TrailFilter,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Listed<Told>, ApiError> {
        let (found, next) = self.entries(filter, true, limit, after).await?;
        let mut items = Vec::with_capacity(found.len());
        for (kept, entry) in found {
            let mut changes = Vec::with_capacity(entry.records.len());
            for record in entry.records {
                let difference = self.difference(&record).await?;
                changes.push(Change {
                    record: shown(record),
                    difference,
                });
            }
            let filled = |text: String| Some(text).filter(|text| !text.is_empty());
            items.push(Told {
                seq: kept.seq,
                time: kept.entry.time,
                account: filled(kept.entry.account),
                accounts: entry.accounts,
                actor: entry.actor,
                action: entry.action,
                request_id: filled(entry.request_id),
                error: entry.error,
                changes,
            });
        }
        Ok(Listed { items, next })
    }

    /// One page of the audit log in the record form of CloudTrail, oldest first.
    pub async fn trail_records(
        &self,
        filter: &TrailFilter,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<Listed<Value>, ApiError> {
        let (found, next) = self.entries(filter, false, limit, after).await?;
        let region = &self.settings.region;
        let items = found.iter().map(|(kept, entry)| cloud_trail(region, kept, entry));
        Ok(Listed {
            items: items.collect(),
            next,
        })
    }

    async fn entries(
        &self,
        filter: &TrailFilter,
        newest_first: bool,
        limit: usize,
        after: Option<Cursor>,
    ) -> Result<(Vec<(StoredAudit, Entry)>, Option<Cursor>), ApiError> {
        let picky = filter.action.is_some() || filter.resource.is_some();
        let mut after = after.as_ref().map(place).transpose()?;
        let (mut found, mut looked_at) = (Vec::new(), 0);
        loop {
            let wanted = if picky { MAX_PAGE } else { limit - found.len() };
            let query = AuditQuery {
                account: filter.account.clone(),
                from: filter.from,
                to: filter.to,
                after,
                newest_first,
                limit: wanted,
            };
            let read = self.store.audit(&query).await.map_err(read_failed)?;
            let at_end = read.len() < wanted;
            looked_at += read.len();
            for kept in read {
                let entry: Entry = stored(&kept.entry.body, "an entry of the audit log")?;
                let next = (kept.entry.time, kept.seq);
                after = Some(next);
                if filter.holds(&entry) && (filter.account.is_some() || is_first(&kept, &entry)) {
                    found.push((kept, entry));
                    if found.len() == limit {
                        return Ok((found, Some(cursor(next))));
                    }
                }
            }
            if at_end {
                return Ok((found, None));
            }
            if looked_at >= LOOKED_AT {
                return Ok((found, after.map(cursor)));
            }
        }
    }

    async fn difference(&self, touched: &Touched) -> Result<Option<Diff>, ApiError> {
        let Some(kind) = Kind::ALL
            .into_iter()
            .find(|kind| kind.spec().table == touched.kind)
        else {
            return Ok(None);
        };
        let key = Key::new(kind, &touched.account, &touched.catalog, &touched.id);
        let mut sides = [Value::Null, Value::Null];
        for (side, version) in sides.iter_mut().zip([touched.before, touched.after]) {
            let Some(version) = version else { continue };
            let read = self.store.history(&key, version).await.map_err(read_failed)?;
            let Some(read) = read else {
                return Ok(None);
            };
            *side = stored(&read.document, "a former document")?;
            // What AWS alone knows of a deal is in the part that partners do not see. Private parts of others hold secrets.
            if let (Kind::Opportunity, Value::Object(members)) = (kind, &mut *side) {
                let own: Value = stored(&read.private, "a former document")?;
                members.insert("internal".to_owned(), own);
            }
        }
        let [before, after] = sides;
        Ok(Some(diff(&before, &after, Sensitive::of_contract())))
    }
}

impl TrailFilter {
    fn holds(&self, entry: &Entry) -> bool {
        let named = |id: &String| entry.records.iter().any(|record| record.id == *id);
        self.action.as_ref().is_none_or(|action| *action == entry.action)
            && self.resource.as_ref().is_none_or(named)
    }
}

/// Whether this is the first of an entry's places in the log: where no account is asked for, each entry is told once.
fn is_first(kept: &StoredAudit, entry: &Entry) -> bool {
    entry
        .accounts
        .first()
        .is_none_or(|first| *first == kept.entry.account)
}

/// A record as it may be shown: users are known by their e-mail addresses.
fn shown(record: Touched) -> Touched {
    match record.kind == Kind::User.spec().table {
        true => Touched {
            id: MASK.to_owned(),
            ..record
        },
        false => record,
    }
}

fn cursor((time, seq): (Timestamp, u64)) -> Cursor {
    Cursor {
        values: vec![time.into()],
        id: seq.to_string(),
    }
}

fn place(cursor: &Cursor) -> Result<(Timestamp, u64), ApiError> {
    let strange = || ApiError::internal("a cursor of the audit log names no place in it");
    match (cursor.values.as_slice(), cursor.id.parse()) {
        ([Column::Integer(time)], Ok(seq)) => Ok((Timestamp::from_millis(*time), seq)),
        _ => Err(strange()),
    }
}

/// An entry as CloudTrail would record it. What this server does not keep (address and program of the caller) is named so;
/// parameters are never repeated.
fn cloud_trail(region: &str, kept: &StoredAudit, entry: &Entry) -> Value {
    const SERVICE: &str = "partnercentral-selling.amazonaws.com";
    let account = &kept.entry.account;
    let (identity, kind) = match &entry.actor {
        Actor::Partner { account, access_key } => (
            json!({"type": "IAMUser", "principalId": access_key, "accountId": account, "accessKeyId": access_key}),
            "AwsApiCall",
        ),
        Actor::Operator { .. } | Actor::Command {} => {
            (json!({"type": "AWSService", "invokedBy": SERVICE}), "AwsApiCall")
        }
        Actor::Server { .. } => (
            json!({"type": "AWSService", "invokedBy": SERVICE}),
            "AwsServiceEvent",
        ),
    };
    let records: Vec<Touched> = entry.records.iter().cloned().map(shown).collect();
    let mut record = Map::new();
    let mut put = |name: &str, value: Value| record.insert(name.to_owned(), value);
    put("eventVersion", "1.11".into());
    put("userIdentity", identity);
    put("eventTime", seconds(kept.entry.time).into());
    put("eventSource", SERVICE.into());
    put("eventName", entry.action.as_str().into());
    put("awsRegion", region.into());
    put("sourceIPAddress", "not recorded".into());
    put("userAgent", "not recorded".into());
    if let Some(error) = &entry.error {
        put("errorCode", error.as_str().into());
    }
    put("requestParameters", Value::Null);
    put("responseElements", Value::Null);
    put(
        "additionalEventData",
        json!({"actor": entry.actor, "records": records}),
    );
    let request = Some(&entry.request_id).filter(|id| !id.is_empty());
    put("requestID", request.cloned().into());
    put("eventID", event_id(kept).into());
    if !entry.accounts.is_empty() {
        put("sharedEventID", shared_event_id(kept).into());
    }
    put("readOnly", false.into());
    put("eventType", kind.into());
    put("managementEvent", true.into());
    put(
        "recipientAccountId",
        Some(account).filter(|id| !id.is_empty()).cloned().into(),
    );
    put("eventCategory", "Management".into());
    Value::Object(record)
}

/// CloudTrail's times have no fraction.
fn seconds(time: Timestamp) -> String {
    let text = time.to_string();
    let whole = text.split('.').next().unwrap_or_default();
    format!("{whole}Z")
}

/// The same for every account that an entry concerns: made of its time and content. A version of a record is written once, so no
/// two entries have the same.
fn shared_event_id(kept: &StoredAudit) -> String {
    let mut hash = Sha256::new();
    hash.update(kept.entry.time.as_millis().to_be_bytes());
    hash.update(&kept.entry.body);
    let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let (a, b, c, d, e) = (&hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32]);
    format!("{a}-{b}-8{c}-8{d}-{e}")
}

/// The same in every export: the entry's time and place, in the form of a UUID that was made of nothing random.
fn event_id(kept: &StoredAudit) -> String {
    let (time, seq) = (kept.entry.time.as_millis().unsigned_abs(), kept.seq);
    format!(
        "{:08x}-{:04x}-8{:03x}-8{:03x}-{:012x}",
        (time >> 16) & 0xffff_ffff,
        time & 0xffff,
        (seq >> 60) & 0xfff,
        (seq >> 48) & 0xfff,
        seq & 0xffff_ffff_ffff
    )
}
