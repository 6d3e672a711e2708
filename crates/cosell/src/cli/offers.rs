//! `cosell referral` and `cosell lead`: what AWS offers to partners, from a file or from a template of the program.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{ArgGroup, Args, Subcommand};
use cosell_domain::Catalog;
use cosell_model::Timestamp;
use cosell_service::{Clock as _, SystemClock};
use serde_json::{Map, Value, json};

use super::ask::Ask as _;
use super::file;
use super::parse_catalog;
use super::remote::{At, Remote, Target};
use super::shown::row;
use crate::output::{Output, say};

/// What stands for a day in three months.
const CLOSE_DATE: &str = "IN_90_DAYS";
/// Templates of referrals, by name.
const REFERRALS: &[(&str, &str)] = &[
    ("migration", include_str!("templates/referral-migration.json")),
    ("analytics", include_str!("templates/referral-analytics.json")),
];
/// Templates of leads, by name.
const LEADS: &[(&str, &str)] = &[("event", include_str!("templates/lead-event.json"))];

/// What can be done with referrals.
#[derive(Subcommand)]
pub enum Referral {
    /// Refer a deal of AWS's to one partner or several
    Create(Offer),
    /// Print a template to begin with, or the names of all
    Template(Template),
}

/// What can be done with leads.
#[derive(Subcommand)]
pub enum Lead {
    /// Offer a lead to one partner or several
    Invite(Offer),
    /// Print a template to begin with, or the names of all
    Template(Template),
}

#[derive(Args)]
#[command(group(ArgGroup::new("what").required(true).args(["file", "template"])))]
pub struct Offer {
    /// JSON in the form of the templates; - reads it from the standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A template of this program instead of a file
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// To this partner account, instead of those that the file names; can be repeated
    #[arg(long, value_name = "ID")]
    account: Vec<String>,
    /// The catalog: AWS or Sandbox [default: as the file says, else Sandbox]
    #[arg(long, value_parser = parse_catalog)]
    catalog: Option<Catalog>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Template {
    /// Its name; without it, the names of all are listed
    name: Option<String>,
}

/// Runs the command.
pub async fn refer(output: Output, command: Referral) -> anyhow::Result<()> {
    match command {
        Referral::Create(offer) => send(output, &offer, "referrals", REFERRALS).await,
        Referral::Template(wanted) => print(output, &wanted, REFERRALS),
    }
}

/// Runs the command.
pub async fn lead(output: Output, command: Lead) -> anyhow::Result<()> {
    match command {
        Lead::Invite(offer) => send(output, &offer, "leads", LEADS).await,
        Lead::Template(wanted) => print(output, &wanted, LEADS),
    }
}

/// A template for a deal that begins at that time.
fn template(name: &str, known: &[(&str, &str)], now: Timestamp) -> anyhow::Result<Map<String, Value>> {
    let Some((_, text)) = known.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        bail!("there is no template {name}: there is {}", names.join(", "));
    };
    // A date that was written down would pass some day.
    let close = now.plus_millis(90 * 24 * 60 * 60 * 1000).date();
    let text = text.replace(CLOSE_DATE, &close);
    serde_json::from_str(&text).context("a template of this program is not JSON")
}

fn print(output: Output, wanted: &Template, known: &[(&str, &str)]) -> anyhow::Result<()> {
    if let Some(name) = &wanted.name {
        return say(serde_json::to_string_pretty(&template(
            name,
            known,
            SystemClock.now(),
        )?)?);
    }
    let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    output.list(
        &["Template"],
        &names,
        |name| vec![(*name).to_owned()],
        "no templates",
    )
}

impl Offer {
    async fn body(&self, remote: &Remote, known: &[(&str, &str)]) -> anyhow::Result<Value> {
        let mut body = match (&self.file, &self.template) {
            (Some(path), _) => file::object(path)?,
            // The server's clock may be moved.
            (None, Some(name)) => template(name, known, remote.now().await?)?,
            (None, None) => bail!("name a --file or a --template"),
        };
        if !self.account.is_empty() {
            let receivers = self.account.iter().map(|account| json!({"account": account}));
            body.insert("receivers".to_owned(), receivers.collect());
        }
        if body
            .get("receivers")
            .is_none_or(|receivers| *receivers == json!([]))
        {
            bail!("to whom? Name one partner or several with --account");
        }
        match self.catalog {
            Some(catalog) => {
                body.insert("catalog".to_owned(), catalog.as_str().into());
            }
            None => {
                let sandbox = || Catalog::Sandbox.as_str().into();
                body.entry("catalog").or_insert_with(sandbox);
            }
        }
        Ok(Value::Object(body))
    }
}

async fn send(output: Output, offer: &Offer, collection: &str, known: &[(&str, &str)]) -> anyhow::Result<()> {
    let remote = Remote::open(&offer.target)?;
    let body = offer.body(&remote, known).await?;
    let answer: Value = remote.post(&At::new([collection]), Some(&body)).await?;
    let made = answer["items"].as_array().cloned().unwrap_or_default();
    let cells = |one: &Value| {
        row(
            one,
            &[
                "/account",
                "/invitationId",
                "/engagementId",
                "/opportunityId",
                "/expiresDate",
            ],
        )
    };
    output.list(
        &["Account", "Invitation", "Engagement", "Opportunity", "Expires"],
        &made,
        cells,
        "nothing was offered",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_document_without_receivers_and_catalog() {
        for (name, text) in REFERRALS.iter().chain(LEADS) {
            let read: Map<String, Value> = serde_json::from_str(text).unwrap();
            assert!(
                !read.contains_key("receivers") && !read.contains_key("catalog"),
                "{name}"
            );
        }
        assert!(
            template("none", LEADS, SystemClock.now())
                .unwrap_err()
                .to_string()
                .contains("event")
        );
    }
}
