//! What scripts plan: which steps follow from a change of a deal, and the jobs that they are. People who look at the steps
//! of a deal, or cancel them, find them by the kind of the job, which names the deal.

use cosell_domain::Catalog;
use cosell_domain::autopilot::{self, Action, Facts, Step};
use cosell_domain::engagement::invitation::Invitation;
use cosell_domain::engagement::party;
use cosell_domain::opportunity::Opportunity;
use cosell_model::enums::ReviewStatus;
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Changes, Job, JobId, MAX_PAGE};
use serde::{Deserialize, Serialize};

use crate::answer::{encode, read_failed, stored, write_failed};
use crate::operator::By;
use crate::service::Service;

/// What the kind of every step's job begins with.
pub(crate) const KIND: &str = "autopilot";

/// What the identifiers of steps of a review end with.
pub(super) const TAKE: &str = "1-take";
pub(super) const DECIDE: &str = "2-decide";
/// What those of the moves that follow it begin with, before their number.
pub(super) const MOVE: &str = "3-move-";

/// What the identifier of a move ends with; moves are numbered from 1.
pub(super) fn move_name(number: usize) -> String {
    format!("{MOVE}{number:04}")
}

/// True for the kind of a step's job.
pub(crate) fn is_step(kind: &str) -> bool {
    kind.strip_prefix(KIND).is_some_and(|rest| rest.starts_with('/'))
}

/// A step as its job holds it. `account` and `catalog` say whose it is, so that a reset takes it along.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Due {
    /// The partner's account.
    pub(super) account: String,
    /// The catalog's name on the wire.
    pub(super) catalog: String,
    /// The opportunity, or the invitation where that is about no single one.
    pub(super) subject: String,
    /// Which submission it was planned for.
    pub(super) submission: u32,
    /// The name of the script that planned it.
    pub(super) script: String,
    /// What is to be done.
    pub(super) action: Action,
    /// True where an operator took it back: it is done with at once, without effect.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) cancelled: bool,
}

/// A step that is planned.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// When it is due.
    pub at: Timestamp,
    /// The opportunity or invitation that it is about.
    pub subject: String,
    /// The partner's account.
    pub account: String,
    /// The name of the script that planned it.
    pub script: String,
    /// Which submission of the deal it was planned for.
    pub submission: u32,
    /// What will be done, if the deal still allows it then.
    pub action: Action,
}

/// What a cancellation took back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cancelled {
    /// How many steps.
    pub cancelled: usize,
}

fn kind(catalog: &str, subject: &str) -> String {
    format!("{KIND}/{catalog}/{subject}")
}

/// Collects the steps that follow from one change.
pub(crate) struct Plans<'a> {
    service: &'a Service,
    catalog: Catalog,
    now: Timestamp,
    /// True where a step of a script makes the change: what follows from it is planned already.
    pub(crate) by_script: bool,
}

impl<'a> Plans<'a> {
    /// For changes of that catalog at that time.
    pub(crate) fn new(service: &'a Service, catalog: Catalog, now: Timestamp) -> Self {
        Self {
            service,
            catalog,
            now,
            by_script: false,
        }
    }

    /// The steps that follow from what becomes of an opportunity: all of a review where it was handed in, the moves of
    /// AWS's stage where people (or an accepted referral) made it an approved one.
    pub(crate) async fn opportunity(
        &self,
        account: &str,
        before: Option<&Opportunity>,
        next: &Opportunity,
    ) -> Result<Vec<Job>, ApiError> {
        let was = before.and_then(Opportunity::review_status);
        let handed_in = before.map_or(0, |before| before.private.submissions) < next.private.submissions;
        let is = next.review_status();
        let comes = match is {
            Some(ReviewStatus::Submitted) => handed_in || was != is,
            Some(ReviewStatus::Approved) => was != is && !self.by_script,
            _ => false,
        };
        // A copy follows the review of its original.
        if !comes || next.private.copy {
            return Ok(Vec::new());
        }
        let Some(player) = self.service.script_for(account, self.catalog).await? else {
            return Ok(Vec::new());
        };
        let Some(script) = &player.script else {
            return Ok(Vec::new());
        };
        let facts = Facts::of(next, account, self.catalog);
        let steps = autopilot::steps(script, &facts, self.now);
        self.jobs(account, &facts.id, facts.submission, &player.name, steps)
    }

    /// The step that follows from a new invitation: AWS joins, where it is the one invited.
    pub(crate) async fn invitation(&self, invitation: &Invitation) -> Result<Vec<Job>, ApiError> {
        let sender = &invitation.sender.account_id;
        if invitation.receiver.account_id != party::aws_account(self.catalog) {
            return Ok(Vec::new());
        }
        let Some(player) = self.service.script_for(sender, self.catalog).await? else {
            return Ok(Vec::new());
        };
        let script = player.script.as_ref();
        let subject = invitation.about.as_ref().unwrap_or(&invitation.id);
        let step =
            script.and_then(|script| autopilot::accept_invitation(script, &invitation.id, subject, self.now));
        let steps = step.into_iter().collect();
        self.jobs(sender, subject, 0, &player.name, steps)
    }

    fn jobs(
        &self,
        account: &str,
        subject: &str,
        submission: u32,
        script: &str,
        steps: Vec<Step>,
    ) -> Result<Vec<Job>, ApiError> {
        let kind = kind(self.catalog.as_str(), subject);
        let mut moves = 0;
        let mut jobs = Vec::with_capacity(steps.len());
        for step in steps {
            // Moves that are planned anew, because people approved earlier or later, take the place of those planned first.
            let name = match &step.action {
                Action::Take => TAKE.to_owned(),
                Action::Verdict(_) => DECIDE.to_owned(),
                Action::MoveStage { .. } => {
                    moves += 1;
                    move_name(moves)
                }
                Action::AcceptInvitation { invitation } => format!("accept/{invitation}"),
            };
            let due = Due {
                account: account.to_owned(),
                catalog: self.catalog.as_str().to_owned(),
                subject: subject.to_owned(),
                submission,
                script: script.to_owned(),
                action: step.action,
                cancelled: false,
            };
            jobs.push(Job {
                id: JobId(format!("{kind}/{account}/{submission:06}/{name}")),
                kind: kind.clone(),
                run_at: step.at,
                payload: encode(&due)?,
                attempts: 0,
            });
        }
        Ok(jobs)
    }
}

impl Service {
    /// The steps that are planned for an opportunity, and for AWS's invitation to it; in the order in which they are due.
    /// An invitation that is about no single opportunity has its steps under its own identifier.
    pub async fn planned_steps(&self, catalog: Catalog, subject: &str) -> Result<Vec<PlannedStep>, ApiError> {
        let jobs = self.steps_of(catalog, subject).await?;
        Ok(jobs
            .into_iter()
            .map(|(job, due)| PlannedStep {
                at: job.run_at,
                subject: due.subject,
                account: due.account,
                script: due.script,
                submission: due.submission,
                action: due.action,
            })
            .collect())
    }

    async fn steps_of(&self, catalog: Catalog, subject: &str) -> Result<Vec<(Job, Due)>, ApiError> {
        let kind = kind(catalog.as_str(), subject);
        let found = self
            .store
            .jobs(Some(&kind), MAX_PAGE)
            .await
            .map_err(read_failed)?;
        let mut steps = Vec::with_capacity(found.len());
        for found in found {
            let due: Due = stored(&found.job.payload, "a step of the autopilot")?;
            if !due.cancelled {
                steps.push((found.job, due));
            }
        }
        Ok(steps)
    }

    /// Takes back every step that is planned for an opportunity or invitation. What is under way at this very moment may
    /// have been done.
    pub async fn cancel_steps(
        &self,
        by: &By,
        catalog: Catalog,
        subject: &str,
    ) -> Result<Cancelled, ApiError> {
        let steps = self.steps_of(catalog, subject).await?;
        if steps.is_empty() {
            return Ok(Cancelled { cancelled: 0 });
        }
        let mut changes = Changes::default();
        for (job, due) in &steps {
            // Jobs end by being done, and a job that is replaced loses its claim: so nothing comes of the former one.
            changes.jobs.push(Job {
                run_at: job.run_at.min(self.now()),
                payload: encode(&Due {
                    cancelled: true,
                    ..due.clone()
                })?,
                ..job.clone()
            });
        }
        let deed = by.deed("CancelSteps");
        self.apply_noted(&deed, changes).await.map_err(write_failed)?;
        Ok(Cancelled {
            cancelled: steps.len(),
        })
    }
}
