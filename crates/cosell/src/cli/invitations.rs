//! `cosell invitation`: the invitations that AWS sent, and those that partners sent to AWS.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::remote::{At, Remote, Target};
use super::shown::{self, InCatalog, row};
use crate::output::Output;

/// What can be done with AWS's invitations.
#[derive(Subcommand)]
pub enum Command {
    /// List the invitations that AWS sent, or those that it received
    List(List),
    /// Show an invitation
    Show(One),
    /// Take back an invitation that AWS sent and nobody answered
    Withdraw(One),
    /// Have AWS accept a partner's invitation
    Accept(One),
    /// Have AWS reject a partner's invitation
    Reject(Reject),
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    catalog: InCatalog,
    /// Those that AWS sent or those that it received
    #[arg(long, value_enum, default_value_t)]
    side: Side,
    /// In these statuses, separated by commas, such as PENDING
    #[arg(long)]
    status: Option<String>,
    /// Most rows
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::parse_rows)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Side {
    #[default]
    Sent,
    Received,
}

#[derive(Args)]
pub struct One {
    /// The invitation, such as engi-0000000000001
    id: String,
    #[command(flatten)]
    catalog: InCatalog,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Reject {
    #[command(flatten)]
    one: One,
    /// The reason that the partner reads
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(wanted) => list(output, &wanted).await,
        Command::Show(one) => {
            let at = At::new(["invitations", &one.id]).with("catalog", Some(one.catalog.name()));
            show(output, &Remote::open(&one.target)?.get(&at).await?)
        }
        Command::Withdraw(one) => answer(output, &one, "withdraw", None).await,
        Command::Accept(one) => answer(output, &one, "accept", None).await,
        Command::Reject(reject) => {
            let body = json!({"reason": reject.reason});
            answer(output, &reject.one, "reject", Some(body)).await
        }
    }
}

async fn list(output: Output, wanted: &List) -> anyhow::Result<()> {
    let side = match wanted.side {
        Side::Sent => "sent",
        Side::Received => "received",
    };
    let at = At::new(["invitations"])
        .with("catalog", Some(wanted.catalog.name()))
        .with("side", Some(side))
        .with("status", wanted.status.as_deref());
    let rows: Vec<Value> = Remote::open(&wanted.target)?.list(&at, wanted.limit).await?;
    let cells = |invitation: &Value| {
        let partner = match wanted.side {
            Side::Sent => "/Receiver/Account/AwsAccountId",
            Side::Received => "/SenderAwsAccountId",
        };
        row(
            invitation,
            &[
                "/Id",
                partner,
                "/EngagementTitle",
                "/PayloadType",
                "/Status",
                "/ExpirationDate",
            ],
        )
    };
    output.list(
        &["Invitation", "Partner", "Title", "About", "Status", "Expires"],
        &rows,
        cells,
        "No invitations in this catalog",
    )
}

async fn answer(output: Output, one: &One, verb: &str, body: Option<Value>) -> anyhow::Result<()> {
    let at = At::new(["invitations", &one.id, verb]).with("catalog", Some(one.catalog.name()));
    show(
        output,
        &Remote::open(&one.target)?.post(&at, body.as_ref()).await?,
    )
}

fn show(output: Output, invitation: &Value) -> anyhow::Result<()> {
    let lines = shown::lines(
        invitation,
        &[
            ("Invitation", "/Id"),
            ("Engagement", "/EngagementId"),
            ("Title", "/EngagementTitle"),
            ("About", "/PayloadType"),
            ("From", "/SenderAwsAccountId"),
            ("To", "/Receiver/Account/AwsAccountId"),
            ("Status", "/Status"),
            ("Sent", "/InvitationDate"),
            ("Expires", "/ExpirationDate"),
        ],
    );
    output.one(invitation, &lines)
}
