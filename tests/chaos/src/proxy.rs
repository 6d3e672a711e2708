//! A TCP proxy that is told to be a bad network: it cuts, delays, halves and swallows.
//!
//! There is one link for each way from a node to a database host, so that one can be broken while the others work. Nothing here
//! reads what goes through.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a link does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Lets everything through.
    Pass,
    /// Ends every connection, and each new one as soon as it comes.
    Cut,
    /// Holds every piece back for so long.
    Delay(Duration),
    /// Lets the first half of the next piece through, and then ends the connection.
    Halve,
    /// Takes everything and lets nothing through, as a host that lost its power does. A connection that was there at such a
    /// time stays silent for ever, also when the link works again.
    Swallow,
}

/// One way from a node to a database host.
pub struct Link {
    /// Where the node connects to.
    pub address: SocketAddr,
    mode: watch::Sender<Mode>,
}

impl Link {
    /// Opens a link to `target` on the runtime that this is called on.
    ///
    /// # Errors
    /// Where the address is taken.
    pub async fn open(address: SocketAddr, target: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen at {address}"))?;
        let (mode, _) = watch::channel(Mode::Pass);
        let told = mode.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(carry(near, target, told.subscribe()));
            }
        });
        Ok(Self { address, mode })
    }

    /// Behaves so from now on, towards the connections that are there too.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn carry(near: TcpStream, target: SocketAddr, mode: watch::Receiver<Mode>) {
    let now = *mode.borrow();
    match now {
        Mode::Cut => return,
        Mode::Swallow => {
            silence(near).await;
            return;
        }
        _ => {}
    }
    let Ok(far) = TcpStream::connect(target).await else {
        return;
    };
    // Without it small packets wait for one another, which is not this proxy's to decide.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    tokio::select! {
        () = pump(near_in, far_out, mode.clone()) => {}
        () = pump(far_in, near_out, mode) => {}
    }
}

/// Keeps a connection that leads nowhere, until the other side gives up.
async fn silence(mut near: TcpStream) {
    let mut piece = vec![0; 4096];
    while let Ok(1..) = near.read(&mut piece).await {}
}

/// Carries pieces one way until the connection ends.
async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut mode: watch::Receiver<Mode>) {
    let mut piece = vec![0; 64 * 1024];
    let mut is_silent = false;
    loop {
        let now = *mode.borrow_and_update();
        if now == Mode::Cut {
            return;
        }
        is_silent |= now == Mode::Swallow;
        let length = tokio::select! {
            read = from.read(&mut piece) => match read {
                Ok(length @ 1..) => length,
                _ if is_silent => {
                    // What one side says of its end does not get through either; the other may wait for ever.
                    if mode.changed().await.is_err() { return; }
                    continue;
                }
                _ => return,
            },
            changed = mode.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        if is_silent {
            continue;
        }
        let now = *mode.borrow();
        let sent = match now {
            Mode::Pass => to.write_all(&piece[..length]).await,
            Mode::Delay(time) => {
                tokio::time::sleep(time).await;
                to.write_all(&piece[..length]).await
            }
            Mode::Halve => {
                // An error changes nothing: it ends here either way.
                let _ = to.write_all(&piece[..length / 2]).await;
                return;
            }
            Mode::Swallow => Ok(()),
            Mode::Cut => return,
        };
        if sent.is_err() {
            return;
        }
    }
}
