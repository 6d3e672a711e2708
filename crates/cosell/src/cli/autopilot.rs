//! `cosell autopilot`: AWS played by scripts.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use cosell_domain::Catalog;
use cosell_domain::autopilot::{Action, SHIPPED, Script};
use cosell_service::autopilot::Behaviour;
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::parse_catalog;
use super::remote::{At, Remote, Target};
use crate::output::{Output, say};

/// What can be done with scripts.
#[derive(Subcommand)]
pub enum Command {
    /// Show who plays AWS, for everyone or for an account
    Show(Whose),
    /// Have AWS played by a script that comes with cosell, by one of your own, or by people (manual)
    Use(Use),
    /// Take back what is set for an account, or for everyone
    Remove(Whose),
    /// Explain what a script does about an opportunity; changes nothing
    Explain(Explain),
    /// List the steps that are planned for an opportunity
    Steps(Deal),
    /// Take back the steps that are planned for an opportunity
    Cancel(Deal),
    /// List the scripts that come with cosell, or print one
    Scripts(Scripts),
    /// Check a script of your own, and tell everything that is wrong in it
    Check(Check),
}

#[derive(Args)]
pub struct Whose {
    /// The account [default: everyone who has nothing of its own]
    #[arg(long, default_value = "*", hide_default_value = true)]
    account: String,
    /// AWS or Sandbox
    #[arg(long, default_value = "Sandbox", value_parser = parse_catalog)]
    catalog: Catalog,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Use {
    /// approve-fast, realistic, picky, manual, or a file with a script in TOML or JSON
    script: String,
    #[command(flatten)]
    whose: Whose,
}

#[derive(Args)]
pub struct Explain {
    /// The opportunity, O...
    opportunity: String,
    /// Another script than the one that is set: a name or a file
    #[arg(long)]
    script: Option<String>,
    /// The account of a draft, which AWS does not know
    #[arg(long)]
    account: Option<String>,
    /// AWS or Sandbox
    #[arg(long, default_value = "Sandbox", value_parser = parse_catalog)]
    catalog: Catalog,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Deal {
    /// The opportunity, O...
    opportunity: String,
    /// AWS or Sandbox
    #[arg(long, default_value = "Sandbox", value_parser = parse_catalog)]
    catalog: Catalog,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Scripts {
    /// Print the text of this one
    name: Option<String>,
}

#[derive(Args)]
pub struct Check {
    /// The file
    file: String,
}

/// The behaviour of that name, or the one whose script is in that file.
pub fn behaviour(name: &str) -> anyhow::Result<Behaviour> {
    if let Some(shipped) = Behaviour::shipped(name) {
        return Ok(shipped);
    }
    let text = match std::fs::read_to_string(name) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let names = SHIPPED.map(|(name, _)| name).join(", ");
            bail!("{name} is no file, and no script that comes with cosell: {names} and manual are");
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
    };
    let script = Script::parse(&text).map_err(|errors| anyhow::anyhow!("{name} is no script:\n{errors}"))?;
    let file = std::path::Path::new(name).file_name();
    let called = file.map_or_else(|| name.to_owned(), |file| file.to_string_lossy().into_owned());
    Ok(Behaviour {
        name: called.chars().take(100).collect(),
        script: Some(script),
    })
}

impl Whose {
    fn at(&self) -> At {
        At::new(["autopilot"])
            .with("account", Some(&self.account))
            .with("catalog", Some(self.catalog.as_str()))
    }
}

impl Deal {
    fn at(&self) -> At {
        At::new(["autopilot", "steps"])
            .with("catalog", Some(self.catalog.as_str()))
            .with("opportunity", Some(&self.opportunity))
    }
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Show(whose) => {
            let player: Value = Remote::open(&whose.target)?.get(&whose.at()).await?;
            show(output, &player)
        }
        Command::Use(new) => {
            let behaviour = behaviour(&new.script)?;
            let mut body = json!({"name": behaviour.name});
            if let Some(script) = &behaviour.script {
                body["script"] = script.to_json();
            }
            let remote = Remote::open(&new.whose.target)?;
            let player: Value = remote.put(&new.whose.at(), &body).await?;
            show(output, &player)
        }
        Command::Remove(whose) => {
            let player: Value = Remote::open(&whose.target)?.delete(&whose.at()).await?;
            show(output, &player)
        }
        Command::Explain(asked) => explain(output, asked).await,
        Command::Steps(deal) => steps(output, &deal).await,
        Command::Cancel(deal) => {
            let cancelled: Value = Remote::open(&deal.target)?.delete(&deal.at()).await?;
            output.one(&cancelled, &[("Cancelled", cancelled["cancelled"].to_string())])
        }
        Command::Scripts(Scripts { name: None }) => {
            let names = SHIPPED.map(|(name, text)| json!({"name": name, "about": about(name, text)}));
            let cells = |row: &Value| {
                let cell = |member: &str| row[member].as_str().unwrap_or_default().to_owned();
                vec![cell("name"), cell("about")]
            };
            output.list(&["Name", "About"], &names, cells, "no scripts")
        }
        Command::Scripts(Scripts { name: Some(name) }) => {
            let Some((_, text)) = SHIPPED.iter().find(|(known, _)| *known == name) else {
                bail!("no script {name} comes with cosell: `cosell autopilot scripts` lists those that do");
            };
            say(text.trim_end())
        }
        Command::Check(check) => {
            let behaviour = behaviour(&check.file)?;
            let rules = behaviour.script.as_ref().map_or(0, |script| script.rules.len());
            let checked = json!({"name": behaviour.name, "rules": rules});
            output.one(
                &checked,
                &[("Script", behaviour.name), ("Rules", rules.to_string())],
            )
        }
    }
}

/// What a script says of itself: its first paragraph of comments, without the name that it begins with.
fn about(name: &str, text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("# "));
    let words = lines.collect::<Vec<_>>().join(" ");
    let words = words.strip_prefix(name).unwrap_or(&words);
    words.trim_start_matches(": ").to_owned()
}

fn show(output: Output, player: &Value) -> anyhow::Result<()> {
    let text = |member: &str| player[member].as_str().unwrap_or("-").to_owned();
    let account = match player["account"].as_str() {
        Some("*") => "everyone who has nothing of its own".to_owned(),
        _ => text("account"),
    };
    let name = match player["name"].as_str() {
        Some("manual") => "manual: people play AWS".to_owned(),
        _ => text("name"),
    };
    output.one(
        player,
        &[
            ("Account", account),
            ("Catalog", text("catalog")),
            ("Script", name),
        ],
    )
}

async fn explain(output: Output, asked: Explain) -> anyhow::Result<()> {
    let mut body = json!({"catalog": asked.catalog.as_str(), "opportunity": asked.opportunity});
    if let Some(account) = &asked.account {
        body["account"] = account.as_str().into();
    }
    if let Some(name) = &asked.script {
        let Some(script) = behaviour(name)?.script else {
            bail!("manual is no script: nothing happens by itself");
        };
        body["script"] = script.to_json();
    }
    let at = At::new(["autopilot", "explain"]);
    let explained: Value = Remote::open(&asked.target)?.post(&at, Some(&body)).await?;
    match output {
        Output::Json => say(serde_json::to_string_pretty(&explained)?),
        Output::Table => say(explained["text"].as_str().unwrap_or_default().trim_end()),
    }
}

async fn steps(output: Output, deal: &Deal) -> anyhow::Result<()> {
    let listed: Value = Remote::open(&deal.target)?.get(&deal.at()).await?;
    let rows = listed["items"].as_array().cloned().unwrap_or_default();
    let cells = |row: &Value| {
        let text = |member: &str| row[member].as_str().unwrap_or_default().to_owned();
        // A newer server may know of actions that this program does not.
        let action = &row["action"];
        let words = Action::deserialize(action).map_or_else(|_| action.to_string(), |it| it.to_string());
        vec![text("at"), words, text("script")]
    };
    output.list(
        &["At", "What", "Script"],
        &rows,
        cells,
        "No steps are planned for it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_says_of_itself_is_told_to_its_end_and_without_its_name() {
        for (name, text) in SHIPPED {
            let about = about(name, text);
            assert!(about.starts_with("AWS ") && about.ends_with('.'), "{about}");
            assert!(!about.contains("How a script is written"), "{about}");
        }
    }
}
