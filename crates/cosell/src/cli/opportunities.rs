//! `cosell opportunity`: the opportunities of all partners, and how a request about one would be answered.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use cosell_domain::Catalog;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::failure::Failure;
use super::remote::{At, Remote, Target};
use super::reviews::lines;
use super::shown::{InCatalog, at, row};
use super::{file, parse_catalog};
use crate::output::{Output, say};

/// What can be asked of opportunities.
#[derive(Subcommand)]
pub enum Command {
    /// Search the opportunities of all partners, drafts too
    Search(Box<Search>),
    /// Show an opportunity that AWS knows of
    Show(Show),
    /// Say how a partner's request would be answered, without doing it
    Preview(Preview),
}

#[derive(Args)]
pub struct Search {
    /// Words that title, company, problem, next steps or an identifier must have
    words: Vec<String>,
    /// Of this partner account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// In this catalog: AWS or Sandbox [default: both]
    #[arg(long, value_parser = parse_catalog)]
    catalog: Option<Catalog>,
    /// With this identifier of the partner's own
    #[arg(long, value_name = "ID")]
    partner_identifier: Option<String>,
    /// About this customer, by its exact name
    #[arg(long, value_name = "NAME")]
    company: Option<String>,
    /// In these review statuses, separated by commas
    #[arg(long, value_name = "STATUS")]
    review_status: Option<String>,
    /// In these stages, separated by commas
    #[arg(long)]
    stage: Option<String>,
    /// Last modified at this time or later
    #[arg(long, value_name = "TIME")]
    modified_from: Option<String>,
    /// Last modified at this time or earlier
    #[arg(long, value_name = "TIME")]
    modified_to: Option<String>,
    /// Most rows
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = super::parse_rows)]
    limit: usize,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Show {
    /// The opportunity, such as O1234567
    id: String,
    #[command(flatten)]
    catalog: InCatalog,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Preview {
    /// The request
    #[arg(value_enum)]
    kind: Wanted,
    /// The partner account that would send it
    #[arg(long, value_name = "ID")]
    account: String,
    /// The body of CreateOpportunity, UpdateOpportunity or SubmitOpportunity in JSON; - reads it from the standard input
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    Create,
    Update,
    Submit,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Search(wanted) => search(output, &wanted).await,
        Command::Show(show) => {
            let at = At::new(["opportunities", &show.id]).with("catalog", Some(show.catalog.name()));
            let seen: Value = Remote::open(&show.target)?.get(&at).await?;
            output.one(&seen, &lines(&seen))
        }
        Command::Preview(wanted) => preview(output, &wanted).await,
    }
}

async fn search(output: Output, wanted: &Search) -> anyhow::Result<()> {
    let words = wanted.words.join(" ");
    let at = At::new(["opportunities"])
        .with("account", wanted.account.as_deref())
        .with("catalog", wanted.catalog.map(Catalog::as_str))
        .with(
            "partnerOpportunityIdentifier",
            wanted.partner_identifier.as_deref(),
        )
        .with("company", wanted.company.as_deref())
        .with("reviewStatus", wanted.review_status.as_deref())
        .with("stage", wanted.stage.as_deref())
        .with("modifiedFrom", wanted.modified_from.as_deref())
        .with("modifiedTo", wanted.modified_to.as_deref())
        .with("text", Some(words.as_str()).filter(|words| !words.is_empty()));
    let rows: Vec<Value> = Remote::open(&wanted.target)?.list(&at, wanted.limit).await?;
    let pointers = [
        "/id",
        "/account",
        "/catalog",
        "/company",
        "/title",
        "/stage",
        "/reviewStatus",
        "/lastModifiedDate",
    ];
    output.list(
        &[
            "Opportunity",
            "Account",
            "Catalog",
            "Company",
            "Title",
            "Stage",
            "Review",
            "Modified",
        ],
        &rows,
        |found| row(found, &pointers),
        "Nothing was found",
    )
}

async fn preview(output: Output, wanted: &Preview) -> anyhow::Result<()> {
    let kind = match wanted.kind {
        Wanted::Create => "create",
        Wanted::Update => "update",
        Wanted::Submit => "submit",
    };
    let body = json!({"kind": kind, "document": file::object(&wanted.file)?});
    let place = At::new(["accounts", &wanted.account, "preview"]);
    let outlook: Value = Remote::open(&wanted.target)?.post(&place, Some(&body)).await?;
    let accepted = outlook["accepted"] == true;
    if output == Output::Json {
        output.one(&outlook, &[])?;
    } else if accepted {
        say("It would be accepted")?;
    } else {
        tell_refusal(output, &outlook)?;
    }
    match accepted {
        true => Ok(()),
        false => Err(Failure::WouldBeRefused.into()),
    }
}

fn tell_refusal(output: Output, outlook: &Value) -> anyhow::Result<()> {
    let list = outlook["ErrorList"].as_array().cloned().unwrap_or_default();
    say(format_args!("It would be refused: {}", at(outlook, "/error")))?;
    if list.is_empty() {
        return say(at(outlook, "/message"));
    }
    output.list(
        &["Field", "Code", "Message"],
        &list,
        |one| row(one, &["/FieldName", "/Code", "/Message"]),
        "",
    )
}
