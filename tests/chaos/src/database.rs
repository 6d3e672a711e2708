//! Two database hosts, each a Patroni with its PostgreSQL, as `deploy/ha/patroni.yml` says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::example::Example;
use crate::place::{Place, Ports, run, signal};
use crate::wait::{get, until};

const EXAMPLE: &str = include_str!("../../../deploy/ha/patroni.yml");
/// The name of the cluster in the example.
const SCOPE: &str = "cosell";
/// The password in the example.
const PASSWORD: &str = "password-of-postgres";
/// Longer than any failover and rejoining takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Most hosts.
pub const HOSTS: usize = 2;

struct Host {
    name: String,
    folder: PathBuf,
    /// Where its PostgreSQL listens.
    postgres: SocketAddr,
    /// Where its Patroni answers questions.
    patroni: SocketAddr,
    process: Option<Child>,
}

/// The hosts.
pub struct Database {
    hosts: Vec<Host>,
    programs: PathBuf,
}

impl Database {
    /// Starts both hosts, and waits until one is primary and the other its synchronous standby.
    ///
    /// # Errors
    /// Where that does not come to pass.
    pub fn start(place: &Place, ports: &mut Ports, etcd: &str) -> Result<Self> {
        let programs = cosell_test_postgres::programs().map_err(anyhow::Error::msg)?;
        let mut database = Self {
            hosts: Vec::new(),
            programs,
        };
        for number in 0..HOSTS {
            let name = format!("db{}", number + 1);
            let folder = place.make(&name)?;
            let (postgres, patroni) = (ports.take()?, ports.take()?);
            let mut example = Example::new("deploy/ha/patroni.yml", EXAMPLE);
            example.put("name: db1", &format!("name: {name}"))?;
            for from in ["10.0.0.21:8008", "db1.example.com:8008"] {
                example.put(from, &patroni.to_string())?;
            }
            for from in ["10.0.0.21:5432", "db1.example.com:5432"] {
                example.put(from, &postgres.to_string())?;
            }
            let hosts = "etcd1.example.com:2379,etcd2.example.com:2379,etcd3.example.com:2379";
            example.put(hosts, etcd)?;
            let path = |name: &str| folder.join(name).display().to_string();
            example.put("/var/lib/postgresql/cosell.pgpass", &path("pgpass"))?;
            example.put("/var/lib/postgresql/cosell", &path("data"))?;
            example.put("/var/run/postgresql", &folder.display().to_string())?;
            example.put(
                "/usr/lib/postgresql/15/bin",
                &database.programs.display().to_string(),
            )?;
            example.put("10.0.0.0/8", "127.0.0.1/32")?;
            place.write(&folder.join("patroni.yml"), &example.text()?)?;
            database.hosts.push(Host {
                name,
                folder,
                postgres,
                patroni,
                process: None,
            });
            database.start_host(place, number)?;
        }
        database.wait_until_safe()?;
        Ok(database)
    }

    /// Where the PostgreSQL of a host listens.
    #[must_use]
    pub fn address(&self, number: usize) -> SocketAddr {
        self.hosts[number].postgres
    }

    /// Starts a host, for the first time or again.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_host(&mut self, place: &Place, number: usize) -> Result<()> {
        let host = &mut self.hosts[number];
        let mut command = place.command(Path::new("patroni"), &host.folder);
        command.arg(host.folder.join("patroni.yml"));
        let started = place.start(command, &host.folder);
        host.process =
            Some(started.context("install Patroni (Debian: apt-get install patroni python3-etcd)")?);
        Ok(())
    }

    /// Kills everything on a host, as a loss of power would.
    ///
    /// # Errors
    /// Where something outlives that.
    pub fn kill_host(&mut self, place: &Place, number: usize) -> Result<()> {
        let host = &mut self.hosts[number];
        ensure!(
            place.kill_all(&host.folder)? > 1,
            "{} did not run: its log is {}",
            host.name,
            host.folder.join("log").display()
        );
        if let Some(mut process) = host.process.take() {
            process.wait().context("Patroni was lost")?;
        }
        Ok(())
    }

    /// Halts everything on a host. Its connections stay, and nothing is said any more.
    ///
    /// # Errors
    /// Where nothing runs there.
    pub fn freeze_host(&self, place: &Place, number: usize) -> Result<()> {
        let host = &self.hosts[number];
        let halted = place.signal_all("STOP", &host.folder)?;
        ensure!(halted > 1, "{} did not run", host.name);
        Ok(())
    }

    /// Kills the first process of a host's PostgreSQL; its Patroni lives on.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn kill_postmaster(&self, number: usize) -> Result<()> {
        let data = self.hosts[number].folder.join("data");
        let file = std::fs::read_to_string(data.join("postmaster.pid")).context("no PostgreSQL runs")?;
        let id: u32 = file.lines().next().unwrap_or_default().trim().parse()?;
        let works_in = std::fs::read_link(format!("/proc/{id}/cwd")).context("PostgreSQL is gone")?;
        ensure!(works_in == data, "process {id} is not the PostgreSQL of this run");
        signal("KILL", id)
    }

    /// The host that is primary: the one that Patroni says leads, and that does.
    ///
    /// # Errors
    /// Where there is none, or two hosts say different ones.
    pub fn primary(&self) -> Result<usize> {
        let members = self.members()?;
        let mut leaders = members
            .iter()
            .filter(|m| m["role"] == "leader" && m["state"] == "running");
        let leader = leaders.next().context("there is no primary")?;
        ensure!(leaders.next().is_none(), "there are two primaries");
        self.hosts
            .iter()
            .position(|host| leader["name"] == host.name.as_str())
            .context("Patroni names a stranger")
    }

    /// The primary, where the other host is its synchronous standby: an acknowledged write survives the loss of either.
    ///
    /// # Errors
    /// Where that is not so.
    pub fn safe_primary(&self) -> Result<usize> {
        let primary = self.primary()?;
        let members = self.members()?;
        let follows = |m: &&Value| m["role"] == "sync_standby" && m["state"] == "running";
        let standby = members
            .iter()
            .find(follows)
            .context("there is no synchronous standby")?;
        let timeline = |m: &Value| m["timeline"].as_u64();
        let of_primary = members.iter().find(|m| m["role"] == "leader").and_then(timeline);
        ensure!(
            timeline(standby) == of_primary,
            "the standby is on an older timeline"
        );
        Ok(primary)
    }

    /// Waits until there is a primary with a synchronous standby.
    ///
    /// # Errors
    /// Where there is none after a while, with the place of the logs.
    pub fn wait_until_safe(&self) -> Result<usize> {
        until("a primary with a synchronous standby", PATIENCE, || {
            self.safe_primary()
        })
    }

    /// Waits until another host than this is primary.
    ///
    /// # Errors
    /// Where there is none after a while.
    pub fn wait_until_primary_is_not(&self, number: usize) -> Result<usize> {
        until("another primary", PATIENCE, || match self.primary()? {
            same if same == number => bail!("{} is still primary", self.hosts[number].name),
            other => Ok(other),
        })
    }

    /// Makes the standby primary in good order, as for maintenance.
    ///
    /// # Errors
    /// What `patronictl` complained of.
    pub fn switch_over(&self, primary: usize) -> Result<()> {
        let (host, other) = (&self.hosts[primary], &self.hosts[1 - primary]);
        run(Command::new("patronictl")
            .arg("-c")
            .arg(host.folder.join("patroni.yml"))
            .args(["switchover", SCOPE, "--leader", &host.name])
            .args(["--candidate", &other.name, "--force"]))?;
        Ok(())
    }

    /// Makes a database and its owner on the primary, as the documentation says to.
    ///
    /// # Errors
    /// What PostgreSQL complained of.
    pub fn create(&self, user: &str, password: &str) -> Result<()> {
        let primary = self.hosts[self.primary()?].postgres;
        for sql in [
            format!("CREATE ROLE {user} LOGIN PASSWORD '{password}'"),
            format!("CREATE DATABASE {user} OWNER {user} ENCODING 'UTF8' TEMPLATE template0"),
            format!("GRANT pg_read_all_stats TO {user}"),
        ] {
            run(Command::new(self.programs.join("psql"))
                .env("PGPASSWORD", PASSWORD)
                .args([
                    "-X",
                    "-q",
                    "-v",
                    "ON_ERROR_STOP=1",
                    "-U",
                    "postgres",
                    "-d",
                    "postgres",
                ])
                .args(["-h", "127.0.0.1", "-p", &primary.port().to_string(), "-c", &sql]))?;
        }
        Ok(())
    }

    /// What Patroni says of the hosts, asked of the first that answers.
    fn members(&self) -> Result<Vec<Value>> {
        let mut last = anyhow::anyhow!("no Patroni runs");
        for host in self.hosts.iter().filter(|host| host.process.is_some()) {
            match get(host.patroni, "/cluster") {
                Ok((_, body)) => {
                    let told: Value = serde_json::from_str(&body).context("Patroni answers no JSON")?;
                    return Ok(told["members"].as_array().cloned().unwrap_or_default());
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}
