//! What there is and who takes part in it, as far as visibility goes. Knows nothing of how the service keeps it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::*;

#[derive(Default)]
pub(super) struct Model {
    pub(super) engagements: Vec<Engagement>,
    pub(super) invitations: Vec<Invitation>,
    pub(super) opportunities: Vec<Opportunity>,
    pub(super) jobs: Vec<Job>,
    pub(super) tasks: Vec<Task>,
    /// Engagement, opportunity, and the opportunity's owner.
    pub(super) shared: BTreeSet<(String, String, String)>,
    /// By engagement, opportunity and template.
    pub(super) series: BTreeMap<(String, String, &'static str), Series>,
}

pub(super) struct Engagement {
    pub(super) id: String,
    pub(super) creator: String,
    pub(super) members: Vec<String>,
    /// Identifier and type.
    pub(super) contexts: Vec<(String, &'static str)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    None,
    Accepted,
    Rejected,
}

pub(super) struct Invitation {
    pub(super) id: String,
    pub(super) engagement: String,
    pub(super) sender: String,
    pub(super) receiver: String,
    pub(super) to_lead: bool,
    pub(super) expires: Timestamp,
    pub(super) answer: Answer,
    /// The opportunity of its sender that it is about, where a submission sent it.
    pub(super) about: Option<String>,
    /// The opportunity that it opened.
    pub(super) opened: Option<String>,
    /// The opportunity that it will open.
    pub(super) hidden: Option<String>,
}

pub(super) struct Opportunity {
    pub(super) id: String,
    /// Nobody before a referral is accepted.
    pub(super) owner: Option<String>,
    pub(super) review: Option<String>,
    /// What the templates show of it.
    pub(super) summary: Value,
    pub(super) aws_view: Option<Value>,
}

pub(super) struct Series {
    pub(super) revisions: i64,
    pub(super) newest: Value,
}

pub(super) struct Job {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) engagement: String,
    pub(super) opportunity: String,
    pub(super) running: bool,
    pub(super) deleted: bool,
}

pub(super) struct Task {
    pub(super) id: String,
    pub(super) owner: String,
    pub(super) started_by: Op,
    pub(super) status: String,
}

impl Invitation {
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match self.answer {
            Answer::Accepted => "ACCEPTED",
            Answer::Rejected => "REJECTED",
            Answer::None if now >= self.expires => "EXPIRED",
            Answer::None => "PENDING",
        }
    }

    /// AWS takes back what it showed to those who reject it.
    pub(super) fn is_open_to(&self, account: &str) -> bool {
        let withdrawn = self.sender == AWS && self.answer == Answer::Rejected;
        self.sender == account || (self.receiver == account && !withdrawn)
    }
}

impl Engagement {
    pub(super) fn has(&self, account: &str) -> bool {
        self.members.iter().any(|member| member == account)
    }

    pub(super) fn holds(&self, kind: &str) -> bool {
        self.contexts.iter().any(|(_, of)| *of == kind)
    }

    pub(super) fn next_context(&self) -> String {
        let numbered = self.contexts.iter().filter(|(_, of)| *of != "ProspectingResult");
        (numbered.count() + 1).to_string()
    }

    /// Tells the project of what is shared in it, if it can.
    pub(super) fn describe(&mut self) {
        if !self.holds("CustomerProject") {
            self.contexts.push((self.next_context(), "CustomerProject"));
        }
    }

    pub(super) fn can_describe(&self) -> bool {
        self.holds("CustomerProject") || self.contexts.len() < 5
    }
}

impl Model {
    pub(super) fn engagement(&mut self, id: &str) -> &mut Engagement {
        self.engagements.iter_mut().find(|one| one.id == id).unwrap()
    }

    pub(super) fn is_member(&self, account: &str, id: &str) -> bool {
        self.engagements
            .iter()
            .any(|one| one.id == id && one.has(account))
    }

    pub(super) fn join(&mut self, account: &str, id: &str) {
        let engagement = self.engagement(id);
        if !engagement.has(account) {
            engagement.members.push(account.to_owned());
        }
    }

    pub(super) fn opportunity(&mut self, id: &str) -> &mut Opportunity {
        self.opportunities.iter_mut().find(|one| one.id == id).unwrap()
    }

    /// The opportunity belongs to that account from now on.
    pub(super) fn own(&mut self, id: &str, owner: &str) {
        self.opportunities.retain(|one| one.id != id);
        self.opportunities.push(Opportunity {
            id: id.to_owned(),
            owner: Some(owner.to_owned()),
            review: None,
            summary: Value::Null,
            aws_view: None,
        });
    }

    /// The engagements that share an opportunity.
    pub(super) fn shared_in(&self, id: &str) -> Vec<String> {
        let found = self.shared.iter().filter(|(_, shared, _)| shared == id);
        found.map(|(engagement, _, _)| engagement.clone()).collect()
    }

    /// The invitations of AWS into an engagement by one of its members, newest first.
    pub(super) fn invitations_of_aws(
        &mut self,
        sender: &str,
        engagement: &str,
    ) -> impl Iterator<Item = &mut Invitation> {
        let newest_first = self.invitations.iter_mut().rev();
        newest_first
            .filter(move |one| one.engagement == engagement && one.receiver == AWS && one.sender == sender)
    }

    /// Whether an opportunity is the oldest that its owner shares in an engagement.
    fn is_oldest(&self, owner: &str, id: &str, engagement: &str) -> bool {
        let number = |id: &str| id[1..].parse::<u64>().unwrap();
        let shared = self.shared.iter();
        let of_owner = shared.filter(|(of, _, by)| of == engagement && by == owner);
        of_owner.map(|(_, one, _)| number(one)).min() == Some(number(id))
    }

    /// AWS approved or rejected an opportunity, and answers where it was invited.
    pub(super) fn decided(&mut self, id: &str, answer: Answer, now: Timestamp) {
        let owner = self.opportunity(id).owner.clone().unwrap();
        for engagement in self.shared_in(id) {
            let oldest = self.is_oldest(&owner, id, &engagement);
            let meant = self.invitations_of_aws(&owner, &engagement).find(|one| {
                let about = one.about.as_deref().map_or(oldest, |about| about == id);
                about && one.status(now) == "PENDING"
            });
            if let Some(invitation) = meant {
                invitation.answer = answer;
                if answer == Answer::Accepted {
                    self.join(AWS, &engagement);
                }
            }
        }
    }

    /// A snapshot is taken: in any case, or where there is something new to show.
    pub(super) fn take(&mut self, engagement: &str, id: &str, template: &'static str, asked: bool) {
        let opportunity = self.opportunity(id);
        let owner = opportunity.owner.clone().unwrap();
        let shown = match template {
            SUMMARY => Some(opportunity.summary.clone()),
            _ => opportunity.aws_view.clone(),
        };
        self.shared.insert((engagement.to_owned(), id.to_owned(), owner));
        let Some(shown) = shown else {
            return;
        };
        let key = (engagement.to_owned(), id.to_owned(), template);
        let series = self.series.entry(key).or_insert(Series {
            revisions: 0,
            newest: Value::Null,
        });
        if asked || series.newest != shown {
            series.revisions += 1;
            series.newest = shown;
        }
    }

    /// Running jobs and AWS have shown what there is to show.
    pub(super) fn catch_up(&mut self) {
        let jobs = self.jobs.iter().filter(|job| job.running);
        let due: Vec<_> = jobs
            .map(|job| (job.engagement.clone(), job.opportunity.clone()))
            .collect();
        for (engagement, id) in due {
            self.take(&engagement, &id, SUMMARY, false);
        }
        for (engagement, id, _) in self.shared.clone() {
            if self.is_member(AWS, &engagement) {
                self.take(&engagement, &id, AWS_VIEW, false);
            }
        }
    }

    /// Whether an account may read the snapshots of a series.
    pub(super) fn sees(&self, account: &str, (engagement, id, template): &(String, String, &str)) -> bool {
        let mut owners = self.opportunities.iter().filter(|one| one.id == *id);
        let owned = owners.any(|one| one.owner.as_deref() == Some(account));
        self.is_member(account, engagement) && (*template == SUMMARY || owned)
    }
}
