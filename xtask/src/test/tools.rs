//! What the tests need of the machine. Installs Debian packages where it may; otherwise says in one line what is missing.

use std::process::Command;

use anyhow::{Result, bail};

use super::process;

/// The oldest Python that the pinned boto3 runs on.
const PYTHON: (u32, u32) = (3, 10);
/// The oldest Node.js that the pinned SDK runs on.
const NODE: (u32, u32) = (20, 0);

/// The programs to use.
pub struct Tools {
    /// Python, with its venv module; empty when it was not asked for.
    pub python: String,
}

/// What the chosen suites need.
#[derive(Default)]
pub struct Needs {
    /// Python with its venv module.
    pub python: bool,
    /// Node.js with npm.
    pub javascript: bool,
    /// The programs of a PostgreSQL server.
    pub postgres: bool,
    /// Patroni, etcd and HAProxy, of which the tests start their own.
    pub failover: bool,
    /// nats-server.
    pub nats: bool,
}

/// Looks for the programs that the chosen suites need.
pub fn check(needs: &Needs) -> Result<Tools> {
    let mut tools = Tools {
        python: String::new(),
    };
    if needs.python {
        tools.python = find_python()?;
    }
    if needs.javascript {
        find_node()?;
    }
    if needs.postgres {
        find_postgres()?;
    }
    if needs.failover {
        find_failover()?;
    }
    if needs.nats {
        find_nats()?;
    }
    Ok(tools)
}

fn find_nats() -> Result<()> {
    let found = || process::ask("nats-server", &["--version"]).is_some();
    if !found() {
        install(&["nats-server"]);
    }
    if !found() {
        bail!("nats-server is missing: install it (Debian: apt-get install nats-server) and run this again");
    }
    Ok(())
}

fn find_python() -> Result<String> {
    if python().is_none() {
        install(&["python3", "python3-venv"]);
    }
    let Some(program) = python() else {
        bail!(
            "Python {}.{} or newer is missing: install it (Debian: apt-get install python3 python3-venv) and run this again",
            PYTHON.0,
            PYTHON.1
        );
    };
    // Debian ships Python without the module that makes virtual environments.
    let complete = || process::ask(program, &["-c", "import venv, ensurepip"]).is_some();
    if !complete() {
        install(&["python3-venv"]);
    }
    if !complete() {
        bail!(
            "Python's venv module is missing: install it (Debian: apt-get install python3-venv) and run this again"
        );
    }
    Ok(program.to_owned())
}

fn python() -> Option<&'static str> {
    let version = "import sys; print('%d.%d' % sys.version_info[:2])";
    ["python3", "python"]
        .into_iter()
        .find(|program| process::ask(program, &["-c", version]).is_some_and(|text| at_least(&text, PYTHON)))
}

fn find_node() -> Result<()> {
    let found = || process::ask("node", &["--version"]);
    let npm = || process::ask("npm", &["--version"]).is_some();
    if found().is_none() || !npm() {
        install(&["nodejs", "npm"]);
    }
    match found() {
        Some(version) if at_least(version.trim_start_matches('v'), NODE) => {}
        Some(version) => bail!(
            "Node.js {} or newer is missing (this is {version}): install it, for example from https://nodejs.org, and run this again",
            NODE.0
        ),
        None => bail!(
            "Node.js {} or newer is missing: install it, for example from https://nodejs.org, and run this again",
            NODE.0
        ),
    }
    if !npm() {
        bail!("npm is missing: install it (Debian: apt-get install npm) and run this again");
    }
    Ok(())
}

/// A server that runs on this machine is no concern of the tests, so none is asked: they start one of their own.
fn find_postgres() -> Result<()> {
    if cosell_test_postgres::programs().is_err() {
        install(&["postgresql"]);
    }
    match cosell_test_postgres::programs() {
        Ok(_) => Ok(()),
        Err(missing) => bail!(missing),
    }
}

fn find_failover() -> Result<()> {
    // HAProxy lies where only root's path leads.
    const PROGRAMS: [(&[&str], &str, &[&str]); 4] = [
        (&["patroni"], "--version", &["patroni", "python3-etcd"]),
        (&["etcd"], "--version", &["etcd-server"]),
        (&["etcdctl"], "version", &["etcd-client"]),
        (&["haproxy", "/usr/sbin/haproxy"], "-v", &["haproxy"]),
    ];
    let missing = || {
        let missing = PROGRAMS.into_iter().filter(|(names, argument, _)| {
            !names
                .iter()
                .any(|name| process::ask(name, &[*argument]).is_some())
        });
        missing
            .flat_map(|(_, _, packages)| packages)
            .copied()
            .collect::<Vec<_>>()
    };
    let packages = missing();
    if !packages.is_empty() {
        install(&packages);
    }
    let packages = missing().join(" ");
    if !packages.is_empty() {
        bail!(
            "Patroni, etcd or HAProxy is missing: install them (Debian: apt-get install {packages}) and run this again"
        );
    }
    Ok(())
}

/// Installs Debian packages where that is possible; whether it helped is seen by looking again.
fn install(packages: &[&str]) {
    let root = process::ask("id", &["-u"]).is_some_and(|id| id == "0");
    if !root || process::ask("apt-get", &["--version"]).is_none() {
        return;
    }
    for arguments in [
        &["update"] as &[&str],
        &[&["install", "-y", "--no-install-recommends"], packages].concat(),
    ] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        if let Err(error) = process::must(command) {
            println!("{error:#}");
        }
    }
}

fn at_least(version: &str, (major, minor): (u32, u32)) -> bool {
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (major, minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, enough) in [
            ("3.9", false),
            ("3.10", true),
            ("3.11.7", true),
            ("4.0", true),
            ("2.99", false),
            ("", false),
        ] {
            assert_eq!(at_least(version, PYTHON), enough, "{version}");
        }
    }
}
