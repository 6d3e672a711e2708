//! The servers that a history is made with: real processes that check signatures, one on a data folder or three over one
//! PostgreSQL, and what goes wrong with them meanwhile. Knows no operation.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

use tempfile::TempDir;

use super::lines::Lines;
use crate::harness::server::cosell_with;
use crate::harness::store::is_postgres;
use crate::harness::{Key, Server, embedded};

const ACCOUNT: &str = "123456789012";

/// Nodes over one store.
pub struct Cluster {
    /// A key of the account that all clients are.
    pub key: Key,
    /// The database's name and the lines to it, where there is one.
    database: Option<(String, Lines)>,
    folders: Vec<PathBuf>,
    nodes: Mutex<Vec<Option<Server>>>,
    addresses: RwLock<Vec<SocketAddr>>,
    _folder: TempDir,
}

impl Cluster {
    /// One node on a data folder; where the tests run on PostgreSQL, three nodes over one database.
    pub fn start(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (count, database) = match is_postgres() {
            false => (1, None),
            true => {
                let server = cosell_test_postgres::server();
                (3, Some((server.empty_database(), Lines::to(server.port, seed))))
            }
        };
        let folders: Vec<_> = (0..count).map(|n| folder.path().join(n.to_string())).collect();
        for data in &folders {
            embedded(data);
        }
        let store = address(database.as_ref());
        let run = |arguments: &[&str]| {
            let place = ["--data", folders[0].to_str().unwrap(), "--output", "json"];
            cosell_with(&[arguments, &place].concat(), &[("COSELL_STORE", &store)]).json()
        };
        run(&["init"]);
        run(&["account", "create", "--account", ACCOUNT, "--company", "Example"]);
        let key = run(&["key", "create", "--account", ACCOUNT]);
        let text = |name: &str| key[name].as_str().unwrap();
        let key = Key::new(text("accessKeyId"), text("secretAccessKey"));
        for data in &folders[1..] {
            std::fs::create_dir_all(data).unwrap();
            std::fs::copy(folders[0].join("cosell.key"), data.join("cosell.key")).unwrap();
        }
        let nodes: Vec<_> = folders.iter().map(|data| serve(data, &store)).collect();
        Self {
            key,
            addresses: RwLock::new(nodes.iter().map(|node| node.address).collect()),
            nodes: Mutex::new(nodes.into_iter().map(Some).collect()),
            database,
            folders,
            _folder: folder,
        }
    }

    /// How many nodes there are.
    pub fn size(&self) -> usize {
        self.folders.len()
    }

    /// Where a node listens.
    pub fn address(&self, node: usize) -> SocketAddr {
        self.addresses.read().unwrap()[node]
    }

    /// Kills a node as a power cut would, and starts it again on what it has left behind.
    pub fn restart(&self, node: usize) {
        let mut nodes = self.nodes.lock().unwrap();
        if let Some(server) = nodes[node].take() {
            server.kill();
        }
        // A server that starts gives up where it cannot reach its database.
        self.lose_answers(false);
        let server = serve(&self.folders[node], &address(self.database.as_ref()));
        self.lose_answers(true);
        self.addresses.write().unwrap()[node] = server.address;
        nodes[node] = Some(server);
    }

    /// Has a node stand still for a while, in the middle of whatever it is doing.
    pub fn pause(&self, node: usize, time: Duration) {
        let nodes = self.nodes.lock().unwrap();
        if let Some(server) = &nodes[node] {
            server.signal("-STOP");
            std::thread::sleep(time);
            server.signal("-CONT");
        }
    }

    /// Begins or ends to lose answers of the database.
    pub fn lose_answers(&self, loses: bool) {
        if let Some((_, lines)) = &self.database {
            lines.lose(loses);
        }
    }

    /// How many answers of the database were lost.
    pub fn lost_answers(&self) -> usize {
        self.database.as_ref().map_or(0, |(_, lines)| lines.lost())
    }

    /// Has the database cut about half of its connections, wherever in a transaction they are. False where there is none.
    pub fn cut(&self) -> bool {
        let Some((name, _)) = &self.database else {
            return false;
        };
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND random() < 0.5"
        );
        cosell_test_postgres::server().execute("postgres", &cut).unwrap();
        true
    }
}

/// The address of a database through its lines; empty for a server that has its data in its folder.
fn address(database: Option<&(String, Lines)>) -> String {
    database.map_or_else(String::new, |(name, lines)| {
        format!("postgres://cosell@{}/{name}", lines.address)
    })
}

fn serve(data: &Path, store: &str) -> Server {
    let data = data.to_str().unwrap();
    let place = ["--listen", "127.0.0.1:0", "--data", data, "--store", store];
    Server::start(&[&["serve", "--throttle", "off"], &place[..]].concat())
}
