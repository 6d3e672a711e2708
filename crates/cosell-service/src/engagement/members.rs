//! ListEngagementMembers: who takes part, in the order of joining, for members only.
//!
//! There are ten at most, so pages are cut out of the engagement itself. Nobody ever leaves one, so a place in the list
//! stays what it is.

use bytes::Bytes;
use cosell_domain::engagement::{MAX_MEMBERS, view};
use cosell_model::ApiError;
use cosell_model::types::{ListEngagementMembersRequest, ListEngagementMembersResponse};
use cosell_store::{Cursor, Value};

use super::record::{self, Name};
use crate::answer::encode;
use crate::page_token::Binding;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: ListEngagementMembersRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.next_token.take();
    let binding = Binding::of(&caller.account, "ListEngagementMembers", &input)?;
    let engagement = record::load(service, Name::of(caller, catalog, &input.identifier)).await?;
    let now = service.now();
    let start = match token {
        Some(token) => place(&service.tokens.open(&token, &binding, now)?)?,
        None => 0,
    };
    let limit = input
        .max_results
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(MAX_MEMBERS);
    let mut members = view::members(&engagement);
    let end = start.saturating_add(limit).min(members.len());
    let next_token = if end < members.len() {
        Some(service.tokens.seal(cursor(end, engagement.id)?, &binding, now)?)
    } else {
        None
    };
    members.truncate(end);
    encode(&ListEngagementMembersResponse {
        engagement_member_list: members.into_iter().skip(start).collect(),
        next_token,
    })
}

fn cursor(end: usize, id: String) -> Result<Cursor, ApiError> {
    let end = i64::try_from(end).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Cursor {
        values: vec![Value::Integer(end)],
        id,
    })
}

/// Where the page before ended. Tokens are sealed, so one that says anything else is a fault of this server.
fn place(cursor: &Cursor) -> Result<usize, ApiError> {
    match cursor.values.as_slice() {
        [Value::Integer(place)] => usize::try_from(*place).ok(),
        _ => None,
    }
    .ok_or_else(|| ApiError::internal("a page token of ListEngagementMembers names no place"))
}
