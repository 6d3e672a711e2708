//! Durable jobs: due times, leases, and effects that land once.

use super::*;
use crate::{ApplyError, ClaimedJob, Conflict, FinishedJob, Job, JobId, Store};
use std::collections::BTreeSet;

type S = Arc<dyn Store>;

/// A sample job.
pub fn job(id: &str, run_at: i64) -> Job {
    Job {
        id: JobId(id.to_owned()),
        kind: "sample".to_owned(),
        run_at: at(run_at),
        payload: bytes("{}"),
        attempts: 0,
    }
}

fn enqueue(jobs: Vec<Job>) -> Changes {
    Changes {
        jobs,
        ..Changes::default()
    }
}

fn finish(claimed: &ClaimedJob) -> Changes {
    Changes {
        finished_jobs: vec![claimed.finished()],
        ..Changes::default()
    }
}

fn ids(claimed: &[ClaimedJob]) -> Vec<&str> {
    claimed.iter().map(|c| c.job.id.0.as_str()).collect()
}

pub async fn a_job_is_claimed_when_it_is_due_and_not_before(store: S) {
    let mut sent = job("j1", 100);
    sent.payload = bytes(r#"{"task":"x"}"#);
    store.apply(enqueue(vec![sent.clone()])).await.unwrap();
    assert_eq!(store.claim_jobs(at(99), "w", 10, 50).await.unwrap(), []);
    let claimed = store.claim_jobs(at(100), "w", 10, 50).await.unwrap();
    assert_eq!(
        claimed,
        [ClaimedJob {
            job: Job { attempts: 1, ..sent },
            leased_until: at(150)
        }]
    );
}

pub async fn jobs_are_claimed_longest_due_first_and_up_to_the_limit(store: S) {
    store
        .apply(enqueue(vec![job("c", 3), job("a", 1), job("d", 4), job("b", 2)]))
        .await
        .unwrap();
    assert_eq!(
        ids(&store.claim_jobs(at(10), "w", 2, 50).await.unwrap()),
        ["a", "b"]
    );
    assert_eq!(ids(&store.claim_jobs(at(3), "w", 9, 50).await.unwrap()), ["c"]);
    assert_eq!(ids(&store.claim_jobs(at(10), "w", 9, 50).await.unwrap()), ["d"]);
}

pub async fn a_claimed_job_is_nobody_elses_until_its_lease_ends(store: S) {
    store.apply(enqueue(vec![job("j1", 0)])).await.unwrap();
    assert_eq!(store.claim_jobs(at(0), "w1", 10, 50).await.unwrap().len(), 1);
    assert_eq!(store.claim_jobs(at(49), "w2", 10, 50).await.unwrap(), []);
    let again = store.claim_jobs(at(50), "w2", 10, 50).await.unwrap();
    assert_eq!((ids(&again), again[0].job.attempts), (vec!["j1"], 2));
}

pub async fn a_finished_job_goes_in_the_same_change_as_its_effect(store: S) {
    store.apply(enqueue(vec![job("j1", 0)])).await.unwrap();
    let claimed = store.claim_jobs(at(0), "w", 1, 50).await.unwrap();
    let change = Changes {
        finished_jobs: vec![claimed[0].finished()],
        ..insert(opportunity(key("O1"), 1))
    };
    store.apply(change.clone()).await.unwrap();
    assert!(store.get(&key("O1")).await.unwrap().is_some());
    assert_eq!(store.next_job_at().await.unwrap(), None);
    let repeated = Changes {
        writes: vec![],
        ..change
    };
    assert_eq!(
        store.apply(repeated).await,
        Err(ApplyError::Conflict(Conflict::Job(JobId("j1".into()))))
    );
}

pub async fn a_claim_that_was_overtaken_cannot_finish(store: S) {
    store.apply(enqueue(vec![job("j1", 0)])).await.unwrap();
    let slow = store.claim_jobs(at(0), "slow", 1, 50).await.unwrap();
    let quick = store.claim_jobs(at(60), "quick", 1, 50).await.unwrap();
    let effect = |claimed: &ClaimedJob, id| Changes {
        writes: vec![Write::Insert(opportunity(key(id), 1))],
        ..finish(claimed)
    };
    let refused = store.apply(effect(&slow[0], "by-slow")).await;
    assert_eq!(
        refused,
        Err(ApplyError::Conflict(Conflict::Job(JobId("j1".into()))))
    );
    store.apply(effect(&quick[0], "by-quick")).await.unwrap();
    assert_eq!(store.get(&key("by-slow")).await.unwrap(), None);
    assert!(store.get(&key("by-quick")).await.unwrap().is_some());
}

pub async fn a_job_that_nobody_claimed_cannot_be_finished(store: S) {
    store.apply(enqueue(vec![job("j1", 0)])).await.unwrap();
    for (id, attempts) in [("j1", 0), ("j2", 0), ("j2", 1)] {
        let finished = FinishedJob {
            id: JobId(id.into()),
            attempts,
        };
        let result = store
            .apply(Changes {
                finished_jobs: vec![finished],
                ..Changes::default()
            })
            .await;
        assert_eq!(result, Err(ApplyError::Conflict(Conflict::Job(JobId(id.into())))));
    }
}

pub async fn a_job_put_off_keeps_its_count(store: S) {
    store.apply(enqueue(vec![job("j1", 0)])).await.unwrap();
    let claimed = store.claim_jobs(at(0), "w", 1, 50).await.unwrap();
    let later = Job {
        run_at: at(500),
        ..claimed[0].job.clone()
    };
    store
        .apply(Changes {
            jobs: vec![later],
            ..finish(&claimed[0])
        })
        .await
        .unwrap();
    assert_eq!(store.claim_jobs(at(499), "w", 1, 50).await.unwrap(), []);
    let again = store.claim_jobs(at(500), "w", 1, 50).await.unwrap();
    assert_eq!(again[0].job.attempts, 2);
}

pub async fn a_job_enqueued_again_is_replaced(store: S) {
    store.apply(enqueue(vec![job("j1", 0)])).await.unwrap();
    let old = store.claim_jobs(at(0), "w", 1, 50).await.unwrap();
    store.apply(enqueue(vec![job("j1", 5)])).await.unwrap();
    assert!(store.apply(finish(&old[0])).await.is_err());
    let new = store.claim_jobs(at(5), "w", 10, 50).await.unwrap();
    assert_eq!((ids(&new), new[0].job.attempts), (vec!["j1"], 1));
}

pub async fn the_next_due_time_follows_claims_and_ends(store: S) {
    assert_eq!(store.next_job_at().await.unwrap(), None);
    store
        .apply(enqueue(vec![job("j1", 10), job("j2", 70)]))
        .await
        .unwrap();
    assert_eq!(store.next_job_at().await.unwrap(), Some(at(10)));
    let claimed = store.claim_jobs(at(20), "w", 1, 30).await.unwrap();
    assert_eq!(store.next_job_at().await.unwrap(), Some(at(50)));
    store.apply(finish(&claimed[0])).await.unwrap();
    assert_eq!(store.next_job_at().await.unwrap(), Some(at(70)));
}

pub async fn many_workers_share_the_jobs_without_overlap(store: S) {
    let all: Vec<Job> = (0..100).map(|n| job(&format!("j{n}"), n)).collect();
    store.apply(enqueue(all)).await.unwrap();
    let claimed = records::on_threads(4, move |worker| {
        let store = store.clone();
        async move {
            let mut mine = Vec::new();
            loop {
                let some = store
                    .claim_jobs(at(1000), &format!("w{worker}"), 7, 1_000_000)
                    .await
                    .unwrap();
                if some.is_empty() {
                    return mine;
                }
                mine.extend(some.into_iter().map(|c| c.job.id));
            }
        }
    })
    .concat();
    let distinct: BTreeSet<_> = claimed.iter().collect();
    assert_eq!((claimed.len(), distinct.len()), (100, 100));
}
