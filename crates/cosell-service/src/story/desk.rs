//! Random doings of a partner and of the review desk with a few opportunities, against the review-state machine as it is
//! documented (behaviours 2.2): nothing else ever happens to a review status, what may happen does, and the desk's queue
//! always is what waits.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cosell_domain::Catalog;
use cosell_domain::opportunity::aws_side::change::Edit;
use cosell_domain::review::{Explanation, Verdict};
use cosell_model::enums::ReviewStatus;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::operator::By;
use crate::operator::deals::DealFilter;

const CASES: u32 = 64;
/// How many opportunities there are at most.
const MOST: usize = 4;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Draft,
    Submit,
    SubmitByTask,
    /// The partner changes something that it may change in most states.
    Correct,
    /// The partner tries to set the status that AWS would set.
    Pretend,
    Take,
    Approve,
    Reject,
    AskBack,
    EditAwsSide,
    Wait,
}

const DEEDS: [(u32, Deed); 11] = [
    (3, Deed::Draft),
    (5, Deed::Submit),
    (2, Deed::SubmitByTask),
    (4, Deed::Correct),
    (3, Deed::Pretend),
    (4, Deed::Take),
    (3, Deed::Approve),
    (2, Deed::Reject),
    (5, Deed::AskBack),
    (3, Deed::EditAwsSide),
    (1, Deed::Wait),
];

/// What the model knows of an opportunity.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    id: String,
    status: ReviewStatus,
    /// When it was handed in last; 0 for a draft.
    submitted: usize,
    /// A correction handed it in again: whoever submits it besides, as the console asks for, hears no refusal.
    by_edit: bool,
}

struct Desk {
    story: Story,
    catalog: Catalog,
    by: By,
    known: Vec<Known>,
    clock: usize,
}

/// Where the desk may take an opportunity from that status.
fn open_to(from: &ReviewStatus, to: &ReviewStatus) -> bool {
    use ReviewStatus::{ActionRequired, Approved, InReview, Rejected, Submitted};
    match from {
        Submitted => matches!(to, InReview | Approved | Rejected | ActionRequired),
        InReview => matches!(to, Approved | Rejected | ActionRequired),
        _ => false,
    }
}

impl Desk {
    async fn new(catalog: Catalog) -> Self {
        Self {
            story: Story::new().await,
            catalog,
            by: By {
                token: "desk".into(),
                request_id: "r".into(),
            },
            known: Vec::new(),
            clock: 0,
        }
    }

    async fn call(&self, operation: Op, mut body: Value) -> Result<Value, ApiError> {
        body["Catalog"] = self.catalog.as_str().into();
        self.story.call(ONE, operation, body).await
    }

    async fn status(&self, id: &str) -> ReviewStatus {
        let read = self.call(Op::GetOpportunity, json!({"Identifier": id})).await;
        ReviewStatus::from(text(&read.unwrap()["LifeCycle"], "ReviewStatus").as_str())
    }

    /// The partner sends back what it reads, changed.
    async fn update(&self, id: &str, change: impl FnOnce(&mut Value)) -> Result<Value, ApiError> {
        let read = self.call(Op::GetOpportunity, json!({"Identifier": id})).await?;
        let mut body = as_update(read);
        change(&mut body);
        self.call(Op::UpdateOpportunity, body).await
    }

    /// Another reviewer cannot take what is taken, and hears who has it, as does everybody who looks.
    async fn is_taken(&self, id: &str) {
        let other = crate::operator::By {
            token: "another".into(),
            ..self.by.clone()
        };
        let service = &self.story.world.service;
        let refused = service.review(&other, self.catalog, id, Verdict::Take).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Conflict);
        assert!(refused.message.contains(&self.by.token), "{}", refused.message);
        let seen = service.deal(self.catalog, id).await.unwrap();
        assert_eq!(seen.deal.taken_by.as_ref(), Some(&self.by.token));
    }

    async fn verdict(&self, one: &Known, verdict: Verdict) -> bool {
        let wanted = verdict.status();
        let answer = self
            .story
            .world
            .service
            .review(&self.by, self.catalog, &one.id, verdict)
            .await;
        let again = wanted == ReviewStatus::InReview && one.status == wanted;
        let may = open_to(&one.status, &wanted) || again;
        match &answer {
            Ok(seen) => assert_eq!(seen.deal.review_status, Some(wanted.clone())),
            Err(error) if one.submitted == 0 => assert_eq!(error.kind, ErrorKind::ResourceNotFound),
            Err(error) => assert_eq!(error.kind, ErrorKind::Conflict),
        }
        assert_eq!(answer.is_ok(), may, "{} -> {wanted}: {answer:?}", one.status);
        may && !again
    }

    /// Does a deed to one of the opportunities; whether it had an effect.
    async fn act(&mut self, deed: Deed, which: usize) -> bool {
        use ReviewStatus::{ActionRequired, PendingSubmission, Submitted};
        if deed == Deed::Draft {
            if self.known.len() == MOST {
                return false;
            }
            let made = self.call(Op::CreateOpportunity, draft()).await.unwrap();
            self.known.push(Known {
                id: text(&made, "Id"),
                status: PendingSubmission,
                submitted: 0,
                by_edit: false,
            });
            return true;
        }
        if deed == Deed::Wait {
            self.story.pass(DAY * 3).await;
            return true;
        }
        if self.known.is_empty() {
            return false;
        }
        let place = which % self.known.len();
        let before = self.known[place].clone();
        let id = before.id.as_str();
        let why = || Explanation {
            reason: "More".into(),
            comments: Some("Which ovens?".into()),
        };
        // Time goes by, so that whoever was submitted first waits longest.
        self.story.pass(1000).await;
        self.clock += 1;
        let done = match deed {
            Deed::Submit | Deed::SubmitByTask => {
                let may = matches!(before.status, PendingSubmission | ActionRequired);
                let done = if deed == Deed::Submit {
                    let body = json!({"Identifier": id, "InvolvementType": "Co-Sell", "Visibility": "Full"});
                    self.call(Op::SubmitOpportunity, body).await.is_ok()
                } else {
                    let body = json!({"Identifier": id, "AwsSubmission": {"InvolvementType": "Co-Sell"}});
                    let task = self.call(Op::StartEngagementFromOpportunityTask, body).await;
                    task.is_ok_and(|task| task["TaskStatus"] == "COMPLETE")
                };
                let again = before.by_edit && before.status == Submitted;
                if !again {
                    assert_eq!(done, may, "{deed:?} from {}", before.status);
                } else if deed == Deed::Submit {
                    assert!(done, "a submission after the correction that did it");
                }
                done
            }
            Deed::Correct => {
                let problem = format!("Ovens of day {} burn at night, which costs much", self.clock);
                let change = |body: &mut Value| body["Project"]["CustomerBusinessProblem"] = problem.into();
                self.update(id, change).await.is_ok()
            }
            Deed::Pretend => {
                let change = |body: &mut Value| body["LifeCycle"]["ReviewStatus"] = "Approved".into();
                self.update(id, change).await.is_ok()
            }
            Deed::Take => {
                let done = self.verdict(&before, Verdict::Take).await;
                if done {
                    self.is_taken(id).await;
                }
                done
            }
            Deed::Approve => self.verdict(&before, Verdict::Approve { comments: None }).await,
            Deed::Reject => self.verdict(&before, Verdict::Reject(why())).await,
            Deed::AskBack => self.verdict(&before, Verdict::AskForAction(why())).await,
            Deed::EditAwsSide => {
                let steps = format!("Meet them on day {}", self.clock);
                let edit = Edit::parse(json!({"nextSteps": steps})).unwrap();
                let service = &self.story.world.service;
                let answer = service.edit_aws_side(&self.by, self.catalog, id, &edit).await;
                assert_eq!(answer.is_ok(), before.submitted > 0, "{before:?}: {answer:?}");
                answer.is_ok()
            }
            Deed::Draft | Deed::Wait => unreachable!("done above"),
        };
        let after = self.status(id).await;
        self.expect(deed, done, &before, &after);
        let known = &mut self.known[place];
        if after == Submitted && before.status != Submitted {
            known.submitted = self.clock;
            known.by_edit = !matches!(deed, Deed::Submit | Deed::SubmitByTask);
        }
        known.status = after;
        done
    }

    /// Whether the deed may have brought that about.
    fn expect(&self, deed: Deed, done: bool, before: &Known, after: &ReviewStatus) {
        use ReviewStatus::{ActionRequired, Approved, InReview, Rejected, Submitted};
        let from = &before.status;
        let fits = match deed {
            _ if !done => after == from,
            Deed::Submit | Deed::SubmitByTask => *after == Submitted,
            // A correction hands it in again.
            Deed::Correct if *from == ActionRequired => matches!(after, ActionRequired | Submitted),
            Deed::Pretend if self.catalog == Catalog::Sandbox => {
                *after == Approved && matches!(from, Submitted | InReview | ActionRequired | Approved)
                    || after == from
            }
            // Nobody but AWS approves in catalog AWS.
            Deed::Pretend => after == from || (from, after) == (&ActionRequired, &Submitted),
            Deed::Take => *after == InReview,
            Deed::Approve => *after == Approved,
            Deed::Reject => *after == Rejected,
            Deed::AskBack => *after == ActionRequired,
            _ => after == from,
        };
        assert!(fits, "{deed:?} in {}: {from} -> {after}", self.catalog);
        if matches!(from, Approved | Rejected) {
            assert_eq!(after, from, "{deed:?}: what is decided stays so");
        }
    }

    /// The queue is what waits, the oldest first; the directory says of each what the partner reads; drafts are in neither.
    async fn look(&self) {
        use ReviewStatus::{InReview, Submitted};
        let service = &self.story.world.service;
        let filter = DealFilter {
            review_statuses: vec![Submitted, InReview],
            ..DealFilter::default()
        };
        let listed = service
            .list_deals(self.catalog, &filter, 100, None)
            .await
            .unwrap();
        let listed: Vec<String> = listed.items.into_iter().map(|deal| deal.id).collect();
        let mut waiting: Vec<&Known> = self.known.iter().collect();
        waiting.retain(|one| matches!(one.status, Submitted | InReview));
        waiting.sort_by_key(|one| one.submitted);
        let waiting: Vec<String> = waiting.into_iter().map(|one| one.id.clone()).collect();
        assert_eq!(listed, waiting);
        for one in &self.known {
            let seen = service.deal(self.catalog, &one.id).await;
            match seen {
                Ok(seen) => {
                    assert!(one.submitted > 0, "{one:?}");
                    assert_eq!(seen.deal.review_status.as_ref(), Some(&one.status));
                    let life_cycle = seen.opportunity.life_cycle.unwrap();
                    assert_eq!(life_cycle.review_status.as_ref(), Some(&one.status));
                    let explained = life_cycle.review_status_reason.is_some();
                    let explains =
                        matches!(one.status, ReviewStatus::Rejected | ReviewStatus::ActionRequired);
                    assert_eq!(explained, explains, "{one:?}");
                }
                Err(error) => {
                    assert_eq!(
                        (error.kind, one.submitted),
                        (ErrorKind::ResourceNotFound, 0),
                        "{one:?}"
                    );
                }
            }
        }
    }
}

fn holds(catalog: Catalog) {
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
    let deeds = DEEDS.map(|(weight, deed)| (weight, Just(deed)));
    let deed = prop::strategy::Union::new_weighted(deeds.to_vec());
    let steps = prop::collection::vec((deed, 0..64usize), 10..60);
    TestRunner::new(config)
        .run(&steps, |steps| {
            runtime.block_on(async {
                let mut desk = Desk::new(catalog).await;
                for (deed, which) in steps {
                    if desk.act(deed, which).await {
                        *done.borrow_mut().entry(deed).or_insert(0) += 1;
                    }
                    desk.look().await;
                }
            });
            Ok(())
        })
        .unwrap();
    let done: BTreeMap<Deed, usize> = done.into_inner();
    for (_, deed) in DEEDS {
        let may_never = deed == Deed::Pretend && catalog == Catalog::Aws;
        assert!(
            may_never || done.contains_key(&deed),
            "{deed:?} succeeded never: {done:?}"
        );
    }
}

#[test]
fn whatever_partner_and_desk_do_in_catalog_aws_reviews_go_their_documented_ways_only() {
    holds(Catalog::Aws);
}

#[test]
fn whatever_partner_and_desk_do_in_the_sandbox_reviews_go_their_documented_ways_only() {
    holds(Catalog::Sandbox);
}
