//! `cosell aws-opportunity`: AWS's own side of an opportunity, as AWS's seller keeps it.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::ask::Ask as _;
use super::file;
use super::remote::{At, Remote, Target};
use super::reviews::lines;
use super::shown::InCatalog;
use crate::output::Output;

/// What AWS's seller can do.
#[derive(Subcommand)]
pub enum Command {
    /// Show AWS's side of an opportunity
    Show(Show),
    /// Change AWS's side of an opportunity: what is not named stays
    Update(Box<Update>),
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
pub struct Update {
    #[command(flatten)]
    of: Show,
    /// AWS's stage, such as Engaged or "Business Validation"
    #[arg(long)]
    stage: Option<String>,
    /// What AWS does next; earlier steps go into the history
    #[arg(long, value_name = "TEXT")]
    next_steps: Option<String>,
    /// When AWS expects the deal to close, such as 2027-03-31
    #[arg(long, value_name = "DATE")]
    close_date: Option<String>,
    /// Why AWS lost it, together with --stage "Closed Lost"
    #[arg(long, value_name = "REASON")]
    closed_lost_reason: Option<String>,
    /// How AWS is involved: "Co-Sell" or "For Visibility Only"
    #[arg(long, value_name = "TYPE")]
    involvement: Option<String>,
    /// Why AWS changed that
    #[arg(long, value_name = "REASON")]
    involvement_reason: Option<String>,
    /// Who at AWS may see the deal: Full or Limited
    #[arg(long)]
    visibility: Option<String>,
    /// How AWS works the deal: "AWS Field-engaged", Agent-engaged or Partner-led
    #[arg(long)]
    motion: Option<String>,
    /// How much AWS engages: High, Medium or Low
    #[arg(long, value_name = "SCORE")]
    engagement_score: Option<String>,
    /// What AWS advises to do
    #[arg(long, value_name = "TEXT")]
    next_best_actions: Option<String>,
    /// JSON with any members of the change, which flags replace; - reads it from the standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Update {
    fn change(&self) -> anyhow::Result<Value> {
        let mut change = match &self.file {
            Some(path) => file::object(path)?,
            None => Map::new(),
        };
        for (name, value) in [
            ("stage", &self.stage),
            ("nextSteps", &self.next_steps),
            ("targetCloseDate", &self.close_date),
            ("closedLostReason", &self.closed_lost_reason),
            ("involvementType", &self.involvement),
            ("involvementTypeChangeReason", &self.involvement_reason),
            ("visibility", &self.visibility),
            ("cosellMotion", &self.motion),
        ] {
            if let Some(value) = value {
                change.insert(name.to_owned(), value.as_str().into());
            }
        }
        for (name, value) in [
            ("engagementScore", &self.engagement_score),
            ("nextBestActions", &self.next_best_actions),
        ] {
            if let Some(value) = value {
                let insights = change.entry("insights").or_insert_with(|| json!({}));
                let Value::Object(insights) = insights else {
                    bail!("the member insights of the file is no object, so no flag can add to it");
                };
                insights.insert(name.to_owned(), value.as_str().into());
            }
        }
        if change.is_empty() {
            bail!("nothing to change: name a member, such as --stage Engaged, or a --file");
        }
        Ok(Value::Object(change))
    }
}

fn place(of: &Show) -> At {
    At::new(["aws-opportunities", &of.id]).with("catalog", Some(of.catalog.name()))
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    let seen: Value = match command {
        Command::Show(show) => Remote::open(&show.target)?.get(&place(&show)).await?,
        Command::Update(update) => {
            let change = update.change()?;
            Remote::open(&update.of.target)?
                .patch(&place(&update.of), &change)
                .await?
        }
    };
    output.one(&seen, &lines(&seen))
}
