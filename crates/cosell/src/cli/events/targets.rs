//! `cosell events target`: where events are delivered to.

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::place;
use crate::cli::ask::Ask as _;
use crate::cli::desk::Desk;
use crate::cli::remote::{At, Target};
use crate::cli::shown::{age, at, lines, row};
use crate::output::{Output, say};

/// What can be done with targets.
#[derive(Subcommand)]
pub enum Command {
    /// Register a target; it is sent what happens from now on and a rule chooses
    #[command(subcommand)]
    Add(Box<Add>),
    /// List the targets and how they stand
    List(Target),
    /// Show a target and how it stands
    Show(Named),
    /// Deliver nothing to a target until it is resumed
    Pause(Pause),
    /// Deliver to a paused target again
    Resume(Named),
    /// Switch a target on; what happened while it was off is sent now
    Enable(Named),
    /// Switch a target off: nothing is delivered, and its events wait in the log
    Disable(Named),
    /// Send a test event to a target now
    Test(Named),
    /// Give a webhook a new signing secret; the former one stays active beside it
    RotateSecret(Rotate),
    /// Take a target away, with everything that waits for it
    Remove(Named),
}

#[derive(Args)]
pub struct Named {
    /// Its id, or ACCOUNT/ID for one of an account
    name: String,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Pause {
    /// Its id, or ACCOUNT/ID for one of an account
    name: String,
    /// Why, for whoever looks at it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
pub struct Rotate {
    /// Its id, or ACCOUNT/ID for one of an account
    name: String,
    /// Take the older of two active secrets away instead
    #[arg(long)]
    drop_old: bool,
    #[command(flatten)]
    target: Target,
}

/// The kinds of targets.
#[derive(Subcommand)]
pub enum Add {
    /// An HTTPS endpoint that is sent each event, signed as Standard Webhooks describes
    Webhook {
        /// Its URL
        #[arg(long)]
        url: String,
        /// A further header, "name: value"; may be repeated
        #[arg(long, value_name = "HEADER", value_parser = parse_header)]
        header: Vec<(String, String)>,
        /// A further header whose value is kept secret; may be repeated
        #[arg(long, value_name = "HEADER", value_parser = parse_header)]
        secret_header: Vec<(String, String)>,
        /// A signing secret (whsec_…) [default: one is made and shown]
        #[arg(
            long,
            value_name = "SECRET",
            env = "COSELL_SIGNING_SECRET",
            hide_env_values = true
        )]
        secret: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A bus of Amazon EventBridge, or of a stand-in
    Eventbridge {
        #[command(flatten)]
        aws: Aws,
        /// Name or ARN of the bus
        #[arg(long, default_value = "default")]
        bus: String,
        /// The source that entries carry; AWS itself takes none that begins with aws. [default: the event's own]
        #[arg(long)]
        source: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A queue of Amazon SQS, or of a stand-in
    Sqs {
        #[command(flatten)]
        aws: Aws,
        /// The queue's URL
        #[arg(long, value_name = "URL")]
        queue_url: String,
        #[command(flatten)]
        common: Common,
    },
    /// A JetStream stream of NATS
    Nats {
        /// nats://host:port or tls://host:port
        #[arg(long)]
        url: String,
        /// {account}, {catalog} and {type} stand for those of the event
        #[arg(long, default_value = "cosell.{account}.{type}")]
        subject: String,
        /// The user
        #[arg(long)]
        user: Option<String>,
        /// The user's password, or a token
        #[arg(long, env = "COSELL_NATS_PASSWORD", hide_env_values = true)]
        password: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// A file beneath the server's folder for events, a line of JSON an event
    File {
        /// Its path from that folder, such as crm.jsonl
        #[arg(long)]
        path: String,
        #[command(flatten)]
        common: Common,
    },
    /// The server's standard output
    Stdout {
        #[command(flatten)]
        common: Common,
    },
}

/// How to reach a service of AWS.
#[derive(Args)]
pub struct Aws {
    /// The region
    #[arg(long)]
    region: String,
    /// Another address than AWS's own, such as that of a stand-in
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// A profile of AWS's shared configuration files on the server
    #[arg(long)]
    profile: Option<String>,
    /// An access key of its own instead of the usual chain
    #[arg(long, value_name = "ID", requires = "secret_access_key")]
    access_key_id: Option<String>,
    /// The secret of that access key
    #[arg(
        long,
        value_name = "SECRET",
        env = "COSELL_TARGET_SECRET_ACCESS_KEY",
        hide_env_values = true
    )]
    secret_access_key: Option<String>,
}

/// What all kinds have.
#[derive(Args)]
pub struct Common {
    /// Its id, or ACCOUNT/ID for one that only the rules of that account use
    name: String,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Do not hold events back behind others of their opportunity that fail
    #[arg(long)]
    unordered: bool,
    /// Deliveries that may be under way at once [default: 4]
    #[arg(long, value_name = "COUNT")]
    concurrency: Option<u32>,
    /// How long one try may take [default: 15]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
    /// The pauses between tries, in seconds [default: 5,300,1800,7200,18000,36000,36000]
    #[arg(long, value_name = "SECONDS,…", value_delimiter = ',')]
    retry: Vec<f64>,
    /// Pause it when it has failed without a break for that long [default: 432000]
    #[arg(long, value_name = "SECONDS")]
    pause_after: Option<u32>,
    #[command(flatten)]
    target: Target,
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once(':')
        .ok_or("must be a name and a value, such as \"x-tenant: 7\"")?;
    Ok((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
}

/// An object of those members that are there.
fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let there = members
        .into_iter()
        .filter(|(_, value)| !value.is_null() && value.as_object().is_none_or(|members| !members.is_empty()));
    Value::Object(there.map(|(name, value)| (name.to_owned(), value)).collect())
}

impl Aws {
    fn settings(&self) -> Value {
        object([
            ("region", json!(self.region)),
            ("endpoint", json!(self.endpoint)),
            ("profile", json!(self.profile)),
            ("accessKeyId", json!(self.access_key_id)),
        ])
    }

    fn secrets(&self) -> Value {
        object([(
            "secretAccessKey",
            json!(
                self.secret_access_key
                    .as_ref()
                    .filter(|_| self.access_key_id.is_some())
            ),
        )])
    }
}

impl Add {
    /// What it has in common with others, its own settings and its secrets.
    fn parts(&self) -> (&Common, Value, Value) {
        let map = |pairs: &[(String, String)]| -> Value {
            let members = pairs
                .iter()
                .map(|(name, value)| (name.clone(), Value::from(value.as_str())));
            Value::Object(members.collect::<Map<_, _>>())
        };
        match self {
            Self::Webhook {
                url,
                header,
                secret_header,
                secret,
                common,
            } => (
                common,
                object([
                    ("kind", json!("webhook")),
                    ("url", json!(url)),
                    ("headers", map(header)),
                ]),
                object([
                    (
                        "signing",
                        secret.as_ref().map_or(Value::Null, |secret| json!([secret])),
                    ),
                    ("headers", map(secret_header)),
                ]),
            ),
            Self::Eventbridge {
                aws,
                bus,
                source,
                common,
            } => (
                common,
                object([
                    ("kind", json!("eventbridge")),
                    ("aws", aws.settings()),
                    ("bus", json!(bus)),
                    ("source", json!(source)),
                ]),
                aws.secrets(),
            ),
            Self::Sqs {
                aws,
                queue_url,
                common,
            } => (
                common,
                object([
                    ("kind", json!("sqs")),
                    ("aws", aws.settings()),
                    ("queueUrl", json!(queue_url)),
                ]),
                aws.secrets(),
            ),
            Self::Nats {
                url,
                subject,
                user,
                password,
                common,
            } => (
                common,
                object([
                    ("kind", json!("nats")),
                    ("url", json!(url)),
                    ("subject", json!(subject)),
                    ("user", json!(user)),
                ]),
                object([("password", json!(password))]),
            ),
            Self::File { path, common } => (common, json!({"kind": "file", "path": path}), json!({})),
            Self::Stdout { common } => (common, json!({"kind": "stdout"}), json!({})),
        }
    }
}

/// Runs the command.
pub async fn run(output: Output, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Add(add) => register(output, &add).await,
        Command::List(target) => {
            let desk = Desk::open(&target).await?;
            let rows: Vec<Value> = desk.list(&At::new(["event-targets"]), usize::MAX).await?;
            let cells = |target: &Value| {
                let mut cells = row(target, &["/name", "/sink/kind", "/state/status"]);
                cells.extend(row(
                    target,
                    &["/state/delivered", "/state/pending", "/state/dead"],
                ));
                cells.push(age(target["state"]["lagSeconds"].as_i64().unwrap_or_default()));
                cells
            };
            let columns = ["Name", "Kind", "Status", "Delivered", "Waiting", "Dead", "Lag"];
            output.list(
                &columns,
                &rows,
                cells,
                "No targets: register one with `cosell events target add`",
            )
        }
        Command::Show(named) => {
            let desk = Desk::open(&named.target).await?;
            show(output, &desk.get(&at_target(&named.name, None)).await?)
        }
        Command::Pause(pause) => {
            let desk = Desk::open(&pause.target).await?;
            let body = json!({"reason": pause.reason});
            show(
                output,
                &desk
                    .post(&at_target(&pause.name, Some("pause")), Some(&body))
                    .await?,
            )
        }
        Command::Resume(named) => {
            let desk = Desk::open(&named.target).await?;
            show(
                output,
                &desk
                    .post(&at_target(&named.name, Some("resume")), None::<&()>)
                    .await?,
            )
        }
        Command::Enable(named) => switch(output, &named, true).await,
        Command::Disable(named) => switch(output, &named, false).await,
        Command::Test(named) => {
            let desk = Desk::open(&named.target).await?;
            let tested: Value = desk
                .post(&at_target(&named.name, Some("test")), None::<&()>)
                .await?;
            let wanted = [
                ("Delivered", "/delivered"),
                ("Status", "/status"),
                ("Milliseconds", "/millis"),
                ("Error", "/error"),
                ("Event", "/eventId"),
            ];
            output.one(&tested, &lines(&tested, &wanted))
        }
        Command::RotateSecret(rotate) => {
            let desk = Desk::open(&rotate.target).await?;
            if rotate.drop_old {
                let left: Value = desk.delete(&at_target(&rotate.name, Some("old-secret"))).await?;
                return output.one(&left, &[("Active secrets", at(&left, "/signing"))]);
            }
            let place = at_target(&rotate.name, Some("rotate-secret"));
            show(output, &desk.post(&place, Some(&json!({}))).await?)
        }
        Command::Remove(named) => {
            let desk = Desk::open(&named.target).await?;
            let removed: Value = desk.delete(&at_target(&named.name, None)).await?;
            match output {
                Output::Json => say(removed),
                Output::Table => say(format_args!("{} is removed", named.name)),
            }
        }
    }
}

async fn switch(output: Output, named: &Named, on: bool) -> anyhow::Result<()> {
    let desk = Desk::open(&named.target).await?;
    let place = at_target(&named.name, None);
    let mut target: Map<String, Value> = desk.get(&place).await?;
    // What the server makes of it is not sent back; secrets that are left out stay.
    for made in ["name", "state", "secrets"] {
        target.remove(made);
    }
    target.insert("enabled".to_owned(), on.into());
    show(output, &desk.put(&place, &target).await?)
}

fn at_target(name: &str, verb: Option<&str>) -> At {
    place("event-targets", name, verb)
}

async fn register(output: Output, add: &Add) -> anyhow::Result<()> {
    let (common, sink, secrets) = add.parts();
    let (account, id) = common.name.split_once('/').unwrap_or(("", &common.name));
    let new = object([
        ("id", json!(id)),
        (
            "account",
            json!(Some(account).filter(|account| !account.is_empty())),
        ),
        ("description", json!(common.description)),
        ("sink", sink),
        ("secrets", secrets),
        ("ordered", json!(common.unordered.then_some(false))),
        ("concurrency", json!(common.concurrency)),
        ("timeoutSeconds", json!(common.timeout)),
        (
            "retrySeconds",
            json!(Some(&common.retry).filter(|retry| !retry.is_empty())),
        ),
        ("pauseAfterSeconds", json!(common.pause_after)),
    ]);
    let desk = Desk::open(&common.target).await?;
    let made: Value = desk.post(&At::new(["event-targets"]), Some(&new)).await?;
    show(output, &made)?;
    if output == Output::Table {
        let same = common.target.again();
        say(format_args!(
            "\nNext: cosell events rule add{same} RULE --target {}",
            common.name
        ))?;
    }
    Ok(())
}

fn show(output: Output, target: &Value) -> anyhow::Result<()> {
    let wanted = [
        ("Name", "/name"),
        ("Kind", "/sink/kind"),
        ("For", "/description"),
        ("URL", "/sink/url"),
        ("Queue", "/sink/queueUrl"),
        ("Bus", "/sink/bus"),
        ("Path", "/sink/path"),
        ("Signing secret", "/signingSecret"),
        ("Active secrets", "/secrets/signing"),
        ("Ordered", "/ordered"),
        ("Status", "/state/status"),
        ("Paused because", "/state/pausedReason"),
        ("Failures in a row", "/state/failuresInARow"),
        ("Last error", "/state/lastError"),
        ("Delivered", "/state/delivered"),
        ("Waiting", "/state/pending"),
        ("Dead", "/state/dead"),
        ("Lag in seconds", "/state/lagSeconds"),
    ];
    output.one(target, &lines(target, &wanted))
}
