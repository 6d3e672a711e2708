//! A way to a database that is a bad network where a test says so. Nothing here knows what is said on it, nor why a test has
//! something lost.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

/// Who says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who has connected.
    Client,
    /// The database.
    Database,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It gets through.
    Passes,
    /// It does not, and neither side is told.
    Vanishes,
    /// It does not, and the connection ends for both.
    Cut,
}

/// Relays to a port of this machine for as long as the program runs; where to connect instead. `open` is called for each
/// connection, and what it gives decides over each piece that a side says: nothing at all (no bytes) is its end.
pub fn relay<D>(port: u16, open: impl Fn() -> D + Send + 'static) -> SocketAddr
where
    D: Fn(Side, &[u8]) -> Fate + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(database) = TcpStream::connect(("127.0.0.1", port)) {
                let (ends, decide) = (Arc::new([client, database]), Arc::new(open()));
                for side in [Side::Client, Side::Database] {
                    let (ends, decide) = (Arc::clone(&ends), Arc::clone(&decide));
                    std::thread::spawn(move || {
                        let [client, database] = &*ends;
                        let (from, to) = match side {
                            Side::Client => (client, database),
                            Side::Database => (database, client),
                        };
                        // A connection that breaks is one that ends; and one that is cut already stays so.
                        let told = carry(from, to, |piece| decide(side, piece)).unwrap_or(true);
                        for end in ends.iter().filter(|_| told) {
                            let _ = end.shutdown(Shutdown::Both);
                        }
                    });
                }
            }
        }
    });
    address
}

/// Carries what one side says until it ends; whether the other side is to hear of that.
fn carry(mut from: &TcpStream, mut to: &TcpStream, decide: impl Fn(&[u8]) -> Fate) -> io::Result<bool> {
    // Small questions and answers go at once.
    to.set_nodelay(true)?;
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let piece = match from.read(&mut bytes) {
            Ok(length) => &bytes[..length],
            Err(_) => &[],
        };
        match decide(piece) {
            Fate::Vanishes if piece.is_empty() => return Ok(false),
            Fate::Vanishes => {}
            Fate::Passes if !piece.is_empty() => to.write_all(piece)?,
            Fate::Passes | Fate::Cut => return Ok(true),
        }
    }
}
