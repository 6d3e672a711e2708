//! Client tokens: a repeated request has one effect and hears the first answer again, byte for byte (design section 6).
//!
//! Works for any operation with a token; knows none of them. The store is what notices a token that is in use, so the
//! common request pays no look-up.

use bytes::Bytes;
use cosell_model::{ApiError, Operation, Timestamp};
use cosell_store::{ApplyError, Idempotency};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::answer::{encode, read_failed, write_failed};
use crate::audit::Deed;
use crate::service::{Caller, Service};

/// How long an answer is repeated for its token.
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// One request under its client token.
pub(crate) struct Once<'a> {
    account: &'a str,
    operation: Operation,
    deed: Deed,
    token: String,
    request_hash: [u8; 32],
}

impl<'a> Once<'a> {
    /// Two requests are the same when they say the same, however their JSON is spaced or ordered.
    pub(crate) fn of<T: Serialize>(
        caller: &'a Caller,
        operation: Operation,
        token: &str,
        request: &T,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            account: &caller.account,
            operation,
            deed: Deed::of(caller, operation),
            token: token.to_owned(),
            request_hash: Sha256::digest(encode(request)?).into(),
        })
    }

    /// What the audit log says of the request.
    pub(crate) fn deed(&self) -> &Deed {
        &self.deed
    }

    /// What the store keeps in the same change as the effect.
    pub(crate) fn keep(&self, answer: &Bytes, now: Timestamp) -> Idempotency {
        Idempotency {
            account: self.account.to_owned(),
            operation: self.operation.name().to_owned(),
            token: self.token.clone(),
            request_hash: self.request_hash,
            answer: answer.clone(),
            created_at: now,
            expires_at: now.plus_millis(KEPT_MILLIS),
        }
    }

    /// The answer where the effect did not land: the earlier one where the token was used before.
    pub(crate) async fn settle(&self, service: &Service, error: ApplyError) -> Result<Bytes, ApiError> {
        let taken = error == ApplyError::TokenTaken;
        let refusal = write_failed(error);
        if taken {
            self.repeat_or(service, refusal).await
        } else {
            Err(refusal)
        }
    }

    /// The answer where the request is refused now: what was done once is answered again even when it could not be done
    /// any more.
    pub(crate) async fn repeat_or(&self, service: &Service, refusal: ApiError) -> Result<Bytes, ApiError> {
        self.earlier(service).await?.ok_or(refusal)
    }

    /// The answer that this token was given before, if any; a conflict where it was given to another request.
    async fn earlier(&self, service: &Service) -> Result<Option<Bytes>, ApiError> {
        let found = service
            .store
            .idempotency(self.account, self.operation.name(), &self.token, service.now())
            .await
            .map_err(read_failed)?;
        match found {
            Some(kept) if kept.request_hash != self.request_hash => Err(ApiError::conflict(
                "Conflicting client token submitted for a new request body.",
            )),
            found => Ok(found.map(|kept| kept.answer)),
        }
    }
}
