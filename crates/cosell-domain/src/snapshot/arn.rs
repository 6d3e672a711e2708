//! Amazon Resource Names of snapshots and snapshot jobs, in the form recorded from AWS (behaviours 5): snapshots belong to
//! no account, jobs to the account that made them. Builds and reads them; looks nothing up.

use super::Template;
use crate::Catalog;

/// `arn:aws:partnercentral:<region>::catalog/<catalog>/engagement/<engagement>/resource/Opportunity/<id>/template/<template>/snapshot/<revision>`.
pub fn snapshot(
    region: &str,
    catalog: Catalog,
    engagement: &str,
    opportunity: &str,
    template: Template,
    revision: i32,
) -> String {
    format!(
        "arn:aws:partnercentral:{region}::catalog/{catalog}/engagement/{engagement}/resource/Opportunity/{opportunity}/template/{template}/snapshot/{revision}"
    )
}

/// `arn:aws:partnercentral:<region>:<account>:catalog/<catalog>/resource-snapshot-job/<id>`.
pub fn job(region: &str, account: &str, catalog: Catalog, id: &str) -> String {
    format!("arn:aws:partnercentral:{region}:{account}:catalog/{catalog}/resource-snapshot-job/{id}")
}

/// What the ARN of a snapshot job names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobArn {
    /// The account that made the job.
    pub account: String,
    /// The catalog it works in.
    pub catalog: Catalog,
    /// Its identifier, `job-…`.
    pub id: String,
}

/// Reads a snapshot job's ARN; `None` for any other text. The region is not compared, since only one exists.
pub fn parse_job(arn: &str) -> Option<JobArn> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", _, "partnercentral", _, account, resource] = parts[..] else {
        return None;
    };
    let path: Vec<&str> = resource.split('/').collect();
    let ["catalog", catalog, "resource-snapshot-job", id] = path[..] else {
        return None;
    };
    Some(JobArn {
        account: account.to_owned(),
        catalog: Catalog::from_name(catalog)?,
        id: id.to_owned(),
    })
}
