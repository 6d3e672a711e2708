//! `cosell operator`: the tokens of the operator API, and the API itself.

use std::io::Read as _;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use cosell_model::Timestamp;
use cosell_operator::{Scope, Time};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::ask::Ask as _;
use super::desk::Desk;
use super::remote::{At, Remote, Target};
use super::shown::{at, lines};
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
    List(Target),
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
    target: Target,
}

#[derive(Args)]
pub struct Revoke {
    /// The token's id
    id: String,
    #[command(flatten)]
    target: Target,
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

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Status(target) => status(output, &target).await,
        Command::Call(call) => send(call).await,
        Command::Token(TokenCommand::Create(create)) => {
            let new = json!({
                "name": create.name, "scope": create.scope, "expiresDate": create.expires.map(Time::from),
            });
            let desk = Desk::open(&create.target).await?;
            let made: Value = desk.post(&tokens(), Some(&new)).await?;
            output.one(
                &made,
                &[lines(&made, &[("Token", "/token")]), about(&made)].concat(),
            )?;
            if output == Output::Table {
                say("\nKeep the token now: it cannot be shown again.")?;
            }
            Ok(())
        }
        Command::Token(TokenCommand::List(target)) => {
            let desk = Desk::open(&target).await?;
            let rows: Vec<Value> = desk.list(&tokens(), usize::MAX).await?;
            let now = desk.now().await?;
            let cells = |token: &Value| {
                let [id, name, scope] = ["/id", "/name", "/scope"].map(|pointer| at(token, pointer));
                let used = token["lastUsedDate"].as_str().unwrap_or("never");
                vec![id, name, scope, state(token, now), used.to_owned()]
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
            let desk = Desk::open(&revoke.target).await?;
            let token: Value = desk.delete(&At::new(["tokens", &revoke.id])).await?;
            output.one(&token, &about(&token))
        }
    }
}

fn tokens() -> At {
    At::new(["tokens"])
}

async fn status(output: Output, target: &Target) -> anyhow::Result<()> {
    let status: Value = Remote::open(target)?.get(&At::new(["status"])).await?;
    let text = |pointer| at(&status, pointer);
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
    let place = At::typed(&call.path);
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
    // As it was typed: what is wrong with it is for the server to say.
    let body: Option<Box<RawValue>> = text
        .map(|text| serde_json::from_str(&text).context("the body is not JSON"))
        .transpose()?;
    let expect = || body.as_ref().context("this method takes a body in JSON");
    let answer: Value = match call.method {
        Verb::Get if call.all => Value::Array(remote.list(&place, usize::MAX).await?),
        Verb::Get => match remote.say(&place).await? {
            Ok(answer) => answer,
            Err(text) => return say(String::from_utf8_lossy(&text).trim_end()),
        },
        Verb::Post => remote.post(&place, body.as_ref()).await?,
        Verb::Put => remote.put(&place, expect()?).await?,
        Verb::Patch => remote.patch(&place, expect()?).await?,
        Verb::Delete => remote.delete(&place).await?,
    };
    if answer.is_null() {
        return Ok(());
    }
    say(serde_json::to_string_pretty(&answer)?)
}

fn about(token: &Value) -> Vec<(&'static str, String)> {
    let wanted = [
        ("Id", "/id"),
        ("Name", "/name"),
        ("Scope", "/scope"),
        ("Expires", "/expiresDate"),
        ("Revoked", "/revokedDate"),
    ];
    lines(token, &wanted)
}

/// How a token stands at a time of the server's clock.
fn state(token: &Value, now: Timestamp) -> String {
    let expires = token["expiresDate"].as_str();
    match (token["revokedDate"].is_string(), expires.map(Timestamp::parse)) {
        (true, _) => "revoked".to_owned(),
        (false, Some(Some(expires))) if expires <= now => "expired".to_owned(),
        (false, Some(_)) => format!("until {}", expires.unwrap_or_default()),
        (false, None) => "valid".to_owned(),
    }
}

fn parse_scope(text: &str) -> Result<Scope, String> {
    Scope::from_name(text).ok_or_else(|| "must be read, review or admin".to_owned())
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be a time such as 2027-01-31T00:00:00Z".to_owned())
}
