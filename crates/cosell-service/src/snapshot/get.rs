//! GetResourceSnapshot: one numbered snapshot, or the newest, for members of the engagement only. A snapshot that is meant
//! for somebody else is answered as if it were not there.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_model::types::GetResourceSnapshotRequest;

use super::record::{self, Series};
use crate::engagement::record::{Name, check_member};
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let input: GetResourceSnapshotRequest = service.input(body)?;
    let catalog = catalog(&input.catalog)?;
    check_member(service, Name::of(caller, catalog, &input.engagement_identifier)).await?;
    let series = Series {
        engagement: &input.engagement_identifier,
        opportunity: &input.resource_identifier,
        template: &input.resource_snapshot_template_identifier,
    };
    let unknown = || not_found(series, input.revision);
    let revision = match input.revision {
        Some(revision) => revision,
        None => {
            let head = record::find_head(service, catalog, series).await?;
            head.ok_or_else(unknown)?.0.revision
        }
    };
    let found = record::find(service, catalog, series, revision).await?;
    let found = found.ok_or_else(unknown)?;
    let snapshot = record::decode(&found)?;
    if !snapshot.may_be_read_by(&caller.account, true) {
        return Err(unknown());
    }
    Ok(found.document)
}

fn not_found(series: Series<'_>, revision: Option<i32>) -> ApiError {
    let Series {
        engagement,
        opportunity,
        template,
    } = series;
    let which = revision.map_or_else(String::new, |revision| format!(" with revision {revision}"));
    ApiError::not_found(format!(
        "Engagement {engagement} shares no snapshot{which} of {opportunity} by template {template} with this account: ListResourceSnapshots lists those it shares"
    ))
}
