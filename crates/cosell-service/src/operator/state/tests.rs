//! What packs make, and that a state comes back as it was.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use cosell_domain::Catalog;
use cosell_model::{Operation as Op, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::identity::accounts::Account;
use crate::identity::partner::{Partner, register};
use crate::operator::state::{Large, Starter};
use crate::story::gate::Gated;
use crate::testing::{ONE, REGION, STRANGER, TWO, World, second};
use crate::{Clock, Settings};
use cosell_store_sqlite::{Options, SqliteStore};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        second(0)
    }
}

fn by() -> By {
    By {
        token: "test".to_owned(),
        request_id: String::new(),
    }
}

fn silent() -> ProgressFn {
    Arc::new(|_| {})
}

async fn world() -> World {
    let store = SqliteStore::open_ephemeral(Options::default()).unwrap();
    let world = World::over(Arc::new(store), Arc::new(Still), Settings::default());
    // As every server does when it starts.
    world.service.list_old_deals().await.unwrap();
    for account in [ONE, TWO] {
        let partner = Partner::from(Account {
            account_id: account.to_owned(),
            company_name: format!("Partner {account}"),
            website_url: None,
            created_date: second(-1),
        });
        register(&*world.store, &crate::audit::Author::command(), REGION, partner)
            .await
            .unwrap();
    }
    world
}

fn starter() -> Starter {
    Starter {
        accounts: Vec::new(),
        catalog: Catalog::Sandbox,
        document: None,
    }
}

async fn saved(world: &World) -> Vec<u8> {
    let mut out = Vec::new();
    world.service.save_state(&mut out, silent()).await.unwrap();
    out
}

/// How many rows have each value at a place.
fn counted(rows: &[Value], pointer: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let value = row.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
        *counts.entry(value.to_owned()).or_default() += 1;
    }
    counts
}

async fn opportunities(world: &World, account: &str) -> Vec<Value> {
    world
        .pages(
            account,
            Op::ListOpportunities,
            "OpportunitySummaries",
            json!({}),
            7,
        )
        .await
}

fn counts<const N: usize>(wanted: [(&str, usize); N]) -> BTreeMap<String, usize> {
    wanted.map(|(name, count)| (name.to_owned(), count)).into()
}

#[tokio::test]
async fn the_starter_is_forty_opportunities_over_all_stages_and_reviews() {
    let world = world().await;
    let story = world.service.seed_story(&by(), &starter()).await.unwrap();
    assert_eq!(story.opportunities, 40);
    let mut rows = opportunities(&world, ONE).await;
    assert_eq!(rows.len(), 34);
    rows.extend(opportunities(&world, TWO).await);
    assert_eq!(rows.len(), 40);
    assert_eq!(
        counted(&rows, "/LifeCycle/ReviewStatus"),
        counts([
            ("Action Required", 3),
            ("Approved", 19),
            ("In review", 4),
            ("Pending Submission", 6),
            ("Rejected", 3),
            ("Submitted", 5),
        ])
    );
    assert_eq!(
        counted(&rows, "/LifeCycle/Stage"),
        counts([
            ("Business Validation", 3),
            ("Closed Lost", 3),
            ("Committed", 3),
            ("Launched", 2),
            ("Prospect", 12),
            ("Qualified", 11),
            ("Technical Validation", 6),
        ])
    );
    assert!(counted(&rows, "/Customer/Account/Industry").len() > 15);
    assert!(counted(&rows, "/Customer/Account/Address/CountryCode").len() > 8);
    assert_eq!(
        counted(&rows, "/LifeCycle/ClosedLostReason").len(),
        4,
        "three reasons and none"
    );

    // Nothing lies in the future, and histories go back by months.
    let now = second(0).to_string();
    for row in &rows {
        assert!(row["LastModifiedDate"].as_str().unwrap() <= now.as_str(), "{row}");
    }
    let mut oldest = now.clone();
    let mut longest = 0;
    for (account, ids) in [(ONE, &rows[..34]), (TWO, &rows[34..])] {
        for row in ids {
            let body = json!({"Identifier": row["Id"]});
            let read = Box::pin(world.call(account, Op::GetOpportunity, body))
                .await
                .unwrap();
            let history = read["LifeCycle"]["NextStepsHistory"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            longest = longest.max(history.len());
            for entry in history {
                oldest = oldest.min(entry["Time"].as_str().unwrap().to_owned());
            }
        }
    }
    assert!(longest >= 4, "{longest}");
    assert!(oldest < second(-150 * 24 * 3600).to_string(), "{oldest}");

    // Invitations of every status, engagements, tasks, snapshots.
    let mut received = Vec::new();
    for account in [ONE, TWO] {
        let body = json!({"ParticipantType": "RECEIVER"});
        let listed = world.pages(
            account,
            Op::ListEngagementInvitations,
            "EngagementInvitationSummaries",
            body,
            3,
        );
        received.extend(listed.await);
    }
    let statuses: Vec<String> = counted(&received, "/Status").into_keys().collect();
    assert_eq!(statuses, ["ACCEPTED", "EXPIRED", "PENDING", "REJECTED"]);
    let engagements = world.pages(ONE, Op::ListEngagements, "EngagementSummaryList", json!({}), 10);
    let engagements = engagements.await;
    assert!(engagements.len() > 20);
    for (operation, member) in [
        (Op::ListEngagementFromOpportunityTasks, "TaskSummaries"),
        (Op::ListEngagementByAcceptingInvitationTasks, "TaskSummaries"),
        (Op::ListOpportunityFromEngagementTasks, "TaskSummaries"),
    ] {
        let tasks = world.pages(ONE, operation, member, json!({}), 10).await;
        assert!(!tasks.is_empty(), "{operation:?}");
    }
    let mut snapshots = 0;
    for engagement in &engagements {
        let body = json!({"EngagementIdentifier": engagement["Id"]});
        let listed = world.pages(
            ONE,
            Op::ListResourceSnapshots,
            "ResourceSnapshotSummaries",
            body,
            10,
        );
        snapshots += listed.await.len();
    }
    assert!(snapshots > 20, "{snapshots}");
    assert!(world.store.check(silent()).await.unwrap().is_sound());
    // What was due on the way is done; what is left lies ahead.
    assert_eq!(world.service.run_due_jobs().await.unwrap(), 0);
}

#[tokio::test]
async fn the_same_story_at_the_same_time_makes_the_same_bytes_and_a_second_one_is_another() {
    let (first, second) = (world().await, world().await);
    for world in [&first, &second] {
        world.service.seed_story(&by(), &starter()).await.unwrap();
    }
    assert!(saved(&first).await == saved(&second).await);
    let alone = Starter {
        accounts: vec![TWO.to_owned()],
        catalog: Catalog::Sandbox,
        document: None,
    };
    // With one partner alone the other's part does not happen.
    let story = first.service.seed_story(&by(), &alone).await.unwrap();
    assert_eq!(story.opportunities, 34);
    let again = first.service.seed_story(&by(), &starter()).await.unwrap();
    assert_eq!(again.opportunities, 40);
    assert_eq!(opportunities(&first, ONE).await.len(), 68);
}

#[tokio::test]
async fn a_story_that_cannot_be_is_refused_with_its_place() {
    let world = world().await;
    let deal = |ago: u32, then: Value| {
        json!({"deals": [{"ago": ago, "company": "A", "industry": "Retail", "country": "DE", "postalCode": "10115",
            "city": "Berlin", "title": "T", "problem": "A problem that is long enough to be told", "useCase": "SAP",
            "amount": "10.00", "stage": "Prospect", "opportunityType": "Net New Business", "then": then}]})
    };
    for (document, word) in [
        (json!({"deal": []}), "unknown field"),
        (deal(0, json!([])), "days ago"),
        (deal(3, json!([{"day": 3, "do": "take"}])), "today"),
        (deal(3, json!([{"day": 1, "do": "fly"}])), "unknown variant"),
        // A rule of AWS's, not of the form.
        (deal(3, json!([{"day": 1, "do": "approve"}])), "The deal with A"),
    ] {
        let wanted = Starter {
            document: Some(document.clone()),
            ..starter()
        };
        let error = world.service.seed_story(&by(), &wanted).await.unwrap_err();
        let said = format!("{error:?}");
        assert!(said.contains(word), "{document}: {said}");
    }
}

#[tokio::test]
async fn large_makes_what_the_operations_would_have_written_and_later_ids_lie_beyond_it() {
    let (first, second) = (world().await, world().await);
    let large = |count| Large {
        account: ONE.to_owned(),
        catalog: Catalog::Sandbox,
        count,
        seed: 7,
    };
    for world in [&first, &second] {
        let grown = world
            .service
            .seed_large(&by(), &large(400), silent())
            .await
            .unwrap();
        assert_eq!(grown.opportunities, 400);
        assert_eq!(
            (grown.first_id.as_str(), grown.last_id.as_str()),
            ("O10000001", "O10000400")
        );
    }
    assert!(saved(&first).await == saved(&second).await);
    let rows = opportunities(&first, ONE).await;
    assert_eq!(rows.len(), 400);
    assert_eq!(counted(&rows, "/LifeCycle/ReviewStatus").len(), 6);
    assert_eq!(counted(&rows, "/LifeCycle/Stage").len(), 7);
    let filter = json!({"LifeCycleReviewStatus": ["Approved"], "Sort": {"SortBy": "CustomerCompanyName", "SortOrder": "ASCENDING"}});
    let approved = first
        .pages(ONE, Op::ListOpportunities, "OpportunitySummaries", filter, 50)
        .await;
    assert!(approved.len() > 150);
    let queue = first
        .service
        .list_deals(
            Catalog::Sandbox,
            &crate::operator::deals::DealFilter::default(),
            1000,
            None,
        )
        .await
        .unwrap();
    let drafts = counted(&rows, "/LifeCycle/ReviewStatus")["Pending Submission"];
    assert_eq!(queue.items.len(), 400 - drafts);
    assert!(first.store.check(silent()).await.unwrap().is_sound());
    // A row is one that an operation can go on with.
    for row in rows.iter().take(100) {
        let body = json!({"Identifier": row["Id"]});
        Box::pin(first.call(ONE, Op::GetOpportunity, body)).await.unwrap();
    }
    let made = first.service.seed_story(&by(), &starter()).await.unwrap();
    assert_eq!(made.opportunities, 40);
    let refused = Large {
        account: STRANGER.to_owned(),
        ..large(1)
    };
    assert!(first.service.seed_large(&by(), &refused, silent()).await.is_err());
}

#[tokio::test]
async fn a_state_comes_back_and_a_server_forgets_what_it_knew_before() {
    let world = world().await;
    world.service.seed_story(&by(), &starter()).await.unwrap();
    let before = saved(&world).await;
    let sealer = Sealer::new([1; 32]);
    let forgotten = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&forgotten);
    world.service.when_forgetting(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    });
    let erased = world
        .service
        .reset_state(&by(), None, Some(Catalog::Sandbox))
        .await
        .unwrap();
    assert!(erased.records > 100);
    assert!(opportunities(&world, ONE).await.is_empty());
    let draft = json!({"ClientToken": "x", "Customer": {"Account": {"CompanyName": "New"}}});
    let made = world
        .call(ONE, Op::CreateOpportunity, draft.clone())
        .await
        .unwrap();

    let mut file = tempfile(&before);
    let loaded = world
        .service
        .load_state(&by(), &sealer, &mut file, silent())
        .await
        .unwrap();
    assert_eq!(loaded.records["opportunity"], 40);
    assert_eq!(forgotten.load(std::sync::atomic::Ordering::SeqCst), 2);
    assert_eq!(opportunities(&world, ONE).await.len(), 34);
    // The number that was given in the meantime is given again: the sequence came back too.
    let again = Box::pin(world.call(ONE, Op::CreateOpportunity, draft))
        .await
        .unwrap();
    assert_eq!(again["Id"], made["Id"]);
    assert_eq!(opportunities(&world, ONE).await.len(), 35);

    // Everything but the audit log, where the load stands, is as it was.
    let mut file = tempfile(&before);
    world
        .service
        .load_state(&by(), &sealer, &mut file, silent())
        .await
        .unwrap();
    let without_log = |bytes: &[u8]| -> Vec<String> {
        let text = std::str::from_utf8(bytes).unwrap();
        let lines = text.lines().filter(|line| !line.contains("LoadState"));
        let mut lines: Vec<String> = lines.map(str::to_owned).collect();
        lines.pop();
        lines
    };
    let after = saved(&world).await;
    assert!(after != before);
    assert!(without_log(&after) == without_log(&before));
}

#[tokio::test]
async fn a_story_is_told_by_events_at_its_own_times() {
    let world = world().await;
    world.service.seed_story(&by(), &starter()).await.unwrap();
    let mut events = Vec::new();
    while let Some(page) = Some(world.store.events_after(events.len() as u64, 1000).await.unwrap())
        .filter(|page| !page.is_empty())
    {
        events.extend(page);
    }
    let created = events
        .iter()
        .filter(|one| one.event.detail_type == "Opportunity Created");
    let there = opportunities(&world, ONE).await.len() + opportunities(&world, TWO).await.len();
    assert_eq!(created.count(), there);
    assert!(events.iter().all(|one| one.event.time <= second(0)));
    assert!(
        events.is_sorted_by_key(|one| one.event.time),
        "in the order in which it happened"
    );
}

#[tokio::test]
async fn a_damaged_state_is_refused_and_nothing_has_changed() {
    let world = world().await;
    world.service.seed_story(&by(), &starter()).await.unwrap();
    let good = saved(&world).await;
    let text = String::from_utf8(good.clone()).unwrap();
    let half = good[..good.len() / 2].to_vec();
    let changed = text.replacen("Larkspur", "Larkspor", 1).into_bytes();
    let newer = text.replacen("\"version\":2", "\"version\":3", 1).into_bytes();
    let longer = [&good[..], b"{}\n"].concat();
    let sealer = Sealer::new([1; 32]);
    for (bytes, word) in [
        (half, "cut off"),
        (changed, "checksum"),
        (newer, "newer cosell"),
        (longer, "goes on"),
        (b"{}".to_vec(), "not a cosell state"),
        (Vec::new(), "not a cosell state"),
    ] {
        let mut file = tempfile(&bytes);
        let refused = world
            .service
            .load_state(&by(), &sealer, &mut file, silent())
            .await;
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(word), "{word}: {error}");
        assert!(saved(&world).await == good, "{word}");
    }
}

#[tokio::test]
async fn keys_of_another_folder_are_left_out_and_own_ones_and_tokens_stay() {
    let key = |sealer: &Sealer, id: &str| {
        crate::identity::keys::write(sealer, ONE, id.to_owned(), "secret", second(0))
            .unwrap()
            .1
    };
    let token = |id: &str| {
        cosell_store::Write::Insert(Record {
            key: cosell_store::Key::global(Kind::OperatorToken, id),
            version: 1,
            document: "{}".into(),
            summary: "{}".into(),
            private: "\"hash\"".into(),
            columns: Vec::new(),
        })
    };
    let (here, there) = (Sealer::new([1; 32]), Sealer::new([2; 32]));
    let (target, source) = (world().await, world().await);
    target
        .write(vec![key(&here, "AKIABOTH"), key(&here, "AKIAGONE"), token("own")])
        .await;
    source
        .write(vec![
            key(&there, "AKIABOTH"),
            key(&there, "AKIATHERE"),
            key(&here, "AKIAMOVED"),
            token("theirs"),
        ])
        .await;
    let state = saved(&source).await;
    assert!(!std::str::from_utf8(&state).unwrap().contains("theirs"));
    let mut file = tempfile(&state);
    let loaded = target.service.load_state(&by(), &here, &mut file, silent()).await;
    let loaded = loaded.unwrap();
    assert_eq!(loaded.keys_left_out, ["AKIATHERE"]);
    assert_eq!(loaded.keys_kept, ["AKIABOTH"]);
    let keyring = crate::identity::Keyring::new(Arc::clone(&target.store), here.clone());
    for (id, there) in [
        ("AKIABOTH", true),
        ("AKIAMOVED", true),
        ("AKIATHERE", false),
        ("AKIAGONE", false),
    ] {
        assert_eq!(keyring.find(id).await.unwrap().is_some(), there, "{id}");
    }
    crate::identity::keys::expect_sealer(&*target.store, &here)
        .await
        .unwrap();
    for (id, there) in [("own", true), ("theirs", false)] {
        let key = cosell_store::Key::global(Kind::OperatorToken, id);
        assert_eq!(target.store.get(&key).await.unwrap().is_some(), there, "{id}");
    }
}

#[tokio::test]
async fn a_token_or_key_that_is_revoked_while_a_state_is_loaded_stays_revoked() {
    let (here, there) = (Sealer::new([1; 32]), Sealer::new([2; 32]));
    let write = |sealer: &Sealer| {
        crate::identity::keys::write(sealer, ONE, "AKIABOTH".to_owned(), "secret", second(0))
            .unwrap()
            .1
    };
    let token = |version: u64, document: &'static str| Record {
        key: cosell_store::Key::global(Kind::OperatorToken, "own"),
        version,
        document: document.into(),
        summary: document.into(),
        private: "\"hash\"".into(),
        columns: Vec::new(),
    };
    let source = world().await;
    source.write(vec![write(&there)]).await;
    let state = saved(&source).await;
    for revokes_key in [true, false] {
        let target = world().await;
        let held = cosell_store::Write::Insert(token(1, "{}"));
        target.write(vec![write(&here), held]).await;
        let gate = Arc::new(Gated::new(Arc::clone(&target.store)));
        let slow = World::over(
            Arc::clone(&gate) as Arc<dyn Store>,
            Arc::new(Still),
            Settings::default(),
        );
        let mut file = tempfile(&state);
        let by = by();
        let load = slow.service.load_state(&by, &here, &mut file, silent());
        let revoke = async {
            if revokes_key {
                let author = crate::audit::Author::command();
                crate::identity::keys::revoke(&*target.store, &author, "AKIABOTH", second(1))
                    .await
                    .unwrap();
            } else {
                let record = token(2, "{\"revoked\":true}");
                let revoked = cosell_store::Write::Replace { record, expected: 1 };
                target.write(vec![revoked]).await;
            }
        };
        let (loaded, ()) = gate.overtaken(load, revoke).await;
        assert_eq!(loaded.unwrap().keys_kept, ["AKIABOTH"]);
        let keyring = crate::identity::Keyring::new(Arc::clone(&target.store), here.clone());
        let usable = keyring.find("AKIABOTH").await.unwrap().is_some();
        assert_eq!(usable, !revokes_key);
        let key = cosell_store::Key::global(Kind::OperatorToken, "own");
        let own = target.store.get(&key).await.unwrap().unwrap();
        assert_eq!(own.version, if revokes_key { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_state_that_says_something_twice_is_refused_in_words_for_people() {
    let world = world().await;
    let good = saved(&world).await;
    let reader = StateReader::new(&good[..]).unwrap();
    let mut items: Vec<ExportItem> = reader.map(Result::unwrap).collect();
    items.push(items[0].clone());
    let mut writer = StateWriter::new(Vec::new(), second(0)).unwrap();
    for item in &items {
        writer.item(item).unwrap();
    }
    let (twice, _) = writer.finish().unwrap();
    let mut file = tempfile(&twice);
    let sealer = Sealer::new([1; 32]);
    let refused = world
        .service
        .load_state(&by(), &sealer, &mut file, silent())
        .await
        .unwrap_err();
    let LoadError::Refused(words) = refused else {
        panic!("{refused:?}");
    };
    assert!(
        words.contains("comes twice") && !words.contains("contract"),
        "{words}"
    );
    assert!(saved(&world).await == good);
}

#[tokio::test]
async fn a_story_that_breaks_off_says_what_stays_and_how_to_be_rid_of_it() {
    let world = world().await;
    let mut document: Value = serde_json::from_str(include_str!("starter.json")).unwrap();
    let deals = document["deals"].as_array_mut().unwrap();
    // The newest deal goes wrong, when all others are told.
    let last = deals.iter_mut().min_by_key(|deal| deal["ago"].as_u64()).unwrap();
    last["amount"] = "no amount".into();
    let broken = Starter {
        document: Some(document),
        ..starter()
    };
    let error = world.service.seed_story(&by(), &broken).await.unwrap_err();
    let made = opportunities(&world, ONE).await.len();
    assert!(made > 0, "nothing was made: {}", error.message);
    for account in [ONE, TWO] {
        let way = format!("`cosell state reset --account {account} --catalog Sandbox`");
        assert!(error.message.contains(&way), "{}", error.message);
    }
}

#[tokio::test]
async fn a_reset_of_one_account_and_catalog_leaves_the_others_and_its_solutions() {
    let world = world().await;
    for catalog in Catalog::ALL {
        for account in [ONE, TWO] {
            let wanted = Large {
                account: account.to_owned(),
                catalog,
                count: 20,
                seed: 0,
            };
            world.service.seed_large(&by(), &wanted, silent()).await.unwrap();
        }
    }
    let erased = world
        .service
        .reset_state(&by(), Some(ONE), Some(Catalog::Sandbox))
        .await
        .unwrap();
    assert!(erased.records >= 20, "{erased:?}");
    for (account, catalog, left) in [
        (ONE, "Sandbox", 0),
        (ONE, "AWS", 20),
        (TWO, "Sandbox", 20),
        (TWO, "AWS", 20),
    ] {
        let body = json!({"Catalog": catalog});
        let rows = world
            .pages(account, Op::ListOpportunities, "OpportunitySummaries", body, 50)
            .await;
        assert_eq!(rows.len(), left, "{account} {catalog}");
    }
    let solutions = world
        .pages(ONE, Op::ListSolutions, "SolutionSummaries", json!({}), 10)
        .await;
    assert_eq!(solutions.len(), 1);
    let unknown = world.service.reset_state(&by(), Some(STRANGER), None).await;
    assert!(unknown.is_err());
}

fn tempfile(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}
