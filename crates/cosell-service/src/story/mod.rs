//! Stories of partners and AWS over one store, by a clock that the test moves: what holds across operations, whoever does
//! what when. One file per theme; what a single operation does is tested beside it.

mod autopilot;
mod clock;
mod desk;
mod events;
mod faults;
pub(crate) mod gate;
mod limits;
mod races;
mod reasons;
mod servers;
mod sound;
mod tasks;
mod threads;
mod visibility;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use cosell_domain::opportunity::assign::User;
use cosell_model::{ApiError, ErrorKind, Operation as Op, Timestamp};
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::{Value, json};

use crate::audit::Author;
use crate::identity::accounts::Account;
use crate::identity::partner::{Partner, register};
use crate::testing::{ONE, REGION, TWO, World, second};
use crate::{Clock, Settings};
use gate::Gated;

const THREE: &str = "333344445555";
const AWS: &str = "390403897881";
const DAY: i64 = 24 * 60 * 60 * 1000;
const SUMMARY: &str = "OpportunitySummaryView";
const AWS_VIEW: &str = "AwsOpportunitySummaryFullView";

/// A clock that stands still unless it is moved.
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A world with three partners, each with an alliance lead.
struct Story<C = Moved> {
    world: World,
    gate: Arc<Gated>,
    clock: Arc<C>,
    tokens: AtomicU64,
}

impl Story {
    async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// Names are the same in every run.
    async fn with(settings: Settings) -> Self {
        let clock = Arc::new(Moved(AtomicI64::new(second(0).as_millis())));
        Self::by(clock, settings).await
    }

    /// Time goes by, and what is due is done: how many jobs were finished.
    async fn pass(&self, millis: i64) -> usize {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
        self.world.service.run_due_jobs().await.unwrap()
    }
}

impl<C: Clock + 'static> Story<C> {
    /// By that clock. Names are the same in every run.
    async fn by(clock: Arc<C>, settings: Settings) -> Self {
        let store = SqliteStore::open_ephemeral(Options::default()).unwrap();
        let gate = Arc::new(Gated::new(Arc::new(store)));
        let settings = Settings {
            seed: settings.seed.or(Some([7; 32])),
            ..settings
        };
        let world = World::over(
            Arc::clone(&gate) as _,
            Arc::clone(&clock) as Arc<dyn Clock>,
            settings,
        );
        let story = Self {
            world,
            gate,
            clock,
            tokens: AtomicU64::new(0),
        };
        for account in [ONE, TWO, THREE] {
            story.partner(account).await;
        }
        story
    }

    async fn partner(&self, account: &str) {
        let lead = User {
            email: format!("lead@{account}.example.com"),
            first_name: "Ada".into(),
            last_name: "Lead".into(),
        };
        let partner = Partner {
            users: vec![lead],
            ..Account {
                account_id: account.to_owned(),
                company_name: format!("Partner {account}"),
                website_url: None,
                created_date: second(0),
            }
            .into()
        };
        register(&*self.world.store, &Author::command(), REGION, partner)
            .await
            .unwrap();
    }

    /// Calls in the sandbox with a client token of its own, unless the body has one.
    async fn call(&self, account: &str, operation: Op, mut body: Value) -> Result<Value, ApiError> {
        if body.get("ClientToken").is_none() {
            let token = self.tokens.fetch_add(1, Ordering::SeqCst);
            body["ClientToken"] = format!("t{token}").into();
        }
        Box::pin(self.world.call(account, operation, body)).await
    }

    async fn ok(&self, account: &str, operation: Op, body: Value) -> Value {
        let answer = self.call(account, operation, body.clone()).await;
        answer.unwrap_or_else(|error| panic!("{operation:?} by {account} of {body}: {error:?}"))
    }

    async fn refusal(&self, account: &str, operation: Op, body: Value) -> ErrorKind {
        self.call(account, operation, body).await.unwrap_err().kind
    }

    async fn engagement(&self, account: &str) -> String {
        let body = json!({"Title": "Ovens", "Description": "All the ovens"});
        text(&self.ok(account, Op::CreateEngagement, body).await, "Id")
    }

    async fn context(&self, account: &str, engagement: &str, kind: &str) -> String {
        let body = context(engagement, kind);
        text(
            &self.ok(account, Op::CreateEngagementContext, body).await,
            "ContextId",
        )
    }

    /// A draft that can be submitted.
    async fn opportunity(&self, account: &str) -> String {
        text(&self.ok(account, Op::CreateOpportunity, draft()).await, "Id")
    }

    async fn read(&self, account: &str, id: &str) -> Value {
        self.ok(account, Op::GetOpportunity, json!({"Identifier": id}))
            .await
    }

    /// Sends back what is read, changed by `change`.
    async fn update(
        &self,
        account: &str,
        id: &str,
        change: impl FnOnce(&mut Value),
    ) -> Result<Value, ApiError> {
        let read = self
            .call(account, Op::GetOpportunity, json!({"Identifier": id}))
            .await?;
        let mut body = as_update(read);
        change(&mut body);
        self.call(account, Op::UpdateOpportunity, body).await
    }

    /// AWS decides, as the sandbox lets a partner say.
    async fn review(&self, account: &str, id: &str, status: &str) -> Result<Value, ApiError> {
        let set = |body: &mut Value| body["LifeCycle"]["ReviewStatus"] = status.into();
        self.update(account, id, set).await
    }

    async fn invite(&self, sender: &str, engagement: &str, receiver: &str) -> String {
        let body = invitation(engagement, receiver);
        text(&self.ok(sender, Op::CreateEngagementInvitation, body).await, "Id")
    }

    async fn accept(&self, account: &str, invitation: &str) -> Result<Value, ApiError> {
        let body = json!({"Identifier": invitation});
        self.call(account, Op::AcceptEngagementInvitation, body).await
    }

    /// Puts the account into the engagement.
    async fn join(&self, sender: &str, engagement: &str, account: &str) {
        let invitation = self.invite(sender, engagement, account).await;
        self.accept(account, &invitation).await.unwrap();
    }

    async fn share_by_task(&self, account: &str, id: &str) -> Value {
        let body = json!({"Identifier": id, "AwsSubmission": {"InvolvementType": "Co-Sell"}});
        self.ok(account, Op::StartEngagementFromOpportunityTask, body)
            .await
    }

    async fn by_accepting(&self, account: &str, invitation: &str) -> Value {
        let body = json!({"Identifier": invitation});
        self.ok(account, Op::StartEngagementByAcceptingInvitationTask, body)
            .await
    }

    async fn convert(&self, account: &str, engagement: &str, context: &str) -> Value {
        let body = json!({"Identifier": engagement, "ContextIdentifier": context});
        self.ok(account, Op::StartOpportunityFromEngagementTask, body)
            .await
    }

    async fn snapshot(&self, account: &str, engagement: &str, id: &str) -> Result<Value, ApiError> {
        self.call(
            account,
            Op::CreateResourceSnapshot,
            resource(engagement, id, SUMMARY),
        )
        .await
    }

    async fn job(&self, account: &str, engagement: &str, id: &str) -> String {
        let body = resource(engagement, id, SUMMARY);
        text(&self.ok(account, Op::CreateResourceSnapshotJob, body).await, "Id")
    }

    async fn on_job(&self, account: &str, operation: Op, job: &str) -> Result<Value, ApiError> {
        let body = json!({"ResourceSnapshotJobIdentifier": job});
        self.call(account, operation, body).await
    }

    async fn members(&self, account: &str, engagement: &str) -> Vec<String> {
        let body = json!({"Identifier": engagement});
        let rows = self
            .world
            .pages(
                account,
                Op::ListEngagementMembers,
                "EngagementMemberList",
                body,
                2,
            )
            .await;
        rows.iter().map(|row| text(row, "AccountId")).collect()
    }

    async fn invitation_status(&self, account: &str, id: &str) -> String {
        let read = self.ok(account, Op::GetEngagementInvitation, json!({"Identifier": id}));
        text(&read.await, "Status")
    }

    async fn review_status(&self, account: &str, id: &str) -> String {
        text(&self.read(account, id).await["LifeCycle"], "ReviewStatus")
    }
}

/// A member of an answer that is a text.
fn text(answer: &Value, member: &str) -> String {
    match answer[member].as_str() {
        Some(text) => text.to_owned(),
        None => panic!("{member} is no text in {answer}"),
    }
}

fn next_steps(steps: impl Into<Value>) -> impl FnOnce(&mut Value) {
    let steps = steps.into();
    move |body| body["LifeCycle"]["NextSteps"] = steps
}

fn resource(engagement: &str, id: &str, template: &str) -> Value {
    json!({"EngagementIdentifier": engagement, "ResourceType": "Opportunity",
        "ResourceIdentifier": id, "ResourceSnapshotTemplateIdentifier": template})
}

/// What was read, as an update sends it back.
fn as_update(mut read: Value) -> Value {
    let members = read.as_object_mut().unwrap();
    let id = members.remove("Id").unwrap();
    for member in [
        "Arn",
        "CreatedDate",
        "OpportunityTeam",
        "RelatedEntityIdentifiers",
    ] {
        members.remove(member);
    }
    members.insert("Identifier".into(), id);
    read
}

fn draft() -> Value {
    json!({
        "Origin": "Partner Referral",
        "OpportunityType": "Net New Business",
        "PrimaryNeedsFromAws": ["Co-Sell - Architectural Validation"],
        "Customer": {"Account": {"CompanyName": "Northwind Marzipan", "Industry": "Retail",
            "WebsiteUrl": "https://northwind.example.com",
            "Address": {"CountryCode": "US", "PostalCode": "98101", "StateOrRegion": "Washington"}}},
        "Project": {"Title": "Marzipan on demand",
            "CustomerBusinessProblem": "The ovens are planned by hand, which costs two nights a week.",
            "CustomerUseCase": "Database", "DeliveryModels": ["SaaS or PaaS"],
            "SalesActivities": ["Initialized discussions with customer"],
            "OtherSolutionDescription": "An oven planner of our own",
            "ExpectedCustomerSpend": [{"Amount": "2500.00", "CurrencyCode": "USD",
                "Frequency": "Monthly", "TargetCompany": "AWS"}]},
        "Marketing": {"Source": "None"},
        "LifeCycle": {"Stage": "Qualified", "TargetCloseDate": "2035-01-01", "NextSteps": "Call"}
    })
}

fn referral() -> Value {
    let mut body = draft();
    body["Origin"] = "AWS Referral".into();
    body
}

fn context(engagement: &str, kind: &str) -> Value {
    let payload = match kind {
        "Lead" => json!({"Lead": lead()}),
        _ => json!({"CustomerProject": {"Customer": {"CompanyName": "Northwind", "Industry": "Retail",
            "WebsiteUrl": "https://northwind.example.com", "CountryCode": "US"}}}),
    };
    json!({"EngagementIdentifier": engagement, "Type": kind, "Payload": payload})
}

fn lead() -> Value {
    json!({"Customer": {"CompanyName": "Northwind", "Industry": "Retail",
            "WebsiteUrl": "https://northwind.example.com", "Address": {"CountryCode": "US"}},
        "Interactions": [{"SourceType": "Event", "SourceId": "1", "SourceName": "Fair",
            "InteractionDate": "2026-11-01T00:00:00Z", "Usecase": "Planning",
            "CustomerAction": "Left a card", "BusinessProblem": "The ovens are planned by hand every night.",
            "Contact": {"BusinessTitle": "CIO", "Email": "cio@northwind.example.com",
                "FirstName": "Wil", "LastName": "Quartz"}}]})
}

fn invitation(engagement: &str, receiver: &str) -> Value {
    json!({"EngagementIdentifier": engagement, "Invitation": {
        "Message": "Join us", "Receiver": {"Account": {"AwsAccountId": receiver}},
        "Payload": {"OpportunityInvitation": {"ReceiverResponsibilities": ["Reseller"],
            "Customer": {"Industry": "Retail", "CompanyName": "Northwind", "CountryCode": "US",
                "WebsiteUrl": "https://northwind.example.com"},
            "Project": {"Title": "Marzipan on demand", "TargetCompletionDate": "2035-01-01",
                "BusinessProblem": "The ovens are planned by hand, which costs two nights a week.",
                "ExpectedCustomerSpend": [{"Amount": "100.00", "CurrencyCode": "USD",
                    "Frequency": "Monthly", "TargetCompany": "AWS"}]}}}}})
}

fn lead_invitation(engagement: &str, receiver: &str) -> Value {
    json!({"EngagementIdentifier": engagement, "Invitation": {
        "Message": "A lead for you", "Receiver": {"Account": {"AwsAccountId": receiver}},
        "Payload": {"LeadInvitation": {"Customer": {"CompanyName": "Northwind"},
            "Interaction": {"ContactBusinessTitle": "CIO"}}}}})
}
