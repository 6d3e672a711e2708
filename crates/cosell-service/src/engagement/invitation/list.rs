//! ListEngagementInvitations: those that the caller sent, or those that it received. Filters are AND-ed, the values of one
//! filter OR-ed.

use bytes::Bytes;
use cosell_domain::engagement::invitation::Side;
use cosell_domain::engagement::party;
use cosell_domain::{Catalog, arn};
use cosell_model::ApiError;
use cosell_model::enums::{ParticipantType, SortOrder};
use cosell_model::types::ListEngagementInvitationsRequest;
use cosell_store::{Filter, Kind, Query, Sort};

use crate::page_token::Binding;
use crate::paging::{among, limit, meant, page};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let mut input: ListEngagementInvitationsRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let token = input.next_token.take();
    let binding = Binding::of(&caller.account, "ListEngagementInvitations", &input)?;
    let sort = Sort {
        by: "invited",
        descending: input
            .sort
            .as_ref()
            .is_none_or(|sort| sort.sort_order == SortOrder::Descending),
    };
    let query = Query {
        kind: Kind::Invitation,
        account: caller.account.clone(),
        catalog: catalog.as_str().to_owned(),
        sort,
        limit: limit(input.max_results),
        after: None,
        filters: filters(catalog, input),
    };
    page(
        service,
        "EngagementInvitationSummaries",
        query,
        token.as_deref(),
        &binding,
    )
    .await
}

fn filters(catalog: Catalog, input: ListEngagementInvitationsRequest) -> Vec<Filter> {
    let side = match input.participant_type {
        ParticipantType::Sender => Side::Sender,
        _ => Side::Receiver,
    };
    let mut filters = vec![Filter::In("participant", vec![side.as_str().into()])];
    meant(
        &mut filters,
        "engagement",
        input.engagement_identifier.as_deref(),
        |sent| arn::engagement_id(catalog, sent),
    );
    let senders = |list: Vec<String>| {
        list.iter()
            .map(|sent| party::canonical(catalog, sent).to_owned())
            .collect()
    };
    among(&mut filters, "sender", input.sender_aws_account_id.map(senders));
    let statuses = input
        .status
        .map(|list| list.iter().map(|status| status.as_str().to_owned()).collect());
    among(&mut filters, "status", statuses);
    let types = input
        .payload_type
        .map(|list| list.iter().map(|kind| kind.as_str().to_owned()).collect());
    among(&mut filters, "payload_type", types);
    filters
}
