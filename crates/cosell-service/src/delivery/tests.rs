//! Targets and rules over a real store: what is refused, what is sealed, and what those who deliver read.

use std::sync::Arc;

use bytes::Bytes;
use cosell_events::{Registry as _, Rule, Secrets, Target};
use cosell_model::Timestamp;
use cosell_store::{Changes, Delivery, DeliveryState, Event, Store};
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::json;

use super::{Registry, Unsent, rules, targets};
use crate::audit::Author;
use crate::identity::accounts::Account;
use crate::identity::partner::{self, Partner};
use crate::identity::{AdminError, Part, Sealer};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

struct World {
    store: Arc<dyn Store>,
    sealer: Sealer,
    by: Author,
}

impl World {
    async fn new() -> Self {
        let world = Self {
            store: Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap()),
            sealer: Sealer::new([7; 32]),
            by: Author::command(),
        };
        for id in [ACCOUNT, OTHER] {
            let account = Account {
                account_id: id.to_owned(),
                company_name: "A".to_owned(),
                website_url: None,
                created_date: NOW,
            };
            let partner = Partner {
                account,
                users: Vec::new(),
                solutions: Vec::new(),
                key: None,
            };
            partner::register(&*world.store, &world.by, "us-east-1", partner)
                .await
                .unwrap();
        }
        world
    }

    async fn emit(&self, id: &str) {
        let event = Event {
            id: id.to_owned(),
            account: ACCOUNT.to_owned(),
            catalog: "AWS".to_owned(),
            detail_type: "Opportunity Created".to_owned(),
            time: NOW,
            body: "{}".into(),
        };
        let changes = Changes {
            events: vec![event],
            ..Changes::default()
        };
        self.store.apply(changes).await.unwrap();
    }

    async fn webhook(&self, account: &str) -> Result<(targets::Kept, Option<String>), AdminError> {
        let target = target(json!({"account": account, "id": "crm",
            "sink": {"kind": "webhook", "url": "https://crm.example.com/x"}}));
        let (kept, secret) = targets::create(
            &*self.store,
            &self.by,
            &self.sealer,
            (target, Secrets::default()),
            NOW,
        )
        .await?;
        Ok((kept, secret.map(|secret| secret.to_string())))
    }

    async fn rule(&self, rule: serde_json::Value) -> Result<Rule, AdminError> {
        let rule = Rule::read(rule.to_string().as_bytes()).unwrap();
        rules::create(&*self.store, &self.by, rule, NOW).await
    }

    async fn registered(&self, sealer: &Sealer) -> cosell_events::Registered {
        Registry::new(Arc::clone(&self.store), sealer.clone())
            .load()
            .await
            .unwrap()
    }
}

fn target(value: serde_json::Value) -> Target {
    Target::read(value.to_string().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_webhook_gets_a_signing_secret_that_only_its_key_file_opens() {
    let world = World::new().await;
    world.emit("one").await;
    let (kept, secret) = world.webhook("").await.unwrap();
    let secret = secret.unwrap();
    assert_eq!((kept.target.name().as_str(), kept.target.since), ("/crm", 1));
    let stored = world.store.get(&targets::key("crm")).await.unwrap().unwrap();
    for part in [&stored.document, &stored.private] {
        assert!(!part.windows(12).any(|window| window == &secret.as_bytes()[6..18]));
    }
    let registered = world.registered(&world.sealer).await;
    assert_eq!(registered.targets[0].1.signing[0].as_str(), secret);
    assert!(world.registered(&Sealer::new([8; 32])).await.targets.is_empty());
}

#[tokio::test]
async fn a_rotated_secret_leaves_the_former_one_active_until_it_is_dropped() {
    let world = World::new().await;
    let (_, first) = world.webhook("").await.unwrap();
    let (store, by, sealer) = (&*world.store, &world.by, &world.sealer);
    assert!(matches!(
        targets::drop_old_secret(store, by, sealer, "crm", NOW).await,
        Err(AdminError::Refused(_))
    ));
    let (_, second) = targets::rotate_secret(store, by, sealer, ("crm", None), NOW)
        .await
        .unwrap();
    let active = || async {
        let registered = world.registered(sealer).await;
        let signing = &registered.targets[0].1.signing;
        signing
            .iter()
            .map(|secret| secret.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(active().await, [second.to_string(), first.unwrap()]);
    let again = targets::rotate_secret(store, by, sealer, ("/crm", Some(second.clone())), NOW).await;
    assert!(matches!(again, Err(AdminError::Refused(_))));
    // A third one would take away the only one that the receiver may know.
    let third = targets::rotate_secret(store, by, sealer, ("crm", None), NOW).await;
    assert!(matches!(third, Err(AdminError::Refused(_))));
    assert_eq!(active().await.len(), 2);
    targets::drop_old_secret(store, by, sealer, "crm", NOW)
        .await
        .unwrap();
    assert_eq!(active().await, [second.to_string()]);
}

#[tokio::test]
async fn what_is_wrong_or_there_already_is_refused() {
    let world = World::new().await;
    let missing = world.webhook("999999999999").await;
    assert!(matches!(missing, Err(AdminError::Missing(_))), "{missing:?}");
    world.webhook(ACCOUNT).await.unwrap();
    assert!(matches!(world.webhook(ACCOUNT).await, Err(AdminError::Taken(_))));
    let flawed = targets::create(
        &*world.store,
        &world.by,
        &world.sealer,
        (
            target(json!({"id": "a", "sink": {"kind": "file", "path": "../x"}})),
            Secrets::default(),
        ),
        NOW,
    );
    assert!(matches!(flawed.await, Err(AdminError::Flawed { field, .. }) if field == "sink.path"));
    for rule in [
        json!({"name": "r", "account": ACCOUNT, "pattern": {"source": ["x"]}, "targets": ["nowhere"]}),
        json!({"name": "r", "account": OTHER, "pattern": {"source": ["x"]}, "targets": [format!("{ACCOUNT}/crm")]}),
        json!({"name": "r", "account": ACCOUNT, "pattern": {"source": ["x"]}, "targets": []}),
        json!({"name": "r", "account": ACCOUNT, "pattern": {"source": "x"}, "targets": ["crm"]}),
    ] {
        let refused = world.rule(rule.clone()).await;
        assert!(
            matches!(refused, Err(AdminError::Flawed { .. })),
            "{rule}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_rule_names_its_accounts_target_before_the_operators_and_keeps_it_from_being_removed() {
    let world = World::new().await;
    world.webhook("").await.unwrap();
    let rule = json!({"name": "r", "account": ACCOUNT, "pattern": {"source": ["x"]}, "targets": ["crm"]});
    assert_eq!(world.rule(rule.clone()).await.unwrap().targets, ["/crm"]);
    world.webhook(ACCOUNT).await.unwrap();
    let name = format!("{ACCOUNT}/r");
    let (store, by) = (&*world.store, &world.by);
    let changed = rules::change(store, by, &name, NOW, |rule| rule.targets = vec!["crm".into()])
        .await
        .unwrap();
    assert_eq!(changed.targets, [format!("{ACCOUNT}/crm")]);
    let used = targets::remove(store, by, &world.sealer, &format!("{ACCOUNT}/crm"), NOW).await;
    assert!(
        matches!(&used, Err(AdminError::Taken(why)) if why.contains(&name)),
        "{used:?}"
    );
    targets::remove(store, by, &world.sealer, "crm", NOW)
        .await
        .unwrap();
    rules::remove(store, by, &name, NOW).await.unwrap();
    targets::remove(store, by, &world.sealer, &format!("{ACCOUNT}/crm"), NOW)
        .await
        .unwrap();
    assert!(world.registered(&world.sealer).await.targets.is_empty());
    let entries = store.audit_after(0, 100).await.unwrap();
    let told: Vec<&str> = entries
        .iter()
        .filter(|kept| kept.entry.account == ACCOUNT)
        .map(|kept| std::str::from_utf8(&kept.entry.body).unwrap())
        .collect();
    for action in [
        "CreateEventTarget",
        "CreateEventRule",
        "UpdateEventRule",
        "DeleteEventRule",
        "DeleteEventTarget",
    ] {
        assert!(
            told.iter().any(|body| body.contains(action)),
            "{action}: {told:?}"
        );
    }
}

#[tokio::test]
async fn a_rule_that_is_switched_on_again_takes_nothing_of_the_time_between() {
    let world = World::new().await;
    world.webhook("").await.unwrap();
    let rule = json!({"name": "r", "pattern": {"source": ["x"]}, "targets": ["/crm"]});
    assert_eq!(world.rule(rule).await.unwrap().since, 0);
    let switch = |on: bool| rules::change(&*world.store, &world.by, "r", NOW, move |rule| rule.enabled = on);
    world.emit("one").await;
    assert_eq!(switch(true).await.unwrap().since, 0);
    assert_eq!(switch(false).await.unwrap().since, 0);
    world.emit("two").await;
    assert_eq!(switch(true).await.unwrap().since, 2);
}

#[tokio::test]
async fn lists_are_of_one_owner_where_one_is_named() {
    let world = World::new().await;
    for owner in ["", ACCOUNT, OTHER] {
        world.webhook(owner).await.unwrap();
    }
    let names = |owner: Option<&'static str>| {
        let world = &world;
        async move {
            let part = Part {
                after: None,
                limit: 10,
            };
            let listed = targets::part(&*world.store, &world.sealer, owner, part)
                .await
                .unwrap();
            listed
                .items
                .iter()
                .map(|kept| kept.target.name())
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(names(Some("")).await, ["/crm"]);
    assert_eq!(names(Some(OTHER)).await, [format!("{OTHER}/crm")]);
    assert_eq!(names(None).await.len(), 3);
}

#[tokio::test]
async fn a_target_sealed_under_another_key_file_is_taken_in_switched_off_and_without_its_secrets() {
    let world = World::new().await;
    let (kept, _) = world.webhook("").await.unwrap();
    let stored = world.store.get(&targets::key("crm")).await.unwrap().unwrap();
    let record = kept.target.record(stored.version, stored.private.clone());
    assert_eq!(
        targets::usable(record.clone(), &world.sealer),
        (record.clone(), false)
    );
    let (taken, stripped) = targets::usable(record, &Sealer::new([8; 32]));
    assert!(stripped && taken.private.is_empty());
    assert!(!Target::read(&taken.document).unwrap().enabled);
}

#[tokio::test]
async fn it_is_told_which_targets_lose_events_to_their_age() {
    let world = World::new().await;
    let store = &*world.store;
    for id in ["one", "two", "three"] {
        world.emit(id).await;
    }
    for (target, position) in [("/paused", 1), ("/fails", 3), ("/well", 3)] {
        store.open_target(target, position).await.unwrap();
    }
    let waits = Delivery {
        target: "/fails".to_owned(),
        seq: 1,
        lane: None,
        state: DeliveryState::Pending,
        attempts: 1,
        due_at: NOW,
        note: Bytes::from_static(b"{}"),
    };
    store.park("/fails", vec![waits]).await.unwrap();
    let unsent = |target: &str, unread, waiting| Unsent {
        target: target.to_owned(),
        unread,
        waiting,
    };
    let later = NOW.plus_millis(1);
    assert_eq!(
        super::unsent(store, later).await.unwrap(),
        [unsent("/fails", 0, 1), unsent("/paused", 1, 0)]
    );
    assert_eq!(store.prune_events(later).await.unwrap(), 2, "the last one stays");
    assert_eq!(super::unsent(store, later).await.unwrap(), []);
    assert_eq!(super::unsent(store, NOW).await.unwrap(), []);
}
