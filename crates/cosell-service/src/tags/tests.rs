//! Tags of snapshot jobs, and which ARNs name nothing that can be tagged.

use cosell_domain::snapshot::Template;
use cosell_domain::snapshot::job::{Context, create};
use cosell_domain::{Catalog, arn};
use cosell_model::{ErrorKind, Operation as Op};
use serde_json::{Value, json};

use crate::snapshot::job::record;
use crate::testing::*;

const JOB: &str = "job-0000000000001";

/// A world with one job of ONE, and the job's ARN.
async fn world() -> (World, String) {
    let context = Context {
        region: REGION,
        account: ONE,
        catalog: Catalog::Sandbox,
        id: JOB,
        engagement: "eng-00000000000001",
        opportunity: "O1",
        template: Template::OpportunitySummaryView,
        now: second(0),
    };
    let job = create(context, Vec::new()).unwrap();
    let world = World::new();
    world.insert([record::record(&job, ONE, 1).unwrap()]).await;
    (world, job.document.arn.unwrap())
}

fn tags(arn: &str, pairs: &[(&str, &str)]) -> Value {
    let pair = |(key, value): &(&str, &str)| json!({"Key": key, "Value": value});
    let list: Vec<_> = pairs.iter().map(pair).collect();
    json!({"ResourceArn": arn, "Tags": list})
}

async fn listed(world: &World, arn: &str) -> Value {
    let body = json!({"ResourceArn": arn});
    let answer = world.call(ONE, Op::ListTagsForResource, body).await.unwrap();
    answer["Tags"].clone()
}

#[tokio::test]
async fn a_jobs_tags_are_added_replaced_and_removed_and_change_nothing_that_it_shows() {
    let (world, arn) = world().await;
    let name = json!({"ResourceSnapshotJobIdentifier": JOB});
    let before = world
        .call(ONE, Op::GetResourceSnapshotJob, name.clone())
        .await
        .unwrap();
    assert_eq!(listed(&world, &arn).await, json!([]));
    for pairs in [&[("team", "a"), ("cost", "7")], &[("team", "b"), ("area", "x")]] {
        let done = world.call(ONE, Op::TagResource, tags(&arn, pairs)).await;
        assert_eq!(done.unwrap(), json!({}));
    }
    assert_eq!(
        listed(&world, &arn).await,
        json!([{"Key": "area", "Value": "x"}, {"Key": "cost", "Value": "7"}, {"Key": "team", "Value": "b"}])
    );
    let body = json!({"ResourceArn": arn, "TagKeys": ["team", "cost", "never"]});
    let done = world.call(ONE, Op::UntagResource, body).await;
    assert_eq!(done.unwrap(), json!({}));
    assert_eq!(listed(&world, &arn).await, json!([{"Key": "area", "Value": "x"}]));
    let after = world.call(ONE, Op::GetResourceSnapshotJob, name).await.unwrap();
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_jobs_tags_obey_the_rules_of_every_tag() {
    let (world, arn) = world().await;
    for pairs in [&[("aws:own", "a")][..], &[("team", "a"), ("team", "b")]] {
        let kind = world.refusal(ONE, Op::TagResource, tags(&arn, pairs)).await;
        assert_eq!(kind, ErrorKind::Validation);
    }
    assert_eq!(listed(&world, &arn).await, json!([]));
}

#[tokio::test]
async fn tags_given_at_once_are_all_there_afterwards() {
    let (world, arn) = world().await;
    let give = async |key: &'static str| {
        let body = tags(&arn, &[(key, "1")]);
        world.call(ONE, Op::TagResource, body).await.unwrap();
    };
    tokio::join!(give("a"), give("b"), give("c"), give("d"));
    assert_eq!(listed(&world, &arn).await.as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn arns_of_others_and_of_other_things_name_nothing_that_can_be_tagged() {
    let (world, arn) = world().await;
    let foreign = arn.replace(ONE, TWO);
    let solution = arn::solution(REGION, ONE, Catalog::Sandbox, "S-1234567");
    let misnamed = arn.replace("resource-snapshot-job", "opportunity");
    let absent = arn.replace("0001", "0002");
    let elsewhere = arn.replace("Sandbox", "AWS");
    let calls = |arn: &str| {
        [
            (Op::TagResource, tags(arn, &[("team", "a")])),
            (
                Op::UntagResource,
                json!({"ResourceArn": arn, "TagKeys": ["team"]}),
            ),
            (Op::ListTagsForResource, json!({"ResourceArn": arn})),
        ]
    };
    for named in [foreign, solution, misnamed, absent, elsewhere] {
        for (operation, body) in calls(&named) {
            let kind = world.refusal(ONE, operation, body).await;
            assert_eq!(kind, ErrorKind::ResourceNotFound, "{named}");
        }
    }
    for (operation, body) in calls(&arn) {
        let kind = world.refusal(TWO, operation, body).await;
        assert_eq!(kind, ErrorKind::ResourceNotFound);
    }
}
