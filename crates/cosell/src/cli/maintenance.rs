//! `cosell init`, `cosell backup` and `cosell check`.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use cosell_store::StoreError;
use serde_json::json;

use super::Folder;
use super::progress::{Bar, Unit};
use crate::data_dir;
use crate::output::{Output, say};

/// `cosell backup`.
#[derive(Args)]
pub struct Backup {
    /// The file to write; it must not exist
    file: PathBuf,
    #[command(flatten)]
    folder: Folder,
}

/// Creates a data folder.
pub async fn init(output: Output, folder: &Folder) -> anyhow::Result<()> {
    let config = folder.store.config(&folder.data)?;
    let opened = data_dir::init(&folder.data, config.store()).await?;
    opened.store.close().await;
    let data = folder.data.display().to_string();
    output.one(&json!({ "Data": data }), &[("Data folder", data.clone())])?;
    if output == Output::Table {
        say(format_args!(
            "\nKeep a copy of {data}/cosell.key apart from the backups: without it no access key can be used.\n\
             Next: cosell account create --data {data} --account 123456789012 --company \"Your company\""
        ))?;
    }
    Ok(())
}

/// Copies the database.
pub async fn backup(output: Output, backup: Backup) -> anyhow::Result<()> {
    let opened = backup.folder.open().await?;
    let bar = Bar::new(output, Unit::Things("pages"), "copied");
    opened
        .backup(&backup.file, bar.teller())
        .await
        .map_err(|error| match error {
            // These say in plain words what is wrong with the file; whose contract it breaks is of no use here.
            StoreError::Invalid(what) | StoreError::Unavailable(what) => anyhow!(what),
            damaged => damaged.into(),
        })
        .with_context(|| format!("cannot write the backup {}", backup.file.display()))?;
    drop(bar);
    let file = backup.file.display().to_string();
    let bytes = std::fs::metadata(&backup.file)?.len();
    let lines = [("Backup", file.clone()), ("Bytes", bytes.to_string())];
    output.one(&json!({ "File": file, "Bytes": bytes }), &lines)?;
    if output == Output::Table {
        say(format_args!(
            "\nTo restore: put it into a folder as cosell.db, with the cosell.key of {}.",
            backup.folder.data.display()
        ))?;
    }
    Ok(())
}

/// Looks through everything stored.
pub async fn check(output: Output, folder: &Folder) -> anyhow::Result<()> {
    let opened = folder.open().await?;
    let bar = Bar::new(output, Unit::Things("records"), "checked");
    let report = opened.check(bar.teller()).await?;
    drop(bar);
    let lines = [
        ("Records", report.records.to_string()),
        ("Problems", report.problem_count.to_string()),
    ];
    output.one(
        &json!({ "Records": report.records, "ProblemCount": report.problem_count, "Problems": report.problems }),
        &lines,
    )?;
    if report.is_sound() {
        return Ok(());
    }
    if output == Output::Table {
        for problem in &report.problems {
            eprintln!("{problem}");
        }
    }
    bail!("the data folder is damaged: keep a copy of it as it is, and restore the latest sound backup")
}
