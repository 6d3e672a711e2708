//! How a database is reached: the address, TLS, pool size and patience.
//!
//! The address is a `postgres://` URL as libpq has it, with several hosts and `target_session_attrs` where there is a
//! failover. `sslmode` is `disable`, `prefer` (the default), `require` or `verify-full`, and `sslrootcert` a file of
//! certificates in PEM that are trusted instead of the system's. Unlike libpq, `prefer` and `require` verify the server's
//! certificate and name as well, whenever TLS is used: an encrypted connection to nobody knows whom protects nothing.
//! Nothing here may print an address, which may hold a password.

use crate::error::OpenError;
use crate::tls::{self, Tls};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// How connections call themselves where the address does not say it.
pub(crate) const APPLICATION: &str = "cosell";
/// How those of a copy call themselves, whatever the address says.
const COPY: &str = "cosell store copy";

/// What a store is opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// Anything that a server or a command does.
    #[default]
    Use,
    /// To be copied from.
    CopyFrom,
    /// To be filled by a copy: only then a database with an unfinished one is opened.
    CopyTo,
}

/// How a store works with its database.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections for reads and small writes, at least 1, and as many to each read replica. Further ones are the writer's, that
    /// which asks how far the primary is where there are replicas, and one for each long look while it lasts.
    pub connections: usize,
    /// Writes that may wait for the writer before a further one waits for room.
    pub queue: usize,
    /// How long a read (and anything else but [`Store::apply`](cosell_store::Store::apply)) is tried, over lost connections
    /// and failovers, before it answers `Unavailable`.
    pub read_patience: Duration,
    /// How long a change is tried.
    pub write_patience: Duration,
    /// How long one connection attempt to one host may take until it can be worked with, unless the address says it
    /// (`connect_timeout`).
    pub connect_timeout: Duration,
    /// How long one statement may run. Long looks (export, import, check) are exempt.
    pub statement_timeout: Duration,
    /// Whether this is the only server on the database. Only then may
    /// [`release_claims`](cosell_store::Store::release_claims) take jobs from workers that are gone: beside others they
    /// might be alive. With several servers, the jobs of one that was killed are due again when their leases end.
    pub only_server: bool,
    /// What it is opened for.
    pub purpose: Purpose,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            connections: 8,
            queue: 1024,
            read_patience: Duration::from_secs(10),
            write_patience: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(8),
            only_server: false,
            purpose: Purpose::Use,
        }
    }
}

/// How long a host may leave packets unanswered before its connections are taken for lost, unless the address says it
/// (`tcp_user_timeout`, `keepalives…`).
const GONE: Duration = Duration::from_secs(5);
/// How much longer than a statement may run its answer is waited for.
const ANSWER: Duration = Duration::from_millis(500);

impl Options {
    /// How long one try may go without its answer before its connection is taken for dead and another one is used.
    pub(crate) fn silence(&self) -> Duration {
        self.statement_timeout + ANSWER
    }
}

/// Where the database is.
#[derive(Clone)]
pub(crate) struct Address {
    /// The hosts, each with the settings of all, in the order of the address.
    pub hosts: Vec<Config>,
    /// The place of the host that took the last connection: the next one tries it first.
    pub last: Arc<AtomicUsize>,
    /// Counts how often a connection found that its host takes no writes any more. Those that were there before are not used
    /// again: they may lead to the same host, where what they read is stale.
    pub turns: Arc<AtomicU64>,
    /// `None` where TLS is not wanted, or not insisted on and there are no trusted certificates.
    pub tls: Option<Tls>,
}

// By hand: the library's own text of a configuration leaves the password out, but may not for ever.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

/// Reads an address.
pub(crate) fn parse(url: &str, options: &Options) -> Result<Address, OpenError> {
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(OpenError::Address("it does not start with postgres://".into()));
    }
    // Before anything of it may be told.
    parts(url)?;
    let (base, query) = url.split_once('?').unwrap_or((url, ""));
    let mut kept = Vec::new();
    let mut roots = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslrootcert", file)) => roots = Some(decoded(file)?),
            Some(("sslmode", "verify-full")) => kept.push("sslmode=require"),
            Some(("sslmode", "verify-ca" | "allow")) => {
                return Err(OpenError::Address(
                    "sslmode is disable, prefer, require or verify-full".into(),
                ));
            }
            _ => kept.push(pair),
        }
    }
    let text = match kept.is_empty() {
        true => base.to_owned(),
        false => format!("{base}?{}", kept.join("&")),
    };
    let hosts: Result<Vec<Config>, OpenError> =
        each_host(&text)?.iter().map(|url| host(url, options)).collect();
    let hosts = hosts?;
    let mode = hosts.first().map_or(SslMode::Prefer, Config::get_ssl_mode);
    let tls = match mode {
        SslMode::Disable => None,
        // Whoever does not insist on TLS must not fail for want of certificates.
        SslMode::Prefer if roots.is_none() => tls::with_roots(None).ok(),
        _ => Some(tls::with_roots(roots.as_deref()).map_err(OpenError::Tls)?),
    };
    Ok(Address {
        hosts,
        last: Arc::default(),
        turns: Arc::default(),
        tls,
    })
}

fn host(url: &str, options: &Options) -> Result<Config, OpenError> {
    let mut config: Config = url.parse().map_err(|error: tokio_postgres::Error| {
        // The error names a parameter that is not known. Beside a password that may be the end of that.
        let query = url.split_once('?').map_or("", |(_, query)| query);
        OpenError::Address(match query.contains("password") {
            true => {
                "a parameter is not understood; in a password, & is written %26 and % is written %25".into()
            }
            false => crate::error::words(&error),
        })
    })?;
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(options.connect_timeout);
    }
    if options.purpose != Purpose::Use {
        config.application_name(COPY);
    } else if config.get_application_name().is_none() {
        config.application_name(APPLICATION);
    }
    // A host that lost its power says no goodbye, and the system's own patience with it is a quarter of an hour.
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(GONE);
    }
    if !url.contains("keepalives") {
        config.keepalives_idle(GONE);
        config.keepalives_interval(GONE / 5);
        config.keepalives_retries(5);
    }
    Ok(config)
}

/// Hosts that an address may name.
const MOST_HOSTS: usize = 16;

/// The parts of an address, each as it is written there.
struct Parts<'u> {
    scheme: &'u str,
    /// With the `@` at their end; empty where there are none.
    credentials: &'u str,
    hosts: &'u str,
    /// The database and the parameters.
    rest: &'u str,
}

/// The parts of an address, where it is sure which is which. The library ends the credentials at the first `@`, wherever that
/// is. With a bare `@`, `/` or `?` in a password, others would end them elsewhere, and what is left of the password would be
/// taken for a host, a database or a parameter.
fn parts(url: &str) -> Result<Parts<'_>, OpenError> {
    let wrong = |text: &str| Err(OpenError::Address(text.to_owned()));
    let Some((scheme, all)) = url.split_once("://") else {
        return wrong("it does not start with postgres://");
    };
    let (authority, rest) = all.split_at(all.find(['/', '?']).unwrap_or(all.len()));
    let (credentials, hosts) = authority.split_at(authority.find('@').map_or(0, |at| at + 1));
    if hosts.contains('@') || rest.contains('@') {
        return wrong(
            "a bare @ stands before the hosts and nowhere else: in a user's name, a password or a parameter @ is written %40, \
             / is written %2F and ? is written %3F",
        );
    }
    Ok(Parts {
        scheme,
        credentials,
        hosts,
        rest,
    })
}

/// One address for each host of an address.
pub(crate) fn each_host(url: &str) -> Result<Vec<String>, OpenError> {
    let Parts {
        scheme,
        credentials,
        hosts,
        rest,
    } = parts(url)?;
    if hosts.split(',').count() > MOST_HOSTS {
        return Err(OpenError::Address("it names more than 16 hosts".into()));
    }
    let one = |host| format!("{scheme}://{credentials}{host}{rest}");
    Ok(hosts.split(',').map(one).collect())
}

/// Reads the address of a read replica.
pub(crate) fn parse_replica(url: &str, options: &Options) -> Result<Address, OpenError> {
    let address = parse(url, options)?;
    let wants_primary = |host: &Config| host.get_target_session_attrs() == TargetSessionAttrs::ReadWrite;
    match address.hosts.iter().any(wants_primary) {
        true => Err(OpenError::Address(
            "a read replica takes no writes, so leave target_session_attrs out".into(),
        )),
        false => Ok(address),
    }
}

/// An address as people may see it: who, where and which database, and nothing else, since any other part may hold a
/// secret. Of one that is not understood, or could be meant otherwise, nothing is shown.
#[must_use]
pub fn shown(url: &str) -> String {
    understood(url).unwrap_or_else(|| "postgres://… (not understood)".to_owned())
}

fn understood(url: &str) -> Option<String> {
    parts(url).ok()?;
    let config: Config = url.split('?').next()?.parse().ok()?;
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(n, host)| {
        let name = match host {
            Host::Tcp(name) => name.clone(),
            #[cfg(unix)]
            Host::Unix(path) => path.display().to_string().replace('/', "%2F"),
        };
        match ports.get(n).or(ports.first()) {
            Some(port) => format!("{name}:{port}"),
            None => name,
        }
    });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    let user = match config.get_user() {
        // Whoever encodes this letter may have meant it to end the name.
        Some(user) if user.contains(':') => return None,
        Some(user) => format!("{user}@"),
        None => String::new(),
    };
    Some(format!(
        "postgres://{user}{hosts}/{}",
        config.get_dbname().unwrap_or_default()
    ))
}

/// A percent-encoded part of a URL.
fn decoded(text: &str) -> Result<String, OpenError> {
    let wrong = || OpenError::Address("sslrootcert is not well encoded".into());
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next().ok_or_else(wrong)?, rest.next().ok_or_else(wrong)?];
        let digits = std::str::from_utf8(&digits).map_err(|_| wrong())?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| wrong())?);
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str) -> String {
        parse(url, &Options::default()).unwrap_err().to_string()
    }

    #[test]
    fn an_address_names_hosts_a_wish_for_the_primary_and_how_tls_is_used() {
        let url = "postgres://me:secret@a:1,b:2/db?target_session_attrs=read-write&sslmode=disable";
        let address = parse(url, &Options::default()).unwrap();
        let ports: Vec<_> = address
            .hosts
            .iter()
            .map(|host| host.get_ports().to_vec())
            .collect();
        assert_eq!(ports, [[1], [2]]);
        for host in &address.hosts {
            assert_eq!(host.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
            assert_eq!(host.get_ssl_mode(), SslMode::Disable);
            assert_eq!(host.get_tcp_user_timeout(), Some(&GONE));
            assert_eq!(host.get_password(), Some(&b"secret"[..]));
        }
        let full = parse("postgres://me@a/db?sslmode=verify-full", &Options::default()).unwrap();
        assert_eq!(full.hosts[0].get_ssl_mode(), SslMode::Require);
        assert!(!format!("{address:?}").contains("secret"));
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, expected) in [
            (
                "postgres://me:secret@a:1,b:2/db?password=secret",
                "postgres://me@a:1,b:2/db",
            ),
            ("postgres://me:se%63ret@a/db", "postgres://me@a:5432/db"),
            ("postgres://%2Frun%2Fpg:5/db", "postgres://%2Frun%2Fpg:5/db"),
            ("postgres://me:secret@a:x/db", "postgres://… (not understood)"),
            ("me:secret", "postgres://… (not understood)"),
            ("postgres://me:se%40cret@a/db", "postgres://me@a:5432/db"),
            ("postgres://me:se:cret@a/db", "postgres://me@a:5432/db"),
            ("postgres://me:se#cret@a/db", "postgres://me@a:5432/db"),
            ("postgres://a/db?user=me&password=secret", "postgres://a:5432/db"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn nothing_is_shown_of_an_address_whose_password_could_end_elsewhere_and_it_is_refused_without_it() {
        for url in [
            "postgres://me:se@cret@a/db",
            "postgres://me:12@cret@a:5/db",
            "postgres://me:12/cret@a/db",
            "postgres://me:12?cret@a/db",
            "postgres://me:12@se/cret@a/db",
            "postgres://me:12@se?cret@a/db",
            "postgres://me:12@se?cret=5@a/db",
            "postgres://me@a/db?password=se@cret",
            "postgres://a/db?user=me&password=12@cret",
        ] {
            assert_eq!(shown(url), "postgres://… (not understood)", "{url}");
            let text = refusal(url);
            assert!(text.contains("%40") && !text.contains("cret"), "{url}: {text}");
        }
        for url in [
            "postgres://me@a/db?password=se&cret",
            "postgres://me@a/db?password=se&cret=5",
            "postgres://me@a/db?password=se&cret&sslmode=disable",
        ] {
            let text = refusal(url);
            assert!(text.contains("%26") && !text.contains("cret"), "{url}: {text}");
            assert!(!shown(url).contains("cret"), "{url}");
        }
        assert_eq!(
            shown("postgres://me%3Asecret@a/db"),
            "postgres://… (not understood)"
        );
    }

    #[test]
    fn an_address_of_replicas_is_one_for_each_host() {
        let each = |url: &str| each_host(url).unwrap();
        assert_eq!(
            each("postgres://me:p%40,w@a:1,[::1]:2,c/db?sslmode=disable"),
            [
                "postgres://me:p%40,w@a:1/db?sslmode=disable",
                "postgres://me:p%40,w@[::1]:2/db?sslmode=disable",
                "postgres://me:p%40,w@c/db?sslmode=disable"
            ]
        );
        assert_eq!(
            each("postgres://a,b?user=me"),
            ["postgres://a?user=me", "postgres://b?user=me"]
        );
        for wrong in ["a,b", "postgres://me:se@cret@a/db"] {
            let text = each_host(wrong).unwrap_err().to_string();
            assert!(!text.contains("cret"), "{text}");
        }
        assert!(each_host(&format!("postgres://{}/db", ["h"; 17].join(","))).is_err());
        let wishes = "postgres://a/db?target_session_attrs=read-write";
        let text = parse_replica(wishes, &Options::default())
            .unwrap_err()
            .to_string();
        assert!(text.contains("target_session_attrs"), "{text}");
    }

    #[test]
    fn an_address_that_is_not_understood_is_refused_without_its_password() {
        for url in [
            "mysql://me:secret@a/db",
            "postgres://me:secret@a/db?sslmode=verify-ca",
            "postgres://me:secret@a/db?nonsense=1",
            "postgres://me:secret@a/db?sslrootcert=%zz",
            "postgres://me:secret@a/db?sslmode=require&sslrootcert=/no/such/file",
        ] {
            let text = refusal(url);
            assert!(!text.contains("secret"), "{text}");
        }
        assert!(refusal("postgres://a/db?sslmode=require&sslrootcert=%2Fno%2Fsuch").contains("/no/such"));
    }
}
