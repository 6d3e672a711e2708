//! CreateOpportunity: one draft per client token.

use bytes::Bytes;
use cosell_domain::opportunity::create;
use cosell_model::types::{CreateOpportunityRequest, CreateOpportunityResponse};
use cosell_model::{ApiError, Operation};
use cosell_store::{ApplyError, Changes, Idempotency, Write};
use sha2::{Digest, Sha256};

use super::record;
use crate::answer::{encode, read_failed, write_failed};
use crate::service::{Caller, Service, catalog};

/// How long an answer is repeated for its token (design section 6).
const KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: CreateOpportunityRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.client_token.clone();
    // Two requests are the same when they say the same, however their JSON is spaced or ordered.
    let request_hash: [u8; 32] = Sha256::digest(encode(&input)?).into();
    let now = service.now();
    let id = service.ids.next(&*service.store).await?;
    let context = create::Context {
        account: &caller.account,
        catalog,
        region: &service.settings.region,
        id: &id,
        now,
        estimates: &service.settings.estimates,
    };
    let opportunity = match create::create(input, context) {
        Ok(opportunity) => opportunity,
        // What was created once is answered again even when it could not be created now.
        Err(violations) => {
            let refusal = ApiError::business_validation(violations);
            return earlier(service, caller, &token, request_hash)
                .await?
                .ok_or(refusal);
        }
    };
    let document = &opportunity.document;
    let answer = encode(&CreateOpportunityResponse {
        id: document.id.clone(),
        partner_opportunity_identifier: document.partner_opportunity_identifier.clone(),
        last_modified_date: Some(document.last_modified_date),
    })?;
    let changes = Changes {
        writes: vec![Write::Insert(record::record(&caller.account, &opportunity, 1)?)],
        idempotency: Some(Idempotency {
            account: caller.account.clone(),
            operation: Operation::CreateOpportunity.name().to_owned(),
            token: token.clone(),
            request_hash,
            answer: answer.clone(),
            created_at: now,
            expires_at: now.plus_millis(KEPT_MILLIS),
        }),
        ..Changes::default()
    };
    match service.store.apply(changes).await {
        Ok(()) => Ok(answer),
        // The common request pays no look-up: the store tells when the token was used before.
        Err(ApplyError::TokenTaken) => earlier(service, caller, &token, request_hash)
            .await?
            .ok_or_else(|| write_failed(ApplyError::TokenTaken)),
        Err(error) => Err(write_failed(error)),
    }
}

/// The answer that this token was given before, if any; a conflict where it was given to another request.
async fn earlier(
    service: &Service,
    caller: &Caller,
    token: &str,
    request_hash: [u8; 32],
) -> Result<Option<Bytes>, ApiError> {
    let operation = Operation::CreateOpportunity.name();
    let found = service
        .store
        .idempotency(&caller.account, operation, token, service.now())
        .await
        .map_err(read_failed)?;
    match found {
        Some(kept) if kept.request_hash != request_hash => Err(ApiError::conflict(
            "Conflicting client token submitted for a new request body.",
        )),
        found => Ok(found.map(|kept| kept.answer)),
    }
}
