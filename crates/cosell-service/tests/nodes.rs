//! Two services over one PostgreSQL database: what is changed at one counts at the other, what is due is done once and in
//! its order, and a state that is loaded at one is not disturbed by what the other is at.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use cosell_domain::Catalog;
use cosell_domain::autopilot::Script;
use cosell_domain::fault::Rule;
use cosell_model::{ErrorKind, Operation as Op, Timestamp};
use cosell_service::audit::{Author, Entry};
use cosell_service::autopilot::{Behaviour, EVERYONE};
use cosell_service::identity::Sealer;
use cosell_service::identity::accounts::Account;
use cosell_service::identity::partner::{Partner, register};
use cosell_service::operator::By;
use cosell_service::others::{News, Watch};
use cosell_service::{Caller, Clock, PageTokens, Service, Settings, Throttle};
use cosell_store::{Changes, Key, Kind, ProgressFn, Store};
use cosell_store_postgres::{Options, PostgresStore};
use cosell_test_postgres::server;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const HOUR: i64 = 60 * 60 * 1000;

/// A clock that all services of a test go by.
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A server as far as this crate goes.
#[derive(Clone)]
struct Node {
    store: Arc<PostgresStore>,
    service: Arc<Service>,
}

impl Node {
    async fn call(&self, operation: Op, mut body: Value) -> Result<Value, ErrorKind> {
        static TOKENS: AtomicUsize = AtomicUsize::new(0);
        body["Catalog"] = "Sandbox".into();
        if operation == Op::CreateOpportunity {
            let token = TOKENS.fetch_add(1, Ordering::SeqCst);
            body["ClientToken"] = format!("t{token}").into();
        }
        let caller = Caller::of(ACCOUNT);
        let answer = Box::pin(self.service.call(operation, &caller, body.to_string().as_bytes())).await;
        answer
            .map(|bytes| serde_json::from_slice(&bytes).unwrap_or(Value::Null))
            .map_err(|error| error.kind)
    }

    /// Hands in a deal; its identifier.
    async fn submit(&self) -> String {
        let made = self.call(Op::CreateOpportunity, draft()).await.unwrap();
        let id = made["Id"].as_str().unwrap().to_owned();
        let body = json!({"Identifier": id, "InvolvementType": "Co-Sell", "Visibility": "Full"});
        self.call(Op::SubmitOpportunity, body).await.unwrap();
        id
    }

    async fn play(&self, script: &str) {
        let behaviour = Behaviour {
            name: "test".into(),
            script: Some(Script::parse(script).unwrap()),
        };
        let by = by();
        let set = self
            .service
            .set_player(&by, EVERYONE, Catalog::Sandbox, behaviour);
        set.await.unwrap();
    }

    async fn fault(&self, id: &str) {
        let rule =
            json!({"id": id, "operations": ["Create*"], "effect": {"error": {"name": "ConflictException"}}});
        let rule: Rule = serde_json::from_value(rule).unwrap();
        self.service.add_fault(&by(), rule).await.unwrap();
    }

    /// Looks once, as a server does twice a second, and follows.
    async fn follow(&self, watch: &mut Watch) -> News {
        let news = watch.look(&self.service).await.unwrap();
        match news {
            News::Nothing | News::Changed { settings: false, .. } => {}
            News::Changed { .. } => self.service.follow_settings().await.unwrap(),
            News::Exchanged => self.service.follow_exchange().await.unwrap(),
        }
        watch.followed(news);
        news
    }
}

fn by() -> By {
    By {
        token: "test".into(),
        request_id: "r1".into(),
    }
}

fn silent() -> ProgressFn {
    Arc::new(|_| {})
}

/// Two servers over a fresh database with a partner in it, and their clock.
async fn two() -> ([Node; 2], Arc<Moved>) {
    let url = server().url(&server().empty_database());
    let clock = Arc::new(Moved(AtomicI64::new(1_800_000_000_000)));
    let node = async || {
        let store = Arc::new(PostgresStore::open(&url, Options::default()).await.unwrap());
        let settings = Settings {
            faults: true,
            ..Settings::default()
        };
        let service = Service::new(
            Arc::clone(&store) as Arc<dyn Store>,
            Arc::clone(&clock) as Arc<dyn Clock>,
            settings,
            PageTokens::new([1; 32]),
            Throttle::off(),
        );
        let service = Arc::new(service);
        Node { store, service }
    };
    let nodes = [node().await, node().await];
    let partner = Account {
        account_id: ACCOUNT.to_owned(),
        company_name: "Example".into(),
        website_url: None,
        created_date: clock.now(),
    };
    let partner = Partner::from(partner);
    register(&*nodes[0].store, &Author::command(), "us-east-1", partner)
        .await
        .unwrap();
    (nodes, clock)
}

fn draft() -> Value {
    json!({
        "Origin": "Partner Referral",
        "OpportunityType": "Net New Business",
        "PrimaryNeedsFromAws": ["Co-Sell - Architectural Validation"],
        "Customer": {"Account": {"CompanyName": "Northwind Marzipan", "Industry": "Retail",
            "WebsiteUrl": "https://northwind.example.com",
            "Address": {"CountryCode": "US", "PostalCode": "98101", "StateOrRegion": "Washington"}}},
        "Project": {"Title": "Marzipan on demand",
            "CustomerBusinessProblem": "The ovens are planned by hand, which costs two nights a week.",
            "CustomerUseCase": "Database", "DeliveryModels": ["SaaS or PaaS"],
            "SalesActivities": ["Initialized discussions with customer"],
            "OtherSolutionDescription": "An oven planner of our own",
            "ExpectedCustomerSpend": [{"Amount": "2500.00", "CurrencyCode": "USD",
                "Frequency": "Monthly", "TargetCompany": "AWS"}]},
        "Marketing": {"Source": "None"},
        "LifeCycle": {"Stage": "Qualified", "TargetCloseDate": "2035-01-01", "NextSteps": "Call"}
    })
}

const SCRIPT: &str = r#"
seed = 1
[review]
take-after = "1h"
decide-after = "1h"
[default]
outcome = "approve"
[invitations]
accept-after = "30m"
[[progress]]
after = "1h"
stage = "Engaged"
next-steps = "Call"
[[progress]]
after = "1h"
stage = "Qualified"
[[progress]]
after = "1h"
stage = "Committed"
"#;

#[tokio::test]
async fn a_script_and_a_fault_rule_that_are_set_at_one_node_count_at_the_other() {
    let ([one, two], _) = two().await;
    let mut watch = Watch::default();
    // The first look takes everything for new, and the second nothing.
    assert!(matches!(two.follow(&mut watch).await, News::Changed { .. }));
    assert_eq!(two.follow(&mut watch).await, News::Nothing);
    assert!(two.service.players().await.unwrap().is_empty());

    let settings = News::Changed {
        settings: true,
        delivery: false,
    };
    one.play(SCRIPT).await;
    assert_eq!(two.follow(&mut watch).await, settings);
    let id = two.submit().await;
    let planned = two.service.planned_steps(Catalog::Sandbox, &id).await.unwrap();
    assert_eq!(planned.len(), 5);

    one.fault("first").await;
    assert_eq!(two.follow(&mut watch).await, settings);
    let refused = two.call(Op::CreateOpportunity, draft()).await;
    assert_eq!(refused.unwrap_err(), ErrorKind::Conflict);
    // What was met here stays known when somebody else adds a rule.
    one.fault("second").await;
    assert_eq!(two.follow(&mut watch).await, settings);
    let met = two.service.faults().unwrap();
    assert_eq!((met.len(), met[0].1.hits), (2, 1));
    assert_eq!(two.follow(&mut watch).await, News::Nothing);
}

#[tokio::test]
async fn fault_rules_that_two_nodes_add_and_remove_at_the_same_time_are_those_of_both() {
    let (nodes, _) = two().await;
    let adding = nodes.iter().enumerate().map(|(place, node)| {
        let node = node.clone();
        tokio::spawn(async move {
            for n in 0..6 {
                node.fault(&format!("{place}-{n}")).await;
            }
        })
    });
    for task in adding.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    // Neither has looked since, and neither takes away more than it is asked to.
    for (node, id) in nodes.iter().zip(["1-0", "0-0"]) {
        assert!(node.service.remove_fault(&by(), id).await.unwrap().is_some());
    }
    for node in &nodes {
        node.service.load_faults().await.unwrap();
        let rules = node.service.faults().unwrap();
        let ids: BTreeSet<String> = rules.into_iter().map(|(rule, _)| rule.id).collect();
        assert_eq!(ids.len(), 10);
        assert!(!ids.contains("0-0") && !ids.contains("1-0"));
    }
}

/// What becomes of a deal: its review in each of its versions, repetitions left out.
async fn reviews(node: &Node, id: &str) -> Vec<String> {
    let key = Key::new(Kind::Opportunity, ACCOUNT, "Sandbox", id);
    let last = node.store.get(&key).await.unwrap().unwrap().version;
    let mut reviews = Vec::new();
    for version in 1..=last {
        if let Some(was) = node.store.history(&key, version).await.unwrap() {
            let document: Value = serde_json::from_slice(&was.document).unwrap();
            reviews.push(document["LifeCycle"]["ReviewStatus"].as_str().unwrap().to_owned());
        }
    }
    reviews.dedup();
    reviews
}

#[tokio::test]
async fn jobs_that_two_nodes_race_for_are_each_done_once_and_steps_of_a_deal_in_their_order() {
    let (nodes, clock) = two().await;
    let mut watch = Watch::default();
    nodes[0].play(SCRIPT).await;
    nodes[1].follow(&mut watch).await;
    let mut deals = Vec::new();
    for n in 0..30 {
        deals.push(nodes[n % 2].submit().await);
        clock.0.fetch_add(1, Ordering::SeqCst);
    }
    // As after a night in which no server ran: all is due at once.
    clock.0.fetch_add(10 * HOUR, Ordering::SeqCst);
    let racing = nodes.iter().map(|node| {
        let node = node.clone();
        tokio::spawn(async move {
            let mut finished = 0;
            // What the other has in its hands at this moment is not to be seen, so a round that finds nothing is no end.
            while node.store.next_job_at().await.unwrap().is_some() {
                finished += node.service.run_due_jobs().await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            finished
        })
    });
    let mut finished = Vec::new();
    for task in racing.collect::<Vec<_>>() {
        finished.push(task.await.unwrap());
    }
    assert_eq!(finished.iter().sum::<usize>(), 30 * 5);
    assert!(finished.iter().all(|some| *some > 0), "{finished:?}: no race");

    for id in &deals {
        let expected = ["Pending Submission", "Submitted", "In review", "Approved"];
        assert_eq!(reviews(&nodes[0], id).await, expected, "{id}");
        let summary = json!({"RelatedOpportunityIdentifier": id});
        let summary = nodes[0]
            .call(Op::GetAwsOpportunitySummary, summary)
            .await
            .unwrap();
        assert_eq!(summary["LifeCycle"]["Stage"], "Committed", "{id}");
    }
    // In the log each step stands once for each deal, in the order of the script.
    let mut deeds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for stored in nodes[0].store.audit_after(0, 10_000).await.unwrap() {
        let entry: Entry = serde_json::from_slice(&stored.entry.body).unwrap();
        if let Some((deal, step)) = entry.request_id.rsplit_once('/')
            && deal.starts_with("autopilot/")
        {
            deeds.entry(deal.to_owned()).or_default().push(step.to_owned());
        }
    }
    assert_eq!(deeds.len(), 30);
    for (deal, steps) in deeds {
        let expected = ["1-take", "2-decide", "3-move-0001", "3-move-0002", "3-move-0003"];
        assert_eq!(steps, expected, "{deal}");
    }
}

#[tokio::test]
async fn steps_wait_for_one_that_failed_and_was_put_off() {
    let (nodes, clock) = two().await;
    let node = &nodes[0];
    node.play(SCRIPT).await;
    let deal = node.submit().await;
    clock.0.fetch_add(10 * HOUR, Ordering::SeqCst);
    let now = Timestamp::from_millis(clock.0.load(Ordering::SeqCst));
    let claimed = node.store.claim_jobs(now, "test", 1, 1000).await.unwrap();
    assert!(claimed[0].job.id.0.ends_with("1-take"), "{claimed:?}");
    let put_off = Changes {
        finished_jobs: vec![claimed[0].finished()],
        jobs: vec![cosell_store::Job {
            run_at: now.plus_millis(HOUR),
            ..claimed[0].job.clone()
        }],
        ..Changes::default()
    };
    node.store.apply(put_off).await.unwrap();
    assert_eq!(node.service.run_due_jobs().await.unwrap(), 0);
    assert_eq!(reviews(node, &deal).await, ["Pending Submission", "Submitted"]);
    clock.0.fetch_add(HOUR, Ordering::SeqCst);
    assert_eq!(node.service.run_due_jobs().await.unwrap(), 5);
    let expected = ["Pending Submission", "Submitted", "In review", "Approved"];
    assert_eq!(reviews(node, &deal).await, expected);
}

/// What the clients of a node have come to.
#[derive(Default)]
struct Clients {
    done: AtomicBool,
    /// How many loads there were by now.
    loads: AtomicUsize,
    made: AtomicUsize,
    refused: AtomicUsize,
}

impl Clients {
    /// Makes deals without a pause: the ids, each with the number of loads before its request.
    async fn work(&self, node: &Node) -> Vec<(usize, String)> {
        let mut ids = Vec::new();
        while !self.done.load(Ordering::SeqCst) {
            let begun = self.loads.load(Ordering::SeqCst);
            match node.call(Op::CreateOpportunity, draft()).await {
                Ok(answer) => {
                    ids.push((begun, answer["Id"].as_str().unwrap().to_owned()));
                    self.made.fetch_add(1, Ordering::SeqCst);
                }
                Err(ErrorKind::ServiceUnavailable) => {
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        ids
    }

    async fn more(&self, count: usize) {
        let enough = self.made.load(Ordering::SeqCst) + count;
        while self.made.load(Ordering::SeqCst) < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The partner's deals.
async fn deals(node: &Node) -> BTreeSet<String> {
    let mut there = BTreeSet::new();
    let mut keep = |item| {
        if let cosell_store::ExportItem::Record(record) = item
            && record.key.kind == Kind::Opportunity
            && record.key.account == ACCOUNT
        {
            there.insert(record.key.id);
        }
        Ok(())
    };
    node.store.export(&mut keep, silent()).await.unwrap();
    there
}

#[tokio::test]
async fn a_state_that_is_loaded_at_one_node_is_not_disturbed_by_what_the_other_is_at() {
    // Of one thread, as a server's requests are.
    tokio::task::LocalSet::new().run_until(loads_under_load()).await;
}

async fn loads_under_load() {
    const LOADS: usize = 3;
    const LANES: usize = 4;
    let ([one, two], _) = two().await;
    let kept = BTreeSet::from([one.submit().await, two.submit().await]);
    let mut state = Vec::new();
    one.service.save_state(&mut state, silent()).await.unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&state).unwrap();

    // The other follows as a server does, and its clients give it no rest.
    let clients = Arc::new(Clients::default());
    let following = {
        let (two, clients) = (two.clone(), Arc::clone(&clients));
        tokio::task::spawn_local(async move {
            let (mut watch, mut exchanges) = (Watch::default(), 0);
            while !clients.done.load(Ordering::SeqCst) {
                exchanges += usize::from(two.follow(&mut watch).await == News::Exchanged);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            exchanges
        })
    };
    let lanes: Vec<_> = (0..LANES)
        .map(|_| {
            let (two, clients) = (two.clone(), Arc::clone(&clients));
            tokio::task::spawn_local(async move { clients.work(&two).await })
        })
        .collect();
    for _ in 0..LOADS {
        clients.more(20).await;
        let sealer = Sealer::new([1; 32]);
        let (by, silent) = (by(), silent());
        let loaded = one.service.load_state(&by, &sealer, &mut file, silent).await;
        assert_eq!(loaded.unwrap().records["opportunity"], 2);
        clients.loads.fetch_add(1, Ordering::SeqCst);
    }
    clients.more(20).await;
    let mine = one.submit().await;
    clients.done.store(true, Ordering::SeqCst);
    let mut all = Vec::new();
    for lane in lanes {
        all.extend(lane.await.unwrap());
    }
    assert_eq!(following.await.unwrap(), LOADS);
    assert!(clients.refused.load(Ordering::SeqCst) > 0, "nothing came between");

    // After the last load: what was in the file, and what was asked for after it, each under an id of its own.
    let asked_after = all.iter().filter(|(begun, _)| *begun == LOADS);
    let late: Vec<&String> = asked_after.map(|(_, id)| id).collect();
    let mut expected: BTreeSet<String> = late.iter().map(|id| (*id).clone()).collect();
    assert_eq!(expected.len(), late.len(), "an id was given twice");
    assert!(!kept.contains(&mine) && expected.insert(mine) && expected.is_disjoint(&kept));
    expected.extend(kept);
    let there = deals(&one).await;
    let lost: Vec<_> = expected.difference(&there).collect();
    assert!(lost.is_empty(), "acknowledged deals are gone: {lost:?}");
    // A request that each client began before that load may have been decided and have landed after it.
    let others: Vec<_> = there.difference(&expected).collect();
    assert!(
        others.len() <= LANES,
        "deals of a former state came back: {others:?}"
    );
}
