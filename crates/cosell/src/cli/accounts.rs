//! `cosell account`.

use clap::{Args, Subcommand};
use cosell_service::audit::Author;
use cosell_service::identity::accounts::{self, Account};
use cosell_service::identity::partner;

use super::Folder;
use crate::output::{Output, say};

/// What can be done with accounts.
#[derive(Subcommand)]
pub enum Command {
    /// Register a partner account
    Create(Create),
    /// List the accounts
    List(Folder),
    /// Show one account
    Show(Show),
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
    folder: Folder,
}

#[derive(Args)]
pub struct Show {
    /// The 12-digit AWS account id
    account: String,
    #[command(flatten)]
    folder: Folder,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create(create) => {
            let opened = create.folder.open()?;
            let data = create.folder.data.display().to_string();
            let account = Account {
                account_id: create.account,
                company_name: create.company,
                website_url: create.website,
                created_date: opened.now,
            };
            partner::register(
                &*opened.store,
                &Author::command(),
                &opened.region,
                account.clone().into(),
            )
            .await?;
            show(output, &account)?;
            if output == Output::Table {
                say(format_args!(
                    "\nNext: cosell key create --data {data} --account {}",
                    account.account_id
                ))?;
            }
            Ok(())
        }
        Command::List(folder) => {
            let opened = folder.open()?;
            let rows = accounts::list(&*opened.store).await?;
            let cells = |row: &Account| {
                let website = row.website_url.clone().unwrap_or_default();
                vec![
                    row.account_id.clone(),
                    row.company_name.clone(),
                    website,
                    row.created_date.to_string(),
                ]
            };
            let nothing = "No accounts yet: register one with `cosell account create`";
            output.list(
                &["Account", "Company", "Website", "Created"],
                &rows,
                cells,
                nothing,
            )
        }
        Command::Show(named) => {
            let opened = named.folder.open()?;
            show(output, &accounts::expect(&*opened.store, &named.account).await?)
        }
    }
}

fn show(output: Output, account: &Account) -> anyhow::Result<()> {
    let lines = [
        ("Account", account.account_id.clone()),
        ("Company", account.company_name.clone()),
        ("Website", account.website_url.clone().unwrap_or_default()),
        ("Created", account.created_date.to_string()),
    ];
    output.one(account, &lines)
}
