//! Stories of the past: every step goes through the operations themselves, by a clock of their own that goes from the oldest
//! step to the newest, so that nothing is in a state that it could not have come to, and what was due meanwhile (an
//! invitation that nobody answered) has happened too. The same story over the same store at the same time makes the same.

use std::sync::Arc;

use cosell_domain::Catalog;
use cosell_domain::engagement::invitation::lead::Lead;
use cosell_domain::engagement::invitation::referral::Terms;
use cosell_domain::opportunity::aws_side::change::Edit;
use cosell_domain::review::{Explanation, Verdict};
use cosell_model::enums::SolutionStatus;
use cosell_model::types::{CreateOpportunityRequest, LeadContext};
use cosell_model::{ApiError, ErrorKind, Operation, Timestamp};
use cosell_store::{Kind, Query, Sort};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::bodies::{invitation, lead, opportunity};
use super::large::{Whose, admin};
use super::pack::{Act, Answer, Deal, Offer, OfferKind, Pack};
use crate::answer::read_failed;
use crate::clock::{Clock, ClockMode, VirtualClock};
use crate::identity::{accounts, solutions};
use crate::operator::By;
use crate::operator::offers::Receiver;
use crate::page_token::PageTokens;
use crate::service::{Caller, Service, Settings};
use crate::throttle::Throttle;

const DAY: i64 = 24 * 60 * 60 * 1000;
const MINUTE: i64 = 60 * 1000;
/// Steps of a day are spread over so many minutes before the time of the seeding.
const WORKING_MINUTES: i64 = 480;

/// What is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct Starter {
    /// The partners of the story, one or two; empty for the first two that are registered. With one alone, what the other
    /// would do does not happen.
    pub accounts: Vec<String>,
    /// Where it happens.
    pub catalog: Catalog,
    /// Another story than the program's own.
    pub document: Option<Value>,
}

/// What came to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// Opportunities of all partners, those that came of offers and invitations among them.
    pub opportunities: u64,
    /// Invitations, those to AWS and by AWS among them.
    pub invitations: u64,
    /// Steps that were taken.
    pub steps: u64,
}

/// Something that happens at a time.
struct Event<'a> {
    at: Timestamp,
    /// Which deal or offer.
    place: usize,
    what: What<'a>,
}

enum What<'a> {
    Open(&'a Deal),
    Act(&'a Deal, &'a Act),
    Offer(&'a Offer),
    Answer(&'a Offer, &'a Answer),
}

/// What later steps of a deal or an offer need to know of the former ones.
#[derive(Clone, Default)]
struct Known {
    id: String,
    engagement: String,
    invitation: String,
}

impl Service {
    /// Has a story happen. If it fails midway, what came before stays, and the error says so: every step is one
    /// of the operations, each a change of its own.
    pub async fn seed_story(&self, by: &By, wanted: &Starter) -> Result<Story, ApiError> {
        let pack = match &wanted.document {
            Some(document) => Pack::read(document)?,
            None => Pack::starter()?,
        };
        let mut partners = wanted.accounts.clone();
        if partners.is_empty() {
            let known = accounts::list(&*self.store).await.map_err(admin)?;
            partners = known.into_iter().map(|one| one.account_id).take(2).collect();
        }
        for account in &partners {
            accounts::expect(&*self.store, account).await.map_err(admin)?;
        }
        if partners.is_empty() {
            return Err(ApiError::not_found(
                "There is no partner account yet: register one first",
            ));
        }
        pack.check(partners.len())?;
        // Nobody else does jobs meanwhile: they would find them overdue that are yet to be done at their time.
        let _turn = self.jobs_turn.lock().await;
        let now = self.now();
        let number = self.store.reserve("seeds", 1).await.map_err(read_failed)?.start;
        let events = events(&pack, now);
        let clock = Arc::new(VirtualClock::new(ClockMode::Frozen {
            at: events.first().map_or(now, |event| event.at),
        }));
        let settings = Settings {
            orphan_quirk: false,
            task_delay_millis: 0,
            audit: false,
            // What happens in the story is told in it, whoever plays AWS on this server.
            autopilot: false,
            faults: false,
            seed: Some(seed(&partners, wanted.catalog, number)),
            ..self.settings.clone()
        };
        let tokens = PageTokens::new([0; 32]);
        let service = Service::new(
            Arc::clone(&self.store),
            Arc::clone(&clock) as Arc<dyn Clock>,
            settings,
            tokens,
            Throttle::off(),
        );
        let mut teller = Teller {
            service: &service,
            by,
            catalog: wanted.catalog,
            partners: &partners,
            number,
            story: Story::default(),
            known: vec![Known::default(); pack.deals.len() + pack.offers.len()],
        };
        let whole = async {
            for event in &events {
                Box::pin(service.go(&clock, event.at)).await?;
                let told = Box::pin(teller.tell(event)).await;
                told.map_err(|error| placed(error, event.place, &pack))?;
            }
            Box::pin(service.go(&clock, now)).await
        }
        .await;
        let story = teller.story;
        let whose = Whose {
            accounts: &partners,
            catalog: wanted.catalog,
        };
        whole.map_err(|error| whose.left_behind(error, true))?;
        self.note_done(&by.deed("SeedState")).await;
        Ok(story)
    }
}

impl Service {
    /// Whether an account has any opportunity in a catalog.
    pub async fn has_opportunities(&self, account: &str, catalog: Catalog) -> Result<bool, ApiError> {
        let query = Query {
            kind: Kind::Opportunity,
            account: account.to_owned(),
            catalog: catalog.as_str().to_owned(),
            filters: Vec::new(),
            sort: Sort {
                by: "id",
                descending: false,
            },
            after: None,
            limit: 1,
        };
        let page = self.store.query(&query).await.map_err(read_failed)?;
        Ok(!page.items.is_empty())
    }
}

/// Everything in the order in which it happens.
fn events<'a>(pack: &'a Pack, now: Timestamp) -> Vec<Event<'a>> {
    let at = |place: usize, ago: u32, day: u32, step: usize| {
        // Spread, so that lists have an order and no two deals come up in the same minute.
        let spread = (place as i64 * 37 + 60) % WORKING_MINUTES;
        let days = i64::from(ago - day) * DAY;
        now.plus_millis(-days - spread * MINUTE + step as i64 * MINUTE)
    };
    let mut events = Vec::new();
    for (place, deal) in pack.deals.iter().enumerate() {
        events.push(Event {
            at: at(place, deal.ago, 0, 0),
            place,
            what: What::Open(deal),
        });
        for (step, then) in deal.then.iter().enumerate() {
            events.push(Event {
                at: at(place, deal.ago, then.day, step + 1),
                place,
                what: What::Act(deal, &then.act),
            });
        }
    }
    for (number, offer) in pack.offers.iter().enumerate() {
        let place = pack.deals.len() + number;
        events.push(Event {
            at: at(place, offer.ago, 0, 0),
            place,
            what: What::Offer(offer),
        });
        for (step, then) in offer.then.iter().enumerate() {
            events.push(Event {
                at: at(place, offer.ago, then.day, step + 1),
                place,
                what: What::Answer(offer, &then.act),
            });
        }
    }
    // Steps of one deal stay in their order where they share a minute.
    events.sort_by_key(|event| (event.at, event.place));
    events
}

fn seed(partners: &[String], catalog: Catalog, number: u64) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"cosell story");
    for part in partners.iter().map(String::as_str).chain([catalog.as_str()]) {
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(number.to_be_bytes());
    hash.finalize().into()
}

/// Says of what part of the story an error is.
fn placed(mut error: ApiError, place: usize, pack: &Pack) -> ApiError {
    let company = pack
        .deals
        .iter()
        .map(|deal| &deal.facts)
        .chain(pack.offers.iter().map(|offer| &offer.facts))
        .nth(place)
        .map_or("", |facts| facts.company.as_str());
    if error.kind != ErrorKind::InternalServer {
        error.message = format!("The deal with {company}: {}", error.message);
    }
    error
}

/// Tells a story to a service.
struct Teller<'a> {
    service: &'a Service,
    by: &'a By,
    catalog: Catalog,
    partners: &'a [String],
    /// The how-manieth story of the store it is, so that client tokens are new.
    number: u64,
    story: Story,
    known: Vec<Known>,
}

impl Teller<'_> {
    async fn tell(&mut self, event: &Event<'_>) -> Result<(), ApiError> {
        let place = event.place;
        let done = match &event.what {
            What::Open(deal) => match self.partner(deal.by) {
                Some(account) => Box::pin(self.open(place, &account, deal)).await,
                None => return Ok(()),
            },
            What::Act(deal, act) => match self.partner(deal.by) {
                Some(account) => Box::pin(self.act(place, &account, deal, act)).await,
                None => return Ok(()),
            },
            What::Offer(offer) => match self.partner(offer.to) {
                Some(account) => Box::pin(self.offer(place, &account, offer)).await,
                None => return Ok(()),
            },
            What::Answer(offer, answer) => match self.partner(offer.to) {
                Some(account) => Box::pin(self.answer(place, &account, offer, answer)).await,
                None => return Ok(()),
            },
        };
        done?;
        self.story.steps += 1;
        Ok(())
    }

    fn partner(&self, number: usize) -> Option<String> {
        self.partners.get(number).cloned()
    }

    /// Calls an operation as a partner, with a client token of its own.
    async fn call(&self, account: &str, operation: Operation, mut body: Value) -> Result<Value, ApiError> {
        body["Catalog"] = self.catalog.as_str().into();
        // On the heap, since all operations together are large for the stack of a thread.
        let (caller, body) = (Caller::of(account), body.to_string());
        let answer = Box::pin(self.service.call(operation, &caller, body.as_bytes())).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        read(&answer)
    }

    /// Starts a task, which must be done at once.
    async fn perform(&self, account: &str, operation: Operation, body: Value) -> Result<Value, ApiError> {
        let told = self.call(account, operation, body).await?;
        match told["TaskStatus"].as_str() {
            Some("COMPLETE") => Ok(told),
            _ => {
                let why = format!("The task failed: {} {}", told["ReasonCode"], told["Message"]);
                Err(ApiError::conflict(why))
            }
        }
    }

    fn token(&self, place: usize, of: &str) -> String {
        format!("story-{}-{place}-{of}", self.number)
    }

    async fn open(&mut self, place: usize, account: &str, deal: &Deal) -> Result<(), ApiError> {
        let mut body = opportunity(&deal.facts, self.service.now());
        body["OpportunityType"] = deal.opportunity_type.as_str().into();
        body["PartnerOpportunityIdentifier"] = format!("crm-{}", 4000 + place).into();
        body["LifeCycle"]["Stage"] = deal.stage.as_str().into();
        body["ClientToken"] = self.token(place, "create").into();
        let made = self.call(account, Operation::CreateOpportunity, body).await?;
        let id = text(&made, "Id")?;
        let known = solutions::list(&*self.service.store, account, self.catalog)
            .await
            .map_err(admin)?;
        let active: Vec<_> = known
            .iter()
            .filter(|one| one.status == SolutionStatus::Active)
            .collect();
        if !active.is_empty() {
            let body = json!({
                "OpportunityIdentifier": id, "RelatedEntityType": "Solutions",
                "RelatedEntityIdentifier": active[place % active.len()].id,
            });
            self.call(account, Operation::AssociateOpportunity, body).await?;
        }
        self.known[place].id = id;
        self.story.opportunities += 1;
        Ok(())
    }

    async fn act(&mut self, place: usize, account: &str, deal: &Deal, act: &Act) -> Result<(), ApiError> {
        let known = self.known[place].clone();
        let explained = |why: &super::pack::Why| Explanation {
            reason: why.reason.clone(),
            comments: why.comments.clone(),
        };
        match act {
            Act::Submit(involvement) => {
                let body = json!({
                    "Identifier": known.id, "ClientToken": self.token(place, "submit"),
                    "AwsSubmission": {"InvolvementType": involvement, "Visibility": "Full"},
                });
                let told = self
                    .perform(account, Operation::StartEngagementFromOpportunityTask, body)
                    .await?;
                self.known[place].engagement = text(&told, "EngagementId")?;
                self.story.invitations += 1;
                Ok(())
            }
            Act::Take => self.decide(&known.id, Verdict::Take).await,
            Act::Approve => self.decide(&known.id, Verdict::Approve { comments: None }).await,
            Act::Reject(why) => self.decide(&known.id, Verdict::Reject(explained(why))).await,
            Act::Ask(why) => {
                self.decide(&known.id, Verdict::AskForAction(explained(why)))
                    .await
            }
            Act::Correct(problem) => {
                let set =
                    |body: &mut Value| body["Project"]["CustomerBusinessProblem"] = problem.as_str().into();
                self.update(account, &known.id, set).await
            }
            Act::Stage(to) => {
                let set = |body: &mut Value| {
                    let cycle = &mut body["LifeCycle"];
                    cycle["Stage"] = to.to.as_str().into();
                    if let Some(steps) = &to.steps {
                        cycle["NextSteps"] = steps.as_str().into();
                    }
                    if let Some(reason) = &to.reason {
                        cycle["ClosedLostReason"] = reason.as_str().into();
                    }
                };
                self.update(account, &known.id, set).await
            }
            Act::Next(steps) => {
                let set = |body: &mut Value| body["LifeCycle"]["NextSteps"] = steps.as_str().into();
                self.update(account, &known.id, set).await
            }
            Act::Aws(edit) => {
                let edit = Edit::parse(edit.clone()).map_err(ApiError::business_validation)?;
                Box::pin(
                    self.service
                        .edit_aws_side(self.by, self.catalog, &known.id, &edit),
                )
                .await
                .map(|_| ())
            }
            Act::Invite(message) => {
                let Some(other) = self.partner(1 - deal.by.min(1)) else {
                    return Ok(());
                };
                let mut invitation = invitation(&deal.facts, message, &other);
                invitation["EngagementIdentifier"] = known.engagement.into();
                invitation["ClientToken"] = self.token(place, "invite").into();
                let sent = self
                    .call(account, Operation::CreateEngagementInvitation, invitation)
                    .await?;
                self.known[place].invitation = text(&sent, "Id")?;
                self.story.invitations += 1;
                Ok(())
            }
            Act::PartnerAccepts | Act::PartnerRejects(_) => {
                let Some(other) = self.partner(1 - deal.by.min(1)) else {
                    return Ok(());
                };
                match act {
                    Act::PartnerRejects(reason) => self.refuse(&other, &known.invitation, reason).await,
                    _ => self.join(place, &other, &known.invitation).await,
                }
            }
        }
    }

    async fn decide(&self, id: &str, verdict: Verdict) -> Result<(), ApiError> {
        Box::pin(self.service.review(self.by, self.catalog, id, verdict))
            .await
            .map(|_| ())
    }

    /// Sends back what is read, changed.
    async fn update(&self, account: &str, id: &str, change: impl FnOnce(&mut Value)) -> Result<(), ApiError> {
        let body = json!({"Identifier": id});
        let mut body = self.call(account, Operation::GetOpportunity, body).await?;
        if let Some(members) = body.as_object_mut() {
            members.retain(|name, value| {
                let shown_only = [
                    "Id",
                    "Arn",
                    "CreatedDate",
                    "OpportunityTeam",
                    "RelatedEntityIdentifiers",
                ];
                // The service's own word for no needs is never sent back.
                let no_needs = name == "PrimaryNeedsFromAws"
                    && value[0].as_str().is_some_and(|need| need.starts_with("Do Not"));
                !shown_only.contains(&name.as_str()) && !no_needs
            });
        }
        body["Identifier"] = id.into();
        change(&mut body);
        self.call(account, Operation::UpdateOpportunity, body)
            .await
            .map(|_| ())
    }

    async fn refuse(&self, account: &str, invitation: &str, reason: &str) -> Result<(), ApiError> {
        let body = json!({"Identifier": invitation, "RejectionReason": reason});
        self.call(account, Operation::RejectEngagementInvitation, body)
            .await
            .map(|_| ())
    }

    /// Accepts by the task, which opens the opportunity or a copy of it.
    async fn join(&mut self, place: usize, account: &str, invitation: &str) -> Result<(), ApiError> {
        let body = json!({"Identifier": invitation, "ClientToken": self.token(place, "join")});
        self.perform(account, Operation::StartEngagementByAcceptingInvitationTask, body)
            .await?;
        self.story.opportunities += 1;
        Ok(())
    }

    async fn offer(&mut self, place: usize, account: &str, offer: &Offer) -> Result<(), ApiError> {
        let facts = &offer.facts;
        let to = [Receiver {
            account: account.to_owned(),
            alias: None,
        }];
        let offered = match offer.kind {
            OfferKind::Referral => {
                let mut deal = opportunity(facts, self.service.now());
                deal["Catalog"] = self.catalog.as_str().into();
                deal["ClientToken"] = "story".into();
                deal["OpportunityType"] = "Net New Business".into();
                deal["LifeCycle"]["Stage"] = "Prospect".into();
                let deal: CreateOpportunityRequest = typed(deal)?;
                let terms = Terms::default();
                Box::pin(self.service.refer(self.by, self.catalog, &deal, &terms, &to)).await?
            }
            OfferKind::Lead => {
                let lead = Lead {
                    title: facts.title.clone(),
                    description: None,
                    message: format!("{} asks for help: {}", facts.company, facts.title),
                    lead: typed::<LeadContext>(lead(facts, self.service.now()))?,
                };
                Box::pin(self.service.offer_lead(self.by, self.catalog, &lead, &to)).await?
            }
        };
        if let Some(offered) = offered.into_iter().next() {
            let known = &mut self.known[place];
            known.engagement = offered.engagement_id;
            known.invitation = offered.invitation_id;
        }
        self.story.invitations += 1;
        Ok(())
    }

    async fn answer(
        &mut self,
        place: usize,
        account: &str,
        offer: &Offer,
        answer: &Answer,
    ) -> Result<(), ApiError> {
        let known = self.known[place].clone();
        match (answer, offer.kind) {
            (Answer::Accept, OfferKind::Referral) => self.join(place, account, &known.invitation).await,
            (Answer::Accept, OfferKind::Lead) => {
                let body = json!({"Identifier": known.invitation});
                self.call(account, Operation::AcceptEngagementInvitation, body)
                    .await
                    .map(|_| ())
            }
            (Answer::Reject(reason), _) => self.refuse(account, &known.invitation, reason).await,
            (Answer::Withdraw, _) => {
                let withdrawn = self
                    .service
                    .withdraw_invitation(self.by, self.catalog, &known.invitation);
                Box::pin(withdrawn).await.map(|_| ())
            }
            (Answer::Convert, _) => {
                let body = json!({
                    "Identifier": known.engagement, "ContextIdentifier": "1",
                    "ClientToken": self.token(place, "convert"),
                });
                self.perform(account, Operation::StartOpportunityFromEngagementTask, body)
                    .await?;
                self.story.opportunities += 1;
                Ok(())
            }
        }
    }
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(answer)
        .map_err(|error| ApiError::internal(format!("an answer cannot be read: {error}")))
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    // From text, since some types of the contract borrow from what they are read from.
    serde_json::from_str(&value.to_string())
        .map_err(|error| super::pack::wrong("document", error.to_string()))
}

fn text(answer: &Value, member: &str) -> Result<String, ApiError> {
    let found = answer[member].as_str().map(str::to_owned);
    found.ok_or_else(|| ApiError::internal(format!("an answer has no {member}")))
}
