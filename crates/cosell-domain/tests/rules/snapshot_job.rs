//! Snapshot jobs and the settings they run under.

use cosell_domain::snapshot::Template;
use cosell_domain::snapshot::job::{Context, Job, StillRunning, create};
use cosell_domain::{Catalog, settings};
use cosell_model::Check;
use cosell_model::types::Tag;
use serde_json::json;

use crate::support::*;

const ROLE: &str = "arn:aws:iam::111122223333:role/SnapshotJobs";

fn context() -> Context<'static> {
    Context {
        region: "us-east-1",
        account: ACCOUNT,
        catalog: Catalog::Sandbox,
        id: "job-j4b4yy3zu3sam",
        engagement: "eng-t1mfgo4bsg73e0",
        opportunity: ID,
        template: Template::OpportunitySummaryView,
        now: noon(),
    }
}

fn job() -> Job {
    create(context(), Vec::new()).unwrap()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: key.into(),
        value: value.into(),
    }
}

#[test]
fn a_new_job_is_stopped_and_names_what_it_watches() {
    let job = job();
    assert!(job.document.check());
    assert_eq!(
        serde_json::to_value(&job.document).unwrap(),
        json!({
            "Catalog": "Sandbox", "Id": "job-j4b4yy3zu3sam",
            "Arn": "arn:aws:partnercentral:us-east-1:111122223333:catalog/Sandbox/resource-snapshot-job/job-j4b4yy3zu3sam",
            "EngagementId": "eng-t1mfgo4bsg73e0", "ResourceType": "Opportunity", "ResourceId": ID,
            "ResourceArn": "arn:aws:partnercentral:us-east-1:111122223333:catalog/Sandbox/opportunity/O5465588",
            "ResourceSnapshotTemplateName": "OpportunitySummaryView",
            "CreatedAt": "2026-11-21T12:00:00.000Z", "Status": "Stopped",
        })
    );
    assert!(job.answer().check());
    assert_eq!(
        serde_json::to_value(job.summary()).unwrap(),
        json!({"Id": "job-j4b4yy3zu3sam", "Arn": job.document.arn, "EngagementId": "eng-t1mfgo4bsg73e0", "Status": "Stopped"})
    );
    assert_eq!(job.template(), Some(Template::OpportunitySummaryView));
    assert_eq!(job.id(), "job-j4b4yy3zu3sam");
}

#[test]
fn starting_and_stopping_twice_has_no_further_effect() {
    let stopped = job();
    assert_eq!(stopped.stop(), None);
    let running = stopped.start().unwrap();
    assert!(running.is_running());
    assert_eq!(running.start(), None);
    assert_eq!(running.stop().unwrap(), stopped);
}

#[test]
fn only_a_stopped_job_can_be_deleted() {
    assert_eq!(job().may_be_deleted(), Ok(()));
    let running = job().start().unwrap();
    assert_eq!(running.may_be_deleted(), Err(StillRunning));
    assert!(StillRunning.to_string().contains("stop it"));
    assert_eq!(running.stop().unwrap().may_be_deleted(), Ok(()));
}

#[test]
fn success_is_remembered_and_does_not_stop_the_job() {
    let succeeded = job().start().unwrap().succeeded(minute(2));
    assert!(succeeded.is_running());
    assert_eq!(succeeded.document.last_successful_execution_date, Some(minute(2)));
    assert!(succeeded.document.check());
    let json = serde_json::to_string(&succeeded).unwrap();
    assert_eq!(serde_json::from_str::<Job>(&json).unwrap(), succeeded);
}

#[test]
fn a_jobs_tags_obey_the_rules_of_every_tag() {
    let refused = create(context(), vec![tag("aws:x", "1"), tag("a", "1"), tag("a", "2")]).unwrap_err();
    assert_eq!(
        codes(&refused),
        [("tags.key", "INVALID_VALUE"), ("tags.key", "DUPLICATE_KEY_VALUE")]
    );
    let tagged = create(context(), vec![tag("b", "1")]).unwrap();
    assert_eq!(tagged.tag(vec![tag("b", "1")]), Ok(None));
    let more = tagged.tag(vec![tag("a", "2"), tag("b", "3")]).unwrap().unwrap();
    assert_eq!(more.list_tags(), [tag("a", "2"), tag("b", "3")]);
    assert_eq!(more.document, tagged.document);
    let less = more.untag(&["a".into(), "zzz".into()]).unwrap();
    assert_eq!(less.list_tags(), [tag("b", "3")]);
    assert_eq!(less.untag(&["a".into()]), None);
    let many = (0..200).map(|n| tag(&format!("k{n}"), "v")).collect();
    let full = job().tag(many).unwrap().unwrap();
    assert_eq!(
        codes(&full.tag(vec![tag("one", "more")]).unwrap_err()),
        [("tags", "TOO_MANY_VALUES")]
    );
}

#[test]
fn a_role_is_kept_as_its_arn() {
    for (sent, kept) in [
        (Some("SnapshotJobs"), Some(ROLE)),
        (Some(ROLE), Some(ROLE)),
        (
            Some("arn:aws:iam::111122223333:role/team/jobs"),
            Some("arn:aws:iam::111122223333:role/team/jobs"),
        ),
        (None, None),
    ] {
        let settings = settings::put(ACCOUNT, sent).unwrap();
        let answer = settings.put_answer(Catalog::Sandbox);
        assert!(answer.check(), "{sent:?}");
        assert_eq!(answer.resource_snapshot_job_role_arn.as_deref(), kept);
        assert_eq!(answer.catalog, "Sandbox");
        let read = settings.get_answer(Catalog::Sandbox);
        assert_eq!(read.resource_snapshot_job_role_arn.as_deref(), kept);
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(
            serde_json::from_str::<settings::Settings>(&json).unwrap(),
            settings
        );
    }
    assert_eq!(
        settings::Settings::default()
            .get_answer(Catalog::Aws)
            .resource_snapshot_job_role_arn,
        None
    );
}

#[test]
fn the_role_of_another_account_is_refused() {
    let refused = settings::put(ACCOUNT, Some("arn:aws:iam::999999999999:role/SnapshotJobs")).unwrap_err();
    assert_eq!(
        codes(&refused),
        [("resourceSnapshotJobRoleIdentifier", "INVALID_VALUE")]
    );
}
