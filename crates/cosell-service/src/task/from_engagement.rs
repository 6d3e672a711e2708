//! StartOpportunityFromEngagementTask: makes an opportunity of the lead that an engagement is about.

use bytes::Bytes;
use cosell_domain::engagement::{Engagement, context};
use cosell_domain::opportunity::create;
use cosell_domain::task::{Created, Step, Work, lead, view};
use cosell_model::types::{StartOpportunityFromEngagementTaskRequest, Tag};
use cosell_model::{ApiError, Operation};

use super::perform::{Outcome, at, refused, share};
use super::start;
use crate::answer::encode;
use crate::engagement::record::{self, Name};
use crate::idempotency::Once;
use crate::plan::Plan;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: StartOpportunityFromEngagementTaskRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let operation = Operation::StartOpportunityFromEngagementTask;
    let once = Once::of(caller, operation, &input.client_token, &input)?;
    let work = Work::OpportunityFromEngagement {
        engagement: Name::of(caller, catalog, &input.identifier).id()?.to_owned(),
        context: input.context_identifier,
        tags: input.tags.unwrap_or_default(),
    };
    start::start(service, caller, catalog, &once, &work, |task| {
        encode(&view::opportunity_from_engagement(task))
    })
    .await
}

/// The engagement of that identifier, if the caller is a member.
pub(super) async fn named(plan: &mut Plan<'_>, account: &str, id: &str) -> Result<Engagement, ApiError> {
    record::planned(plan, account, id).await
}

pub(super) async fn perform(
    plan: &mut Plan<'_>,
    account: &str,
    engagement: &str,
    context: &str,
    tags: &[Tag],
) -> Outcome {
    let room = named(plan, account, engagement).await?;
    let lead = lead::find(&room.contexts, context)?;
    let service = plan.service();
    let id = service.ids.next(&*service.store).await?;
    let known = create::Context {
        account,
        catalog: plan.catalog(),
        region: &service.settings.region,
        id: &id,
        now: plan.now(),
        estimates: &service.settings.estimates,
    };
    let converted = lead::convert(lead, known).map_err(refused(Step::CreateOpportunity))?;
    plan.put_opportunity(account, converted.opportunity);
    let added = context::add_customer_project(&room, converted.context, account, plan.now())
        .map_err(at(Step::CreateContext))?;
    let context = match added {
        Some((described, id)) => {
            plan.put_engagement(described);
            Some(id)
        }
        // Somebody converted a lead of this engagement before.
        None => room.project().and_then(|project| project.id.clone()),
    };
    let job = share(plan, account, &id, engagement, tags).await?;
    Ok(Created {
        opportunity: Some(id),
        engagement: Some(engagement.to_owned()),
        invitation: None,
        context,
        job: Some(job),
    })
}
