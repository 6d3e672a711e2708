//! The lines between nodes and their database: a TCP relay that now and then loses an answer. What the node has sent reaches
//! the database, which does it; the answer goes nowhere, and the line is cut. So commits land that nobody hears of, which cuts
//! by the database itself hardly ever bring about. Knows nothing of what is said.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

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
    fn loses_this(&self) -> bool {
        let loses = self.loses.load(Ordering::Relaxed) && self.draws.lock().unwrap().draw(ONE_OF) == 0;
        self.lost.fetch_add(usize::from(loses), Ordering::Relaxed);
        loses
    }
}

impl Lines {
    /// Relays to a port of this machine, as long as the tests run. Nothing is lost at first.
    pub fn to(port: u16, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let fate = Arc::new(Fate {
            draws: Mutex::new(Draws::new(seed)),
            loses: AtomicBool::new(false),
            lost: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&fate);
        std::thread::spawn(move || {
            for node in listener.incoming().flatten() {
                if let Ok(database) = TcpStream::connect(("127.0.0.1", port)) {
                    open(&Arc::new([node, database]), &shared);
                }
            }
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

/// Carries what both ends of a line, the node's and the database's, say to each other.
fn open(ends: &Arc<[TcpStream; 2]>, fate: &Arc<Fate>) {
    for (from, to) in [(0, 1), (1, 0)] {
        let (ends, fate) = (Arc::clone(ends), Arc::clone(fate));
        std::thread::spawn(move || {
            // A line that breaks is one that ends; and one that is cut already stays so.
            let _ = carry(&ends[from], &ends[to], (from == 1).then_some(&*fate));
            for end in &*ends {
                let _ = end.shutdown(Shutdown::Both);
            }
        });
    }
}

/// Carries what one end says to the other, until either goes or an answer is lost.
fn carry(mut from: &TcpStream, mut to: &TcpStream, answers: Option<&Fate>) -> io::Result<()> {
    // Small questions and answers go at once.
    to.set_nodelay(true)?;
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut bytes)?;
        if length == 0 || answers.is_some_and(Fate::loses_this) {
            return Ok(());
        }
        to.write_all(&bytes[..length])?;
    }
}
