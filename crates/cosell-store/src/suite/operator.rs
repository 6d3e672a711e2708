//! What an operator asks of a store: deals, jobs and the audit log by example, and resets.

use super::*;
use crate::{AuditEntry, AuditQuery, Erased, Filter, Query, Sort, Store, StoreError, StoredJob};

type S = Arc<dyn Store>;

fn is(column: &'static str, value: &str) -> Filter {
    Filter::In(column, vec![value.into()])
}

fn list(kind: Kind, by: &'static str, descending: bool, filters: Vec<Filter>) -> Query {
    let (account, catalog) = place(kind);
    Query {
        kind,
        account: account.to_owned(),
        catalog: catalog.to_owned(),
        filters,
        sort: Sort { by, descending },
        after: None,
        limit: 2,
    }
}

pub async fn an_opportunity_is_found_by_the_partners_own_identifier_as_it_changes(store: S) {
    let with_identifier = |id: &str, version, at: i64, identifier: Option<&str>| {
        let columns = vec![
            ("last_modified", at.into()),
            ("partner_identifier", identifier.into()),
        ];
        with(opportunity(key(id), version), columns)
    };
    for (id, at, identifier) in [
        ("O1", 5, Some("CRM-1")),
        ("O2", 4, None),
        ("O3", 3, Some("CRM-2")),
        ("O4", 2, Some("CRM-1")),
        ("O5", 1, None),
    ] {
        store
            .apply(insert(with_identifier(id, 1, at, identifier)))
            .await
            .unwrap();
    }
    let found = async |identifiers: &[&str]| {
        let values = identifiers.iter().map(|i| Value::from(*i)).collect();
        let filters = vec![Filter::In("partner_identifier", values)];
        lists::ids(&store, &list(Kind::Opportunity, "last_modified", false, filters)).await
    };
    assert_eq!(found(&["CRM-1"]).await, ["O4", "O1"]);
    assert_eq!(found(&["CRM-1", "CRM-2", "CRM-9"]).await, ["O4", "O3", "O1"]);
    assert_eq!(found(&["CRM-9"]).await, [""; 0]);
    // It gains one, loses one, changes one, and moves.
    for (id, at, identifier) in [
        ("O2", 6, Some("CRM-1")),
        ("O1", 7, None),
        ("O3", 8, Some("CRM-9")),
        ("O4", 9, Some("CRM-1")),
    ] {
        let record = with_identifier(id, 2, at, identifier);
        let replace = Write::Replace { record, expected: 1 };
        store.apply(writes(vec![replace])).await.unwrap();
    }
    assert_eq!(found(&["CRM-1"]).await, ["O2", "O4"]);
    assert_eq!(found(&["CRM-9", "CRM-2"]).await, ["O3"]);
    let delete = Write::Delete {
        key: key("O4"),
        expected: 2,
    };
    store.apply(writes(vec![delete])).await.unwrap();
    assert_eq!(found(&["CRM-1"]).await, ["O2"]);
    let all = list(Kind::Opportunity, "last_modified", false, vec![]);
    assert_eq!(lists::ids(&store, &all).await, ["O5", "O2", "O1", "O3"]);
    assert!(store.check(silent()).await.unwrap().is_sound());
}

fn deal(id: &str, account: &str, status: Option<&str>, submitted: i64, company: &str) -> Record {
    let columns = vec![
        ("account", account.into()),
        ("status", status.into()),
        ("submitted", submitted.into()),
        ("company", company.into()),
    ];
    with(sample(Kind::Deal, id), columns)
}

pub async fn the_review_queue_shows_the_oldest_first_and_narrows_by_status_account_and_company(store: S) {
    for record in [
        deal("O1", ACCOUNT, Some("Submitted"), 5, "Example Corp"),
        deal("O2", OTHER, Some("Submitted"), 4, "Example Corp"),
        deal("O3", ACCOUNT, Some("In review"), 3, "Any Company"),
        deal("O4", ACCOUNT, None, 2, "Any Company"),
        deal("O5", ACCOUNT, Some("Submitted"), 1, "Any Company"),
    ] {
        store.apply(insert(record)).await.unwrap();
    }
    let open = || Filter::In("status", vec!["Submitted".into(), "In review".into()]);
    let both = || Filter::In("account", vec![ACCOUNT.into(), OTHER.into()]);
    let cases: Vec<(Vec<Filter>, &[&str])> = vec![
        (vec![], &["O5", "O4", "O3", "O2", "O1"]),
        (vec![is("status", "Submitted")], &["O5", "O2", "O1"]),
        (vec![is("account", ACCOUNT)], &["O5", "O4", "O3", "O1"]),
        (
            vec![is("account", ACCOUNT), is("status", "Submitted")],
            &["O5", "O1"],
        ),
        (vec![open(), is("account", ACCOUNT)], &["O5", "O3", "O1"]),
        (vec![both(), open()], &["O5", "O3", "O2", "O1"]),
        (vec![is("company", "Any Company")], &["O5", "O4", "O3"]),
        (
            vec![
                is("company", "Any Company"),
                is("account", ACCOUNT),
                is("status", "In review"),
            ],
            &["O3"],
        ),
        (vec![is("account", "nobody"), open()], &[]),
        (
            vec![
                is("account", ACCOUNT),
                open(),
                Filter::Range {
                    column: "submitted",
                    from: Some(2.into()),
                    to: Some(4.into()),
                },
            ],
            &["O3"],
        ),
    ];
    for (filters, expected) in cases {
        for descending in [false, true] {
            let mut wanted = expected.to_vec();
            if descending {
                wanted.reverse();
            }
            let query = list(Kind::Deal, "submitted", descending, filters.clone());
            assert_eq!(lists::ids(&store, &query).await, wanted, "{filters:?}");
        }
    }
}

pub async fn each_of_two_connected_accounts_finds_the_connection(store: S) {
    for (one, other) in [("1", "2"), ("1", "3"), ("2", "3")] {
        let columns = vec![("one", one.into()), ("other", other.into())];
        let record = with(sample(Kind::Connection, &format!("{one}/{other}")), columns);
        store.apply(insert(record)).await.unwrap();
    }
    for (column, account, expected) in [
        ("one", "1", vec!["1/2", "1/3"]),
        ("one", "3", vec![]),
        ("other", "3", vec!["1/3", "2/3"]),
        ("other", "2", vec!["1/2"]),
    ] {
        let query = list(Kind::Connection, "id", false, vec![is(column, account)]);
        assert_eq!(lists::ids(&store, &query).await, expected, "{column} {account}");
    }
}

fn enqueue(all: &[(&str, i64)]) -> Changes {
    Changes {
        jobs: all.iter().map(|(id, run_at)| jobs::job(id, *run_at)).collect(),
        ..Changes::default()
    }
}

async fn claim(store: &S, now: i64, limit: usize, lease: u64) -> Vec<String> {
    let claimed = store.claim_jobs(at(now), "w", limit, lease).await.unwrap();
    claimed.into_iter().map(|c| c.job.id.0).collect()
}

pub async fn jobs_are_claimed_in_the_order_of_their_times_even_after_a_lease_ran_out(store: S) {
    store
        .apply(enqueue(&[("d", 40), ("b", 20), ("a", 10), ("c", 30)]))
        .await
        .unwrap();
    assert_eq!(claim(&store, 20, 9, 100).await, ["a", "b"]);
    // Their leases end at 120, after the times of the others; their own times still come first.
    assert_eq!(claim(&store, 500, 3, 100).await, ["a", "b", "c"]);
    assert_eq!(claim(&store, 550, 9, 100).await, ["d"]);
    assert_eq!(claim(&store, 599, 9, 100).await, [""; 0]);
    assert_eq!(claim(&store, 600, 1, 100).await, ["a"]);
    assert_eq!(store.next_job_at().await.unwrap(), Some(at(600)));
    assert_eq!(claim(&store, 700, 9, 100).await, ["a", "b", "c", "d"]);
    assert_eq!(store.next_job_at().await.unwrap(), Some(at(800)));
}

pub async fn jobs_of_the_same_time_are_claimed_in_the_order_of_their_ids(store: S) {
    store
        .apply(enqueue(&[("b", 10), ("Z", 10), ("a", 10), ("é", 10), ("0", 11)]))
        .await
        .unwrap();
    assert_eq!(claim(&store, 50, 2, 5).await, ["Z", "a"]);
    // One of them is given up and due again, in its old place.
    assert_eq!(claim(&store, 55, 9, 5).await, ["Z", "a", "b", "é", "0"]);
}

pub async fn jobs_are_listed_with_who_holds_them(store: S) {
    let mut other = jobs::job("z", 5);
    other.kind = "other".into();
    store
        .apply(enqueue(&[("c", 30), ("a", 10), ("b", 20)]))
        .await
        .unwrap();
    store
        .apply(Changes {
            jobs: vec![other.clone()],
            ..Changes::default()
        })
        .await
        .unwrap();
    store.claim_jobs(at(10), "worker-1", 9, 50).await.unwrap();
    let ids = |found: Vec<StoredJob>| -> Vec<String> {
        found
            .into_iter()
            .map(|j| format!("{}{}", j.job.id.0, if j.held.is_some() { "*" } else { "" }))
            .collect()
    };
    let all = store.jobs(None, 10).await.unwrap();
    let held = Some(("worker-1".to_owned(), at(60)));
    assert_eq!((all[0].held.clone(), all[0].job.attempts), (held, 1));
    assert_eq!(ids(all), ["z*", "a*", "b", "c"]);
    assert_eq!(ids(store.jobs(None, 3).await.unwrap()), ["z*", "a*", "b"]);
    assert_eq!(ids(store.jobs(Some("sample"), 2).await.unwrap()), ["a*", "b"]);
    assert_eq!(ids(store.jobs(Some("other"), 10).await.unwrap()), ["z*"]);
    assert_eq!(ids(store.jobs(Some("none"), 10).await.unwrap()), [""; 0]);
    for limit in [0, crate::MAX_PAGE + 1] {
        let refused = store.jobs(None, limit).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
}

fn look(account: Option<&str>, from: Option<i64>, to: Option<i64>, newest_first: bool) -> AuditQuery {
    AuditQuery {
        account: account.map(str::to_owned),
        from: from.map(at),
        to: to.map(at),
        after: None,
        newest_first,
        limit: 100,
    }
}

fn entry(time: i64, account: &str) -> AuditEntry {
    AuditEntry {
        account: account.to_owned(),
        ..outbox::audit(time)
    }
}

async fn log(store: &S, entries: Vec<AuditEntry>) {
    let change = Changes {
        audit: entries,
        ..Changes::default()
    };
    store.apply(change).await.unwrap();
}

async fn seqs(store: &S, query: &AuditQuery) -> Vec<u64> {
    store.audit(query).await.unwrap().iter().map(|e| e.seq).collect()
}

pub async fn the_audit_log_is_read_by_account_and_time_in_both_directions(store: S) {
    // The clock was set back between the second and the third entry.
    let entries = [(30, ACCOUNT), (40, OTHER), (10, ACCOUNT), (20, OTHER), (30, "")];
    log(
        &store,
        entries.map(|(time, account)| entry(time, account)).to_vec(),
    )
    .await;
    for (account, from, to, expected) in [
        (None, None, None, vec![3, 4, 1, 5, 2]),
        (None, Some(20), Some(30), vec![4, 1, 5]),
        (None, Some(31), None, vec![2]),
        (None, None, Some(19), vec![3]),
        (None, Some(41), None, vec![]),
        (Some(ACCOUNT), None, None, vec![3, 1]),
        (Some(ACCOUNT), Some(11), None, vec![1]),
        (Some(OTHER), None, Some(39), vec![4]),
        (Some(""), None, None, vec![5]),
        (Some("nobody"), None, None, vec![]),
    ] {
        let oldest = seqs(&store, &look(account, from, to, false)).await;
        assert_eq!(oldest, expected, "{account:?} {from:?} {to:?}");
        let mut newest = seqs(&store, &look(account, from, to, true)).await;
        newest.reverse();
        assert_eq!(newest, expected, "{account:?} {from:?} {to:?}");
    }
    let first = store.audit(&look(Some(OTHER), None, None, false)).await.unwrap();
    assert_eq!(first[0].entry, entry(20, OTHER));
    for limit in [0, crate::MAX_PAGE + 1] {
        let query = AuditQuery {
            limit,
            ..look(None, None, None, false)
        };
        let refused = store.audit(&query).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
}

pub async fn the_audit_log_is_paged_without_loss_among_entries_of_one_time(store: S) {
    let all = (0..40).map(|n| entry(n / 7, if n % 3 == 0 { OTHER } else { ACCOUNT }));
    log(&store, all.collect()).await;
    for account in [None, Some(ACCOUNT)] {
        for (from, to) in [(None, None), (Some(1), Some(4))] {
            for newest_first in [false, true] {
                let mut query = look(account, from, to, newest_first);
                let wanted = seqs(&store, &query).await;
                let mut seen = Vec::new();
                query.limit = 3;
                loop {
                    let page = store.audit(&query).await.unwrap();
                    let Some(last) = page.last() else { break };
                    query.after = Some((last.entry.time, last.seq));
                    seen.extend(page.iter().map(|e| e.seq));
                }
                assert_eq!(seen, wanted, "{query:?}");
                assert!(wanted.len() > 10, "{query:?}");
            }
        }
    }
    // A place before the times that are asked for does not widen them, one behind them leaves nothing.
    let mut query = look(None, Some(2), Some(3), false);
    query.after = Some((at(0), 1));
    assert_eq!(seqs(&store, &query).await.len(), 14);
    query.after = Some((at(4), 1));
    assert_eq!(seqs(&store, &query).await, [0; 0]);
    query.newest_first = true;
    assert_eq!(seqs(&store, &query).await.len(), 14);
    query.after = Some((at(1), 1));
    assert_eq!(seqs(&store, &query).await, [0; 0]);
}

pub async fn a_pruned_audit_log_keeps_what_is_younger_and_never_repeats_a_number(store: S) {
    log(
        &store,
        vec![entry(5, ACCOUNT), entry(1, OTHER), entry(3, ACCOUNT)],
    )
    .await;
    assert_eq!(store.prune_audit(at(3)).await.unwrap(), 1);
    let all = look(None, None, None, false);
    assert_eq!(seqs(&store, &all).await, [3, 1]);
    assert_eq!(store.audit_after(0, 10).await.unwrap().len(), 2);
    // The newest of all stays, or its number would be given again.
    assert_eq!(store.prune_audit(at(100)).await.unwrap(), 1);
    assert_eq!(seqs(&store, &all).await, [3]);
    log(&store, vec![entry(200, ACCOUNT)]).await;
    assert_eq!(store.prune_audit(at(100)).await.unwrap(), 1);
    assert_eq!(seqs(&store, &all).await, [4]);
    for _ in 0..13 {
        log(&store, (0..500).map(|n| entry(n, ACCOUNT)).collect()).await;
    }
    assert_eq!(store.prune_audit(at(100_000)).await.unwrap(), 6500);
}

/// An opportunity, an event, a kept answer and a job of an account and catalog.
fn everything(account: &str, catalog: &str, id: &str) -> Changes {
    let mut job = jobs::job(&format!("{account}/{catalog}/{id}"), 0);
    job.payload = bytes(&format!(
        r#"{{"account":"{account}","catalog":"{catalog}","id":"{id}"}}"#
    ));
    let mut event = outbox::event(&format!("{account}/{catalog}/{id}"));
    event.account = account.to_owned();
    event.catalog = catalog.to_owned();
    let mut answer = outbox::answer(&format!("{catalog}/{id}"), at(0), at(1_000_000));
    answer.account = account.to_owned();
    let key = Key::new(Kind::Opportunity, account, catalog, id);
    Changes {
        idempotency: Some(answer),
        events: vec![event],
        audit: vec![entry(0, account)],
        jobs: vec![job],
        ..insert(opportunity(key, 1))
    }
}

async fn fill(store: &S) {
    for account in [ACCOUNT, OTHER] {
        for catalog in ["AWS", "Sandbox"] {
            store.apply(everything(account, catalog, "O1")).await.unwrap();
            let mut deal = deal(
                &format!("O{account}"),
                account,
                Some("Submitted"),
                1,
                "Example Corp",
            );
            deal.key.catalog = catalog.to_owned();
            store.apply(insert(deal)).await.unwrap();
        }
    }
    for catalog in ["AWS", "Sandbox"] {
        let mut engagement = sample(Kind::Engagement, "eng-1");
        engagement.key.catalog = catalog.to_owned();
        store.apply(insert(engagement)).await.unwrap();
    }
    store.apply(enqueue(&[("nobody's", 0)])).await.unwrap();
}

/// What is left, as texts: `account catalog` of each opportunity with all that belongs to it.
async fn left(store: &S) -> Vec<String> {
    let jobs: Vec<String> = (store.jobs(None, 100).await.unwrap().into_iter())
        .map(|j| j.job.id.0)
        .collect();
    let events = store.events_after(0, 100).await.unwrap();
    let mut left = Vec::new();
    for account in [ACCOUNT, OTHER] {
        for catalog in ["AWS", "Sandbox"] {
            let id = format!("{account}/{catalog}/O1");
            let key = Key::new(Kind::Opportunity, account, catalog, "O1");
            let deal = Key::shared(Kind::Deal, catalog, format!("O{account}"));
            let token = format!("{catalog}/O1");
            let answer = store.idempotency(account, outbox::OPERATION, &token, at(1));
            let there = [
                store.get(&key).await.unwrap().is_some(),
                store.get(&deal).await.unwrap().is_some(),
                answer.await.unwrap().is_some(),
                jobs.contains(&id),
                events.iter().any(|e| e.event.id == id),
            ];
            assert!(
                there.iter().all(|t| *t == there[0]),
                "{id}: only some of it is there: {there:?}"
            );
            if there[0] {
                left.push(format!("{account} {catalog}"));
            }
        }
    }
    for catalog in ["AWS", "Sandbox"] {
        let key = Key::shared(Kind::Engagement, catalog, "eng-1");
        if store.get(&key).await.unwrap().is_some() {
            left.push(catalog.to_owned());
        }
    }
    if jobs.iter().any(|id| id == "nobody's") {
        left.push("nobody's".to_owned());
    }
    assert_eq!(store.audit_after(0, 100).await.unwrap().len(), 4);
    assert!(store.check(silent()).await.unwrap().is_sound());
    left
}

fn erased(records: u64, others: u64) -> Erased {
    Erased {
        records,
        events: others,
        answers: others,
        jobs: others,
        history: 0,
    }
}

pub async fn a_reset_erases_one_account_in_one_catalog_and_nothing_else(store: S) {
    fill(&store).await;
    let (a, b) = (ACCOUNT, OTHER);
    let all = left(&store).await;
    assert_eq!(all.len(), 7);
    for (account, catalog) in [(Some(""), None), (None, Some(""))] {
        let refused = store.reset(account, catalog).await;
        assert!(matches!(refused, Err(StoreError::Invalid(_))), "{refused:?}");
    }
    assert_eq!(store.reset(Some("nobody"), None).await.unwrap(), erased(0, 0));
    assert_eq!(left(&store).await, all);
    let count = store.reset(Some(a), Some("Sandbox")).await.unwrap();
    assert_eq!(count, erased(2, 1));
    let wanted = [
        format!("{a} AWS"),
        format!("{b} AWS"),
        format!("{b} Sandbox"),
        "AWS".into(),
        "Sandbox".into(),
        "nobody's".into(),
    ];
    assert_eq!(left(&store).await, wanted);
    // Its tokens and ids are free again.
    let again = Changes {
        audit: vec![],
        ..everything(a, "Sandbox", "O1")
    };
    store.apply(again).await.unwrap();
    assert_eq!(store.reset(Some(a), None).await.unwrap().jobs, 2);
    assert_eq!(left(&store).await, wanted[1..]);
}

pub async fn a_reset_of_a_catalog_erases_what_its_accounts_share(store: S) {
    fill(&store).await;
    let count = store.reset(None, Some("AWS")).await.unwrap();
    assert_eq!(count, erased(5, 2));
    let wanted = [
        format!("{ACCOUNT} Sandbox"),
        format!("{OTHER} Sandbox"),
        "Sandbox".into(),
        "nobody's".into(),
    ];
    assert_eq!(left(&store).await, wanted);
}

pub async fn a_reset_of_everything_leaves_identities_settings_and_the_audit_log(store: S) {
    fill(&store).await;
    for kind in Kind::ALL {
        store.apply(insert(sample(kind, "kept?"))).await.unwrap();
    }
    store.reset(None, None).await.unwrap();
    assert_eq!(left(&store).await, [""; 0]);
    for kind in Kind::ALL {
        let kept = store.get(&sample(kind, "kept?").key).await.unwrap().is_some();
        let stays = matches!(kind.spec().scope, Scope::Global | Scope::Account) || kind.is_registered();
        assert_eq!(kept, stays, "{kind:?}");
    }
    assert_eq!(store.events_after(0, 10).await.unwrap(), []);
    assert_eq!(store.reset(None, None).await.unwrap(), erased(0, 0));
}

pub async fn a_large_reset_finishes_too(store: S) {
    for chunk in 0..21 {
        let all = (0..1000).map(|n| Write::Insert(opportunity(key(&format!("O{chunk}-{n}")), 1)));
        store.apply(writes(all.collect())).await.unwrap();
    }
    store
        .apply(insert(opportunity(
            Key::new(Kind::Opportunity, OTHER, CATALOG, "O1"),
            1,
        )))
        .await
        .unwrap();
    let count = store.reset(Some(ACCOUNT), Some(CATALOG)).await.unwrap();
    assert_eq!(count.records, 21_000);
    let report = store.check(silent()).await.unwrap();
    assert!(report.is_sound() && report.records == 1, "{report:?}");
}

pub async fn events_after_a_reset_have_new_numbers(store: S) {
    for (account, id) in [(ACCOUNT, "O1"), (OTHER, "O2"), (ACCOUNT, "O3"), (ACCOUNT, "O4")] {
        store.apply(everything(account, CATALOG, id)).await.unwrap();
    }
    let seen = async |after| -> Vec<(u64, String)> {
        let events = store.events_after(after, 10).await.unwrap();
        events.into_iter().map(|e| (e.seq, e.event.account)).collect()
    };
    store.reset(Some(ACCOUNT), None).await.unwrap();
    assert_eq!(seen(0).await, [(2, OTHER.to_owned())]);
    store.apply(everything(ACCOUNT, CATALOG, "O5")).await.unwrap();
    assert_eq!(seen(4).await, [(5, ACCOUNT.to_owned())]);
    let waited = store.wait_events(4, 1).await.unwrap();
    assert_eq!(waited[0].seq, 5);
    assert!(store.check(silent()).await.unwrap().is_sound());
}
