//! Chaos: the deployment of `docs/high-availability.md`, whole, on one machine, under load, while its parts are killed and its
//! network is broken; and whether anything that was acknowledged was lost, done twice or not told.
//!
//! It starts its own etcd, Patroni, PostgreSQL, HAProxy and cosell on loopback, and touches no other. It knows cosell by its
//! commands and its API only, but for the signer of requests.

pub mod background;
pub mod client;
pub mod database;
pub mod deal;
pub mod etcd;
pub mod example;
pub mod fault;
pub mod load;
pub mod nodes;
pub mod place;
pub mod proxy;
pub mod receiver;
pub mod report;
pub mod verify;
pub mod wait;

use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use crate::background::Background;
use crate::client::Client;
use crate::database::Database;
use crate::etcd::Etcd;
use crate::fault::{Fault, World};
use crate::load::{Load, Notes, kinds, lock};
use crate::nodes::Nodes;
use crate::place::{Place, Ports};
use crate::receiver::Receiver;
use crate::report::Suffered;

/// Time for the load alone, before, between and after faults.
const CALM: Duration = Duration::from_secs(2);
/// How many writes at least make a load that proves something.
const LEAST_WRITES: usize = 100;

/// Violations that are shown; one mistake may make thousands.
const MOST_SHOWN: usize = 20;

/// What is to be done.
pub struct Plan {
    /// The program under test.
    pub program: PathBuf,
    /// What goes wrong in the first round, in this order.
    pub faults: Vec<Fault>,
    /// Faults go on, in an order by the seed, until so much time has passed.
    pub time: Duration,
    /// What everything random is drawn from.
    pub seed: u64,
}

/// Does it all; whether everything held. What happens is printed as it happens.
///
/// # Errors
/// Where something could not be done: a part that does not start or does not come back.
pub fn run(plan: &Plan) -> Result<bool> {
    let place = Rc::new(Place::new()?);
    let outcome = suffer(plan, &place);
    if !matches!(outcome, Ok(true)) {
        let kept = std::env::temp_dir().join(format!("cosell-chaos-logs-{}", std::process::id()));
        match keep_logs(&place, &kept) {
            Ok(()) => println!("the logs are in {}", kept.display()),
            Err(error) => println!("the logs could not be kept: {error:#}"),
        }
    }
    outcome
}

fn suffer(plan: &Plan, place: &Rc<Place>) -> Result<bool> {
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    // What is random by the clock, so that two runs at once do not look for the same ports in the same order.
    let mut ports = Ports::new(&mut ChaCha8Rng::seed_from_u64(u64::from(std::process::id())));
    let begun = Instant::now();
    let say = |text: &str| println!("{:>6.1} s  {text}", begun.elapsed().as_secs_f64());
    say(&format!("seed {}", plan.seed));

    let (outside, inside) = (Background::start("network")?, Background::start("clients")?);
    let etcd = Etcd::start(place, &mut ports)?;
    say("three members of etcd have a leader");
    let database = Database::start(place, &mut ports, &etcd.hosts())?;
    say("a primary has a synchronous standby");
    let receiver = outside.wait(Receiver::open(ports.take()?))?;
    let (nodes, key) = Nodes::start(
        place,
        &mut ports,
        &outside,
        &database,
        &plan.program,
        &receiver.url(),
    )?;
    say("three cosell servers are ready behind HAProxy");
    let client = Client::new(nodes.address, key);
    let mut world = World {
        place: Rc::clone(place),
        etcd,
        database,
        nodes,
    };

    let load = Load::start(&inside, &client, plan.seed);
    let notes = load.notes.clone();
    std::thread::sleep(CALM);
    let (mut all, mut left, started) = (Vec::new(), plan.faults.clone(), Instant::now());
    left.reverse();
    loop {
        let Some(fault) = left.pop() else {
            if started.elapsed() >= plan.time {
                break;
            }
            left = shuffled(&plan.faults, &mut random);
            continue;
        };
        say(&format!("fault: {fault}"));
        let begun = Instant::now();
        let suffered = world.suffer(fault, &mut random);
        let mended = Instant::now();
        all.push(Suffered { fault, begun, mended });
        suffered.with_context(|| so_far(&lock(&notes)))?;
        std::thread::sleep(CALM);
        let cost = report::cost(&all[all.len() - 1], &lock(&notes));
        say(&format!(
            "mended; no write was answered for {:.1} s, {} were in all; violations so far: {}",
            cost.unavailable.as_secs_f64(),
            cost.writes,
            lock(&notes).violations.len()
        ));
    }
    say("the load ends");
    let (deals, notes) = load.stop(&inside)?;
    let (mut wrong, looked_at) = verify::verify(&deals, &client, &inside, &world.nodes, &receiver, say)?;
    let mut notes = lock(&notes);
    wrong.append(&mut notes.violations);
    ensure!(
        notes.written.len() >= LEAST_WRITES,
        "{} writes are too few to prove anything: give it more time, or a faster machine",
        notes.written.len()
    );
    let of_replicas = world.nodes.lists_of_replicas()?;
    ensure!(
        of_replicas > 0,
        "no list was answered by a replica, so nothing is proved about them"
    );
    println!("\n{}", report::table(&all, &notes));
    for (text, count) in kinds(&notes.unsure) {
        println!("{count:>6} × {text}");
    }
    println!(
        "{looked_at}; {} creates sent twice at once, {} sent again later; {} reads checked, {} of them lists; the servers that \
         run now had {of_replicas} answered by replicas",
        notes.twice, notes.replayed, notes.reads, notes.lists
    );
    for text in wrong.iter().take(MOST_SHOWN) {
        println!("WRONG: {text}");
    }
    match wrong.len() {
        0 => println!("nothing acknowledged was lost, nothing was done twice, every event was told"),
        count => println!("{count} violations"),
    }
    Ok(wrong.is_empty())
}

/// The same in another order.
fn shuffled(faults: &[Fault], random: &mut ChaCha8Rng) -> Vec<Fault> {
    let mut all = faults.to_vec();
    for at in (1..all.len()).rev() {
        all.swap(at, random.next_u32() as usize % (at + 1));
    }
    all
}

/// What is known when a part does not come back.
fn so_far(notes: &Notes) -> String {
    let (writes, wrong) = (notes.written.len(), &notes.violations);
    let first: Vec<_> = wrong.iter().take(MOST_SHOWN).collect();
    format!("a part did not come back; {writes} writes were acknowledged, and wrong was so far: {first:?}")
}

/// Copies the logs of all parts out of the folder that goes away.
fn keep_logs(place: &Place, to: &std::path::Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for part in std::fs::read_dir(place.folder())? {
        let part = part?;
        let log = part.path().join("log");
        if log.is_file() {
            std::fs::copy(log, to.join(part.file_name()))?;
        }
    }
    Ok(())
}
