//! The lines between nodes and their database, which now and then lose an answer. What the node has sent reaches the database,
//! which does it; the answer goes nowhere, and the line is cut. So commits land that nobody hears of, which cuts by the database
//! itself hardly ever bring about.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cosell_test_postgres::relay::{self, Side, relay};

use crate::harness::Draws;

/// One answer of so many is lost.
const ONE_OF: usize = 25;

/// All lines to one database.
pub struct Lines {
    /// Where nodes find the database.
    pub address: SocketAddr,
    fate: Arc<Fate>,
}

struct Fate {
    draws: Mutex<Draws>,
    /// Whether answers are lost at present.
    loses: AtomicBool,
    /// How many were.
    lost: AtomicUsize,
}

impl Fate {
    fn decide(&self, side: Side, piece: &[u8]) -> relay::Fate {
        let is_answer = side == Side::Database && !piece.is_empty();
        let loses =
            is_answer && self.loses.load(Ordering::Relaxed) && self.draws.lock().unwrap().draw(ONE_OF) == 0;
        match loses {
            true => {
                self.lost.fetch_add(1, Ordering::Relaxed);
                relay::Fate::Cut
            }
            false => relay::Fate::Passes,
        }
    }
}

impl Lines {
    /// Relays to a port of this machine, as long as the tests run. Nothing is lost at first.
    pub fn to(port: u16, seed: u64) -> Self {
        let fate = Arc::new(Fate {
            draws: Mutex::new(Draws::new(seed)),
            loses: AtomicBool::new(false),
            lost: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&fate);
        let address = relay(port, move || {
            let fate = Arc::clone(&shared);
            move |side, piece: &[u8]| fate.decide(side, piece)
        });
        Self { address, fate }
    }

    /// Begins or ends to lose answers.
    pub fn lose(&self, loses: bool) {
        self.fate.loses.store(loses, Ordering::Relaxed);
    }

    /// How many answers were lost.
    pub fn lost(&self) -> usize {
        self.fate.lost.load(Ordering::Relaxed)
    }
}
