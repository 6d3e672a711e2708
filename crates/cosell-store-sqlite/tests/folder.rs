//! Data folders: locks, refusals, old files, backups.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cosell_store::copy::CopyTarget;
use cosell_store::suite::{insert, key, lists, opportunity, sample, silent};
use cosell_store::{Kind, Progress, Sort, Store, StoreError};
use cosell_store_sqlite::{DATABASE_FILE, LOCK_FILE, OpenError, Options, SqliteStore};
use std::path::Path;
use std::sync::{Arc, Mutex};

fn plain() -> Options {
    Options::default()
}

fn refusal(folder: &Path, options: Options) -> OpenError {
    match SqliteStore::open(folder, options) {
        Ok(_) => panic!("the folder was opened"),
        Err(error) => error,
    }
}

async fn ids(store: &SqliteStore) -> Vec<String> {
    let page = store
        .query(&lists::all(Sort {
            by: "id",
            descending: false,
        }))
        .await
        .unwrap();
    page.items.into_iter().map(|i| i.id).collect()
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    {
        let store = SqliteStore::open(folder.path(), plain()).unwrap();
        store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
        assert_eq!(store.reserve("s", 100).await.unwrap(), 1..101);
    }
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    assert_eq!(ids(&store).await, ["O1"]);
    assert_eq!(store.reserve("s", 1).await.unwrap(), 101..102);
}

#[tokio::test]
async fn a_closed_store_leaves_its_log_empty() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    store.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    store.close().await;
    drop(store);
    assert!(!folder.path().join(format!("{DATABASE_FILE}-wal")).exists());
}

#[tokio::test]
async fn a_folder_that_a_copy_fills_is_opened_by_that_copy_alone() {
    let folder = tempfile::tempdir().unwrap();
    let filling = || Options {
        filling: true,
        ..Options::server("a copy")
    };
    let mark = Bytes::from_static(b"half");
    {
        let store = SqliteStore::open(folder.path(), filling()).unwrap();
        assert!(store.begin_filling(mark.clone(), false).await.unwrap());
    }
    for options in [plain(), Options::server("")] {
        let refused = refusal(folder.path(), options);
        assert!(matches!(refused, OpenError::Unfinished(_)), "{refused}");
        assert!(refused.to_string().contains("--restart"), "{refused}");
    }
    {
        let store = SqliteStore::open(folder.path(), filling()).unwrap();
        assert_eq!(store.mark().await.unwrap().as_ref(), Some(&mark));
        assert!(store.end_filling(&mark).await.unwrap());
    }
    drop(SqliteStore::open(folder.path(), plain()).unwrap());
}

#[test]
fn a_second_server_is_refused_with_the_folder_and_the_first_ones_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(folder.path(), Options::server("started today at 127.0.0.1:1")).unwrap();
    let message = refusal(folder.path(), Options::server("")).to_string();
    for part in [
        &folder.path().display().to_string(),
        &std::process::id().to_string(),
        "started today at 127.0.0.1:1",
    ] {
        assert!(message.contains(part), "{message}");
    }
    drop(first);
    SqliteStore::open(folder.path(), Options::server("")).unwrap();
    assert!(folder.path().join(LOCK_FILE).exists());
}

#[tokio::test]
async fn administration_works_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let server = SqliteStore::open(folder.path(), Options::server("")).unwrap();
    let administration = SqliteStore::open(folder.path(), plain()).unwrap();
    let work = async |store: &SqliteStore, name: &str| {
        for n in 0..30 {
            store
                .apply(insert(opportunity(key(&format!("{name}{n:02}")), 1)))
                .await
                .unwrap();
        }
    };
    tokio::join!(work(&server, "a"), work(&administration, "b"));
    assert_eq!(ids(&server).await.len(), 60);
    assert_eq!(ids(&server).await, ids(&administration).await);
}

#[tokio::test]
async fn events_of_another_process_reach_a_waiting_reader() {
    let folder = tempfile::tempdir().unwrap();
    let server = Arc::new(SqliteStore::open(folder.path(), Options::server("")).unwrap());
    let other = SqliteStore::open(folder.path(), plain()).unwrap();
    let waiting = tokio::spawn({
        let server = server.clone();
        async move { server.wait_events(0, 10).await.unwrap().len() }
    });
    tokio::task::yield_now().await;
    let event = cosell_store::suite::outbox::event("e");
    other
        .apply(cosell_store::Changes {
            events: vec![event],
            ..Default::default()
        })
        .await
        .unwrap();
    let found = tokio::time::timeout(std::time::Duration::from_secs(10), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found, 1);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE_FILE);
    let text = "this is not a database ".repeat(1000);
    std::fs::write(&path, &text).unwrap();
    let error = refusal(folder.path(), plain());
    assert!(matches!(error, OpenError::Damaged(_)), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_page_is_found_by_the_check_and_never_repaired() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE_FILE);
    {
        let store = SqliteStore::open(folder.path(), plain()).unwrap();
        for n in 0..200 {
            store
                .apply(insert(opportunity(key(&format!("O{n}")), 1)))
                .await
                .unwrap();
        }
    }
    let good = std::fs::read(&path).unwrap();
    let damaged = |from: usize| {
        let mut bytes = good.clone();
        for page in (from..bytes.len()).step_by(4096) {
            bytes[page..page + 64].fill(0x5a);
        }
        std::fs::write(&path, &bytes).unwrap();
        bytes
    };
    // Only the last pages, which hold records: it opens, and the check finds it.
    let bytes = damaged(good.len() - 4 * 4096);
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    let report = store.check(silent()).await.unwrap();
    assert!(!report.is_sound(), "{report:?}");
    drop(store);
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the file was changed");
    // Everything but the first page, so the schema too: it does not even open.
    let bytes = damaged(4096);
    let error = refusal(folder.path(), plain());
    assert!(matches!(error, OpenError::Damaged(_)), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "the file was changed");
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(DATABASE_FILE);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE theirs (x)")
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(refusal(folder.path(), plain()), OpenError::Foreign));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_schema_and_a_changed_step_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path(), plain()).unwrap());
    let change = |sql| {
        let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
        connection.execute_batch(sql).unwrap();
    };
    change("INSERT INTO migration VALUES (7, 'of tomorrow', 'x')");
    let error = refusal(folder.path(), plain());
    assert!(
        matches!(error, OpenError::Newer { found: 7, known: 6 }),
        "{error:?}"
    );
    change("DELETE FROM migration WHERE number = 7; UPDATE migration SET sha256 = 'x'");
    let error = refusal(folder.path(), plain());
    assert!(
        matches!(error, OpenError::Tampered { number: 1, .. }),
        "{error:?}"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = refusal(&file.join("below"), plain()).to_string();
    assert!(error.contains(&file.display().to_string()), "{error}");
}

#[tokio::test]
async fn a_file_of_schema_1_opens_and_shows_its_records() {
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    connection
        .execute_batch(include_str!("fixtures/schema_1.sql"))
        .unwrap();
    drop(connection);
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    assert_eq!(ids(&store).await, ["O1", "O2"]);
    let found = store.get(&key("O2")).await.unwrap().unwrap();
    assert_eq!(
        (found.version, &found.document[..]),
        (3, &br#"{"Id":"O2","Version":3}"#[..])
    );
    assert_eq!(store.events_after(0, 10).await.unwrap().len(), 1);
    assert_eq!(store.reserve("opportunity", 1).await.unwrap(), 101..102);
    let report = store.check(silent()).await.unwrap();
    assert!(report.is_sound() && report.records == 2, "{report:?}");
}

#[tokio::test]
async fn a_file_of_schema_1_takes_records_of_later_kinds_and_keeps_its_own_across_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    connection
        .execute_batch(include_str!("fixtures/schema_1.sql"))
        .unwrap();
    let steps = |connection: &rusqlite::Connection| -> i64 {
        connection
            .query_row("SELECT max(number) FROM migration", [], |r| r.get(0))
            .unwrap()
    };
    assert_eq!(steps(&connection), 1);
    {
        let store = SqliteStore::open(folder.path(), plain()).unwrap();
        assert_eq!(steps(&connection), 6);
        for kind in Kind::ALL {
            store.apply(insert(sample(kind, "new"))).await.unwrap();
        }
        let claimed = store
            .claim_jobs(cosell_store::suite::at(0), "w", 10, 1000)
            .await
            .unwrap();
        assert_eq!(claimed.len(), 1);
    }
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    assert_eq!(ids(&store).await, ["O1", "O2", "new"]);
    for kind in Kind::ALL {
        let key = sample(kind, "new").key;
        assert!(store.get(&key).await.unwrap().is_some(), "{key}");
    }
    let report = store.check(silent()).await.unwrap();
    assert!(
        report.is_sound() && report.records == 2 + Kind::ALL.len() as u64,
        "{report:?}"
    );
}

#[tokio::test]
async fn a_file_of_schema_2_finds_its_opportunities_by_the_partners_own_identifier() {
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    connection
        .execute_batch(include_str!("fixtures/schema_2.sql"))
        .unwrap();
    drop(connection);
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    let found = async |identifier: &str| {
        let query = cosell_store::Query {
            filters: vec![cosell_store::Filter::In(
                "partner_identifier",
                vec![identifier.into()],
            )],
            ..lists::all(Sort {
                by: "last_modified",
                descending: false,
            })
        };
        let page = store.query(&query).await.unwrap();
        page.items.into_iter().map(|i| i.id).collect::<Vec<_>>()
    };
    assert_eq!(found("CRM-1").await, ["O1", "O4"]);
    assert_eq!(found("CRM-3 ü").await, ["O3"]);
    assert_eq!(found("").await, [""; 0]);
    assert_eq!(found("7").await, [""; 0]);
    assert_eq!(ids(&store).await, ["O1", "O2", "O3", "O4", "O5", "O6", "O7"]);
    // The document that is no JSON stopped nothing, and the check names it.
    let report = store.check(silent()).await.unwrap();
    assert!(
        report.problem_count == 1 && report.problems[0].contains("O5"),
        "{report:?}"
    );
    let engagement = cosell_store::Key::shared(Kind::Engagement, "Sandbox", "eng-1");
    assert!(store.get(&engagement).await.unwrap().is_some());
    // The job whose worker is gone is due at its own time, so before the other one.
    let now = cosell_store::suite::at(1000);
    let claimed = store.claim_jobs(now, "w", 10, 1000).await.unwrap();
    let order: Vec<_> = claimed.iter().map(|c| c.job.id.0.as_str()).collect();
    assert_eq!(order, ["j0", "j1"]);
    // The kept answer of then has no catalog, so it goes with the first reset.
    let erased = store.reset(Some("111122223333"), Some("AWS")).await.unwrap();
    assert_eq!((erased.answers, erased.records, erased.events), (1, 0, 0));
}

#[tokio::test]
async fn a_file_of_schema_3_finds_its_events_by_id_and_time_and_delivers_them() {
    use cosell_store::suite::{at, deliveries};
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    connection
        .execute_batch(include_str!("fixtures/schema_3.sql"))
        .unwrap();
    drop(connection);
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), plain()).unwrap());
    assert_eq!(store.event("e4").await.unwrap().unwrap().seq, 4);
    // The place holder is no event, but its number is taken.
    assert_eq!(store.event("e5").await.unwrap(), None);
    assert_eq!(store.last_event().await.unwrap(), 5);
    let query = cosell_store::EventQuery {
        account: Some("111122223333".into()),
        catalog: None,
        detail_type: None,
        from: Some(at(100)),
        to: None,
        after: None,
        newest_first: true,
        limit: 10,
    };
    let page = store.events(&query).await.unwrap();
    assert_eq!((page.events.len(), page.events[0].seq), (1, 4));
    let former = store.history(&key("O1"), 3).await.unwrap();
    assert_eq!(&former.unwrap().document[..], br#"{"Id":"O1"}"#);
    let lease = deliveries::leased(&store).await;
    let one = deliveries::delivery(4, Some("a"), cosell_store::DeliveryState::Pending, 0);
    let other = deliveries::delivery(5, None, cosell_store::DeliveryState::Pending, 0);
    let settlement = deliveries::settlement(&lease, vec![one, other]);
    store.settle(settlement).await.unwrap();
    assert_eq!(deliveries::due(&store, 0).await, [4]);
    deliveries::sound(&store).await;
}

#[tokio::test]
async fn a_file_of_schema_4_goes_on_with_what_its_targets_wait_for() {
    use cosell_store::suite::{at, deliveries};
    let folder = tempfile::tempdir().unwrap();
    let connection = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    connection
        .execute_batch(include_str!("fixtures/schema_4.sql"))
        .unwrap();
    drop(connection);
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(folder.path(), plain()).unwrap());
    let state = deliveries::target(&store).await;
    assert_eq!(
        (
            state.position,
            state.pending,
            state.delivered,
            state.attempts,
            state.failures
        ),
        (4, 1, 1, 3, 2)
    );
    assert_eq!(deliveries::due(&store, 4999).await, [0; 0]);
    assert_eq!(deliveries::due(&store, 5000).await, [4]);
    // A lease of then never has the number of one of now.
    assert_eq!(deliveries::lease(&store, "w", 5000).await.unwrap().epoch, 4);
    // What came later begins at nothing.
    let swap = store.swap_counter("111122223333", "reads", None, b"1", at(9000));
    assert!(matches!(swap.await.unwrap(), cosell_store::Swap::Done));
    assert_eq!(store.revision().await.unwrap().exchanges, 0);
    deliveries::sound(&store).await;
}

#[tokio::test]
async fn a_backup_holds_records_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    for kind in Kind::ALL {
        store.apply(insert(sample(kind, "x"))).await.unwrap();
    }
    let copy = tempfile::tempdir().unwrap();
    store
        .backup(&copy.path().join(DATABASE_FILE), silent())
        .await
        .unwrap();
    let restored = SqliteStore::open(copy.path(), plain()).unwrap();
    for kind in Kind::ALL {
        let key = sample(kind, "x").key;
        assert_eq!(restored.get(&key).await.unwrap(), store.get(&key).await.unwrap());
        assert!(restored.get(&key).await.unwrap().is_some(), "{key}");
    }
}

#[tokio::test]
async fn a_backup_under_writes_is_one_moment_and_opens_as_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path(), plain()).unwrap());
    for n in 0..300 {
        store
            .apply(insert(opportunity(key(&format!("O{n:04}")), 1)))
            .await
            .unwrap();
    }
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 300..600 {
                store
                    .apply(insert(opportunity(key(&format!("O{n:04}")), 1)))
                    .await
                    .unwrap();
            }
        }
    });
    let copy = tempfile::tempdir().unwrap();
    let path = copy.path().join(DATABASE_FILE);
    let steps: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let seen = steps.clone();
    store
        .backup(&path, Arc::new(move |p| seen.lock().unwrap().push(p)))
        .await
        .unwrap();
    writing.await.unwrap();

    let last = *steps.lock().unwrap().last().unwrap();
    assert!(last.total > 0 && last.done == last.total, "{last:?}");
    let names: Vec<_> = std::fs::read_dir(copy.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, [DATABASE_FILE]);
    let again = store.backup(&path, silent()).await;
    assert!(matches!(again, Err(StoreError::Invalid(_))), "{again:?}");

    let restored = SqliteStore::open(copy.path(), plain()).unwrap();
    let report = restored.check(silent()).await.unwrap();
    assert!(report.is_sound() && report.records >= 300, "{report:?}");
}

#[tokio::test]
async fn an_interrupted_backup_is_named_and_leaves_no_file_under_the_final_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    let path = folder.path().join("copy.db");
    std::fs::write(folder.path().join("copy.db.partial"), "left over").unwrap();
    let error = store.backup(&path, silent()).await.unwrap_err().to_string();
    assert!(error.contains("copy.db.partial"), "{error}");
    assert!(!path.exists());
    let nowhere = store.backup(&folder.path().join("none/copy.db"), silent()).await;
    assert!(matches!(nowhere, Err(StoreError::Unavailable(_))), "{nowhere:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_backup_can_be_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path(), plain()).unwrap();
    let path = folder.path().join("copy.db");
    store.backup(&path, silent()).await.unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_ephemeral_store_takes_its_folder_with_it() {
    let store = SqliteStore::open_ephemeral(plain()).unwrap();
    let folder = store.folder().to_owned();
    assert!(folder.join(DATABASE_FILE).exists());
    drop(store);
    assert!(!folder.exists());
}

#[tokio::test]
async fn waiting_writers_share_commits_and_a_lone_one_has_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path(), plain()).unwrap());
    for n in 0..5 {
        store
            .apply(insert(opportunity(key(&format!("lone{n}")), 1)))
            .await
            .unwrap();
    }
    assert_eq!((store.stats().commits, store.stats().changes), (5, 5));
    let tasks: Vec<_> = (0..640)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .apply(insert(opportunity(key(&format!("O{n}")), 1)))
                    .await
                    .unwrap()
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let stats = store.stats();
    assert_eq!(stats.changes, 645);
    assert!(stats.commits < 5 + 640 / 8, "{stats:?}");
}

#[tokio::test]
async fn a_full_queue_refuses_after_its_patience_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        queue: 1,
        patience: std::time::Duration::from_millis(300),
        ..plain()
    };
    let store = Arc::new(SqliteStore::open(folder.path(), options).unwrap());
    // Another process holds the database, so that the writer cannot go on.
    let blocker = rusqlite::Connection::open(folder.path().join(DATABASE_FILE)).unwrap();
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.apply(insert(opportunity(key(&format!("O{n}")), 1))).await })
        })
        .collect();
    for task in tasks {
        let result = task.await.unwrap();
        assert!(
            matches!(result, Err(cosell_store::ApplyError::Unavailable(_))),
            "{result:?}"
        );
    }
    blocker.execute_batch("ROLLBACK").unwrap();
    store.apply(insert(opportunity(key("later"), 1))).await.unwrap();
    assert_eq!(ids(&store).await, ["later"]);
}
