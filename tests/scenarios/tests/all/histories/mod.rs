//! Linearizability: many clients work at the same objects through all nodes, while answers of the database are lost, its
//! connections cut, nodes paused and killed. Everything that they asked and heard is held against what one server with one
//! client would have answered. One node on a data folder, or three over PostgreSQL where the tests run on that.
//!
//! `SCENARIO_SEED` makes the clients choose again what they chose (not when the threads run), `COSELL_HISTORIES_SECONDS` says
//! how long they work. The history of an object that no order explains is written to a file that the failure names.

mod check;
mod cluster;
mod lines;
mod models;
mod proof;
mod record;
mod tamper;
mod work;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use check::{Event, History, Model, Verdict, check};
use cluster::Cluster;
use work::{Histories, Notes, Work};

use crate::harness::Draws;

const CLIENTS: usize = 12;
/// How long they work where nothing else is said.
const SECONDS: u64 = 8;
/// Fewer answers would prove little: on a busy machine they work longer.
const FEWEST: usize = 1500;
/// As much longer as that.
const MOST_SECONDS: u64 = 120;

/// What went wrong on purpose.
#[derive(Debug, Default)]
struct Trouble {
    cuts: usize,
    pauses: usize,
    kills: usize,
}

fn seconds() -> u64 {
    std::env::var("COSELL_HISTORIES_SECONDS").map_or(SECONDS, |given| given.parse().unwrap())
}

/// Has the clients stop, also where something failed: they would work for ever.
struct Ends<'a>(&'a Work);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// Has all clients work while things go wrong.
fn disturbed(cluster: &Cluster, work: &Work, began: Instant, seed: u64) -> (Notes, Trouble) {
    let (least, most) = (
        Duration::from_secs(seconds()),
        Duration::from_secs(seconds() + MOST_SECONDS),
    );
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|name| scope.spawn(move || work.client(cluster, began, name, seed)))
            .collect();
        let ends = Ends(work);
        cluster.lose_answers(true);
        let (mut draws, mut trouble) = (Draws::new(seed), Trouble::default());
        let is_enough = |trouble: &Trouble| {
            let answered = work.answered.load(Ordering::Relaxed);
            began.elapsed() > least && answered >= FEWEST && trouble.kills > 0
        };
        // A client that has ended before the others has met something that is wrong.
        while !is_enough(&trouble)
            && began.elapsed() < most
            && !clients.iter().any(|client| client.is_finished())
        {
            let mut millis = |most| Duration::from_millis(u64::try_from(50 + draws.draw(most)).unwrap());
            let (wait, pause) = (millis(400), millis(600));
            std::thread::sleep(wait);
            let node = draws.draw(cluster.size());
            match draws.draw(10) {
                0..2 => {
                    cluster.restart(node);
                    trouble.kills += 1;
                }
                2..4 => {
                    cluster.pause(node, pause);
                    trouble.pauses += 1;
                }
                _ => trouble.cuts += usize::from(cluster.cut()),
            }
        }
        drop(ends);
        cluster.lose_answers(false);
        let mut notes = Notes::default();
        for client in clients {
            notes.add(client.join().unwrap());
        }
        (notes, trouble)
    })
}

/// How much of a history was answered, and how much nobody knows of.
fn count<O, A>(history: &[Event<O, A>]) -> (usize, usize) {
    let answered = history.iter().filter(|event| event.answered.is_some()).count();
    (answered, history.len() - answered)
}

/// A history as people read it, in the order of the invocations. What the search could not explain is marked.
fn told<M: Model>(history: &History<M>, stuck: &[usize]) -> String {
    let mut order: Vec<usize> = (0..history.len()).collect();
    order.sort_by_key(|number| history[*number].invoked);
    let mut text = String::new();
    for number in order {
        let Event {
            who,
            op,
            invoked,
            answered,
        } = &history[number];
        let mark = if stuck.contains(&number) { "=>" } else { "  " };
        let micros = |nanos: &u64| nanos / 1000;
        let end = match answered {
            Some((returned, answer)) => format!("{:>9} {answer:?}", micros(returned)),
            None => "        ? nobody knows".to_owned(),
        };
        writeln!(
            text,
            "{mark} {:>9} {who}: {op:?}\n            {end}",
            micros(invoked)
        )
        .unwrap();
    }
    text
}

/// Asserts that a history is linearizable; else writes it down.
fn explained<M: Model>(name: &str, model: &M, history: &History<M>, seed: u64) {
    let (verdict, stuck) = match check(model, history) {
        Verdict::Linearizable => return,
        Verdict::Refuted { placed, stuck } => {
            let all = count(history).0;
            (
                format!("no order explains it: only {placed} of {all} answers fit"),
                stuck,
            )
        }
        Verdict::Undecided => ("the search for an order was given up".to_owned(), Vec::new()),
    };
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("history-{seed}-{name}.txt"));
    let first =
        format!("{name}, SCENARIO_SEED={seed}: {verdict}. Microseconds; => where the search ended.\n");
    std::fs::write(&path, first.clone() + &told::<M>(history, &stuck)).unwrap();
    panic!("{first}The history is in {}", path.display());
}

#[test]
fn whatever_clients_hear_could_have_come_from_one_server_with_one_client() {
    let seed = Draws::from_environment("histories").seed;
    println!("SCENARIO_SEED={seed} of the histories");
    let cluster = Cluster::start(seed);
    let work = Work::new(&cluster);
    let began = Instant::now();
    let (mut notes, trouble) = disturbed(&cluster, &work, began, seed);
    let all = work.look_back(&cluster, began, &mut notes);
    let worked = began.elapsed();

    let began = Instant::now();
    let histories = Histories::of(&work, notes);
    let (mut answered, mut unknown) = (0, 0);
    let mut add = |(more, open): (usize, usize)| {
        answered += more;
        unknown += open;
    };
    for (number, (model, history)) in histories.locks.iter().enumerate() {
        add(count(history));
        explained(&format!("lock-{number}"), model, history, seed);
    }
    for (number, (model, history)) in histories.products.iter().enumerate() {
        add(count(history));
        explained(&format!("products-{number}"), model, history, seed);
    }
    for (number, (model, history)) in histories.tokens.iter().enumerate() {
        add(count(history));
        explained(&format!("token-{number}"), model, history, seed);
    }
    println!(
        "histories: {} nodes, {CLIENTS} clients, {answered} operations answered and {unknown} not, on {} opportunities and {} \
         tokens in {:.1} s with {} lost answers of the database, {} cuts, {} pauses and {} kills; explained in {:.2} s",
        cluster.size(),
        2 * work::OBJECTS,
        histories.tokens.len(),
        worked.as_secs_f64(),
        cluster.lost_answers(),
        trouble.cuts,
        trouble.pauses,
        trouble.kills,
        began.elapsed().as_secs_f64(),
    );

    // Tokens have one opportunity each or none, and no two the same.
    let mut made = tamper::opportunities(&histories.tokens);
    let count = made.len();
    made.sort_unstable();
    made.dedup();
    assert_eq!(made.len(), count, "two tokens have one opportunity");
    assert_eq!(
        all,
        count + 2 * work::OBJECTS,
        "there are others than those of the tokens"
    );
    assert!(
        answered >= FEWEST,
        "the load was too small to prove anything: {answered}"
    );
    assert!(
        unknown > 0 && trouble.kills > 0,
        "nothing went wrong: {trouble:?}"
    );

    // What has just been explained is not any more when one answer in it is another.
    tamper::all_are_noticed(&histories);
}
