//! CreateEngagementInvitation: a member invites an account, once per client token.

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::engagement::invitation::create;
use cosell_domain::engagement::{invitation::Invitation, invitation::Side, party};
use cosell_model::types::{CreateEngagementInvitationRequest, CreateEngagementInvitationResponse};
use cosell_model::{ApiError, Operation};
use cosell_store::{Filter, Key, Kind, Query, Sort};

use crate::answer::{encode, read_failed, stored};
use crate::engagement::record as engagements;
use crate::idempotency::Once;
use crate::identity::connections;
use crate::plan::{all, carry_out};
use crate::profile;
use crate::service::{Caller, Service, catalog};

/// How many characters follow `engi-`.
pub(crate) const LENGTH: usize = 13;

/// A page of the unanswered invitations of one engagement to one account, of which there is hardly more than one.
const EARLIER: usize = 10;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: CreateEngagementInvitationRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let operation = Operation::CreateEngagementInvitation;
    let once = Once::of(caller, operation, &input.client_token, &input)?;
    let sender = profile::of(service, &caller.account).await?;
    let account = input.invitation.receiver.account.as_ref();
    let receiver = account.map(|account| party::canonical(catalog, &account.aws_account_id));
    let known = match receiver {
        Some(receiver) if is_connected(service, &caller.account, receiver).await? => {
            profile::find(service, receiver).await?
        }
        _ => None,
    };
    carry_out(service, once.deed(), catalog, Some(&once), async |plan| {
        let engagement = engagements::planned(plan, &caller.account, &input.engagement_identifier).await?;
        let earlier = match receiver {
            Some(receiver) => {
                let mut earlier = pending(service, catalog, &engagement.id, receiver).await?;
                // AWS is invited by each member to its own deal.
                let of_others = |one: &Invitation| one.sender.account_id != caller.account;
                earlier.retain(|one| !(party::is_aws(catalog, receiver) && of_others(one)));
                earlier
            }
            None => Vec::new(),
        };
        let id = service.names.draw("engi-", LENGTH)?;
        let context = create::Context {
            engagement: &engagement,
            sender: &sender,
            receiver: known.as_ref(),
            earlier: &earlier,
            catalog,
            region: &service.settings.region,
            id: &id,
            now: plan.now(),
            estimates: &service.settings.estimates,
        };
        let invitation = create::create(input.invitation.clone(), context)?;
        let answer = encode(&CreateEngagementInvitationResponse {
            id: invitation.id.clone(),
            arn: invitation.arn.clone(),
        })?;
        plan.put_invitation(invitation);
        // The engagement stays as it is and still gets a version: of two members that invite the same account at once,
        // one decides anew and sees the other's invitation.
        plan.put_engagement(engagement);
        Ok(answer)
    })
    .await
}

/// Whether two partners are connected: any two, unless the server asks for connections.
async fn is_connected(service: &Service, sender: &str, receiver: &str) -> Result<bool, ApiError> {
    if !service.settings.connections_required {
        return Ok(true);
    }
    connections::exists(&*service.store, sender, receiver).await
}

/// The unanswered invitations of an engagement to an account. Expired ones may be among them.
async fn pending(
    service: &Service,
    catalog: Catalog,
    engagement: &str,
    receiver: &str,
) -> Result<Vec<Invitation>, ApiError> {
    let query = Query {
        kind: Kind::Invitation,
        account: receiver.to_owned(),
        catalog: catalog.as_str().to_owned(),
        filters: vec![
            Filter::In("participant", vec![Side::Receiver.as_str().into()]),
            Filter::In("engagement", vec![engagement.into()]),
            Filter::In("status", vec!["PENDING".into()]),
        ],
        sort: Sort {
            by: "invited",
            descending: true,
        },
        after: None,
        limit: EARLIER,
    };
    let key = |id| Key::new(Kind::Invitation, receiver, catalog.as_str(), id);
    let rows = all(service, query).await?;
    let keys: Vec<Key> = rows.into_iter().map(|row| key(row.id)).collect();
    let found = service.store.get_many(&keys).await.map_err(read_failed)?;
    found
        .into_iter()
        .flatten()
        .map(|found| stored(&found.document, "an invitation"))
        .collect()
}
