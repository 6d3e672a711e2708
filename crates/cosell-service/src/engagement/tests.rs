//! What no client can bring about yet: many members, and two servers that draw the same identifier.

use std::collections::BTreeSet;
use std::sync::Arc;

use cosell_domain::Catalog;
use cosell_domain::engagement::{MAX_MEMBERS, Profile};
use cosell_model::{ErrorKind, Operation, Timestamp};
use cosell_store::{Changes, Store};
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::{Value, json};

use super::record::{self, Name};
use crate::audit::Author;
use crate::identity::accounts::Account;
use crate::identity::partner;
use crate::plan::carry_out;
use crate::{Caller, PageTokens, Service, Settings, SystemClock, Throttle};

const ONE: &str = "111122223333";

async fn store() -> Arc<dyn Store> {
    let store = Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap());
    let account = Account {
        account_id: ONE.to_owned(),
        company_name: "Northwind Partners".to_owned(),
        website_url: None,
        created_date: Timestamp::from_millis(0),
    };
    partner::register(&*store, &Author::command(), "us-east-1", account.into())
        .await
        .unwrap();
    store
}

fn service(store: &Arc<dyn Store>, seed: Option<[u8; 32]>) -> Service {
    let settings = Settings {
        seed,
        ..Settings::default()
    };
    Service::new(
        Arc::clone(store),
        Arc::new(SystemClock),
        settings,
        PageTokens::new([1; 32]),
        Throttle::off(),
    )
}

async fn call(service: &Service, account: &str, operation: Operation, body: &Value) -> Value {
    let caller = Caller::of(account);
    let answer = service
        .call(operation, &caller, body.to_string().as_bytes())
        .await
        .unwrap();
    serde_json::from_slice(&answer).unwrap()
}

async fn create(service: &Service, token: &str) -> String {
    let body = json!({"Catalog": "Sandbox", "ClientToken": token});
    let made = call(service, ONE, Operation::CreateEngagement, &body).await;
    made["Id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_identifier_that_is_taken_is_drawn_again() {
    let store = store().await;
    let mut made = BTreeSet::new();
    for node in ["first", "second", "third"] {
        // Each of them draws what the ones before have drawn.
        let service = service(&store, Some([5; 32]));
        made.insert(create(&service, node).await);
    }
    assert_eq!(made.len(), 3);
}

#[tokio::test]
async fn a_server_whose_every_draw_is_taken_says_so_and_makes_nothing() {
    let store = store().await;
    let first = service(&store, Some([5; 32]));
    for number in 0..crate::plan::ATTEMPTS {
        create(&first, &format!("first-{number}")).await;
    }
    let second = service(&store, Some([5; 32]));
    let caller = Caller::of(ONE);
    let body = json!({"Catalog": "Sandbox", "ClientToken": "second"}).to_string();
    let refused = second
        .call(Operation::CreateEngagement, &caller, body.as_bytes())
        .await
        .unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    let list = json!({"Catalog": "Sandbox"});
    let listed = call(&second, ONE, Operation::ListEngagements, &list).await;
    let rows = listed["EngagementSummaryList"].as_array().unwrap();
    assert_eq!(rows.len(), crate::plan::ATTEMPTS);
}

/// Everybody whose account is that number joins, in one change.
async fn join(service: &Service, id: &str, numbers: std::ops::Range<usize>) {
    let deed = crate::audit::Deed::of(&Caller::of(ONE), Operation::AcceptEngagementInvitation);
    carry_out(service, &deed, Catalog::Sandbox, None, async |plan| {
        let mut next = record::planned(plan, ONE, id).await?;
        for number in numbers.clone() {
            let profile = Profile {
                account_id: format!("{number:012}"),
                company_name: format!("Partner {number}"),
                website_url: None,
            };
            next = next.add_member(&profile, plan.now())?.unwrap();
        }
        plan.put_engagement(next);
        Ok(bytes::Bytes::new())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn the_pages_of_members_hold_everybody_once_in_the_order_of_joining() {
    let store = store().await;
    let service = service(&store, None);
    let id = create(&service, "many").await;
    join(&service, &id, 1..MAX_MEMBERS).await;
    let request = json!({"Catalog": "Sandbox", "Identifier": id});
    let whole = call(&service, ONE, Operation::ListEngagementMembers, &request).await;
    let all = whole["EngagementMemberList"].as_array().unwrap();
    assert_eq!(all.len(), MAX_MEMBERS);
    assert_eq!(all[0]["AccountId"], ONE);
    assert_eq!(all[0]["CompanyName"], "Northwind Partners");
    assert_eq!(all[9]["AccountId"], "000000000009");
    assert!(whole.get("NextToken").is_none());
    for size in 1..MAX_MEMBERS {
        let mut request = request.clone();
        request["MaxResults"] = size.into();
        let mut read = Vec::new();
        loop {
            let page = call(&service, ONE, Operation::ListEngagementMembers, &request).await;
            let rows = page["EngagementMemberList"].as_array().unwrap();
            assert!((1..=size).contains(&rows.len()));
            read.extend(rows.clone());
            match page.get("NextToken") {
                Some(token) => request["NextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!(&read, all, "pages of {size}");
    }
}

#[tokio::test]
async fn whoever_joins_finds_the_engagement_in_the_list_and_every_later_change_with_it() {
    let store = store().await;
    let service = service(&store, None);
    let id = create(&service, "joined").await;
    let (two, three) = ("000000000002", "000000000003");
    let listed = async |account| {
        let body = json!({"Catalog": "Sandbox"});
        let list = call(&service, account, Operation::ListEngagements, &body).await;
        list["EngagementSummaryList"].as_array().unwrap().clone()
    };
    assert_eq!(listed(two).await, Vec::<Value>::new());
    join(&service, &id, 2..3).await;
    assert_eq!(listed(two).await, listed(ONE).await);
    assert_eq!(listed(two).await[0]["MemberCount"], 2);

    let project = json!({"Catalog": "Sandbox", "EngagementIdentifier": id, "ClientToken": "project",
        "Type": "CustomerProject", "Payload": {"CustomerProject": {}}});
    call(&service, two, Operation::CreateEngagementContext, &project).await;
    join(&service, &id, 3..4).await;
    for account in [ONE, two, three] {
        let rows = listed(account).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["MemberCount"], 3);
        assert_eq!(rows[0]["ModifiedBy"], two);
        assert_eq!(rows[0]["ContextTypes"], json!(["CustomerProject"]));
        let name = json!({"Catalog": "Sandbox", "Identifier": id});
        let read = call(&service, account, Operation::GetEngagement, &name).await;
        assert_eq!(read["ModifiedAt"], rows[0]["ModifiedAt"]);
    }
}

#[tokio::test]
async fn a_row_of_a_member_never_changes_without_the_engagement() {
    let store = store().await;
    let service = service(&store, None);
    let id = create(&service, "together").await;
    let caller = Caller::of(ONE);
    let name = Name::of(&caller, Catalog::Sandbox, &id);
    let engagement = record::load(&service, name).await.unwrap();
    // A write that relies on a version that never was changes neither.
    let stale = Changes {
        writes: record::writes(Some((&engagement, 7)), &engagement).unwrap(),
        ..Changes::default()
    };
    assert!(store.apply(stale).await.is_err());
    let versions: BTreeSet<u64> = {
        let right = record::writes(Some((&engagement, 1)), &engagement).unwrap();
        let keys: Vec<_> = right.iter().map(|write| write.key().clone()).collect();
        let found = store.get_many(&keys).await.unwrap();
        found.into_iter().map(|stored| stored.unwrap().version).collect()
    };
    assert_eq!(versions, BTreeSet::from([1]));
}
