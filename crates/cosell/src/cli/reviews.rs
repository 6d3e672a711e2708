//! `cosell review`: the review desk of a running server.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::remote::{At, Remote, Target};
use super::shown::{self, InCatalog, age, row};
use crate::output::Output;

/// What can be done at the review desk.
#[derive(Subcommand)]
pub enum Command {
    /// Show what waits for an answer, the oldest first
    List(Box<List>),
    /// Begin a review: In review
    Take(One),
    /// Approve an opportunity, for good
    Approve(Approve),
    /// Reject an opportunity, for good
    Reject(Explain),
    /// Ask the partner to correct an opportunity: Action Required
    ActionRequired(Explain),
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    catalog: InCatalog,
    /// In these review statuses, separated by commas [default: Submitted,In review]
    #[arg(long)]
    status: Option<String>,
    /// Of this partner account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// In these stages of the partner, separated by commas
    #[arg(long)]
    stage: Option<String>,
    /// About this customer, by its exact name
    #[arg(long, value_name = "NAME")]
    company: Option<String>,
    /// In these industries, separated by commas
    #[arg(long)]
    industry: Option<String>,
    /// In these countries by their codes, separated by commas
    #[arg(long)]
    country: Option<String>,
    /// With this identifier of the partner's own
    #[arg(long, value_name = "ID")]
    partner_identifier: Option<String>,
    /// With at least this monthly spend
    #[arg(long, value_name = "NUMBER", value_parser = parse_amount)]
    amount_from: Option<u64>,
    /// With at most this monthly spend
    #[arg(long, value_name = "NUMBER", value_parser = parse_amount)]
    amount_to: Option<u64>,
    /// The newest first
    #[arg(long)]
    newest: bool,
    /// Most rows
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::parse_rows)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct One {
    /// The opportunity, such as O1234567
    id: String,
    #[command(flatten)]
    catalog: InCatalog,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Approve {
    #[command(flatten)]
    one: One,
    /// What the partner should know
    #[arg(long, value_name = "TEXT")]
    comments: Option<String>,
}

#[derive(Args)]
pub struct Explain {
    #[command(flatten)]
    one: One,
    /// A code or a few words that the partner reads as ReviewStatusReason
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// What the partner should know besides
    #[arg(long, value_name = "TEXT")]
    comments: Option<String>,
}

impl Explain {
    fn body(&self) -> Value {
        json!({"reason": self.reason, "comments": self.comments})
    }
}

/// An amount as the queue can be asked for it.
fn parse_amount(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| "must be a whole number such as 5000; it is compared whatever the currency".to_owned())
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(list) => queue(output, &list).await,
        Command::Take(one) => decide(output, &one, "take", None).await,
        Command::Approve(approve) => {
            let body = json!({"comments": approve.comments});
            decide(output, &approve.one, "approve", Some(body)).await
        }
        Command::Reject(explain) => decide(output, &explain.one, "reject", Some(explain.body())).await,
        Command::ActionRequired(explain) => {
            decide(output, &explain.one, "action-required", Some(explain.body())).await
        }
    }
}

async fn queue(output: Output, list: &List) -> anyhow::Result<()> {
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    let at = At::new(["reviews"])
        .with("catalog", Some(list.catalog.name()))
        .with("status", list.status.as_deref())
        .with("account", list.account.as_deref())
        .with("stage", list.stage.as_deref())
        .with("company", list.company.as_deref())
        .with("industry", list.industry.as_deref())
        .with("country", list.country.as_deref())
        .with("partnerOpportunityIdentifier", list.partner_identifier.as_deref())
        .with("amountFrom", text(list.amount_from).as_deref())
        .with("amountTo", text(list.amount_to).as_deref())
        .with("order", list.newest.then_some("newest"));
    let rows: Vec<Value> = Remote::open(&list.target)?.list(&at, list.limit).await?;
    let cells = |deal: &Value| {
        let waited = deal["ageSeconds"].as_i64().unwrap_or_default();
        let mut cells = row(
            deal,
            &[
                "/id",
                "/account",
                "/company",
                "/title",
                "/monthlySpend",
                "/reviewStatus",
                "/takenBy",
            ],
        );
        cells.push(age(waited));
        cells
    };
    output.list(
        &[
            "Opportunity",
            "Account",
            "Company",
            "Title",
            "Monthly",
            "Status",
            "Taken by",
            "Waits",
        ],
        &rows,
        cells,
        &format!(
            "Nothing waits that was asked for in catalog {}",
            list.catalog.name()
        ),
    )
}

async fn decide(output: Output, one: &One, verb: &str, body: Option<Value>) -> anyhow::Result<()> {
    let at = At::new(["reviews", &one.id, verb]).with("catalog", Some(one.catalog.name()));
    let seen: Value = Remote::open(&one.target)?.post(&at, body.as_ref()).await?;
    output.one(&seen, &lines(&seen))
}

/// What is told of a deal.
pub fn lines(seen: &Value) -> Vec<(&'static str, String)> {
    shown::lines(
        seen,
        &[
            ("Opportunity", "/deal/id"),
            ("Account", "/deal/account"),
            ("Catalog", "/deal/catalog"),
            ("Company", "/deal/company"),
            ("Title", "/deal/title"),
            ("Review status", "/deal/reviewStatus"),
            ("Taken by", "/deal/takenBy"),
            ("Reason", "/opportunity/LifeCycle/ReviewStatusReason"),
            ("Comments", "/opportunity/LifeCycle/ReviewComments"),
            ("Submitted", "/deal/submittedDate"),
            ("Submissions", "/deal/submissions"),
            ("Partner's stage", "/deal/stage"),
            ("AWS's stage", "/awsSummary/LifeCycle/Stage"),
            ("AWS's next steps", "/awsSummary/LifeCycle/NextSteps"),
            ("AWS's close date", "/awsSummary/LifeCycle/TargetCloseDate"),
            ("AWS's loss reason", "/awsSummary/LifeCycle/ClosedLostReason"),
            ("Involvement", "/awsSummary/InvolvementType"),
            ("Visibility", "/awsSummary/Visibility"),
            ("Co-sell motion", "/awsSummary/CosellMotion"),
            ("Engagement score", "/awsSummary/Insights/EngagementScore"),
            ("Next best actions", "/awsSummary/Insights/NextBestActions"),
            ("Quality", "/awsSummary/Insights/OpportunityQuality/Score"),
        ],
    )
}
