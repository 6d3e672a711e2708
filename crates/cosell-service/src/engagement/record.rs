//! How an engagement is kept in the store. Knows no rule but who may see one.
//!
//! An engagement is one shared record, and one row for each member from which that member's list is read. All of them
//! carry the same version and are written in the same change, so that no list ever shows what a Get does not.

use bytes::Bytes;
use cosell_domain::engagement::{Engagement, view};
use cosell_domain::{Catalog, arn};
use cosell_model::ApiError;
use cosell_store::{Key, Kind, Record, Write};

use crate::answer::{encode, read_failed, stored};
use crate::plan::Plan;
use crate::service::{Caller, Service};

/// Names one engagement as a caller means it: by identifier or by ARN.
#[derive(Clone, Copy)]
pub(crate) struct Name<'a> {
    account: &'a str,
    catalog: Catalog,
    sent: &'a str,
}

impl<'a> Name<'a> {
    pub(crate) fn of(caller: &'a Caller, catalog: Catalog, sent: &'a str) -> Self {
        Self {
            account: &caller.account,
            catalog,
            sent,
        }
    }

    /// The identifier. An ARN of anything else names nothing.
    pub(crate) fn id(self) -> Result<&'a str, ApiError> {
        arn::engagement_id(self.catalog, self.sent).ok_or_else(|| self.not_found())
    }

    /// The answer where there is none, or where the caller is no member: the two cannot be told apart.
    fn not_found(self) -> ApiError {
        ApiError::not_found(format!(
            "There is no engagement {} in catalog {} that this account is a member of",
            self.sent, self.catalog
        ))
    }
}

/// The engagement of that name with its version, for members only.
pub(crate) async fn read(service: &Service, name: Name<'_>) -> Result<(Engagement, u64), ApiError> {
    let id = name.id()?;
    find(service, name.catalog, id)
        .await?
        .filter(|(engagement, _)| engagement.is_member(name.account))
        .ok_or_else(|| name.not_found())
}

/// Passes members of the engagement of that name only. Asks for the member's row, which is there exactly where the
/// engagement names the member, and is smaller than an engagement with its contexts.
pub(crate) async fn check_member(service: &Service, name: Name<'_>) -> Result<(), ApiError> {
    let id = name.id()?;
    let key = Key::new(Kind::EngagementMember, name.account, name.catalog.as_str(), id);
    let found = service.store.get(&key).await.map_err(read_failed)?;
    found.map(|_| ()).ok_or_else(|| name.not_found())
}

/// The engagement of that identifier with its version, whoever its members are.
pub(crate) async fn find(
    service: &Service,
    catalog: Catalog,
    id: &str,
) -> Result<Option<(Engagement, u64)>, ApiError> {
    let key = Key::shared(Kind::Engagement, catalog.as_str(), id);
    let found = service.store.get(&key).await.map_err(read_failed)?;
    found
        .map(|found| Ok((stored(&found.document, "an engagement")?, found.version)))
        .transpose()
}

/// The engagement that a member means by an identifier or an ARN, read into a plan.
pub(crate) async fn planned(plan: &mut Plan<'_>, account: &str, sent: &str) -> Result<Engagement, ApiError> {
    let name = Name {
        account,
        catalog: plan.catalog(),
        sent,
    };
    let id = name.id()?;
    plan.engagement(id)
        .await?
        .filter(|engagement| engagement.is_member(account))
        .ok_or_else(|| name.not_found())
}

/// The engagement of that name, for members only.
pub(crate) async fn load(service: &Service, name: Name<'_>) -> Result<Engagement, ApiError> {
    read(service, name).await.map(|(engagement, _)| engagement)
}

/// Everything that is written where an engagement becomes `next`: a new one, or the next state of one that was found with
/// that version. Accounts that joined get a row.
pub(crate) fn writes(before: Option<(&Engagement, u64)>, next: &Engagement) -> Result<Vec<Write>, ApiError> {
    let version = before.map_or(1, |(_, version)| version + 1);
    let write = |record: Record, known: bool| match before {
        Some((_, expected)) if known => Write::Replace { record, expected },
        _ => Write::Insert(record),
    };
    let mut writes = Vec::with_capacity(1 + next.members.len());
    let whole = Record {
        key: Key::shared(Kind::Engagement, &next.catalog, &next.id),
        version,
        document: encode(next)?,
        summary: Bytes::from_static(b"{}"),
        private: Bytes::new(),
        columns: Vec::new(),
    };
    writes.push(write(whole, true));
    let summary = encode(&view::summary(next))?;
    for member in &next.members {
        let account = &member.profile.account_id;
        let row = Record {
            key: Key::new(Kind::EngagementMember, account, &next.catalog, &next.id),
            version,
            document: Bytes::from_static(b"{}"),
            summary: summary.clone(),
            private: Bytes::new(),
            columns: vec![
                ("created", next.created_at.into()),
                ("created_by", next.created_by.as_str().into()),
                ("context_types", view::context_mask(next).into()),
            ],
        };
        writes.push(write(
            row,
            before.is_some_and(|(engagement, _)| engagement.is_member(account)),
        ));
    }
    Ok(writes)
}
