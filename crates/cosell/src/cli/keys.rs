//! `cosell key`.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::ask::Ask as _;
use super::desk::Desk;
use super::remote::{At, Target};
use super::shown::{at, lines, row};
use crate::output::{Output, say};

/// What can be done with access keys.
#[derive(Subcommand)]
pub enum Command {
    /// Create an access key; its secret is shown this once
    Create(OfAccount),
    /// List the access keys of an account
    List(OfAccount),
    /// Revoke an access key for good; a running server refuses it within a second
    Revoke(Revoke),
}

#[derive(Args)]
pub struct OfAccount {
    /// The account
    #[arg(long, value_name = "ID")]
    account: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Revoke {
    /// The access key id
    access_key_id: String,
    #[command(flatten)]
    target: Target,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create(create) => {
            let desk = Desk::open(&create.target).await?;
            let made: Value = desk.post(&create.keys(), None::<&()>).await?;
            let wanted = [
                ("Access key id", "/accessKeyId"),
                ("Secret access key", "/secretAccessKey"),
                ("Account", "/accountId"),
            ];
            output.one(&made, &lines(&made, &wanted))?;
            if output == Output::Table {
                say("\nKeep the secret now: it cannot be shown again.")?;
            }
            Ok(())
        }
        Command::List(list) => {
            let desk = Desk::open(&list.target).await?;
            let rows: Vec<Value> = desk.list(&list.keys(), usize::MAX).await?;
            output.list(
                &["Access key id", "Status", "Created"],
                &rows,
                |key| row(key, &["/accessKeyId", "/status", "/createdDate"]),
                "No access keys yet: create one with `cosell key create`",
            )
        }
        Command::Revoke(revoke) => {
            let desk = Desk::open(&revoke.target).await?;
            let id = &revoke.access_key_id;
            let found: Value = desk.get(&At::new(["keys", id])).await?;
            let owner = at(&found, "/accountId");
            let key: Value = desk.delete(&At::new(["accounts", &owner, "keys", id])).await?;
            let wanted = [
                ("Access key id", "/accessKeyId"),
                ("Account", "/accountId"),
                ("Status", "/status"),
            ];
            output.one(&key, &lines(&key, &wanted))
        }
    }
}

impl OfAccount {
    fn keys(&self) -> At {
        At::new(["accounts", &self.account, "keys"])
    }
}
