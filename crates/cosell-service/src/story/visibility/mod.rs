//! Random doings of three partners and AWS, against a model that knows only who takes part in what: every account sees
//! exactly what the model says, by every way to ask for it, and a stranger sees nothing.

mod act;
mod deals;
mod look;
mod model;
mod rooms;

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::testing::STRANGER;
use model::Model;

const CASES: u32 = 96;
/// How many steps may pass unseen.
const UNSEEN: usize = 12;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Engage,
    AddLead,
    AddProject,
    Invite,
    InviteToLead,
    Accept,
    AcceptByTask,
    Reject,
    Wait,
    Draft,
    Refer,
    Edit,
    Submit,
    Approve,
    AskBack,
    Refuse,
    StartFromOpportunity,
    StartFromLead,
    Prospect,
    Snapshot,
    CreateJob,
    StartJob,
    StopJob,
    DeleteJob,
}

const DEEDS: [(u32, Deed); 24] = [
    (2, Deed::Engage),
    (2, Deed::AddLead),
    (1, Deed::AddProject),
    (7, Deed::Invite),
    (3, Deed::InviteToLead),
    (4, Deed::Accept),
    (6, Deed::AcceptByTask),
    (2, Deed::Reject),
    (1, Deed::Wait),
    (3, Deed::Draft),
    (2, Deed::Refer),
    (5, Deed::Edit),
    (2, Deed::Submit),
    (4, Deed::Approve),
    (2, Deed::AskBack),
    (2, Deed::Refuse),
    (5, Deed::StartFromOpportunity),
    (3, Deed::StartFromLead),
    (1, Deed::Prospect),
    (5, Deed::Snapshot),
    (2, Deed::CreateJob),
    (3, Deed::StartJob),
    (2, Deed::StopJob),
    (3, Deed::DeleteJob),
];

/// A deed, who does it to what: numbers that are read when it comes to it, since what there is depends on the others.
#[derive(Debug, Clone, Copy)]
struct Step {
    deed: Deed,
    /// 0 to 3 for one of the partners or the stranger, whether or not it may; else somebody who may, and to something to
    /// which it can be done.
    actor: usize,
    first: usize,
    second: usize,
}

fn step() -> impl Strategy<Value = Step> {
    let deeds = DEEDS.map(|(weight, deed)| (weight, Just(deed)));
    let deed = prop::strategy::Union::new_weighted(deeds.to_vec());
    (deed, 0..16usize, 0..64usize, 0..64usize).prop_map(|(deed, actor, first, second)| Step {
        deed,
        actor,
        first,
        second,
    })
}

async fn play(steps: &[Step], done: &RefCell<BTreeMap<Deed, usize>>) {
    let story = Story::new().await;
    story.partner(STRANGER).await;
    let mut model = Model::default();
    for (place, step) in steps.iter().enumerate() {
        if act::act(&story, &mut model, *step).await {
            *done.borrow_mut().entry(step.deed).or_default() += 1;
        }
        act::settle(&story, &mut model).await;
        if (place + 1) % UNSEEN == 0 || place + 1 == steps.len() {
            look::look(&story, &model).await;
        }
    }
    story.check_told().await;
}

#[test]
fn whatever_partners_do_each_account_sees_exactly_what_it_takes_part_in() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let done = RefCell::new(BTreeMap::new());
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let steps = prop::collection::vec(step(), 20..80);
    TestRunner::new(config)
        .run(&steps, |steps| {
            runtime.block_on(play(&steps, &done));
            Ok(())
        })
        .unwrap();
    let done = done.into_inner();
    for (_, deed) in DEEDS {
        assert!(done.contains_key(&deed), "{deed:?} succeeded never: {done:?}");
    }
}
