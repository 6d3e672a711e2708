//! What goes wrong, on purpose, and how it is mended again.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng as _;

use crate::database::Database;
use crate::etcd::Etcd;
use crate::nodes::{NODES, Nodes};
use crate::place::Place;
use crate::proxy::Mode;
use crate::wait::until;

/// How long what is broken stays so, where nothing else says it.
const WHILE: Duration = Duration::from_secs(4);

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// The primary's host loses its power: PostgreSQL and Patroni die. It comes back later, as standby.
    PrimaryHost,
    /// The primary's host stands still: its connections stay and nothing is answered. Once it is replaced it is put down, as a
    /// watchdog does, and comes back as standby.
    PrimaryFrozen,
    /// The first process of the primary's PostgreSQL dies; its Patroni sees that.
    PrimaryProcess,
    /// The standby's host loses its power.
    StandbyHost,
    /// The leader of etcd dies.
    EtcdLeader,
    /// A cosell server dies.
    Node,
    /// All connections to the database end, and none is taken for a while.
    Cut,
    /// Every connection to the database ends in the middle of what it carries.
    Halve,
    /// The way to the database is slow.
    Delay,
    /// One cosell server hears nothing from the database any more.
    Silence,
    /// The standby is made primary, as for maintenance.
    Switchover,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrimaryHost => "primary's host killed",
            Self::PrimaryFrozen => "primary's host frozen",
            Self::PrimaryProcess => "primary's postmaster killed",
            Self::StandbyHost => "standby's host killed",
            Self::EtcdLeader => "etcd leader killed",
            Self::Node => "cosell server killed",
            Self::Cut => "database connections cut",
            Self::Halve => "packets halved",
            Self::Delay => "packets delayed",
            Self::Silence => "one server's packets swallowed",
            Self::Switchover => "switchover",
        })
    }
}

/// Every fault there is.
pub const ALL: [Fault; 11] = [
    Fault::Node,
    Fault::Cut,
    Fault::Halve,
    Fault::Delay,
    Fault::Silence,
    Fault::EtcdLeader,
    Fault::Switchover,
    Fault::StandbyHost,
    Fault::PrimaryProcess,
    Fault::PrimaryFrozen,
    Fault::PrimaryHost,
];

/// The faults of the short form.
pub const SHORT: [Fault; 3] = [Fault::Node, Fault::Cut, Fault::PrimaryHost];

/// Everything that can be broken.
pub struct World {
    /// The folder and the processes of the run.
    pub place: Rc<Place>,
    /// etcd.
    pub etcd: Etcd,
    /// The database hosts.
    pub database: Database,
    /// The cosell servers and their balancer.
    pub nodes: Nodes,
}

impl World {
    /// Brings a fault about, and mends what it broke: when this returns, everything is redundant again.
    ///
    /// # Errors
    /// Where it cannot be brought about, or something does not come back.
    pub fn suffer(&mut self, fault: Fault, random: &mut ChaCha8Rng) -> Result<()> {
        let primary = self.database.wait_until_safe()?;
        let node = random.next_u32() as usize % NODES;
        match fault {
            Fault::PrimaryHost => {
                self.database.kill_host(&self.place, primary)?;
                self.database.wait_until_primary_is_not(primary)?;
                self.database.start_host(&self.place, primary)?;
            }
            Fault::PrimaryFrozen => {
                self.database.freeze_host(&self.place, primary)?;
                self.database.wait_until_primary_is_not(primary)?;
                self.database.kill_host(&self.place, primary)?;
                self.database.start_host(&self.place, primary)?;
            }
            Fault::PrimaryProcess => {
                self.database.kill_postmaster(primary)?;
                self.database.wait_until_primary_is_not(primary)?;
            }
            Fault::StandbyHost => {
                self.database.kill_host(&self.place, 1 - primary)?;
                std::thread::sleep(2 * WHILE);
                self.database.start_host(&self.place, 1 - primary)?;
            }
            Fault::EtcdLeader => {
                let leader = until("etcd has a leader", WHILE, || self.etcd.leader())?;
                self.etcd.kill(&self.place, leader)?;
                until("etcd has another leader", 10 * WHILE, || self.etcd.leader())?;
                std::thread::sleep(WHILE);
                self.etcd.start_member(&self.place, leader)?;
                until("etcd is whole again", 10 * WHILE, || self.etcd.leader())?;
            }
            Fault::Node => {
                self.nodes.kill_node(&self.place, node)?;
                std::thread::sleep(WHILE);
                self.nodes.start_node(&self.place, node)?;
            }
            Fault::Cut => self.nodes.set_links(None, None, Mode::Cut),
            Fault::Halve => {
                // Again and again: between two of them connections are made and work begins.
                for _ in 0..8 {
                    self.nodes.set_links(None, None, Mode::Halve);
                    std::thread::sleep(WHILE / 40);
                    self.nodes.set_links(None, None, Mode::Pass);
                    std::thread::sleep(WHILE / 10);
                }
            }
            Fault::Delay => {
                let time = Duration::from_millis(50);
                self.nodes.set_links(None, None, Mode::Delay(time));
            }
            Fault::Silence => {
                self.nodes.set_links(Some(node), None, Mode::Swallow);
                std::thread::sleep(2 * WHILE);
            }
            Fault::Switchover => {
                self.database.switch_over(primary)?;
                self.database.wait_until_primary_is_not(primary)?;
            }
        }
        if matches!(fault, Fault::Cut | Fault::Delay) {
            std::thread::sleep(WHILE);
        }
        self.nodes.set_links(None, None, Mode::Pass);
        for node in 0..NODES {
            self.nodes.wait_until_ready(node)?;
        }
        self.database
            .wait_until_safe()
            .with_context(|| format!("after this fault: {fault}"))?;
        Ok(())
    }
}
