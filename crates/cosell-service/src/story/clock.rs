//! A clock that is moved: one great step comes to the same as many small ones, and a restart goes on from where it stood.

use cosell_domain::Catalog;
use cosell_store::{ExportItem, Kind, Store};
use proptest::prelude::*;

use super::*;
use crate::audit::Entry;
use crate::autopilot::{Behaviour, EVERYONE};
use crate::operator::By;
use crate::operator::clock::{Target, kept_mode};
use crate::{ClockMode, VirtualClock};

pub(super) type Movable = Story<VirtualClock>;

pub(super) fn operator() -> By {
    By {
        token: "test".into(),
        request_id: "r1".into(),
    }
}

/// A story whose clock stands still until it is moved, and whose tasks take a second.
pub(super) async fn frozen() -> Movable {
    frozen_with(Settings::default()).await
}

async fn frozen_with(settings: Settings) -> Movable {
    let clock = VirtualClock::new(ClockMode::Frozen { at: second(0) });
    let settings = Settings {
        task_delay_millis: 1000,
        faults: true,
        seed: Some([7; 32]),
        ..settings
    };
    Story::by(Arc::new(clock), settings).await
}

impl Movable {
    pub(super) async fn advance(&self, millis: i64) -> usize {
        let service = &self.world.service;
        let moved = service
            .move_clock(&operator(), &self.clock, Target::By(millis))
            .await;
        moved.unwrap().jobs
    }

    pub(super) async fn play(&self, account: &str, script: &str) {
        let behaviour = Behaviour::shipped(script).unwrap();
        let service = &self.world.service;
        let by = operator();
        let set = service.set_player(&by, account, Catalog::Sandbox, behaviour);
        set.await.unwrap();
    }

    pub(super) async fn submit(&self, account: &str, id: &str) {
        let body = json!({"Identifier": id, "InvolvementType": "Co-Sell", "Visibility": "Full"});
        self.ok(account, Op::SubmitOpportunity, body).await;
    }
}

/// Everything in the store, events with their numbers too, but for the clock and the deeds of whoever moves it.
pub(super) async fn everything(store: &dyn Store) -> Vec<String> {
    let mut found = Vec::new();
    let mut keep = |item: ExportItem| {
        found.push(match item {
            ExportItem::Record(record) if record.key.kind == Kind::Setting && record.key.id == "clock" => {
                return Ok(());
            }
            ExportItem::Former(former) if former.key.kind == Kind::Setting && former.key.id == "clock" => {
                return Ok(());
            }
            ExportItem::Audit(stored) => {
                let entry: Entry = serde_json::from_slice(&stored.entry.body).unwrap();
                if entry.action.ends_with("Clock") {
                    return Ok(());
                }
                // The numbers count the clock's deeds too.
                format!("{:?}", stored.entry)
            }
            item => format!("{item:?}"),
        });
        Ok(())
    };
    store.export(&mut keep, Arc::new(|_| {})).await.unwrap();
    found
}

/// Deals under scripts, invitations that wait, a task under way, events that come again.
async fn busy() -> Movable {
    let story = frozen_with(Settings {
        events_realistic: true,
        ..Settings::default()
    })
    .await;
    story.play(EVERYONE, "realistic").await;
    story.play(TWO, "picky").await;
    for account in [ONE, TWO] {
        for _ in 0..4 {
            let id = story.opportunity(account).await;
            story.submit(account, &id).await;
        }
    }
    let engagement = story.engagement(ONE).await;
    story.invite(ONE, &engagement, TWO).await;
    let id = story.opportunity(ONE).await;
    story.share_by_task(ONE, &id).await;
    story
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn one_great_step_and_many_small_ones_come_to_the_same_records_and_deeds_in_the_same_order(
        mut stops in prop::collection::vec(0..60 * DAY, 0..40),
    ) {
        runtime().block_on(async {
            let whole = 60 * DAY;
            let great = busy().await;
            let jobs = great.advance(whole).await;
            assert!(jobs > 20, "only {jobs} jobs");
            let small = busy().await;
            stops.push(whole);
            stops.sort_unstable();
            let (mut at, mut in_steps) = (0, 0);
            for stop in stops {
                in_steps += small.advance(stop - at).await;
                at = stop;
            }
            assert_eq!(jobs, in_steps);
            let (great, small) = (everything(&*great.world.store).await, everything(&*small.world.store).await);
            let events = great.iter().filter(|item| item.starts_with("Event(")).count();
            assert!(great.len() > 100 && events > 50, "{events} events of {} items", great.len());
            assert_eq!(great, small);
        });
    }
}

#[tokio::test]
async fn an_invitation_expires_at_its_very_time_when_the_clock_goes_past_it() {
    let story = frozen().await;
    let engagement = story.engagement(ONE).await;
    let invitation = story.invite(ONE, &engagement, TWO).await;
    story.advance(15 * DAY - 1).await;
    assert_eq!(story.invitation_status(TWO, &invitation).await, "PENDING");
    assert_eq!(story.advance(1).await, 1);
    assert_eq!(story.invitation_status(TWO, &invitation).await, "EXPIRED");
    assert_eq!(
        story.accept(TWO, &invitation).await.unwrap_err().kind,
        ErrorKind::Conflict
    );
}

#[tokio::test]
async fn a_clock_goes_on_after_a_restart_from_where_it_stood() {
    let story = frozen().await;
    story.advance(DAY).await;
    let store = &*story.world.store;
    let frozen = ClockMode::Frozen {
        at: second(0).plus_millis(DAY),
    };
    assert_eq!(kept_mode(store).await.unwrap(), Some(frozen));
    let service = &story.world.service;
    service.resume_clock(&operator(), &story.clock).await.unwrap();
    let ClockMode::Running { offset_millis } = story.clock.mode() else {
        panic!("it stands still");
    };
    // A second later by the machine's clock, it is a second later by this one.
    let restarted = VirtualClock::new(kept_mode(store).await.unwrap().unwrap());
    service.restore_clock(&restarted).await.unwrap();
    assert_eq!(restarted.mode(), ClockMode::Running { offset_millis });
    service.reset_clock(&operator(), &restarted).await.unwrap();
    assert_eq!(
        kept_mode(store).await.unwrap(),
        Some(ClockMode::Running { offset_millis: 0 })
    );
}

#[tokio::test]
async fn a_movement_that_was_cut_off_comes_to_its_end_at_the_next_start() {
    let whole = busy().await;
    whole.advance(30 * DAY).await;
    let cut = busy().await;
    let by = operator();
    {
        // Dropped in the middle, as by a kill: it is polled only until some of its jobs are done.
        let service = &cut.world.service;
        let moving = service.move_clock(&by, &cut.clock, Target::By(30 * DAY));
        let mut moving = Box::pin(moving);
        let enough = async {
            while cut.world.service.clock_way().is_none_or(|way| way.jobs < 5) {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = &mut moving => panic!("it was not cut off"),
            () = enough => {}
        }
    }
    assert_eq!(
        cut.world.service.clock_way(),
        None,
        "nobody is told of a way that nobody goes"
    );
    // The next server: claims of the one that was killed are let go, as at every start.
    cut.world.store.release_claims().await.unwrap();
    let clock = VirtualClock::new(kept_mode(&*cut.world.store).await.unwrap().unwrap());
    cut.clock.set(clock.mode());
    cut.world.service.restore_clock(&cut.clock).await.unwrap();
    assert_eq!(cut.clock.now(), second(0).plus_millis(30 * DAY));
    assert_eq!(
        everything(&*whole.world.store).await,
        everything(&*cut.world.store).await
    );
}

#[tokio::test]
async fn a_time_that_no_clock_shows_is_refused_and_changes_nothing() {
    let story = frozen().await;
    let service = &story.world.service;
    for target in [
        Target::By(i64::MAX),
        Target::To(Timestamp::from_millis(-1)),
        Target::By(i64::MIN),
    ] {
        let refused = service.move_clock(&operator(), &story.clock, target).await;
        assert_eq!(refused.unwrap_err().kind, ErrorKind::Validation);
        assert_eq!(story.clock.now(), second(0));
    }
    let back = service
        .move_clock(&operator(), &story.clock, Target::To(second(-100)))
        .await
        .unwrap();
    assert_eq!((back.jobs, story.clock.now()), (0, second(-100)));
}
