//! What servers remember: its changes are counted, and an exchange of everything is known.

use super::{at, bytes, insert, jobs, key, opportunity, sample, silent, writes};
use crate::{Changes, ExportItem, JobId, Kind, Remembered, Revision, Store, Write};
use std::io;
use std::sync::Arc;

type S = Arc<dyn Store>;

async fn revision(store: &S) -> Revision {
    store.revision().await.unwrap()
}

async fn import(store: &S, items: Vec<ExportItem>) {
    let mut source = items.into_iter().map(Ok);
    store.import(&[], &mut source, silent()).await.unwrap();
}

pub async fn changes_of_what_servers_remember_are_counted_and_no_others(store: S) {
    let mut was = revision(&store).await;
    assert!(!was.is_foreign(), "{was:?}");
    for kind in Kind::ALL {
        let record = sample(kind, "one");
        let mut next = record.clone();
        next.version = 2;
        let (was_key, replaced) = (record.key.clone(), next.version);
        let steps = [
            insert(record),
            writes(vec![Write::Replace {
                record: next,
                expected: 1,
            }]),
            writes(vec![Write::Delete {
                key: was_key,
                expected: replaced,
            }]),
        ];
        for step in steps {
            // What is refused changes nothing, so nobody has to look.
            let refused = Changes {
                expect: vec![crate::Expect::Version(key("never there"), 1)],
                ..step.clone()
            };
            assert!(store.apply(refused).await.is_err());
            assert_eq!(revision(&store).await, was, "{kind:?}");
            store.apply(step).await.unwrap();
            let is = revision(&store).await;
            let grown = (is.settings > was.settings, is.delivery > was.delivery);
            let expected = match Remembered::of(kind) {
                Some(Remembered::Settings) => (true, false),
                Some(Remembered::Delivery) => (false, true),
                None => (false, false),
            };
            assert_eq!(grown, expected, "{kind:?}");
            assert_eq!(is.exchanges, was.exchanges);
            was = is;
        }
    }
}

pub async fn an_import_is_an_exchange_and_who_did_it_goes_on(store: S) {
    store.apply(insert(opportunity(key("before"), 1))).await.unwrap();
    let before = revision(&store).await;
    let mut broken = vec![Err(io::Error::other("the line is dead"))].into_iter();
    assert!(store.import(&[], &mut broken, silent()).await.is_err());
    assert_eq!(revision(&store).await, before);
    for n in 1..=2 {
        import(&store, vec![ExportItem::Record(opportunity(key("after"), 1))]).await;
        let is = revision(&store).await;
        assert_eq!(is.exchanges, before.exchanges + n);
        assert!(!is.is_foreign(), "{is:?}");
        store
            .apply(insert(opportunity(key(&format!("more {n}")), 1)))
            .await
            .unwrap();
    }
    // A reset takes records away as any other change does, and nothing that is remembered.
    store.reset(None, None).await.unwrap();
    assert_eq!(revision(&store).await.exchanges, before.exchanges + 2);
    let known = revision(&store).await;
    store.acknowledge(known.exchanges);
    assert_eq!(revision(&store).await, known);
}

pub async fn counts_belong_to_the_store_and_not_to_the_state_in_it(store: S) {
    store.apply(insert(sample(Kind::Setting, "one"))).await.unwrap();
    let before = revision(&store).await;
    import(&store, Vec::new()).await;
    let after = revision(&store).await;
    assert!(after.settings >= before.settings && after.delivery >= before.delivery);
    let mut items = 0;
    let mut count = |_| {
        items += 1;
        Ok(())
    };
    store.export(&mut count, silent()).await.unwrap();
    assert_eq!(items, 0);
}

pub async fn a_job_is_found_by_its_id_waiting_or_claimed(store: S) {
    let id = JobId("j1".into());
    assert_eq!(store.job(&id).await.unwrap(), None);
    let mut job = jobs::job("j1", 10);
    job.payload = bytes("{\"a\":1}");
    let enqueue = Changes {
        jobs: vec![job.clone(), jobs::job("j2", 5)],
        ..Changes::default()
    };
    store.apply(enqueue).await.unwrap();
    let waiting = store.job(&id).await.unwrap().unwrap();
    assert_eq!((waiting.job, waiting.held), (job, None));
    let claimed = store.claim_jobs(at(10), "w", 9, 50).await.unwrap();
    let held = store.job(&id).await.unwrap().unwrap();
    assert_eq!(held.held, Some(("w".to_owned(), at(60))));
    assert_eq!(held.job.attempts, 1);
    let finish = Changes {
        finished_jobs: claimed.iter().map(crate::ClaimedJob::finished).collect(),
        ..Changes::default()
    };
    store.apply(finish).await.unwrap();
    assert_eq!(store.job(&id).await.unwrap(), None);
}
