//! Three members of etcd, as `deploy/ha/etcd.yml` says.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::example::Example;
use crate::place::{Place, Ports, run};
use crate::wait::until;

const EXAMPLE: &str = include_str!("../../../deploy/ha/etcd.yml");
const MEMBERS: usize = 3;

struct Member {
    folder: PathBuf,
    client: SocketAddr,
    process: Option<Child>,
}

/// The cluster.
pub struct Etcd {
    members: Vec<Member>,
}

impl Etcd {
    /// Starts all members and waits until they have a leader.
    ///
    /// # Errors
    /// Where that does not come to pass.
    pub fn start(place: &Place, ports: &mut Ports) -> Result<Self> {
        let mut addresses = Vec::new();
        for _ in 0..MEMBERS {
            addresses.push((ports.take()?, ports.take()?));
        }
        let mut etcd = Self { members: Vec::new() };
        for (number, (client, _)) in addresses.iter().enumerate() {
            let folder = place.make(&format!("etcd{}", number + 1))?;
            let mut example = Example::new("deploy/ha/etcd.yml", EXAMPLE);
            // Its own place in the lists first: the file is that of the first member.
            let (own, peer) = addresses[number];
            example.put(
                "http://10.0.0.11:2379,http://127.0.0.1:2379",
                &format!("http://{own}"),
            )?;
            example.put("http://etcd1.example.com:2379", &format!("http://{own}"))?;
            example.put("http://10.0.0.11:2380", &format!("http://{peer}"))?;
            let from = "initial-advertise-peer-urls: http://etcd1.example.com:2380";
            example.put(from, &format!("initial-advertise-peer-urls: http://{peer}"))?;
            for (other, (_, peer)) in addresses.iter().enumerate() {
                let from = format!("http://etcd{}.example.com:2380", other + 1);
                example.put(&from, &format!("http://{peer}"))?;
            }
            example.put("name: etcd1", &format!("name: etcd{}", number + 1))?;
            example.put("/var/lib/etcd/cosell", &folder.join("data").display().to_string())?;
            place.write(&folder.join("etcd.yml"), &example.text()?)?;
            etcd.members.push(Member {
                folder,
                client: *client,
                process: None,
            });
            etcd.start_member(place, number)?;
        }
        until("etcd has a leader", Duration::from_secs(30), || etcd.leader())?;
        Ok(etcd)
    }

    /// The addresses for clients, as Patroni wants them.
    #[must_use]
    pub fn hosts(&self) -> String {
        let all: Vec<String> = self.members.iter().map(|m| m.client.to_string()).collect();
        all.join(",")
    }

    /// Starts a member, for the first time or again.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_member(&mut self, place: &Place, number: usize) -> Result<()> {
        let member = &mut self.members[number];
        let mut command = place.command(Path::new("etcd"), &member.folder);
        command.arg("--config-file").arg(member.folder.join("etcd.yml"));
        let started = place.start(command, &member.folder);
        member.process = Some(started.context("install etcd (Debian: apt-get install etcd-server)")?);
        Ok(())
    }

    /// Kills a member.
    ///
    /// # Errors
    /// Where it outlives that.
    pub fn kill(&mut self, place: &Place, number: usize) -> Result<()> {
        let member = &mut self.members[number];
        place.kill_all(&member.folder)?;
        if let Some(mut process) = member.process.take() {
            process.wait().context("etcd was lost")?;
        }
        Ok(())
    }

    /// The number of the member that leads, once all that run agree about one.
    ///
    /// # Errors
    /// Where none does, or the members do not answer.
    pub fn leader(&self) -> Result<usize> {
        let running: Vec<&Member> = self.members.iter().filter(|m| m.process.is_some()).collect();
        let endpoints: Vec<String> = running.iter().map(|m| m.client.to_string()).collect();
        let mut ask = std::process::Command::new("etcdctl");
        ask.env("ETCDCTL_API", "3")
            .args(["endpoint", "status", "--write-out=json", "--endpoints"])
            .arg(endpoints.join(","));
        let told = run(&mut ask).context("install etcdctl (Debian: apt-get install etcd-client)")?;
        let told: Value = serde_json::from_str(&told).context("etcdctl prints no JSON")?;
        let all = told.as_array().context("etcdctl prints no list")?;
        let status = |one: &Value| one["Status"]["leader"].as_u64();
        let leader = all.first().and_then(status).filter(|id| *id != 0);
        let leader = leader.context("etcd has no leader")?;
        anyhow::ensure!(
            all.len() == running.len() && all.iter().all(|one| status(one) == Some(leader)),
            "the members of etcd do not agree about their leader"
        );
        let leads = |one: &&Value| one["Status"]["header"]["member_id"].as_u64() == Some(leader);
        let endpoint = all.iter().find(leads).and_then(|one| one["Endpoint"].as_str());
        let endpoint = endpoint.context("the leader of etcd is not among those that run")?;
        let number = self.members.iter().position(|m| m.client.to_string() == endpoint);
        number.context("etcdctl names a stranger")
    }
}
