//! Invitations between two accounts and AWS, by a clock that the test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cosell_model::{ApiError, ErrorKind, Operation as Op, Timestamp};
use cosell_store::Store;
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::{Value, json};

use crate::audit::Author;
use crate::identity::accounts::Account;
use crate::identity::partner;
use crate::{Caller, Clock, PageTokens, Service, Settings, Throttle};

const ONE: &str = "111122223333";
const TWO: &str = "222233334444";
const THREE: &str = "333344445555";
const DAY: i64 = 24 * 60 * 60 * 1000;
const START: i64 = 1_800_000_000_000;

struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

struct World {
    clock: Arc<Moved>,
    store: Arc<dyn Store>,
    service: Service,
}

fn service(store: &Arc<dyn Store>, clock: &Arc<Moved>) -> Service {
    Service::new(
        Arc::clone(store),
        Arc::clone(clock) as Arc<dyn Clock>,
        Settings::default(),
        PageTokens::new([1; 32]),
        Throttle::off(),
    )
}

async fn world() -> World {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap());
    for account_id in [ONE, TWO, THREE] {
        let account = Account {
            account_id: account_id.to_owned(),
            company_name: format!("Partner {account_id}"),
            website_url: None,
            created_date: Timestamp::from_millis(START),
        };
        partner::register(&*store, &Author::command(), "us-east-1", account.into())
            .await
            .unwrap();
    }
    let clock = Arc::new(Moved(AtomicI64::new(START)));
    let service = service(&store, &clock);
    World {
        clock,
        store,
        service,
    }
}

impl World {
    fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    async fn call(&self, account: &str, operation: Op, mut body: Value) -> Result<Value, ApiError> {
        body["Catalog"] = "Sandbox".into();
        let caller = Caller::of(account);
        let answer = self
            .service
            .call(operation, &caller, body.to_string().as_bytes())
            .await?;
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    async fn engagement(&self, token: &str) -> String {
        let body = json!({"ClientToken": token, "Title": "Ovens", "Description": "All the ovens"});
        let made = self.call(ONE, Op::CreateEngagement, body).await.unwrap();
        made["Id"].as_str().unwrap().to_owned()
    }

    async fn invite(&self, engagement: &str, receiver: &str, token: &str) -> Result<String, ApiError> {
        let made = self
            .call(
                ONE,
                Op::CreateEngagementInvitation,
                invitation(engagement, receiver, token),
            )
            .await?;
        Ok(made["Id"].as_str().unwrap().to_owned())
    }

    async fn status(&self, account: &str, id: &str) -> Value {
        let read = self
            .call(account, Op::GetEngagementInvitation, json!({"Identifier": id}))
            .await;
        read.unwrap()["Status"].clone()
    }

    /// Every row over all pages of one.
    async fn list(&self, account: &str, side: &str, filter: Value) -> Vec<Value> {
        let mut body = filter;
        body["ParticipantType"] = side.into();
        body["MaxResults"] = 1.into();
        let mut rows = Vec::new();
        loop {
            let page = self
                .call(account, Op::ListEngagementInvitations, body.clone())
                .await
                .unwrap();
            rows.extend(page["EngagementInvitationSummaries"].as_array().unwrap().clone());
            match page.get("NextToken") {
                Some(token) => body["NextToken"] = token.clone(),
                None => return rows,
            }
        }
    }

    async fn members(&self, id: &str) -> usize {
        let body = json!({"Identifier": id});
        let list = self.call(ONE, Op::ListEngagementMembers, body).await.unwrap();
        list["EngagementMemberList"].as_array().unwrap().len()
    }
}

fn invitation(engagement: &str, receiver: &str, token: &str) -> Value {
    json!({"ClientToken": token, "EngagementIdentifier": engagement, "Invitation": {
        "Message": "Join us", "Receiver": {"Account": {"AwsAccountId": receiver}},
        "Payload": {"OpportunityInvitation": {"ReceiverResponsibilities": ["Reseller"],
            "Customer": {"Industry": "Retail", "CompanyName": "Northwind", "CountryCode": "US",
                "WebsiteUrl": "https://northwind.example.com"},
            "Project": {"Title": "Marzipan on demand", "TargetCompletionDate": "2030-01-01",
                "BusinessProblem": "The ovens are planned by hand, which costs two nights a week.",
                "ExpectedCustomerSpend": [{"Amount": "100.00", "CurrencyCode": "USD",
                    "Frequency": "Monthly", "TargetCompany": "AWS"}]}}}}})
}

#[tokio::test]
async fn an_accepted_invitation_makes_a_member_and_shows_as_accepted_on_both_sides() {
    let world = world().await;
    let engagement = world.engagement("a").await;
    let id = world.invite(&engagement, TWO, "a").await.unwrap();
    assert_eq!(
        world.invite(&engagement, TWO, "a").await.unwrap(),
        id,
        "one token, one invitation"
    );
    let again = world.invite(&engagement, TWO, "b").await.unwrap_err();
    assert_eq!(again.kind, ErrorKind::Conflict);

    let name = json!({"Identifier": id});
    let stranger = world.call(THREE, Op::GetEngagementInvitation, name.clone()).await;
    assert_eq!(stranger.unwrap_err().kind, ErrorKind::ResourceNotFound);
    let sender = world
        .call(ONE, Op::AcceptEngagementInvitation, name.clone())
        .await;
    assert_eq!(sender.unwrap_err().kind, ErrorKind::Validation);
    world
        .call(TWO, Op::AcceptEngagementInvitation, name.clone())
        .await
        .unwrap();
    for account in [ONE, TWO] {
        assert_eq!(world.status(account, &id).await, "ACCEPTED");
        let body = json!({"Identifier": engagement});
        world.call(account, Op::GetEngagement, body).await.unwrap();
    }
    assert_eq!(world.members(&engagement).await, 2);
    let double = world.call(TWO, Op::AcceptEngagementInvitation, name).await;
    assert_eq!(double.unwrap_err().kind, ErrorKind::Conflict);
    let member = world.invite(&engagement, TWO, "c").await.unwrap_err();
    assert_eq!(member.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn a_rejected_invitation_keeps_its_reason_and_makes_no_member() {
    let world = world().await;
    let engagement = world.engagement("a").await;
    let id = world.invite(&engagement, TWO, "a").await.unwrap();
    let body = json!({"Identifier": id, "RejectionReason": "No capacity"});
    world
        .call(TWO, Op::RejectEngagementInvitation, body)
        .await
        .unwrap();
    let name = json!({"Identifier": id});
    let read = world
        .call(ONE, Op::GetEngagementInvitation, name.clone())
        .await
        .unwrap();
    assert_eq!(read["Status"], "REJECTED");
    assert_eq!(read["RejectionReason"], "No capacity");
    let late = world.call(TWO, Op::AcceptEngagementInvitation, name).await;
    assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(world.members(&engagement).await, 1);
    world.invite(&engagement, TWO, "b").await.unwrap();
}

#[tokio::test]
async fn each_side_lists_its_own_invitations_by_every_filter() {
    let world = world().await;
    let mut ids = Vec::new();
    let mut rooms = Vec::new();
    for (number, receiver) in [TWO, TWO, THREE, "aws"].into_iter().enumerate() {
        let engagement = world.engagement(&number.to_string()).await;
        ids.push(
            world
                .invite(&engagement, receiver, &number.to_string())
                .await
                .unwrap(),
        );
        rooms.push(engagement);
        world.pass(1000);
    }
    let body = json!({"Identifier": ids[1]});
    world
        .call(TWO, Op::AcceptEngagementInvitation, body)
        .await
        .unwrap();
    let found = async |account: &str, side: &str, filter: Value| -> Vec<usize> {
        let rows = world.list(account, side, filter).await;
        let place = |row: &Value| ids.iter().position(|id| row["Id"] == **id).unwrap();
        rows.iter().map(place).collect()
    };
    assert_eq!(found(ONE, "SENDER", json!({})).await, [3, 2, 1, 0]);
    let sort = json!({"Sort": {"SortOrder": "ASCENDING", "SortBy": "InvitationDate"}});
    assert_eq!(found(ONE, "SENDER", sort).await, [0, 1, 2, 3]);
    assert_eq!(found(ONE, "RECEIVER", json!({})).await, [0; 0]);
    assert_eq!(found(TWO, "RECEIVER", json!({})).await, [1, 0]);
    assert_eq!(found(TWO, "RECEIVER", json!({"Status": ["PENDING"]})).await, [0]);
    assert_eq!(
        found(TWO, "RECEIVER", json!({"Status": ["ACCEPTED", "EXPIRED"]})).await,
        [1]
    );
    assert_eq!(
        found(ONE, "SENDER", json!({"EngagementIdentifier": [rooms[2]]})).await,
        [2]
    );
    assert_eq!(
        found(TWO, "RECEIVER", json!({"SenderAwsAccountId": [ONE]})).await,
        [1, 0]
    );
    assert_eq!(
        found(TWO, "RECEIVER", json!({"SenderAwsAccountId": [THREE]})).await,
        [0; 0]
    );
    let kind = json!({"PayloadType": ["LeadInvitation"]});
    assert_eq!(found(ONE, "SENDER", kind).await, [0; 0]);
    let kind = json!({"PayloadType": ["OpportunityInvitation"]});
    assert_eq!(found(ONE, "SENDER", kind).await, [3, 2, 1, 0]);
}

#[tokio::test]
async fn of_an_acceptance_and_a_rejection_at_once_exactly_one_wins() {
    let world = world().await;
    for round in 0..20 {
        let token = round.to_string();
        let engagement = world.engagement(&token).await;
        let id = world.invite(&engagement, TWO, &token).await.unwrap();
        let name = json!({"Identifier": id});
        let (accepted, rejected) = tokio::join!(
            world.call(TWO, Op::AcceptEngagementInvitation, name.clone()),
            world.call(TWO, Op::RejectEngagementInvitation, name),
        );
        assert!(accepted.is_ok() != rejected.is_ok());
        let (status, members) = if accepted.is_ok() {
            ("ACCEPTED", 2)
        } else {
            ("REJECTED", 1)
        };
        assert_eq!(world.status(ONE, &id).await, status);
        assert_eq!(world.members(&engagement).await, members);
    }
}

#[tokio::test]
async fn of_two_invitations_of_one_account_at_once_exactly_one_is_made() {
    let world = world().await;
    let engagement = world.engagement("a").await;
    let (one, two) = tokio::join!(
        world.invite(&engagement, TWO, "a"),
        world.invite(&engagement, TWO, "b"),
    );
    assert!(one.is_ok() != two.is_ok());
    assert_eq!(world.list(TWO, "RECEIVER", json!({})).await.len(), 1);
}

#[tokio::test]
async fn an_unanswered_invitation_expires_after_fifteen_days_and_lists_say_so() {
    let world = world().await;
    let engagement = world.engagement("a").await;
    let id = world.invite(&engagement, TWO, "a").await.unwrap();
    world.pass(15 * DAY - 1);
    assert_eq!(world.service.run_due_jobs().await.unwrap(), 0);
    assert_eq!(world.status(TWO, &id).await, "PENDING");
    world.pass(1);
    // A read needs no job to know.
    assert_eq!(world.status(TWO, &id).await, "EXPIRED");
    assert_eq!(world.service.run_due_jobs().await.unwrap(), 1);
    for (account, side) in [(ONE, "SENDER"), (TWO, "RECEIVER")] {
        let rows = world.list(account, side, json!({"Status": ["EXPIRED"]})).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["Status"], "EXPIRED");
    }
    let name = json!({"Identifier": id});
    let late = world.call(TWO, Op::AcceptEngagementInvitation, name).await;
    assert_eq!(late.unwrap_err().kind, ErrorKind::Conflict);
    world.invite(&engagement, TWO, "b").await.unwrap();
}

#[tokio::test]
async fn what_became_due_while_the_server_was_down_is_done_by_the_next_one_without_being_asked() {
    let world = world().await;
    let engagement = world.engagement("a").await;
    world.invite(&engagement, TWO, "a").await.unwrap();
    world.pass(40 * DAY);
    let next = service(&world.store, &world.clock);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let runner = next.run_jobs(async move {
        let _ = stopped.await;
    });
    let watch = async {
        while world.store.next_job_at().await.unwrap().is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        stop.send(()).unwrap();
    };
    let both = async { tokio::join!(runner, watch) };
    tokio::time::timeout(std::time::Duration::from_secs(20), both)
        .await
        .expect("the runner does the job and stops when asked to");
    let rows = world.list(TWO, "RECEIVER", json!({"Status": ["EXPIRED"]})).await;
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn the_expiry_of_an_answered_invitation_finishes_without_effect() {
    let world = world().await;
    let engagement = world.engagement("a").await;
    let id = world.invite(&engagement, TWO, "a").await.unwrap();
    let name = json!({"Identifier": id});
    world
        .call(TWO, Op::AcceptEngagementInvitation, name)
        .await
        .unwrap();
    world.pass(15 * DAY);
    assert_eq!(world.service.run_due_jobs().await.unwrap(), 1);
    assert_eq!(world.status(TWO, &id).await, "ACCEPTED");
    assert_eq!(world.store.next_job_at().await.unwrap(), None);
}
