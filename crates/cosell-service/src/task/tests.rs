//! Tasks as their account lists them: each list shows its own kind by every filter and in every order.

use cosell_domain::task::{Context, Created, Failure, Kind, Task, Work, start};
use cosell_domain::{Catalog, arn, prospecting};
use cosell_model::enums::ReasonCode;
use cosell_model::types::AwsSubmission;
use cosell_model::{ErrorKind, Operation as Op};
use serde_json::{Value, json};

use super::record;
use crate::testing::*;

const ENGAGEMENT: &str = "eng-00000000000001";
const ELSEWHERE: &str = "eng-00000000000002";
const INVITATION: &str = "engi-0000000000001";

fn id(kind: Kind, number: usize) -> String {
    format!("task-{number:0width$}", width = kind.id_length())
}

fn context(id: &str, number: usize) -> Context<'_> {
    Context {
        region: REGION,
        catalog: Catalog::Sandbox,
        id,
        now: second(i64::try_from(number).unwrap()),
    }
}

/// What a task of one of the first three kinds is started with; `other` is another subject.
fn work(kind: Kind, other: bool) -> Work {
    let tags = Vec::new();
    match kind {
        Kind::EngagementFromOpportunity => Work::EngagementFromOpportunity {
            opportunity: if other { "O2" } else { "O1" }.into(),
            submission: AwsSubmission {
                involvement_type: "Co-Sell".into(),
                visibility: None,
            },
            tags,
        },
        Kind::EngagementByAcceptingInvitation => Work::EngagementByAcceptingInvitation {
            invitation: if other { "engi-0000000000002" } else { INVITATION }.into(),
            tags,
        },
        _ => Work::OpportunityFromEngagement {
            engagement: if other { ELSEWHERE } else { ENGAGEMENT }.into(),
            context: "1".into(),
            tags,
        },
    }
}

/// Three tasks of a kind: 1 complete, 2 failed, 3 in progress about something else.
fn tasks(kind: Kind) -> [Task; 3] {
    let begin = |number, other| start(work(kind, other), context(&id(kind, number), number));
    let created = Created {
        opportunity: Some("O9".into()),
        engagement: Some(ENGAGEMENT.into()),
        invitation: Some(INVITATION.into()),
        context: Some("2".into()),
        job: Some("job-0000000000001".into()),
    };
    let failure = Failure::new(ReasonCode::InternalError, "It did not work");
    [
        begin(1, false).complete(created, second(10)).unwrap(),
        begin(2, false).fail(failure, second(10)).unwrap(),
        begin(3, true),
    ]
}

const fn operation(kind: Kind) -> Op {
    match kind {
        Kind::EngagementFromOpportunity => Op::ListEngagementFromOpportunityTasks,
        Kind::EngagementByAcceptingInvitation => Op::ListEngagementByAcceptingInvitationTasks,
        Kind::OpportunityFromEngagement => Op::ListOpportunityFromEngagementTasks,
        Kind::ProspectingFromEngagement => Op::ListProspectingFromEngagementTasks,
    }
}

const FIRST_THREE: [Kind; 3] = [
    Kind::EngagementFromOpportunity,
    Kind::EngagementByAcceptingInvitation,
    Kind::OpportunityFromEngagement,
];

async fn keep(world: &World, account: &str, tasks: impl IntoIterator<Item = Task>) {
    let kept = |task: Task| record::record(account, Catalog::Sandbox, &task, 1).unwrap();
    world.insert(tasks.into_iter().map(kept)).await;
}

async fn list(world: &World, account: &str, kind: Kind, filter: Value) -> Vec<usize> {
    let rows = world
        .rows(account, operation(kind), "TaskSummaries", filter)
        .await;
    let number = |row: &Value| row["TaskId"].as_str().unwrap()[5..].parse().unwrap();
    rows.iter().map(number).collect()
}

/// A world in which ONE has three tasks of one kind, and TWO has none.
async fn world_of(kind: Kind) -> World {
    let world = World::new();
    keep(&world, ONE, tasks(kind)).await;
    world
}

#[tokio::test]
async fn tasks_are_listed_by_identifier_status_and_start() {
    for kind in FIRST_THREE {
        let world = world_of(kind).await;
        let named = |number| id(kind, number);
        let as_arn = kind.arn(REGION, Catalog::Sandbox, &named(2));
        let wrong_kind = Kind::ProspectingFromEngagement.arn(REGION, Catalog::Sandbox, &named(2));
        let wrong_catalog = kind.arn(REGION, Catalog::Aws, &named(2));
        let sorted = |order: &str| json!({"Sort": {"SortBy": "StartTime", "SortOrder": order}});
        for (filter, expected) in [
            (json!({}), &[3, 2, 1][..]),
            (sorted("DESCENDING"), &[3, 2, 1]),
            (sorted("ASCENDING"), &[1, 2, 3]),
            (json!({"TaskStatus": ["COMPLETE"]}), &[1]),
            (json!({"TaskStatus": ["FAILED", "IN_PROGRESS"]}), &[3, 2]),
            (json!({"TaskIdentifier": [named(1), as_arn]}), &[2, 1]),
            (json!({"TaskIdentifier": [wrong_kind]}), &[]),
            (json!({"TaskIdentifier": [wrong_catalog, named(3)]}), &[3]),
            (
                json!({"TaskIdentifier": [named(1), named(2)], "TaskStatus": ["FAILED"]}),
                &[2],
            ),
        ] {
            let found = list(&world, ONE, kind, filter.clone()).await;
            assert_eq!(found, expected, "{kind} {filter}");
        }
        assert_eq!(list(&world, TWO, kind, json!({})).await, [0; 0]);
        let elsewhere = json!({"Catalog": "AWS"});
        assert_eq!(list(&world, ONE, kind, elsewhere).await, [0; 0]);
        let empty = json!({"TaskStatus": []});
        assert_eq!(
            world.refusal(ONE, operation(kind), empty).await,
            ErrorKind::Validation
        );
    }
}

#[tokio::test]
async fn tasks_are_listed_by_what_they_are_about() {
    let engagement = arn::engagement(REGION, Catalog::Sandbox, ENGAGEMENT);
    let invitation = arn::engagement_invitation(REGION, Catalog::Sandbox, INVITATION);
    let [from_opportunity, by_accepting, from_engagement] = FIRST_THREE;
    for (kind, filter, expected) in [
        (
            from_opportunity,
            json!({"OpportunityIdentifier": ["O1", "O7"]}),
            &[2, 1][..],
        ),
        (from_opportunity, json!({"OpportunityIdentifier": ["O2"]}), &[3]),
        // Which engagement it made is known of a complete task only.
        (
            from_opportunity,
            json!({"EngagementIdentifier": [ENGAGEMENT]}),
            &[1],
        ),
        (
            from_opportunity,
            json!({"EngagementIdentifier": [engagement]}),
            &[1],
        ),
        (
            from_opportunity,
            json!({"EngagementIdentifier": [invitation]}),
            &[],
        ),
        (by_accepting, json!({"OpportunityIdentifier": ["O9"]}), &[1]),
        (
            by_accepting,
            json!({"EngagementInvitationIdentifier": [invitation]}),
            &[2, 1],
        ),
        (
            by_accepting,
            json!({"EngagementInvitationIdentifier": [engagement, "engi-0000000000002"]}),
            &[3],
        ),
        (from_engagement, json!({"OpportunityIdentifier": ["O9"]}), &[1]),
        (
            from_engagement,
            json!({"EngagementIdentifier": [engagement]}),
            &[2, 1],
        ),
        (
            from_engagement,
            json!({"EngagementIdentifier": [ELSEWHERE]}),
            &[3],
        ),
        // The lead's context, which the caller named, also where a row shows the one that was added.
        (from_engagement, json!({"ContextIdentifier": ["1"]}), &[3, 2, 1]),
        (from_engagement, json!({"ContextIdentifier": ["2"]}), &[]),
        (
            from_engagement,
            json!({"ContextIdentifier": ["1"], "EngagementIdentifier": [ENGAGEMENT]}),
            &[2, 1],
        ),
    ] {
        let world = world_of(kind).await;
        let found = list(&world, ONE, kind, filter.clone()).await;
        assert_eq!(found, expected, "{kind} {filter}");
    }
}

#[tokio::test]
async fn a_list_shows_its_own_kind_of_task_and_its_own_members() {
    let world = World::new();
    for (place, kind) in FIRST_THREE.into_iter().enumerate() {
        // The three kinds share their form of identifiers, so the numbers tell them apart.
        let number = place + 1;
        let task = start(work(kind, false), context(&id(kind, number), number));
        keep(&world, ONE, [task]).await;
    }
    keep(&world, ONE, [prospected(4, "a", 0, 1)]).await;
    for (place, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(list(&world, ONE, kind, json!({})).await, [place + 1], "{kind}");
    }
    let page = world
        .call(ONE, Op::ListOpportunityFromEngagementTasks, json!({}))
        .await
        .unwrap();
    let kind = Kind::OpportunityFromEngagement;
    let row = json!({"TaskId": id(kind, 3), "TaskArn": kind.arn(REGION, Catalog::Sandbox, &id(kind, 3)),
        "StartTime": second(3), "TaskStatus": "IN_PROGRESS", "EngagementId": ENGAGEMENT, "ContextId": "1"});
    assert_eq!(page, json!({"TaskSummaries": [row]}));
}

/// A prospecting task about `count` engagements, of which the first `failed` ones failed and the others wait.
fn prospected(number: usize, name: &str, failed: usize, count: usize) -> Task {
    let identifiers: Vec<_> = (0..count).map(|place| format!("eng-{place:014}")).collect();
    let task_id = id(Kind::ProspectingFromEngagement, number);
    let work = prospecting::work(name.to_owned(), &identifiers);
    let mut task = start(work, context(&task_id, number));
    for engagement in &identifiers[..failed] {
        let failure = prospecting::no_customer();
        task = prospecting::settle(&task, engagement, Err(failure), second(20)).unwrap();
    }
    task
}

#[tokio::test]
async fn prospecting_tasks_are_listed_by_every_filter_and_in_every_order() {
    let kind = Kind::ProspectingFromEngagement;
    let world = World::new();
    let made = [
        prospected(1, "pears", 2, 4),
        prospected(2, "apples", 0, 4),
        prospected(3, "cherries", 3, 4),
        prospected(4, "apples", 1, 4),
    ];
    keep(&world, ONE, made).await;
    for kind in FIRST_THREE {
        // Tasks without a name, which no order may bring in or count.
        let number = 5 + kind as usize;
        keep(
            &world,
            ONE,
            [start(work(kind, false), context(&id(kind, number), number))],
        )
        .await;
    }
    let sorted = |by: &str, order: &str| json!({"Sort": {"SortBy": by, "SortOrder": order}});
    for (filter, expected) in [
        (json!({}), &[4, 3, 2, 1][..]),
        (sorted("StartTime", "ASCENDING"), &[1, 2, 3, 4]),
        (sorted("StartTime", "DESCENDING"), &[4, 3, 2, 1]),
        (sorted("TaskName", "ASCENDING"), &[2, 4, 3, 1]),
        (sorted("TaskName", "DESCENDING"), &[1, 3, 4, 2]),
        (sorted("FailedEngagementCount", "ASCENDING"), &[2, 4, 1, 3]),
        (sorted("FailedEngagementCount", "DESCENDING"), &[3, 1, 4, 2]),
        (json!({"TaskName": ["apples", "plums"]}), &[4, 2]),
        (json!({"TaskName": []}), &[4, 3, 2, 1]),
        (json!({"TaskIdentifier": []}), &[4, 3, 2, 1]),
        (json!({"TaskIdentifier": [id(kind, 1), id(kind, 9)]}), &[1]),
        (json!({"StartAfter": second(2)}), &[4, 3, 2]),
        (json!({"StartBefore": second(2)}), &[2, 1]),
        (
            json!({"StartAfter": second(2), "StartBefore": second(3), "TaskName": ["apples"]}),
            &[2],
        ),
    ] {
        let found = list(&world, ONE, kind, filter.clone()).await;
        assert_eq!(found, expected, "{filter}");
    }
    assert_eq!(list(&world, TWO, kind, json!({})).await, [0; 0]);
}

#[tokio::test]
async fn a_prospecting_task_is_read_by_its_account_and_no_other_task_is() {
    let kind = Kind::ProspectingFromEngagement;
    let world = World::new();
    keep(&world, ONE, [prospected(1, "pears", 1, 2)]).await;
    let stray = id(kind, 2);
    // A task of another kind under an identifier of this form, which this server never makes.
    let other = start(work(Kind::OpportunityFromEngagement, false), context(&stray, 2));
    keep(&world, ONE, [other]).await;
    let name = json!({"TaskIdentifier": id(kind, 1)});
    let read = world
        .call(ONE, Op::GetProspectingFromEngagementTask, name.clone())
        .await
        .unwrap();
    assert_eq!(read["TaskName"], "pears");
    assert_eq!(read["StartTime"], second(1).to_string());
    assert_eq!(read["Engagements"][0]["Status"], "FAILED");
    assert_eq!(read["Engagements"][1]["Status"], "PENDING");
    let elsewhere = json!({"Catalog": "AWS", "TaskIdentifier": id(kind, 1)});
    let absent = json!({"TaskIdentifier": id(kind, 3)});
    let stray = json!({"TaskIdentifier": stray});
    for (account, body) in [(TWO, name), (ONE, elsewhere), (ONE, absent), (ONE, stray)] {
        let kind = world
            .refusal(account, Op::GetProspectingFromEngagementTask, body)
            .await;
        assert_eq!(kind, ErrorKind::ResourceNotFound);
    }
}

#[tokio::test]
async fn a_token_continues_only_the_list_of_tasks_it_was_given_for() {
    let world = World::new();
    keep(&world, ONE, tasks(Kind::EngagementFromOpportunity)).await;
    let page = world
        .call(
            ONE,
            Op::ListEngagementFromOpportunityTasks,
            json!({"MaxResults": 1}),
        )
        .await
        .unwrap();
    let next = json!({"MaxResults": 1, "NextToken": page["NextToken"]});
    let other_size = json!({"MaxResults": 2, "NextToken": page["NextToken"]});
    for (account, operation, body) in [
        (TWO, Op::ListEngagementFromOpportunityTasks, next.clone()),
        (ONE, Op::ListOpportunityFromEngagementTasks, next.clone()),
        (ONE, Op::ListEngagementFromOpportunityTasks, other_size),
    ] {
        let kind = world.refusal(account, operation, body).await;
        assert_eq!(kind, ErrorKind::Validation);
    }
    let read = world
        .call(ONE, Op::ListEngagementFromOpportunityTasks, next)
        .await;
    assert_eq!(read.unwrap()["TaskSummaries"].as_array().unwrap().len(), 1);
}
