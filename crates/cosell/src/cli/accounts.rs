//! `cosell account`.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk::Desk;
use super::remote::{At, Target};
use super::shown::{change, lines, row};
use crate::output::{Output, say};

/// What can be done with accounts.
#[derive(Subcommand)]
pub enum Command {
    /// Register a partner account
    Create(Create),
    /// List the accounts
    List(Target),
    /// Show one account
    Show(Show),
    /// Change the name or the website of an account; what names the company already keeps the name it has
    Update(Update),
}

#[derive(Args)]
pub struct Create {
    /// The 12-digit AWS account id
    #[arg(long, value_name = "ID")]
    account: String,
    /// The partner's company name
    #[arg(long, value_name = "NAME")]
    company: String,
    /// The partner's website
    #[arg(long, value_name = "URL")]
    website: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Show {
    /// The 12-digit AWS account id
    account: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).multiple(true).args(["company", "website", "no_website"])))]
pub struct Update {
    /// The 12-digit AWS account id
    account: String,
    /// The partner's company name
    #[arg(long, value_name = "NAME")]
    company: Option<String>,
    /// The partner's website
    #[arg(long, value_name = "URL", conflicts_with = "no_website")]
    website: Option<String>,
    /// It has no website
    #[arg(long)]
    no_website: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create(create) => {
            let new = json!({
                "accountId": create.account, "companyName": create.company, "websiteUrl": create.website,
            });
            let desk = Desk::open(&create.target).await?;
            let made: Value = desk.post(&At::new(["accounts"]), Some(&new)).await?;
            show(output, &made)?;
            if output == Output::Table {
                let same = create.target.again();
                say(format_args!(
                    "\nNext: cosell key create{same} --account {}",
                    create.account
                ))?;
            }
            Ok(())
        }
        Command::List(target) => {
            let desk = Desk::open(&target).await?;
            let rows: Vec<Value> = desk.list(&At::new(["accounts"]), usize::MAX).await?;
            output.list(
                &["Account", "Company", "Website", "Created"],
                &rows,
                |account| {
                    row(
                        account,
                        &["/accountId", "/companyName", "/websiteUrl", "/createdDate"],
                    )
                },
                "No accounts yet: register one with `cosell account create`",
            )
        }
        Command::Show(named) => {
            let desk = Desk::open(&named.target).await?;
            show(output, &desk.get(&At::new(["accounts", &named.account])).await?)
        }
        Command::Update(update) => {
            let change = change([
                ("companyName", update.company, false),
                ("websiteUrl", update.website, update.no_website),
            ]);
            let desk = Desk::open(&update.target).await?;
            let at = At::new(["accounts", &update.account]);
            show(output, &desk.patch(&at, &change).await?)
        }
    }
}

fn show(output: Output, account: &Value) -> anyhow::Result<()> {
    let wanted = [
        ("Account", "/accountId"),
        ("Company", "/companyName"),
        ("Website", "/websiteUrl"),
        ("Created", "/createdDate"),
    ];
    output.one(account, &lines(account, &wanted))
}
