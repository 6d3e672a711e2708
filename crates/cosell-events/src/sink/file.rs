//! Files and the standard output: a line of JSON an event.
//!
//! A batch is written and, to a file, brought to disk before it counts as delivered. Rotation is not done here: a file that
//! was moved away is made anew.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use cosell_model::Timestamp;
use tokio::sync::Mutex;

use super::{Batch, Outcome, Sink};
use crate::envelope::Envelope;

/// Lines are cheap, the sync to disk is not.
const LINES: Batch = Batch {
    events: 200,
    bytes: 1 << 20,
    in_order: true,
};

/// The lines of events. Envelopes hold no line breaks of their own: a foreign one that does is written anew.
fn lines(events: &[Envelope]) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.iter().map(|event| event.body.len() + 1).sum());
    for event in events {
        match event.body.contains(&b'\n') || event.body.contains(&b'\r') {
            true => out.extend_from_slice(event.value.to_string().as_bytes()),
            false => out.extend_from_slice(&event.body),
        }
        out.push(b'\n');
    }
    out
}

/// The same outcome for all: a batch is written whole or counts as not written.
fn all(events: &[Envelope], done: Result<(), String>) -> Vec<Outcome> {
    let outcome = match done {
        Ok(()) => Outcome::Delivered { status: None },
        Err(error) => Outcome::failed(error),
    };
    vec![outcome; events.len()]
}

pub(super) struct File {
    path: PathBuf,
    /// One writer at a time, so that lines of two batches never mix. Held by the writing thread itself, so that a batch
    /// whose caller lost patience is still finished before the next begins.
    writing: Arc<Mutex<()>>,
}

impl File {
    pub fn new(path: &str) -> Self {
        Self {
            path: path.into(),
            writing: Arc::default(),
        }
    }
}

/// Appends to the file of that name. One that was cut short by a crash gets a line break first, so that only the torn
/// line is spoilt.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .open(path)?;
    let length = file.metadata()?.len();
    if length > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    if let Err(error) = file.write_all(lines) {
        // A disk that filled up midway would leave half a batch, which comes again.
        file.set_len(length).ok();
        return Err(error);
    }
    file.sync_data()
}

#[async_trait]
impl Sink for File {
    fn batch(&self) -> Batch {
        LINES
    }

    async fn deliver(&self, events: &[Envelope], _: Timestamp) -> Vec<Outcome> {
        let (path, lines) = (self.path.clone(), lines(events));
        let turn = self.writing.clone().lock_owned().await;
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            append(&path, &lines).map_err(|error| format!("cannot write to {}: {error}", path.display()))
        });
        all(
            events,
            written.await.unwrap_or_else(|error| Err(error.to_string())),
        )
    }
}

/// The standard output. Shared by all targets that are it.
#[derive(Default)]
pub(super) struct Stdout {
    writing: Arc<Mutex<()>>,
}

#[async_trait]
impl Sink for Stdout {
    fn batch(&self) -> Batch {
        LINES
    }

    async fn deliver(&self, events: &[Envelope], _: Timestamp) -> Vec<Outcome> {
        let lines = lines(events);
        let turn = self.writing.clone().lock_owned().await;
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let mut out = io::stdout().lock();
            out.write_all(&lines)
                .and_then(|()| out.flush())
                .map_err(|error| format!("cannot write to the standard output: {error}"))
        });
        all(
            events,
            written.await.unwrap_or_else(|error| Err(error.to_string())),
        )
    }
}
