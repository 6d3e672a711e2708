//! CreateOpportunity: one draft per client token.

use bytes::Bytes;
use cosell_domain::opportunity::{Opportunity, create};
use cosell_domain::{Catalog, event};
use cosell_model::enums::OpportunityOrigin;
use cosell_model::types::{CreateOpportunityRequest, CreateOpportunityResponse};
use cosell_model::{ApiError, Operation};
use cosell_store::{Changes, Write};

use super::{record, referral};
use crate::answer::encode;
use crate::events;
use crate::idempotency::Once;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: CreateOpportunityRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let once = Once::of(caller, Operation::CreateOpportunity, &input.client_token, &input)?;
    if input.origin == Some(OpportunityOrigin::AWSReferral) && catalog == Catalog::Sandbox {
        return referral::run(service, caller, catalog, &once, &input).await;
    }
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
        Err(violations) => {
            let refusal = ApiError::business_validation(violations);
            return once.repeat_or(service, refusal).await;
        }
    };
    let answer = answer(&opportunity)?;
    let mut changes = Changes {
        writes: vec![Write::Insert(record::record(&caller.account, &opportunity, 1)?)],
        idempotency: Some(once.keep(&answer, now)),
        ..Changes::default()
    };
    events::emit(service, &mut changes, catalog, now, || {
        Ok(event::of_opportunity(
            catalog,
            &caller.account,
            None,
            &opportunity,
        ))
    })?;
    match service.apply(once.deed(), changes).await {
        Ok(()) => Ok(answer),
        Err(error) => once.settle(service, error).await,
    }
}

/// Whether a creation would be taken: nothing where it would, else the answer it would get. Changes nothing.
pub(crate) fn preview(service: &Service, caller: &Caller, body: &[u8]) -> Result<(), ApiError> {
    let input: CreateOpportunityRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    if input.origin == Some(OpportunityOrigin::AWSReferral) && catalog == Catalog::Sandbox {
        return referral::preview(service, caller, catalog, input);
    }
    let context = create::Context {
        account: &caller.account,
        catalog,
        region: &service.settings.region,
        id: "O0",
        now: service.now(),
        estimates: &service.settings.estimates,
    };
    create::create(input, context)
        .map(|_| ())
        .map_err(ApiError::business_validation)
}

/// The answer of a creation.
pub(super) fn answer(opportunity: &Opportunity) -> Result<Bytes, ApiError> {
    let document = &opportunity.document;
    encode(&CreateOpportunityResponse {
        id: document.id.clone(),
        partner_opportunity_identifier: document.partner_opportunity_identifier.clone(),
        last_modified_date: Some(document.last_modified_date),
    })
}
