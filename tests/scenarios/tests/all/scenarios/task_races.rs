//! Several tasks at once: exactly one wins, nothing happens twice, and no engagement takes more than it holds.

use serde_json::{Value, json};

use crate::harness::engagement::{create, named, project};
use crate::harness::flows::{
    BY_ACCEPTING, FROM_OPPORTUNITY, acceptance, by_accepting, column, complete, failed, invitation_status,
    invite, invited, prepared, registered, rows, submission,
};
use crate::harness::{Answer, Caller};

const SUBMIT: &str = "StartEngagementFromOpportunityTask";
const ACCEPT: &str = "StartEngagementByAcceptingInvitationTask";

/// Calls an operation as often as there are bodies, all at once.
fn at_once(caller: &Caller, operation: &str, bodies: Vec<Value>) -> Vec<Answer> {
    let barrier = std::sync::Barrier::new(bodies.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = bodies
            .into_iter()
            .map(|body| {
                let (mut caller, barrier) = (caller.again(), &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    caller.call(operation, &body)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// The complete ones and the failed ones.
#[track_caller]
fn parted(answers: &[Answer]) -> (Vec<&Answer>, Vec<&Answer>) {
    answers
        .iter()
        .partition(|answer| answer.ok()["TaskStatus"] == "COMPLETE")
}

#[test]
fn of_two_acceptances_at_once_exactly_one_is_complete() {
    for round in 0..5 {
        let first = format!("6100000007{round}1");
        let second = format!("6100000007{round}2");
        let (mut deal, mut two, invitation) = invited(&first, &second, "race");
        let bodies = (0..4)
            .map(|n| acceptance(&invitation, &format!("race-{n}")))
            .collect();
        let answers = at_once(&two, ACCEPT, bodies);
        let (done, lost) = parted(&answers);
        assert_eq!((done.len(), lost.len()), (1, 3));
        let task = complete(done[0], BY_ACCEPTING);
        for answer in lost {
            failed(answer, BY_ACCEPTING, "EngagementInvitationConflict");
        }
        let opportunities = rows(&mut two, "ListOpportunities", json!({}));
        assert_eq!(column(&opportunities, "Id"), [task["OpportunityId"].clone()]);
        assert_eq!(rows(&mut two, "ListResourceSnapshotJobs", json!({})).len(), 1);
        let room = deal.owner.call("GetEngagement", &named(&deal.engagement)).ok();
        assert_eq!(room["MemberCount"], 2);
    }
}

#[test]
fn an_acceptance_and_a_rejection_at_once_do_not_both_happen() {
    for round in 0..5 {
        let first = format!("6100000008{round}1");
        let second = format!("6100000008{round}2");
        let (mut deal, mut two, invitation) = invited(&first, &second, "yes-no");
        let (mut yes, mut no) = (two.again(), two.again());
        let (accepted, rejected) = std::thread::scope(|scope| {
            let yes = scope.spawn(|| by_accepting(&mut yes, &invitation, "yes"));
            let no = scope.spawn(|| no.call("RejectEngagementInvitation", &named(&invitation)));
            (yes.join().unwrap(), no.join().unwrap())
        });
        let status = invitation_status(&mut deal.owner, &invitation);
        let opportunities = rows(&mut two, "ListOpportunities", json!({})).len();
        if rejected.status == 200 {
            failed(&accepted, BY_ACCEPTING, "InvitationValidationFailed");
            assert_eq!((status, opportunities), (json!("REJECTED"), 0));
        } else {
            rejected.is("ConflictException");
            complete(&accepted, BY_ACCEPTING);
            assert_eq!((status, opportunities), (json!("ACCEPTED"), 1));
        }
    }
}

#[test]
fn of_many_submissions_at_once_exactly_one_is_complete_and_a_token_does_it_once() {
    let mut one = registered("610000000691");
    let id = prepared(&mut one, "many");
    let bodies = (0..6).map(|n| submission(&id, &format!("many-{n}"))).collect();
    let answers = at_once(&one, SUBMIT, bodies);
    let (done, lost) = parted(&answers);
    assert_eq!((done.len(), lost.len()), (1, 5));
    for answer in lost {
        failed(answer, FROM_OPPORTUNITY, "OpportunityConflict");
    }
    assert_eq!(rows(&mut one, "ListEngagements", json!({})).len(), 1);

    let id = prepared(&mut one, "one-token");
    let answers = at_once(&one, SUBMIT, vec![submission(&id, "one-token"); 6]);
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    complete(&answers[0], FROM_OPPORTUNITY);
    assert_eq!(rows(&mut one, "ListEngagements", json!({})).len(), 2);
    assert_eq!(rows(&mut one, "ListResourceSnapshotJobs", json!({})).len(), 2);
    let sent = json!({"ParticipantType": "SENDER"});
    assert_eq!(rows(&mut one, "ListEngagementInvitations", sent).len(), 2);
}

#[test]
fn a_full_engagement_takes_no_acceptance_and_the_invitation_stays_pending() {
    let mut one = registered("610000000901");
    let contexts = json!([{"Type": "CustomerProject", "Payload": project()}]);
    let engagement = create(&mut one, "full", contexts)["Id"].clone();
    // Ten partners are invited while there is room for nine.
    let invited: Vec<(String, Value)> = (2..=11)
        .map(|number| {
            let account = format!("6100000009{number:02}");
            registered(&account);
            let invitation = invite(&mut one, &engagement, &account, &format!("full-{number}"));
            (account, invitation)
        })
        .collect();
    for (number, (account, invitation)) in invited.iter().enumerate() {
        let mut guest = registered(account);
        let answer = by_accepting(&mut guest, invitation, "full");
        if number < 9 {
            complete(&answer, BY_ACCEPTING);
        } else {
            failed(&answer, BY_ACCEPTING, "ServiceQuotaExceeded");
            assert_eq!(invitation_status(&mut guest, invitation), "PENDING");
            guest
                .call("GetEngagement", &named(&engagement))
                .is("ResourceNotFoundException");
            assert_eq!(
                rows(&mut guest, "ListOpportunities", json!({})),
                Vec::<Value>::new()
            );
        }
    }
    let room = one.call("GetEngagement", &named(&engagement)).ok();
    assert_eq!(room["MemberCount"], 10);
}
