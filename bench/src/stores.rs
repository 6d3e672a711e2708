//! One node on SQLite, one on PostgreSQL, three on PostgreSQL, and bare inserts of the same rows: side by side in one run, in turn,
//! medians over rounds. The PostgreSQL is a throw-away one that syncs to a disk as a real one does.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use cosell_test_postgres::Server;

use crate::bare_postgres::{self, Bare};
use crate::load::{self, Scenario};
use crate::process::{self, Started};
use crate::run::median;

#[derive(Args)]
pub struct Arguments {
    /// Rounds; each figure is the median over them
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Clients that wait for their writes, over all nodes
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// More settings of PostgreSQL, as in `shared_buffers=2GB`
    #[arg(long)]
    setting: Vec<String>,
}

/// The key file of a data folder, which all nodes over one database share.
const KEY_FILE: &str = "cosell.key";
/// Nodes of the third installation.
const NODES: usize = 3;

/// Nodes over one store.
struct Installation {
    name: &'static str,
    nodes: Vec<Started>,
    uses_postgres: bool,
}

pub fn main(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let server = start(&arguments.setting);
    let (one, three) = (database(&server), database(&server));
    let installations = [
        install("one node, SQLite", folder.path(), None, 1)?,
        install("one node, PostgreSQL", folder.path(), Some(&one), 1)?,
        install("three nodes, PostgreSQL", folder.path(), Some(&three), NODES)?,
    ];
    let operations = [
        ("GetOpportunity", Scenario::Get, 16),
        ("ListOpportunities, page of 20", Scenario::List, 16),
        ("CreateOpportunity", Scenario::Create, arguments.clients),
        ("UpdateOpportunity", Scenario::Update, arguments.clients),
        ("CreateOpportunity", Scenario::Create, 1),
    ];
    let postmaster = server.pid();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut found: Vec<Vec<Vec<load::Measured>>> =
        vec![vec![Vec::new(); installations.len()]; operations.len()];
    let mut bares: [Vec<bare_postgres::Measured>; 2] = Default::default();
    let mut bare = None;
    for round in 1..=arguments.rounds {
        eprintln!("round {round} of {}", arguments.rounds);
        for ((_, scenario, clients), found) in operations.iter().zip(&mut found) {
            for (installation, found) in installations.iter().zip(found) {
                process::write_back()?;
                found.push(load::measure(&load::Arguments {
                    address: installation
                        .nodes
                        .iter()
                        .map(|node| node.address.clone())
                        .collect(),
                    scenario: *scenario,
                    connections: *clients,
                    seconds: arguments.seconds,
                    pid: installation.nodes.iter().map(Started::pid).collect(),
                    database: installation.uses_postgres.then_some(postmaster),
                    list_body: None,
                })?);
            }
        }
        runtime.block_on(async {
            let bare = match &mut bare {
                Some(bare) => bare,
                None => bare.insert(Bare::open(database(&server), postmaster, &one).await?),
            };
            for (connections, found) in [1, NODES].into_iter().zip(&mut bares) {
                let group = arguments.clients.div_ceil(connections);
                let time = Duration::from_secs(arguments.seconds);
                process::write_back()?;
                found.push(bare.measure(connections, group, time).await?);
            }
            anyhow::Ok(())
        })?;
    }
    println!(
        "\n| operation | clients | server | requests/s | p50 µs | p99 µs | µs of CPU, cosell | µs of CPU, PostgreSQL | requests/s, SQLite = 1 |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for ((name, _, clients), found) in operations.iter().zip(&found) {
        let rate = |measured: &[load::Measured]| median(measured.iter().map(load::Measured::per_second));
        for (installation, measured) in installations.iter().zip(found) {
            let database = match installation.uses_postgres {
                true => format!("{:.1}", median(measured.iter().filter_map(|one| one.database))),
                false => String::new(),
            };
            println!(
                "| {name} | {clients} | {} | {:.0} | {:.0} | {:.0} | {:.1} | {database} | {:.2} |",
                installation.name,
                rate(measured),
                median(measured.iter().map(|one| one.p50 as f64)),
                median(measured.iter().map(|one| one.p99 as f64)),
                median(measured.iter().filter_map(|one| one.cpu)),
                rate(measured) / rate(&found[0]),
            );
        }
    }
    println!(
        "\n| bare inserts of a creation's rows | creations/s | commit p50 ms | commit p99 ms | µs of CPU, PostgreSQL | CreateOpportunity: requests/s, bare = 1 | CreateOpportunity: CPU of PostgreSQL, bare = 1 |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for ((connections, bare), created) in [1, NODES].into_iter().zip(&bares).zip(&found[2][1..]) {
        let rate = median(bare.iter().map(|one| one.per_second));
        let cpu = median(bare.iter().map(|one| one.database));
        println!(
            "| connections: {connections}, rows a commit: {} | {rate:.0} | {:.1} | {:.1} | {cpu:.1} | {:.2} | {:.2} |",
            arguments.clients.div_ceil(connections),
            median(bare.iter().map(|one| one.p50)),
            median(bare.iter().map(|one| one.p99)),
            median(created.iter().map(load::Measured::per_second)) / rate,
            median(created.iter().filter_map(|one| one.database)) / cpu,
        );
    }
    Ok(())
}

/// A PostgreSQL that answers a commit when it is on disk, with room enough in memory for what is measured.
pub fn start(more: &[String]) -> Server {
    let mut settings = vec!["shared_buffers=1GB", "max_wal_size=4GB"];
    settings.extend(more.iter().map(String::as_str));
    cosell_test_postgres::start_durable(&settings)
}

/// The address of a database of its own, over TCP as between machines.
pub fn database(server: &Server) -> String {
    let name = server.empty_database();
    format!("postgres://cosell@127.0.0.1:{}/{name}", server.port)
}

/// Starts servers over one store, each with a data folder of its own and all with the first one's key. A development server makes
/// the accounts before and ends: it wants its database for itself.
fn install(
    name: &'static str,
    folder: &Path,
    database: Option<&str>,
    count: usize,
) -> anyhow::Result<Installation> {
    let mut nodes = Vec::new();
    let place = |number: usize| folder.join(format!("{name} {number}"));
    drop(node(&place(0), database)?);
    for number in 0..count {
        let data = place(number);
        if number > 0 {
            std::fs::create_dir(&data)?;
            std::fs::copy(place(0).join(KEY_FILE), data.join(KEY_FILE)).context("copying the key file")?;
        }
        nodes.push(server(&["serve", "--throttle", "off"], &data, database)?);
    }
    Ok(Installation {
        name,
        nodes,
        uses_postgres: database.is_some(),
    })
}

/// Starts a development server; its store is in the folder where no database is named.
pub fn node(data: &Path, database: Option<&str>) -> anyhow::Result<Started> {
    server(&["dev"], data, database)
}

fn server(command: &[&str], data: &Path, database: Option<&str>) -> anyhow::Result<Started> {
    let data = data.to_str().context("a path that is not UTF-8")?;
    let store = database.unwrap_or_default();
    let rest = ["--listen", "127.0.0.1:0", "--data", data, "--store", store];
    Started::start("cosell", &[command, &rest].concat())
}
