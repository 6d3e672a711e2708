//! The review desk: which verdict a deal takes in which status, what it writes, and that the sandbox's updates and the
//! desk agree about it.

use cosell_domain::opportunity::Opportunity;
use cosell_domain::review::{self, Explanation, Refusal, Verdict, decide, open_to};
use cosell_model::{ApiError, Check, ErrorKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::*;

const ALL: [&str; 7] = [
    "Pending Submission",
    "Submitted",
    "In review",
    "Approved",
    "Rejected",
    "Action Required",
    "",
];

/// From, to: what the published state machine lets AWS do (behaviours 2.2).
const EDGES: [(&str, &str); 7] = [
    ("Submitted", "In review"),
    ("Submitted", "Approved"),
    ("Submitted", "Rejected"),
    ("Submitted", "Action Required"),
    ("In review", "Approved"),
    ("In review", "Rejected"),
    ("In review", "Action Required"),
];

const VERDICTS: [&str; 4] = ["In review", "Approved", "Rejected", "Action Required"];

fn why(reason: &str, comments: Option<&str>) -> Explanation {
    Explanation {
        reason: reason.to_owned(),
        comments: comments.map(str::to_owned),
    }
}

fn verdict(status: &str) -> Verdict {
    match status {
        "In review" => Verdict::Take,
        "Approved" => Verdict::Approve { comments: None },
        "Rejected" => Verdict::Reject(why("Spend", Some("too small"))),
        _ => Verdict::AskForAction(why("Unclear", Some("which database?"))),
    }
}

fn decided(stored: &Opportunity, status: &str) -> Opportunity {
    decide(stored, verdict(status), "ann", minute(60))
        .unwrap()
        .unwrap()
}

fn written(opportunity: &Opportunity) -> (Option<&str>, Option<&str>) {
    let cycle = opportunity.document.life_cycle.as_ref().unwrap();
    (
        cycle.review_status_reason.as_deref(),
        cycle.review_comments.as_deref(),
    )
}

#[test]
fn a_verdict_is_taken_on_the_published_edges_and_on_no_other() {
    for from in ALL {
        let stored = of_status(&draft(), from);
        for to in VERDICTS {
            let case = format!("{from} -> {to}");
            let result = decide(&stored, verdict(to), "ann", minute(60));
            let offered = open_to(stored.review_status())
                .iter()
                .any(|status| status.as_str() == to);
            assert_eq!(offered, EDGES.contains(&(from, to)), "{case}");
            if EDGES.contains(&(from, to)) {
                let next = result.unwrap().unwrap();
                assert_eq!(status_of(&next), to, "{case}");
                assert!(next.document.check(), "{case}");
                assert!(
                    next.document.last_modified_date > stored.document.last_modified_date,
                    "{case}"
                );
            } else if (from, to) == ("In review", "In review") {
                let taken = result.unwrap().unwrap();
                assert_eq!(taken.document, stored.document, "it only has a reviewer now");
                assert_eq!(decide(&taken, verdict(to), "ann", minute(61)), Ok(None));
            } else {
                let Err(Refusal::Conflict(message)) = result else {
                    panic!("{case}: {result:?}");
                };
                let named = if from.is_empty() { "no review status" } else { from };
                assert!(
                    message.contains(named) && message.contains(ID),
                    "{case}: {message}"
                );
            }
        }
    }
}

#[test]
fn a_deal_is_taken_by_one_reviewer_only_until_it_comes_back() {
    let take = |stored: &Opportunity, by: &str| decide(stored, Verdict::Take, by, minute(60));
    let taken = take(&submitted(&draft()), "ann").unwrap().unwrap();
    assert_eq!(taken.private.taken_by.as_deref(), Some("ann"));
    assert_eq!(take(&taken, "ann"), Ok(None));
    let error = ApiError::from(take(&taken, "bob").unwrap_err());
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert!(error.message.contains("in review with ann"), "{}", error.message);
    // Who decides need not have taken it.
    let back = decide(&taken, verdict("Action Required"), "bob", minute(61));
    let back = back.unwrap().unwrap();
    assert_eq!(back.private.taken_by, None);
    let again = submitted(&back);
    assert_eq!(
        take(&again, "bob").unwrap().unwrap().private.taken_by.as_deref(),
        Some("bob")
    );
    // An update in the sandbox says nothing of who reviews; whoever takes that first has it.
    let forced = edit(
        &submitted(&draft()),
        &[("LifeCycle.ReviewStatus", json!("In review"))],
    );
    let forced = forced.unwrap();
    let found = take(&forced, "bob").unwrap().unwrap();
    assert_eq!(found.private.taken_by.as_deref(), Some("bob"));
    assert_eq!(found.document, forced.document, "the partner sees nothing of it");
    assert!(take(&found, "ann").is_err());
    let decided = edit(&taken, &[("LifeCycle.ReviewStatus", json!("Approved"))]);
    assert_eq!(decided.unwrap().private.taken_by, None);
}

#[test]
fn a_conflict_says_what_can_be_done() {
    for (from, way) in [
        ("Pending Submission", "until its partner submits it"),
        ("Action Required", "once it is corrected or submitted again"),
        ("Approved", "AWS's own side of the deal can still be edited"),
        ("Rejected", "AWS's own side of the deal can still be edited"),
        ("", "must create it anew"),
    ] {
        let result = decide(&of_status(&draft(), from), verdict("Rejected"), "ann", minute(60));
        let error = ApiError::from(result.unwrap_err());
        assert_eq!(error.kind, ErrorKind::Conflict);
        assert!(error.message.contains(way), "{from}: {}", error.message);
    }
}

#[test]
fn a_refusal_and_a_question_carry_their_reason_and_every_later_verdict_clears_it() {
    let stored = submitted(&draft());
    assert_eq!(
        written(&decided(&stored, "Rejected")),
        (Some("Spend"), Some("too small"))
    );
    assert_eq!(
        written(&decided(&stored, "Action Required")),
        (Some("Unclear"), Some("which database?"))
    );
    // What an earlier word of AWS's left, in the sandbox with a comment, is gone after the next.
    let commented = edit(
        &stored,
        &[
            ("LifeCycle.ReviewStatus", json!("In review")),
            ("LifeCycle.ReviewComments", json!("looking")),
        ],
    )
    .unwrap();
    assert_eq!(written(&commented), (None, Some("looking")));
    assert_eq!(written(&decided(&commented, "Approved")), (None, None));
    let praised = Verdict::Approve {
        comments: Some("good".to_owned()),
    };
    let approved = decide(&stored, praised, "ann", minute(60)).unwrap().unwrap();
    assert_eq!(written(&approved), (None, Some("good")));
}

#[test]
fn reasons_are_needed_and_bounded_and_all_faults_are_told_at_once() {
    let stored = submitted(&draft());
    let long = "x".repeat(256);
    let longer = "x".repeat(2001);
    for (reason, comments, faults) in [
        ("", None, vec![("reviewStatusReason", "REQUIRED_FIELD_MISSING")]),
        (
            "  ",
            Some(""),
            vec![
                ("reviewStatusReason", "REQUIRED_FIELD_MISSING"),
                ("reviewComments", "REQUIRED_FIELD_MISSING"),
            ],
        ),
        (
            long.as_str(),
            Some(longer.as_str()),
            vec![
                ("reviewStatusReason", "INVALID_VALUE"),
                ("reviewComments", "INVALID_VALUE"),
            ],
        ),
        ("a\0b", None, vec![("reviewStatusReason", "INVALID_VALUE")]),
    ] {
        for verdict in [Verdict::Reject, Verdict::AskForAction] {
            let Err(Refusal::Violations(found)) =
                decide(&stored, verdict(why(reason, comments)), "ann", minute(60))
            else {
                panic!("{reason:?} was taken");
            };
            assert_eq!(codes(&found), faults);
        }
    }
    let bounds = why(
        &"ø".repeat(review::REASON_LIMIT),
        Some(&"ø".repeat(review::COMMENTS_LIMIT)),
    );
    assert!(decide(&stored, Verdict::Reject(bounds), "ann", minute(60)).is_ok());
}

#[test]
fn an_approval_is_remembered_and_sets_awss_seller_to_work_where_help_was_asked_for() {
    let stage = |opportunity: &Opportunity| {
        let aws = opportunity.private.aws.clone().unwrap();
        (aws.approved, aws.life_cycle.stage.unwrap().as_str().to_owned())
    };
    let worked = submitted(&draft());
    assert_eq!(stage(&worked), (false, "Not Started".to_owned()));
    assert_eq!(stage(&decided(&worked, "Approved")), (true, "Engaged".to_owned()));
    assert_eq!(
        stage(&of_status(&draft(), "Approved")),
        (true, "Engaged".to_owned()),
        "the sandbox's trigger"
    );
    let seen = submit_as(&draft(), "For Visibility Only", None).unwrap().unwrap();
    assert_eq!(
        stage(&decided(&seen, "Approved")),
        (true, "Not Started".to_owned())
    );
    assert_eq!(
        stage(&decided(&worked, "Rejected")),
        (false, "Not Started".to_owned())
    );
    // A seller who began during the review is not set back.
    let mut begun = worked;
    begun.private.aws.as_mut().unwrap().life_cycle.stage = Some("Qualify".into());
    assert_eq!(stage(&decided(&begun, "Approved")), (true, "Qualify".to_owned()));
}

#[test]
fn the_desk_and_the_sandboxs_trigger_leave_the_same_deal() {
    for from in ["Submitted", "In review"] {
        let stored = of_status(&draft(), from);
        for to in VERDICTS.into_iter().filter(|to| *to != from) {
            let by_desk = decided(&stored, to);
            let (reason, comments) = written(&by_desk);
            let edits = [
                ("LifeCycle.ReviewStatus", json!(to)),
                (
                    "LifeCycle.ReviewStatusReason",
                    reason.map_or(Value::Null, Value::from),
                ),
                (
                    "LifeCycle.ReviewComments",
                    comments.map_or(Value::Null, Value::from),
                ),
            ];
            let mut by_update = edit(&stored, &edits).unwrap();
            // An update does not say who reviews.
            by_update.private.taken_by = by_desk.private.taken_by.clone();
            assert_eq!(by_update, by_desk, "{from} -> {to}");
        }
    }
}

#[test]
fn a_partner_answers_a_question_of_the_desk_and_is_reviewed_again() {
    let asked = decided(&submitted(&draft()), "Action Required");
    let edited = edit(&asked, &[("Customer.Account.Address.City", json!("Tacoma"))]).unwrap();
    assert_eq!(status_of(&edited), "Submitted");
    let approved = decide(&edited, verdict("Approved"), "ann", minute(90))
        .unwrap()
        .unwrap();
    assert_eq!(status_of(&approved), "Approved");
}

proptest! {
    #[test]
    fn verdicts_in_any_order_keep_to_the_published_edges(steps in prop::collection::vec(0..6usize, 0..20)) {
        let mut deal = draft();
        let mut at = 30;
        for step in steps {
            at += 1;
            let before = status_of(&deal).to_owned();
            let next = match step {
                4 => submit_as_at(&deal, "Co-Sell", None, minute(at)).ok().flatten(),
                5 => update(&deal, &with(echo(&deal), &[("Customer.Account.Address.City", json!(format!("C{at}")))]), minute(at)).ok(),
                verdict_index => decide(&deal, verdict(VERDICTS[verdict_index]), "ann", minute(at)).ok().flatten(),
            };
            let Some(next) = next else { continue };
            let after = status_of(&next).to_owned();
            prop_assert!(next.document.last_modified_date > deal.document.last_modified_date);
            if step < 4 {
                prop_assert!(EDGES.contains(&(before.as_str(), after.as_str())), "{} -> {}", before, after);
                let (reason, _) = written(&next);
                prop_assert_eq!(reason.is_some(), step > 1);
            }
            deal = next;
        }
    }
}
