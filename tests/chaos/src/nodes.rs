//! Three cosell servers over one database, each by links of its own, and the balancer before them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::background::Background;
use crate::database::{Database, HOSTS};
use crate::example::Example;
use crate::place::{Place, Ports, own, run};
use crate::proxy::{Link, Mode};
use crate::wait::{get, until};

const EXAMPLE: &str = include_str!("../../../deploy/ha/haproxy.cfg");
/// The owner of the database, and its name too.
const USER: &str = "cosell";
const PASSWORD: &str = "password-of-cosell";
const ACCOUNT: &str = "123456789012";

/// How many there are.
pub const NODES: usize = 3;

struct Node {
    folder: PathBuf,
    address: SocketAddr,
    /// The address of whichever host is the primary.
    store: String,
    /// The address of both, for lists from the one that is not.
    read_store: String,
    links: Vec<Link>,
    process: Option<Child>,
}

/// The servers and their balancer.
pub struct Nodes {
    program: PathBuf,
    nodes: Vec<Node>,
    balancer: Option<Child>,
    /// Where clients connect to.
    pub address: SocketAddr,
}

/// An access key.
#[derive(Clone)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

impl Nodes {
    /// Makes the database, an account, a key and a target of events at `events`; starts everything and waits until it is ready.
    ///
    /// # Errors
    /// Where something does not start.
    pub fn start(
        place: &Place,
        ports: &mut Ports,
        background: &Background,
        database: &Database,
        program: &Path,
        events: &str,
    ) -> Result<(Self, Key)> {
        database.create(USER, PASSWORD)?;
        let mut nodes = Self {
            program: program.to_owned(),
            nodes: Vec::new(),
            balancer: None,
            address: ports.take()?,
        };
        for number in 0..NODES {
            let folder = place.make(&format!("cosell{}", number + 1))?;
            let mut links = Vec::new();
            for host in 0..HOSTS {
                links.push(background.wait(Link::open(ports.take()?, database.address(host)))?);
            }
            let hosts: Vec<String> = links.iter().map(|link| link.address.to_string()).collect();
            let read_store = format!(
                "postgres://{USER}:{PASSWORD}@{}/{USER}?sslmode=disable",
                hosts.join(",")
            );
            nodes.nodes.push(Node {
                folder,
                address: ports.take()?,
                store: format!("{read_store}&target_session_attrs=read-write"),
                read_store,
                links,
                process: None,
            });
        }
        nodes.command(&["init"])?;
        nodes.command(&["account", "create", "--account", ACCOUNT, "--company", "Example"])?;
        let key = nodes.command(&["key", "create", "--account", ACCOUNT])?;
        let text = |name: &str| key[name].as_str().map(str::to_owned);
        let key = Key {
            id: text("accessKeyId").context("a key without an id")?,
            secret: text("secretAccessKey").context("a key without a secret")?,
        };
        let target = ["events", "target", "add", "webhook", "all", "--url", events];
        nodes.command(&target)?;
        nodes.command(&[
            "events",
            "rule",
            "add",
            "all",
            "--target",
            "all",
            "--pattern",
            PATTERN,
        ])?;
        for number in 0..NODES {
            if number > 0 {
                let name = "cosell.key";
                let (from, to) = (&nodes.nodes[0].folder, &nodes.nodes[number].folder);
                std::fs::copy(data(from).join(name), made(&data(to))?.join(name))
                    .context("cannot copy the key")?;
            }
            nodes.start_node(place, number)?;
        }
        for number in 0..NODES {
            nodes.wait_until_ready(number)?;
        }
        nodes.start_balancer(place)?;
        Ok((nodes, key))
    }

    fn start_balancer(&mut self, place: &Place) -> Result<()> {
        let folder = place.make("haproxy")?;
        let mut example = Example::new("deploy/ha/haproxy.cfg", EXAMPLE);
        example.put("balancer.example.com:7733", &self.address.to_string())?;
        // What takes root's rights and Debian's folders.
        for line in [
            "    log /dev/log local0\n",
            "    user haproxy\n",
            "    group haproxy\n",
            "    chroot /var/lib/haproxy\n",
            "    stats socket /run/haproxy/admin.sock mode 660 level admin\n",
        ] {
            example.put(line, "")?;
        }
        for (number, node) in self.nodes.iter().enumerate() {
            let from = format!("cosell{}.example.com:7733", number + 1);
            example.put(&from, &node.address.to_string())?;
        }
        let file = folder.join("haproxy.cfg");
        place.write(&file, &example.text()?)?;
        // Debian puts it where only root's path leads.
        let usual = Path::new("/usr/sbin/haproxy");
        let program = if usual.exists() {
            usual
        } else {
            Path::new("haproxy")
        };
        let mut command = own(program, &folder);
        command.arg("-f").arg(&file);
        let started = place.start(command, &folder);
        self.balancer = Some(started.context("install HAProxy (Debian: apt-get install haproxy)")?);
        until("HAProxy leads to a server", Duration::from_secs(20), || {
            let (status, _) = get(self.address, "/readyz")?;
            ensure!(status == 200, "/readyz answers {status}");
            Ok(())
        })
    }

    /// Starts a node, for the first time or again.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_node(&mut self, place: &Place, number: usize) -> Result<()> {
        let node = &mut self.nodes[number];
        let mut command = own(&self.program, &node.folder);
        command
            .args(["serve", "--listen", &node.address.to_string(), "--data"])
            .arg(data(&node.folder))
            .env("COSELL_STORE", &node.store)
            .env("COSELL_READ_STORE", &node.read_store)
            .env("COSELL_THROTTLE", "off")
            .env("COSELL_EVENTS_NETWORKS", "127.0.0.0/8");
        node.process = Some(place.start(command, &node.folder)?);
        Ok(())
    }

    /// Kills a node.
    ///
    /// # Errors
    /// Where it did not run.
    pub fn kill_node(&mut self, place: &Place, number: usize) -> Result<()> {
        let node = &mut self.nodes[number];
        ensure!(
            place.kill_all(&node.folder)? == 1,
            "server {} did not run: its log is {}",
            number + 1,
            node.folder.join("log").display()
        );
        if let Some(mut process) = node.process.take() {
            process.wait().context("a server was lost")?;
        }
        Ok(())
    }

    /// Waits until a node says that it is ready.
    ///
    /// # Errors
    /// Where it does not within a minute.
    pub fn wait_until_ready(&self, number: usize) -> Result<()> {
        let node = &self.nodes[number];
        let what = format!(
            "server {} is ready, log {}",
            number + 1,
            node.folder.join("log").display()
        );
        until(&what, Duration::from_secs(60), || {
            let (status, body) = get(node.address, "/readyz")?;
            ensure!(status == 200, "/readyz answers {status}: {body}");
            Ok(())
        })
    }

    /// Tells links how to behave: those of one node or of all, to one database host or to both.
    pub fn set_links(&self, node: Option<usize>, host: Option<usize>, mode: Mode) {
        for (number, one) in self.nodes.iter().enumerate() {
            for (to, link) in one.links.iter().enumerate() {
                if node.is_none_or(|node| node == number) && host.is_none_or(|host| host == to) {
                    link.set(mode);
                }
            }
        }
    }

    /// How many lists of all servers that run now replicas have answered, since each of them started.
    ///
    /// # Errors
    /// Where a server does not say.
    pub fn lists_of_replicas(&self) -> Result<u64> {
        let counted = |node: &Node| {
            let metrics = run(own(&self.program, &node.folder)
                .args(["operator", "call", "get", "metrics", "--data"])
                .arg(data(&node.folder)))?;
            let line = metrics
                .lines()
                .find_map(|line| line.strip_prefix(LISTS_OF_REPLICAS));
            let count = line.and_then(|count| count.trim().parse::<u64>().ok());
            count.with_context(|| format!("no {LISTS_OF_REPLICAS} in {metrics}"))
        };
        self.nodes.iter().map(counted).sum()
    }

    /// A command of the first server's folder, with its answer in JSON; null where it prints none.
    ///
    /// # Errors
    /// What it complained of.
    pub fn command(&self, arguments: &[&str]) -> Result<Value> {
        let out = self.command_lines(arguments)?;
        if out.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&out).with_context(|| format!("{arguments:?} prints no JSON: {out}"))
    }

    /// A command of the first server's folder; what it prints with `--output json`.
    ///
    /// # Errors
    /// What it complained of.
    pub fn command_lines(&self, arguments: &[&str]) -> Result<String> {
        let node = &self.nodes[0];
        run(own(&self.program, &node.folder)
            .args(arguments)
            .args(["--output", "json", "--data"])
            .arg(data(&node.folder))
            .env("COSELL_STORE", &node.store)
            .env("COSELL_EVENTS_NETWORKS", "127.0.0.0/8"))
    }
}

/// The metric that counts lists which a replica has answered.
const LISTS_OF_REPLICAS: &str = r#"cosell_store_lists_total{answer="replica"}"#;
/// Everything about opportunities.
const PATTERN: &str = r#"{"detail": {"opportunity": {"identifier": [{"exists": true}]}}}"#;

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn made(folder: &Path) -> Result<&Path> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
