//! CreateResourceSnapshotJob: a stopped job that will keep an engagement's view of an opportunity up to date, one per client
//! token.

use bytes::Bytes;
use cosell_domain::opportunity::Opportunity;
use cosell_domain::snapshot::{Template, job};
use cosell_model::types::{CreateResourceSnapshotJobRequest, Tag};
use cosell_model::{ApiError, Operation};
use cosell_store::{Filter, Kind, MAX_PAGE, Query, Sort};

use crate::answer::encode;
use crate::idempotency::Once;
use crate::plan::{Plan, all, carry_out};
use crate::service::{Caller, Service, catalog};
use crate::snapshot::record::parts;

/// How many characters follow `job-`.
const LENGTH: usize = 13;

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: CreateResourceSnapshotJobRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    let operation = Operation::CreateResourceSnapshotJob;
    let once = Once::of(caller, operation, &input.client_token, &input)?;
    let account = &caller.account;
    carry_out(service, once.deed(), catalog, Some(&once), async |plan| {
        let (engagement, id) = (&input.engagement_identifier, &input.resource_identifier);
        let (engagement, opportunity) = parts(plan, account, engagement, id).await?;
        let template = Template::writable(&input.resource_snapshot_template_identifier)
            .map_err(ApiError::business_validation)?;
        let tags = input.tags.clone().unwrap_or_default();
        let job = make(plan, account, opportunity, &engagement.id, template, tags).await?;
        let answer = encode(&job.answer())?;
        plan.put_snapshot_job(account, job);
        Ok(answer)
    })
    .await
}

/// A stopped job for an opportunity, which knows from now on that it has one. The job itself is the caller's to put.
pub(crate) async fn make(
    plan: &mut Plan<'_>,
    account: &str,
    mut opportunity: Opportunity,
    engagement: &str,
    template: Template,
    tags: Vec<Tag>,
) -> Result<job::Job, ApiError> {
    let id = opportunity.document.id.clone();
    job::check_room(&id, count(plan, account, &id).await?)?;
    let service = plan.service();
    let name = service.names.draw("job-", LENGTH)?;
    let context = job::Context {
        region: &service.settings.region,
        account,
        catalog: plan.catalog(),
        id: &name,
        engagement,
        opportunity: &id,
        template,
        now: plan.now(),
    };
    let job = job::create(context, tags).map_err(ApiError::business_validation)?;
    opportunity.private.shared = true;
    plan.put_opportunity(account, opportunity);
    Ok(job)
}

/// How many jobs the opportunity has. An opportunity that was never shared has none.
async fn count(plan: &Plan<'_>, account: &str, opportunity: &str) -> Result<usize, ApiError> {
    let query = Query {
        kind: Kind::SnapshotJob,
        account: account.to_owned(),
        catalog: plan.catalog().as_str().to_owned(),
        filters: vec![Filter::In("resource", vec![opportunity.into()])],
        sort: Sort {
            by: "id",
            descending: false,
        },
        after: None,
        limit: MAX_PAGE,
    };
    Ok(all(plan.service(), query).await?.len())
}
