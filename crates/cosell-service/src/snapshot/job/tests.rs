//! Snapshot jobs as their owner reads and lists them.

use cosell_domain::Catalog;
use cosell_domain::snapshot::Template;
use cosell_domain::snapshot::job::{Context, Job, create};
use cosell_model::{ErrorKind, Operation as Op};
use cosell_store::Record;
use serde_json::{Value, json};

use super::record;
use crate::testing::*;

const ROOMS: [&str; 2] = ["eng-00000000000001", "eng-00000000000002"];

fn id(number: i64) -> String {
    format!("job-{number:013}")
}

fn job(catalog: Catalog, account: &str, number: i64, room: usize) -> Job {
    let context = Context {
        region: REGION,
        account,
        catalog,
        id: &id(number),
        engagement: ROOMS[room],
        opportunity: "O1",
        template: Template::OpportunitySummaryView,
        now: second(number),
    };
    create(context, Vec::new()).unwrap()
}

fn kept(account: &str, job: &Job) -> Record {
    record::record(job, account, 1).unwrap()
}

async fn list(world: &World, account: &str, filter: Value) -> Vec<i64> {
    let rows = world
        .rows(
            account,
            Op::ListResourceSnapshotJobs,
            "ResourceSnapshotJobSummaries",
            filter,
        )
        .await;
    let number = |row: &Value| row["Id"].as_str().unwrap()[4..].parse().unwrap();
    rows.iter().map(number).collect()
}

#[tokio::test]
async fn a_job_is_read_by_the_account_that_made_it_in_its_catalog() {
    let world = World::new();
    let made = job(Catalog::Sandbox, ONE, 1, 0);
    world.insert([kept(ONE, &made)]).await;
    let name = json!({"ResourceSnapshotJobIdentifier": id(1)});
    let read = world.call(ONE, Op::GetResourceSnapshotJob, name.clone()).await;
    assert_eq!(read.unwrap(), serde_json::to_value(&made.document).unwrap());
    let other = json!({"Catalog": "AWS", "ResourceSnapshotJobIdentifier": id(1)});
    let absent = json!({"ResourceSnapshotJobIdentifier": id(2)});
    for (account, body) in [(TWO, name), (ONE, other), (ONE, absent)] {
        let kind = world.refusal(account, Op::GetResourceSnapshotJob, body).await;
        assert_eq!(kind, ErrorKind::ResourceNotFound);
    }
}

#[tokio::test]
async fn the_arn_of_a_job_means_it_for_its_account_and_catalog_only() {
    let world = World::new();
    let made = job(Catalog::Sandbox, ONE, 1, 0);
    // Jobs of the same identifier, which the ARN does not name.
    let of_two = job(Catalog::Sandbox, TWO, 1, 0);
    let in_aws = job(Catalog::Aws, ONE, 1, 0);
    let all = [kept(ONE, &made), kept(TWO, &of_two), kept(ONE, &in_aws)];
    world.insert(all).await;
    let arn = made.document.arn.as_deref().unwrap();
    let read = async |account, catalog, sent: &str| {
        record::read(&world.service, account, catalog, sent)
            .await
            .map_err(|error| error.kind)
    };
    assert_eq!(read(ONE, Catalog::Sandbox, arn).await, Ok((made.clone(), 1)));
    assert_eq!(read(ONE, Catalog::Sandbox, &id(1)).await, Ok((made.clone(), 1)));
    let opportunity = made.document.resource_arn.as_deref().unwrap();
    let nameless = arn.replace(&id(1), "");
    for (account, catalog, sent) in [
        (ONE, Catalog::Aws, arn),
        (TWO, Catalog::Sandbox, arn),
        (ONE, Catalog::Sandbox, opportunity),
        (ONE, Catalog::Sandbox, &nameless),
        (ONE, Catalog::Sandbox, ""),
    ] {
        let answer = read(account, catalog, sent).await;
        assert_eq!(answer, Err(ErrorKind::ResourceNotFound), "{sent}");
    }
}

#[tokio::test]
async fn jobs_are_listed_by_engagement_and_status_in_both_orders() {
    let world = World::new();
    let mut records = Vec::new();
    for number in 1..=6 {
        let room = usize::from(number > 4);
        let made = job(Catalog::Sandbox, ONE, number, room);
        let running = number % 2 == 0;
        let made = if running { made.start().unwrap() } else { made };
        records.push(kept(ONE, &made));
    }
    records.push(kept(TWO, &job(Catalog::Sandbox, TWO, 7, 0)));
    records.push(kept(ONE, &job(Catalog::Aws, ONE, 8, 0)));
    world.insert(records).await;
    let ascending = json!({"SortBy": "CreatedDate", "SortOrder": "ASCENDING"});
    for (filter, expected) in [
        (json!({}), &[6, 5, 4, 3, 2, 1][..]),
        (json!({"Sort": {}}), &[6, 5, 4, 3, 2, 1]),
        (json!({"Sort": {"SortOrder": "DESCENDING"}}), &[6, 5, 4, 3, 2, 1]),
        (json!({"Sort": ascending}), &[1, 2, 3, 4, 5, 6]),
        (json!({"EngagementIdentifier": ROOMS[1]}), &[6, 5]),
        (json!({"Status": "Running"}), &[6, 4, 2]),
        (json!({"Status": "Stopped"}), &[5, 3, 1]),
        (
            json!({"EngagementIdentifier": ROOMS[0], "Status": "Stopped", "Sort": ascending}),
            &[1, 3],
        ),
        (json!({"EngagementIdentifier": "eng-0000000000000z"}), &[]),
        (json!({"Catalog": "AWS"}), &[8]),
    ] {
        assert_eq!(list(&world, ONE, filter.clone()).await, expected, "{filter}");
    }
    assert_eq!(list(&world, TWO, json!({})).await, [7]);
    assert_eq!(list(&world, STRANGER, json!({})).await, [0; 0]);
}

#[tokio::test]
async fn a_page_holds_fifty_jobs_where_no_size_is_asked_for() {
    let world = World::new();
    let all = (1..=51).map(|number| kept(ONE, &job(Catalog::Sandbox, ONE, number, 0)));
    world.insert(all).await;
    let first = world
        .call(ONE, Op::ListResourceSnapshotJobs, json!({}))
        .await
        .unwrap();
    let count = |page: &Value| page["ResourceSnapshotJobSummaries"].as_array().unwrap().len();
    assert_eq!(count(&first), 50);
    let body = json!({"NextToken": first["NextToken"]});
    let second = world.call(ONE, Op::ListResourceSnapshotJobs, body).await.unwrap();
    assert_eq!(count(&second), 1);
    assert!(second.get("NextToken").is_none());
}
