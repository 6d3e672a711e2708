//! `cosell operator`: the tokens of the operator API, and the API itself.

use std::io::Read as _;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use cosell_model::Timestamp;
use cosell_operator::tokens::{self, NewToken, Token};
use cosell_operator::{Scope, Time};
use cosell_service::audit::Author;
use serde_json::Value;

use super::Folder;
use super::remote::{At, Remote, Target};
use crate::output::{Output, say};

/// What can be done with the operator API.
#[derive(Subcommand)]
pub enum Command {
    /// Show how a running server is
    Status(Target),
    /// Call an endpoint of the operator API: the OpenAPI document is at /openapi.json
    Call(Call),
    /// Create, list and revoke operator tokens
    #[command(subcommand)]
    Token(TokenCommand),
}

/// What can be done with operator tokens.
#[derive(Subcommand)]
pub enum TokenCommand {
    /// Create a token; it is shown this once
    Create(Create),
    /// List the tokens
    List(Folder),
    /// Revoke a token for good; a running server refuses it at once
    Revoke(Revoke),
}

#[derive(Args)]
pub struct Create {
    /// What the token is for
    #[arg(long)]
    name: String,
    /// What it may do: read, review or admin; each includes those before it
    #[arg(long, value_parser = parse_scope)]
    scope: Scope,
    /// From when on it is refused, such as 2027-01-31T00:00:00Z [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    expires: Option<Timestamp>,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
pub struct Revoke {
    /// The token's id
    id: String,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
pub struct Call {
    /// The method
    #[arg(value_enum, ignore_case = true)]
    method: Verb,
    /// The path beneath /operator/v1, with its query
    path: String,
    /// The body in JSON; - reads it from the standard input
    body: Option<String>,
    /// Follow the pages of a list, and print all items as one array
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct WithSecret<'a> {
    #[serde(flatten)]
    about: &'a Token,
    token: &'a str,
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Status(target) => status(output, &target).await,
        Command::Call(call) => send(call).await,
        Command::Token(TokenCommand::Create(create)) => {
            let opened = create.folder.open()?;
            let new = NewToken {
                name: create.name,
                scope: create.scope,
                expires_date: create.expires.map(Time::from),
            };
            let created = tokens::create(&*opened.store, &Author::command(), new, opened.now).await?;
            let mut lines = lines(&created.token);
            lines.insert(0, ("Token", created.secret.to_string()));
            let about = &created.token;
            output.one(
                &WithSecret {
                    about,
                    token: &created.secret,
                },
                &lines,
            )?;
            if output == Output::Table {
                say("\nKeep the token now: it cannot be shown again.")?;
            }
            Ok(())
        }
        Command::Token(TokenCommand::List(folder)) => {
            let opened = folder.open()?;
            let rows = tokens::list(&*opened.store).await?;
            let cells = |row: &Token| {
                let used = row
                    .last_used_date
                    .map_or("never".to_owned(), |time| time.0.to_string());
                vec![
                    row.id.clone(),
                    row.name.clone(),
                    row.scope.to_string(),
                    state(row, opened.now),
                    used,
                ]
            };
            let nothing = "No operator tokens yet: create one with `cosell operator token create`";
            output.list(
                &["Id", "Name", "Scope", "State", "Last used"],
                &rows,
                cells,
                nothing,
            )
        }
        Command::Token(TokenCommand::Revoke(revoke)) => {
            let opened = revoke.folder.open()?;
            let token = tokens::revoke(&*opened.store, &Author::command(), &revoke.id, opened.now).await?;
            output.one(&token, &lines(&token))
        }
    }
}

async fn status(output: Output, target: &Target) -> anyhow::Result<()> {
    let status: Value = Remote::open(target)?.get(&At::new(["status"])).await?;
    let text = |pointer: &str| match status.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(other) => other.to_string(),
    };
    let lines = [
        ("Version", text("/version")),
        ("Now", text("/now")),
        ("Started", text("/startedDate")),
        ("Region", text("/region")),
        ("Store ready", text("/store/ready")),
        ("Next due", text("/store/nextDueDate")),
        ("Unknown members", text("/counts/unknownMembers")),
        ("Refused tokens", text("/counts/failedAuthentications")),
        (
            "Token",
            format!("{} ({})", text("/token/name"), text("/token/scope")),
        ),
    ];
    output.one(&status, &lines)
}

async fn send(call: Call) -> anyhow::Result<()> {
    let remote = Remote::open(&call.target)?;
    let at = At::typed(&call.path);
    let text = match call.body.as_deref() {
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the standard input")?;
            Some(text)
        }
        given => given.map(str::to_owned),
    };
    let body: Option<Value> = text
        .map(|text| serde_json::from_str(&text).context("the body is not JSON"))
        .transpose()?;
    let expect = || body.as_ref().context("this method takes a body in JSON");
    let answer: Value = match call.method {
        Verb::Get if call.all => Value::Array(remote.list(&at, usize::MAX).await?),
        Verb::Get => remote.get(&at).await?,
        Verb::Post => remote.post(&at, body.as_ref()).await?,
        Verb::Put => remote.put(&at, expect()?).await?,
        Verb::Patch => remote.patch(&at, expect()?).await?,
        Verb::Delete => remote.delete(&at).await?,
    };
    if answer.is_null() {
        return Ok(());
    }
    say(serde_json::to_string_pretty(&answer)?)
}

fn lines(token: &Token) -> Vec<(&'static str, String)> {
    let mut lines = vec![
        ("Id", token.id.clone()),
        ("Name", token.name.clone()),
        ("Scope", token.scope.to_string()),
    ];
    for (name, date) in [("Expires", token.expires_date), ("Revoked", token.revoked_date)] {
        lines.extend(date.map(|date| (name, date.0.to_string())));
    }
    lines
}

fn state(token: &Token, now: Timestamp) -> String {
    match (token.revoked_date, token.expires_date) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(expires)) if expires.0 <= now => "expired".to_owned(),
        (None, Some(expires)) => format!("until {}", expires.0),
        (None, None) => "valid".to_owned(),
    }
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    Scope::from_name(text).ok_or_else(|| "must be read, review or admin".to_owned())
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be a time such as 2027-01-31T00:00:00Z".to_owned())
}
