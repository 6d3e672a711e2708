//! Threads that race: whoever wins, what must hold holds, and each of them is told how it fared.

use super::races::{editable, revision, shared};
use super::*;

/// Four threads that act at once, each with a number; how each of them fared.
fn race<T: Send>(act: impl AsyncFn(usize) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(4);
    let (act, start) = (&act, &start);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                scope.spawn(move || {
                    start.wait();
                    block_on(act(number))
                })
            })
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn block_on<T>(story: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().build().unwrap().block_on(story)
}

#[test]
fn threads_that_update_start_and_stop_leave_the_newest_snapshot_up_to_date() {
    let story = block_on(Story::new());
    let (id, engagement, job) = block_on(async {
        let made = shared(&story, true).await;
        editable(&story, &made.0).await;
        made
    });
    for round in 0..15 {
        let done = race(async |number| match number {
            0 | 1 => {
                let steps = next_steps(format!("{round} {number}"));
                story.update(ONE, &id, steps).await
            }
            2 => story.on_job(ONE, Op::StopResourceSnapshotJob, &job).await,
            _ => story.on_job(ONE, Op::StartResourceSnapshotJob, &job).await,
        });
        assert!(done[0].is_ok() || done[1].is_ok(), "one update wins");
        for lost in done.into_iter().filter_map(Result::err) {
            assert_eq!(lost.kind, ErrorKind::Conflict);
        }
        block_on(story.check_sound());
    }
    assert!(
        block_on(revision(&story, ONE, &engagement, &id))
            .as_i64()
            .unwrap()
            > 2
    );
}

#[test]
fn threads_that_join_and_share_and_review_leave_every_member_with_every_row() {
    for _ in 0..6 {
        let story = block_on(Story::new());
        let (id, engagement, _) = block_on(shared(&story, true));
        let more = block_on(story.opportunity(ONE));
        let two = block_on(story.invite(ONE, &engagement, TWO));
        let three = block_on(story.invite(ONE, &engagement, THREE));
        let done = race(async |number| match number {
            0 => story.by_accepting(TWO, &two).await["TaskStatus"] == "COMPLETE",
            1 => story.by_accepting(THREE, &three).await["TaskStatus"] == "COMPLETE",
            2 => story.snapshot(ONE, &engagement, &more).await.is_ok(),
            _ => story.review(ONE, &id, "Approved").await.is_ok(),
        });
        assert_eq!(done, [true; 4]);
        assert_eq!(block_on(story.members(THREE, &engagement)).len(), 4);
        block_on(story.check_sound());
    }
}

#[test]
fn of_many_threads_that_accept_one_invitation_exactly_one_wins() {
    let story = block_on(Story::new());
    for _ in 0..10 {
        let (_, engagement, _) = block_on(shared(&story, true));
        let invitation = block_on(story.invite(ONE, &engagement, TWO));
        let mut done = race(async |_| text(&story.by_accepting(TWO, &invitation).await, "TaskStatus"));
        done.sort();
        assert_eq!(done, ["COMPLETE", "FAILED", "FAILED", "FAILED"]);
        assert_eq!(block_on(story.members(TWO, &engagement)), [ONE, TWO]);
    }
    block_on(story.check_sound());
}
