//! How an invitation is kept in the store. Knows no rule of invitations.
//!
//! Each side has a row of its own, from which its lists are read. Both carry the same document and version and are
//! written in the same change, so that the two sides never disagree.

use cosell_domain::engagement::invitation::{Invitation, Side, view};
use cosell_domain::{Catalog, arn};
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Job, JobId, Key, Kind, Record, Stored, Write};

use super::expire;
use crate::answer::{encode, read_failed, stored};
use crate::plan::Plan;
use crate::service::Service;

/// The row of an account under that identifier or ARN, with its version; not found for everybody who has none.
pub(crate) async fn read(
    service: &Service,
    account: &str,
    catalog: Catalog,
    sent: &str,
) -> Result<(Invitation, u64), ApiError> {
    let found = find(service, account, catalog, id_of(catalog, sent)?).await?;
    found.ok_or_else(|| unknown(catalog, sent))
}

/// The identifier of an invitation that is named by identifier or ARN. An ARN of anything else names nothing.
pub(crate) fn id_of(catalog: Catalog, sent: &str) -> Result<&str, ApiError> {
    arn::engagement_invitation_id(catalog, sent).ok_or_else(|| unknown(catalog, sent))
}

/// The invitation of an account under that identifier or ARN, read into a plan; not found for everybody who has no row.
pub(crate) async fn planned(plan: &mut Plan<'_>, account: &str, sent: &str) -> Result<Invitation, ApiError> {
    let catalog = plan.catalog();
    let found = plan.invitation(account, id_of(catalog, sent)?).await?;
    found.ok_or_else(|| unknown(catalog, sent))
}

fn unknown(catalog: Catalog, sent: &str) -> ApiError {
    ApiError::not_found(format!(
        "There is no engagement invitation {sent} in catalog {catalog} that this account sent or received"
    ))
}

/// The row of an account under that identifier, if there is one.
pub(crate) async fn find(
    service: &Service,
    account: &str,
    catalog: Catalog,
    id: &str,
) -> Result<Option<(Invitation, u64)>, ApiError> {
    let key = Key::new(Kind::Invitation, account, catalog.as_str(), id);
    let found = service.store.get(&key).await.map_err(read_failed)?;
    found.map(decoded).transpose()
}

fn decoded(found: Stored) -> Result<(Invitation, u64), ApiError> {
    Ok((stored(&found.document, "an invitation")?, found.version))
}

/// Both rows of an invitation: a new one, or the next state of one that was found with that version.
pub(crate) fn writes(before: Option<u64>, next: &Invitation, now: Timestamp) -> Result<Vec<Write>, ApiError> {
    let document = encode(next)?;
    let version = before.map_or(1, |version| version + 1);
    let sides = [
        (Side::Sender, &next.sender.account_id),
        (Side::Receiver, &next.receiver.account_id),
    ];
    let mut writes = Vec::with_capacity(sides.len());
    for (side, account) in sides {
        let record = Record {
            key: Key::new(Kind::Invitation, account, &next.catalog, &next.id),
            version,
            document: document.clone(),
            summary: encode(&view::summary(next, side, now))?,
            private: bytes::Bytes::new(),
            columns: vec![
                ("participant", side.as_str().into()),
                ("invited", next.invited_at.into()),
                ("status", next.status_at(now).as_str().into()),
                ("payload_type", next.payload_type.as_str().into()),
                ("engagement", next.engagement_id.as_str().into()),
                ("sender", next.sender.account_id.as_str().into()),
            ],
        };
        writes.push(match before {
            Some(expected) => Write::Replace { record, expected },
            None => Write::Insert(record),
        });
    }
    Ok(writes)
}

/// The job that notes the expiry of a new invitation.
pub(crate) fn expiry(invitation: &Invitation) -> Result<Job, ApiError> {
    let payload = expire::Due {
        catalog: invitation.catalog.clone(),
        account: invitation.sender.account_id.clone(),
        id: invitation.id.clone(),
    };
    Ok(Job {
        id: JobId(format!(
            "{}/{}/{}",
            expire::KIND,
            invitation.catalog,
            invitation.id
        )),
        kind: expire::KIND.to_owned(),
        run_at: invitation.expires_at,
        payload: encode(&payload)?,
        attempts: 0,
    })
}
