//! `cosell key`.

use clap::{Args, Subcommand};
use cosell_service::audit::Author;
use cosell_service::identity::keys::{self, AccessKey};

use super::Folder;
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
    folder: Folder,
}

#[derive(Args)]
pub struct Revoke {
    /// The access key id
    access_key_id: String,
    #[command(flatten)]
    folder: Folder,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "PascalCase")]
struct WithSecret<'a> {
    #[serde(flatten)]
    key: &'a AccessKey,
    secret_access_key: &'a str,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create(create) => {
            let opened = create.folder.open()?;
            keys::expect_sealer(&*opened.store, &opened.sealer).await?;
            let new = keys::create(
                &*opened.store,
                &Author::command(),
                &opened.sealer,
                &create.account,
                opened.now,
            )
            .await?;
            let lines = [
                ("Access key id", new.key.access_key_id.clone()),
                ("Secret access key", new.secret.to_string()),
                ("Account", new.key.account_id.clone()),
            ];
            output.one(
                &WithSecret {
                    key: &new.key,
                    secret_access_key: &new.secret,
                },
                &lines,
            )?;
            if output == Output::Table {
                say("\nKeep the secret now: it cannot be shown again.")?;
            }
            Ok(())
        }
        Command::List(list) => {
            let opened = list.folder.open()?;
            let rows = keys::list(&*opened.store, &list.account).await?;
            let cells = |row: &AccessKey| {
                vec![
                    row.access_key_id.clone(),
                    format!("{:?}", row.status),
                    row.created_date.to_string(),
                ]
            };
            let nothing = "No access keys yet: create one with `cosell key create`";
            output.list(&["Access key id", "Status", "Created"], &rows, cells, nothing)
        }
        Command::Revoke(revoke) => {
            let opened = revoke.folder.open()?;
            let key = keys::revoke(
                &*opened.store,
                &Author::command(),
                &revoke.access_key_id,
                opened.now,
            )
            .await?;
            let lines = [
                ("Access key id", key.access_key_id.clone()),
                ("Account", key.account_id.clone()),
                ("Status", format!("{:?}", key.status)),
            ];
            output.one(&key, &lines)
        }
    }
}
