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
use crate::target::FileSettings;

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
    folder: PathBuf,
    path: PathBuf,
    /// One writer at a time, so that lines of two batches never mix. Held by the writing thread itself, so that a batch
    /// whose caller lost patience is still finished before the next begins.
    writing: Arc<Mutex<()>>,
}

impl File {
    /// The file beneath a folder. Refuses a path out of it, wherever that was written.
    pub fn new(folder: &Path, settings: &FileSettings) -> Result<Self, String> {
        if !settings.is_beneath() {
            return Err(format!("{} is not beneath the folder for events", settings.path));
        }
        Ok(Self {
            folder: folder.to_owned(),
            path: folder.join(&settings.path),
            writing: Arc::default(),
        })
    }
}

/// Makes the folders that the file lies in. One that is a link out of the folder for events is refused, and so is a file.
fn make_way(folder: &Path, path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(folder);
    std::fs::create_dir_all(parent)?;
    let folder = folder.canonicalize()?;
    let inside = |path: &Path| Ok::<_, io::Error>(path.canonicalize()?.starts_with(&folder));
    if inside(parent)? && (!path.is_symlink() || inside(path)?) {
        return Ok(());
    }
    Err(io::Error::other("it leads out of the folder for events"))
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
        let (folder, path, lines) = (self.folder.clone(), self.path.clone(), lines(events));
        let turn = self.writing.clone().lock_owned().await;
        let written = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            make_way(&folder, &path)
                .and_then(|()| append(&path, &lines))
                .map_err(|error| format!("cannot write to {}: {error}", path.display()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::tests::envelope;

    fn file(path: &str) -> FileSettings {
        FileSettings { path: path.into() }
    }

    #[tokio::test]
    async fn a_file_lies_beneath_the_folder_and_gets_a_line_an_event() {
        let folder = tempfile::tempdir().unwrap();
        let sink = File::new(folder.path(), &file("a/crm.jsonl")).unwrap();
        for round in 1..=2_usize {
            let outcomes = sink
                .deliver(&[envelope(1, "O1"), envelope(2, "O1")], Timestamp::from_millis(0))
                .await;
            assert_eq!(outcomes, vec![Outcome::Delivered { status: None }; 2]);
            let text = std::fs::read_to_string(folder.path().join("a/crm.jsonl")).unwrap();
            assert_eq!(text.lines().count(), 2 * round);
        }
    }

    #[tokio::test]
    async fn no_path_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["/etc/passwd", "../x", "a/../../x", "a/..", "", ".", "a/", "./x"] {
            assert!(File::new(folder.path(), &file(path)).is_err(), "{path}");
        }
        #[cfg(unix)]
        {
            let elsewhere = tempfile::tempdir().unwrap();
            std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("link")).unwrap();
            let sink = File::new(folder.path(), &file("link/x")).unwrap();
            let outcomes = sink
                .deliver(&[envelope(1, "O1")], Timestamp::from_millis(0))
                .await;
            assert!(matches!(&outcomes[0], Outcome::Failed { error, .. } if error.contains("leads out")));
            assert!(!elsewhere.path().join("x").exists());
            // A file that is a link itself, to one that is there and to one that is not yet.
            std::fs::write(elsewhere.path().join("there"), "").unwrap();
            for name in ["there", "missing"] {
                std::os::unix::fs::symlink(elsewhere.path().join(name), folder.path().join(name)).unwrap();
                let sink = File::new(folder.path(), &file(name)).unwrap();
                let outcomes = sink
                    .deliver(&[envelope(1, "O1")], Timestamp::from_millis(0))
                    .await;
                assert!(matches!(&outcomes[0], Outcome::Failed { .. }), "{name}");
            }
            assert_eq!(std::fs::read(elsewhere.path().join("there")).unwrap(), b"");
            assert!(!elsewhere.path().join("missing").exists());
        }
    }
}
