//! Configuration: a flag wins over an environment variable, that over the configuration file, that over the default. Every
//! value remembers where it came from, so that `cosell config show` can tell and an error can name the culprit.

mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use ipnet::IpNet;

use settings::{SETTINGS, Setting};

/// The flags of commands that run a server or show its configuration.
#[derive(Args, Debug, Default, Clone)]
pub struct Flags {
    /// TOML file with settings [default: cosell.toml in the data folder, if there is one]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The data folder
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// PostgreSQL database that keeps everything but the key file, as postgres://user:password@host/database. What is typed
    /// can be seen by others on this machine: a password belongs into the environment variable COSELL_STORE or the
    /// configuration file
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Streaming replicas of that database from which lists are read, as postgres://user:password@host1,host2/database; a
    /// password belongs into COSELL_READ_STORE or the configuration file
    #[arg(long, value_name = "URL")]
    pub read_store: Option<String>,
    /// Connections to that database, and to each replica, that requests share
    #[arg(long, value_name = "COUNT")]
    pub store_connections: Option<String>,
    /// Address and port of the API
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Address and port of the operator API alone; without it, it is under /operator/v1 of the API's own
    #[arg(long, value_name = "ADDR")]
    pub operator_listen: Option<String>,
    /// PEM file with the certificate chain
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// PEM file with the certificate's private key
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// The only region a signature may name, and the one in ARNs
    #[arg(long)]
    pub region: Option<String>,
    /// aws: the published quotas per account and operation; off: none
    #[arg(long, value_name = "aws|off")]
    pub throttle: Option<String>,
    /// Origins of web pages that may call the API, separated by commas
    #[arg(long, value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
    /// Largest request body in bytes
    #[arg(long, value_name = "BYTES")]
    pub body_limit: Option<String>,
    /// Connections served at the same time
    #[arg(long, value_name = "COUNT")]
    pub max_connections: Option<String>,
    /// Seconds a client may take to send its headers, and a connection may lie idle
    #[arg(long, value_name = "SECONDS")]
    pub header_timeout: Option<String>,
    /// Seconds a client may take to send its body
    #[arg(long, value_name = "SECONDS")]
    pub body_timeout: Option<String>,
    /// Seconds that requests under way are given at a stop
    #[arg(long, value_name = "SECONDS")]
    pub shutdown_timeout: Option<String>,
    /// Threads that serve connections; 0: one per processor
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<String>,
    /// on: leaving ReviewStatus out of a sandbox update nulls it, as AWS does
    #[arg(long, value_name = "on|off")]
    pub sandbox_review_status_orphan: Option<String>,
    /// Monthly amount taken for an estimation URL that comes without one
    #[arg(long, value_name = "AMOUNT")]
    pub estimate_amount: Option<String>,
    /// on: every deed leaves an entry in the audit log
    #[arg(long, value_name = "on|off")]
    pub audit: Option<String>,
    /// Days for which the audit log and former versions of records are kept; 0: for ever
    #[arg(long, value_name = "DAYS")]
    pub audit_retention: Option<String>,
    /// on: partners' events are emitted; off: nothing is told
    #[arg(long, value_name = "on|off")]
    pub events: Option<String>,
    /// on: events come again and out of order, as recorded from AWS; for trying consumers
    #[arg(long, value_name = "on|off")]
    pub events_realistic: Option<String>,
    /// Days for which events are kept, delivered or not; 0: for ever
    #[arg(long, value_name = "DAYS")]
    pub events_retention: Option<String>,
    /// on: events are delivered to the targets; off: they wait in the log
    #[arg(long, value_name = "on|off")]
    pub events_delivery: Option<String>,
    /// Networks besides the public Internet in which targets of events may lie, such as 10.1.0.0/16
    #[arg(long, value_name = "CIDR,…")]
    pub events_networks: Option<String>,
    /// The folder beneath which targets of events that are files lie
    #[arg(long, value_name = "DIR")]
    pub events_files: Option<String>,
    /// open: every two partners count as connected; required: only registered connections
    #[arg(long, value_name = "open|required")]
    pub connections: Option<String>,
    /// open: any well-formed Marketplace offer can be associated; required: only registered ones
    #[arg(long, value_name = "open|required")]
    pub offers: Option<String>,
    /// Seconds a task stays IN_PROGRESS, such as 1.5; 0: done within the first answer
    #[arg(long, value_name = "SECONDS")]
    pub task_delay: Option<String>,
    /// What everything random is drawn from, identifiers too: repeats a run over an empty store. Only for cosell dev
    #[arg(long, value_name = "NUMBER")]
    pub random_seed: Option<String>,
    /// What made-up prospecting results are drawn from
    #[arg(long, value_name = "NUMBER")]
    pub prospecting_seed: Option<String>,
    /// What the dice of faults are thrown by
    #[arg(long, value_name = "NUMBER")]
    pub fault_seed: Option<String>,
    /// What is logged: error, warn, info, debug, or a filter such as cosell=debug
    #[arg(long, value_name = "LEVEL")]
    pub log: Option<String>,
    /// text, or json for one object a line
    #[arg(long, value_name = "text|json")]
    pub log_format: Option<String>,
}

impl Flags {
    fn given(&self) -> [(&'static str, &Option<String>); 35] {
        [
            ("data", &self.data),
            ("store", &self.store),
            ("read-store", &self.read_store),
            ("store-connections", &self.store_connections),
            ("listen", &self.listen),
            ("operator-listen", &self.operator_listen),
            ("tls-cert", &self.tls_cert),
            ("tls-key", &self.tls_key),
            ("region", &self.region),
            ("throttle", &self.throttle),
            ("cors-origins", &self.cors_origins),
            ("body-limit", &self.body_limit),
            ("max-connections", &self.max_connections),
            ("header-timeout", &self.header_timeout),
            ("body-timeout", &self.body_timeout),
            ("shutdown-timeout", &self.shutdown_timeout),
            ("threads", &self.threads),
            ("sandbox-review-status-orphan", &self.sandbox_review_status_orphan),
            ("estimate-amount", &self.estimate_amount),
            ("audit", &self.audit),
            ("audit-retention", &self.audit_retention),
            ("events", &self.events),
            ("events-realistic", &self.events_realistic),
            ("events-retention", &self.events_retention),
            ("events-delivery", &self.events_delivery),
            ("events-networks", &self.events_networks),
            ("events-files", &self.events_files),
            ("connections", &self.connections),
            ("offers", &self.offers),
            ("task-delay", &self.task_delay),
            ("random-seed", &self.random_seed),
            ("prospecting-seed", &self.prospecting_seed),
            ("fault-seed", &self.fault_seed),
            ("log", &self.log),
            ("log-format", &self.log_format),
        ]
    }
}

/// Which command the configuration is for: `dev` and `serve` differ in one default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `cosell dev`: no throttling unless asked for.
    Dev,
    /// `cosell serve`: the published quotas unless switched off.
    Serve,
}

/// The origin of what nobody has set.
const DEFAULT: &str = "default";

/// A value and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced {
    /// The value as written.
    pub value: String,
    /// The flag, variable, file or default it came from.
    pub origin: String,
}

/// The configuration in force.
#[derive(Debug, Clone)]
pub struct Config {
    values: BTreeMap<&'static str, Sourced>,
}

impl Config {
    /// Reads flags, environment and file.
    pub fn read(flags: &Flags, mode: Mode) -> anyhow::Result<Self> {
        Self::layered(flags, mode, |name| std::env::var(name).ok())
    }

    fn layered(
        flags: &Flags,
        mode: Mode,
        environment: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let variable = |name: &str| format!("COSELL_{}", name.to_uppercase().replace('-', "_"));
        let given = flags.given();
        let from_flag = |name: &str| {
            given
                .iter()
                .find(|(flag, _)| *flag == name)
                .and_then(|(_, value)| value.as_ref())
        };

        // The data folder decides where the file is looked for, so it is settled first.
        let data = from_flag("data")
            .cloned()
            .or_else(|| environment(&variable("data")))
            .unwrap_or_else(|| "./.cosell".to_owned());
        let (file, file_name) = match flags
            .config
            .clone()
            .or_else(|| environment("COSELL_CONFIG").map(PathBuf::from))
        {
            Some(path) => (read_file(&path)?, path),
            None => {
                let path = PathBuf::from(data).join("cosell.toml");
                let found = path.exists().then(|| read_file(&path)).transpose()?;
                (found.unwrap_or_default(), path)
            }
        };

        let mut values = BTreeMap::new();
        for setting in SETTINGS {
            let default = match (setting.name, mode) {
                ("throttle", Mode::Dev) => "off",
                ("throttle", Mode::Serve) => "aws",
                // A clock that is moved years ahead must not take the traces of today with it.
                ("audit-retention" | "events-retention", Mode::Dev) => "0",
                // Whoever develops has the receiver on the same machine.
                ("events-networks", Mode::Dev) => "127.0.0.0/8,::1/128",
                _ => setting.default,
            };
            let sourced = if let Some(value) = from_flag(setting.name) {
                Sourced {
                    value: value.clone(),
                    origin: format!("flag --{}", setting.name),
                }
            } else if let Some(value) = environment(&variable(setting.name)) {
                Sourced {
                    value,
                    origin: format!("environment variable {}", variable(setting.name)),
                }
            } else if let Some(value) = file.get(setting.name) {
                Sourced {
                    value: value.clone(),
                    origin: format!("file {}", file_name.display()),
                }
            } else {
                Sourced {
                    value: default.to_owned(),
                    origin: DEFAULT.to_owned(),
                }
            };
            values.insert(setting.name, sourced);
        }
        Ok(Self { values })
    }

    /// Every setting with its value as people may see it, its origin and its meaning.
    pub fn rows(&self) -> Vec<(&'static str, Sourced, &'static str)> {
        let row = |setting: &Setting| {
            let sourced = Sourced {
                value: self.shown(setting.name),
                origin: self.values.get(setting.name)?.origin.clone(),
            };
            Some((setting.name, sourced, setting.meaning))
        };
        SETTINGS.iter().filter_map(row).collect()
    }

    /// A value as people may see it: without passwords.
    fn shown(&self, name: &str) -> String {
        match (name, self.text(name)) {
            ("store" | "read-store", url) if !url.is_empty() => cosell_store_postgres::shown(url.trim()),
            (_, text) => text.to_owned(),
        }
    }

    /// The address of the database; `None` where everything is in the data folder.
    pub fn store(&self) -> Option<&str> {
        // A file that holds the address and nothing else ends with the end of its line, as a rule.
        Some(self.text("store").trim()).filter(|url| !url.is_empty())
    }

    /// The address of replicas of the database, from which lists are read.
    pub fn read_store(&self) -> anyhow::Result<Option<&str>> {
        let url = Some(self.text("read-store").trim()).filter(|url| !url.is_empty());
        if url.is_some() && self.store().is_none() {
            let expected = "empty where store is: replicas are those of a PostgreSQL database";
            return Err(self.wrong("read-store", expected));
        }
        Ok(url)
    }

    /// How many connections to the database, and to each of its replicas, requests share.
    pub fn store_connections(&self) -> anyhow::Result<usize> {
        Ok(usize::try_from(self.number("store-connections", 2, 500)?)?)
    }

    /// The text of a setting.
    pub fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |sourced| &sourced.value)
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        PathBuf::from(self.text("data"))
    }

    /// The region that ARNs name: the configured one, else AWS's own for this service.
    pub fn arn_region(&self) -> &str {
        match self.text("region") {
            "" => cosell_domain::arn::DEFAULT_REGION,
            region => region,
        }
    }

    /// The address to listen on.
    pub fn listen(&self) -> anyhow::Result<SocketAddr> {
        self.parsed("listen", "an address and port such as 127.0.0.1:7733", |text| {
            text.parse().ok()
        })
    }

    /// The address to listen on for operators; `None` where that is the API's own.
    pub fn operator_listen(&self) -> anyhow::Result<Option<SocketAddr>> {
        if self.text("operator-listen").is_empty() {
            return Ok(None);
        }
        let expected = "empty, or an address and port such as 127.0.0.1:7734";
        self.parsed("operator-listen", expected, |text| text.parse().ok().map(Some))
    }

    /// A whole number within bounds.
    pub fn number(&self, name: &str, from: u64, to: u64) -> anyhow::Result<u64> {
        let expected = format!("a whole number from {from} to {to}");
        self.parsed(name, &expected, |text| {
            text.parse().ok().filter(|number| (from..=to).contains(number))
        })
    }

    /// Networks as CIDR blocks.
    pub fn networks(&self, name: &str) -> anyhow::Result<Vec<IpNet>> {
        let expected = "empty, or networks separated by commas, such as 10.1.0.0/16,127.0.0.1/32";
        self.parsed(name, expected, |text| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| part.parse().ok()).collect()
        })
    }

    /// The number that everything random is drawn from, where one was given.
    pub fn random_seed(&self) -> anyhow::Result<Option<u64>> {
        let expected = format!("empty, or a whole number from 0 to {}", u64::MAX);
        self.parsed("random-seed", &expected, |text| match text {
            "" => Some(None),
            text => text.parse().ok().map(Some),
        })
    }

    /// What one thing is drawn from: as given for it alone, else the seed of everything, else its default.
    pub fn seed(&self, name: &str) -> anyhow::Result<u64> {
        let own = self.number(name, 0, u64::MAX)?;
        let given = self
            .values
            .get(name)
            .is_some_and(|sourced| sourced.origin != DEFAULT);
        let common = self.random_seed()?;
        Ok(common.filter(|_| !given).unwrap_or(own))
    }

    /// Seconds from 0 to `to`, with up to three digits after the point: in milliseconds.
    pub fn seconds(&self, name: &str, to: u32) -> anyhow::Result<i64> {
        let expected = format!("seconds from 0 to {to}, such as 2 or 1.5");
        self.parsed(name, &expected, |text| {
            let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if !digits(whole) || !digits(part) || part.len() > 3 {
                return None;
            }
            let millis =
                whole.parse::<i64>().ok()?.checked_mul(1000)? + format!("{part:0<3}").parse::<i64>().ok()?;
            (millis <= i64::from(to) * 1000).then_some(millis)
        })
    }

    /// `on` or `off`.
    pub fn switch(&self, name: &str) -> anyhow::Result<bool> {
        self.parsed(name, "on or off", |text| match text {
            "on" | "true" => Some(true),
            "off" | "false" => Some(false),
            _ => None,
        })
    }

    /// One of a few words.
    pub fn one_of<'a>(&'a self, name: &str, words: &[&str]) -> anyhow::Result<&'a str> {
        let text = self.text(name);
        if words.contains(&text) {
            Ok(text)
        } else {
            Err(self.wrong(name, &words.join(" or ")))
        }
    }

    fn parsed<T>(&self, name: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> anyhow::Result<T> {
        parse(self.text(name)).ok_or_else(|| self.wrong(name, expected))
    }

    /// Says what is wrong with a setting and where it was set.
    pub fn wrong(&self, name: &str, expected: &str) -> anyhow::Error {
        let origin = self.values.get(name).map_or(DEFAULT, |sourced| &sourced.origin);
        anyhow!(
            "{name} is \"{}\" (from {origin}), but must be {expected}",
            self.shown(name)
        )
    }
}

fn read_file(path: &std::path::Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
    let table: toml::Table = text
        .parse()
        .with_context(|| format!("{} is not valid TOML", path.display()))?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        if !SETTINGS.iter().any(|setting| setting.name == name) {
            let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
            bail!(
                "{}: there is no setting \"{name}\". Known are: {}",
                path.display(),
                known.join(", ")
            );
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Boolean(on) => if on { "on" } else { "off" }.to_owned(),
            _ => bail!(
                "{}: {name} must be a text, a whole number or true/false",
                path.display()
            ),
        };
        values.insert(name, text);
    }
    Ok(values)
}
