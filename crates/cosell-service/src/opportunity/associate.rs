//! AssociateOpportunity: attaches a solution, an AWS product or a Marketplace entity.

use bytes::Bytes;
use cosell_domain::opportunity::relate::{self, Known};
use cosell_model::enums::RelatedEntityType;
use cosell_model::types::AssociateOpportunityRequest;
use cosell_model::{ApiError, Operation};

use super::record::{self, Name};
use crate::audit::Deed;
use crate::identity::{offers, solutions};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::AssociateOpportunity);
    let input: AssociateOpportunityRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let name = Name::of(caller, catalog, &input.opportunity_identifier);
    let solution = match input.related_entity_type {
        RelatedEntityType::Solutions => {
            solutions::find(
                &*service.store,
                &caller.account,
                catalog,
                &input.related_entity_identifier,
            )
            .await?
        }
        _ => None,
    };
    let offer = match input.related_entity_type {
        RelatedEntityType::AwsMarketplaceOffers if service.settings.offers_required => {
            let named = &input.related_entity_identifier;
            Some(offers::exists(&*service.store, &caller.account, catalog, named).await?)
        }
        _ => None,
    };
    let known = Known {
        account: &caller.account,
        products: &service.settings.products,
        solution: solution.as_ref().map(|solution| &solution.status),
        offer,
    };
    record::change(service, &deed, name, |stored, now| {
        let kind = &input.related_entity_type;
        record::void(relate::associate(
            stored,
            kind,
            &input.related_entity_identifier,
            known,
            now,
        ))
    })
    .await
}
