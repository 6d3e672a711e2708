//! The portable file of a store's whole state: `cosell-state`, version 2.
//!
//! Version 1 had no targets of events and no deliveries; it is still read.
//!
//! Text, one JSON object a line. The first line is a header that names the format, its version, and the index columns of
//! every kind; then one line for each item; the last line tells how many items there are and the SHA-256 of all bytes before
//! it. The same state makes the same bytes but for the header's `createdAt`.
//!
//! A reader refuses what it does not know rather than leave anything out. It finds a cut or changed file at its very end
//! only: whoever reads must not keep what it got until [`StateReader`] has ended without an error, as an import does, which
//! takes everything in one change. Nothing here may depend on a backend.

mod line;

use crate::contract::{ProgressFn, Store, StoreError};
use crate::kind::{Column, Kind};
use crate::transfer::{ExportItem, TransferError};
use cosell_model::Timestamp;
use line::{End, Line};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead, Read as _, Write};

/// The name of the format, in the header.
pub const FORMAT: &str = "cosell-state";
/// The version that is written, and the newest that can be read.
pub const VERSION: u32 = 2;
/// Longest line, in bytes with its end. A line that is longer is refused, so a file cannot make a reader take up all memory.
pub const MAX_LINE: usize = 64 << 20;

/// Why a state cannot be read (or, for [`StateError::TooLong`], written).
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another format.
    #[error(
        "this is not a cosell state: the first line is not its header; give a file that `cosell state save` has written"
    )]
    NotState,
    /// A newer format.
    #[error(
        "the state has version {found} of its format, and this version of cosell knows versions up to {VERSION}: use a newer cosell"
    )]
    Newer {
        /// Its version.
        found: u32,
    },
    /// A kind that this version does not know.
    #[error(
        "the state has records of the kind {0:?}, which this version of cosell does not know: use a newer cosell"
    )]
    UnknownKind(String),
    /// A column that this version does not know.
    #[error(
        "the state's {kind} has a column {column:?}, which this version of cosell does not know: use the version that wrote it"
    )]
    UnknownColumn {
        /// The kind.
        kind: String,
        /// The column.
        column: String,
    },
    /// A column that this version needs is missing.
    #[error(
        "the state's {kind} lacks the column {column:?}: bring it up to date with the version of cosell that wrote it"
    )]
    MissingColumn {
        /// The kind.
        kind: String,
        /// The column.
        column: String,
    },
    /// A line that is not what it should be.
    #[error("line {line} of the state is broken ({problem}): take another copy of the file")]
    Broken {
        /// Its number, from 1.
        line: u64,
        /// What is wrong.
        problem: String,
    },
    /// A line that is too long.
    #[error("line {0} of the state has more than {MAX_LINE} bytes, which no state has")]
    TooLong(u64),
    /// The end is missing.
    #[error(
        "the state ends after line {0}, before its last line: the file is cut off; take another copy of it"
    )]
    Truncated(u64),
    /// There is more after the end.
    #[error("the state goes on after its last line, line {0}: take another copy of the file")]
    GoesOn(u64),
    /// The bytes are not those that were written.
    #[error("the state is not as it was written: its checksum is wrong; take another copy of the file")]
    Checksum,
    /// Items are missing or too many.
    #[error("the state has {found} items and should have {told}: take another copy of the file")]
    Count {
        /// How many the last line tells.
        told: u64,
        /// How many there are.
        found: u64,
    },
    /// The file cannot be read.
    #[error("the state cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl From<StateError> for io::Error {
    fn from(error: StateError) -> Self {
        match error {
            StateError::Io(error) => error,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        }
    }
}

/// Puts the line of an item, without its end, into `out`: every part of the item, the same bytes whatever backend it is of.
///
/// # Errors
/// None that is known: an item is always JSON.
pub(crate) fn line_of(item: &ExportItem, out: &mut Vec<u8>) -> io::Result<()> {
    out.clear();
    Ok(serde_json::to_writer(out, &Line::of(item))?)
}

pub(crate) use line::hex;

/// What a complete state holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Items.
    pub items: u64,
    /// When it was written, by the clock of the server that wrote it.
    pub created_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    format: String,
    version: u32,
    kinds: BTreeMap<String, Vec<String>>,
    created_at: Timestamp,
}

/// What every version of the header has.
#[derive(Deserialize)]
struct Format {
    format: String,
    version: u32,
}

/// Writes a state.
#[derive(Debug)]
pub struct StateWriter<W> {
    out: W,
    line: Vec<u8>,
    sum: Sha256,
    lines: u64,
    created_at: Timestamp,
}

impl<W: Write> StateWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(out: W, created_at: Timestamp) -> io::Result<Self> {
        let columns = |kind: Kind| {
            let spec = kind.spec();
            let names = spec.columns.iter().map(|column| column.name.to_owned());
            (spec.table.to_owned(), names.collect())
        };
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            kinds: Kind::ALL.into_iter().map(columns).collect(),
            created_at,
        };
        let mut writer = StateWriter {
            out,
            line: Vec::new(),
            sum: Sha256::new(),
            lines: 0,
            created_at,
        };
        writer.write(&header)?;
        Ok(writer)
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        if self.line.len() > MAX_LINE {
            return Err(StateError::TooLong(self.lines + 1).into());
        }
        self.sum.update(&self.line);
        self.lines += 1;
        self.out.write_all(&self.line)
    }

    /// Writes an item.
    ///
    /// # Errors
    /// Those of `out`, and an item that is too long for a line.
    pub fn item(&mut self, item: &ExportItem) -> io::Result<()> {
        self.write(&Line::of(item))
    }

    /// Writes the last line and gives `out` back, flushed. Without it, the state is cut off and no reader takes it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<(W, Summary)> {
        let items = self.lines - 1;
        let sha256 = line::hex(&self.sum.clone().finalize());
        self.write(&Line::End(End { items, sha256 }))?;
        self.out.flush()?;
        let summary = Summary {
            items,
            created_at: self.created_at,
        };
        Ok((self.out, summary))
    }
}

/// The columns that the records of a kind have in a file, in their order there.
type Columns = HashMap<String, (Kind, Vec<&'static Column>)>;

/// Reads a state: an iterator over its items that ends after the last line was found right. After an error it is at its end.
#[derive(Debug)]
pub struct StateReader<R> {
    input: R,
    line: Vec<u8>,
    sum: Sha256,
    lines: u64,
    columns: Columns,
    created_at: Timestamp,
    ended: bool,
}

impl<R: BufRead> StateReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`StateError`]: another format, a newer version, an unknown kind or column.
    pub fn new(input: R) -> Result<Self, StateError> {
        let mut reader = StateReader {
            input,
            line: Vec::new(),
            sum: Sha256::new(),
            lines: 0,
            columns: HashMap::new(),
            created_at: Timestamp::from_millis(0),
            ended: false,
        };
        match reader.next_line() {
            Ok(()) => {}
            Err(StateError::Io(error)) => return Err(StateError::Io(error)),
            // Whatever is wrong with the first line: it is no header.
            Err(_) => return Err(StateError::NotState),
        }
        let format: Format = serde_json::from_slice(&reader.line).map_err(|_| StateError::NotState)?;
        if format.format != FORMAT || format.version == 0 {
            return Err(StateError::NotState);
        }
        if format.version > VERSION {
            return Err(StateError::Newer {
                found: format.version,
            });
        }
        let header: Header = serde_json::from_slice(&reader.line).map_err(|error| StateError::Broken {
            line: 1,
            problem: error.to_string(),
        })?;
        reader.columns = columns(&header.kinds)?;
        reader.created_at = header.created_at;
        reader.sum.update(&reader.line);
        Ok(reader)
    }

    /// When the state was written.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Puts the next line, with its end, into `self.line`.
    fn next_line(&mut self) -> Result<(), StateError> {
        self.line.clear();
        let mut bounded = (&mut self.input).take(MAX_LINE as u64);
        bounded.read_until(b'\n', &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            return Err(match self.line.len() == MAX_LINE {
                true => StateError::TooLong(self.lines + 1),
                false => StateError::Truncated(self.lines),
            });
        }
        self.lines += 1;
        Ok(())
    }

    fn next_item(&mut self) -> Result<Option<ExportItem>, StateError> {
        self.next_line()?;
        let broken = |problem: String| StateError::Broken {
            line: self.lines,
            problem,
        };
        let line: Line<'_> = serde_json::from_slice(&self.line).map_err(|error| {
            // To the parser each line is the first.
            let problem = error.to_string().replace(" at line 1 column ", " at byte ");
            broken(problem)
        })?;
        if let Line::End(end) = line {
            return self.end(&end).map(|()| None);
        }
        let item = line.into_item(&self.columns).map_err(broken)?;
        item.validate().map_err(broken)?;
        self.sum.update(&self.line);
        Ok(Some(item))
    }

    fn end(&mut self, end: &End) -> Result<(), StateError> {
        if end.sha256 != line::hex(&self.sum.clone().finalize()) {
            return Err(StateError::Checksum);
        }
        let found = self.lines - 2;
        if end.items != found {
            return Err(StateError::Count {
                told: end.items,
                found,
            });
        }
        if !self.input.fill_buf()?.is_empty() {
            return Err(StateError::GoesOn(self.lines));
        }
        Ok(())
    }
}

impl<R: BufRead> Iterator for StateReader<R> {
    type Item = io::Result<ExportItem>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.next_item();
        self.ended = !matches!(next, Ok(Some(_)));
        next.map_err(io::Error::from).transpose()
    }
}

fn columns(kinds: &BTreeMap<String, Vec<String>>) -> Result<Columns, StateError> {
    let mut all = Columns::new();
    for (name, columns) in kinds {
        let kind = Kind::ALL.into_iter().find(|kind| kind.spec().table == name);
        let kind = kind.ok_or_else(|| StateError::UnknownKind(name.clone()))?;
        let known = columns.iter().map(|column| {
            kind.spec()
                .column(column)
                .ok_or_else(|| StateError::UnknownColumn {
                    kind: name.clone(),
                    column: column.clone(),
                })
        });
        let known = known.collect::<Result<Vec<_>, _>>()?;
        let missing = kind.spec().columns.iter().filter(|column| !column.nullable);
        for column in missing {
            if !columns.iter().any(|c| c == column.name) {
                return Err(StateError::MissingColumn {
                    kind: name.clone(),
                    column: column.name.to_owned(),
                });
            }
        }
        all.insert(name.clone(), (kind, known));
    }
    Ok(all)
}

/// Reads a state to its end and keeps nothing: whether it is whole and can be taken in.
///
/// # Errors
/// As [`StateReader`].
pub fn verify(input: impl BufRead) -> Result<Summary, StateError> {
    let mut reader = StateReader::new(input)?;
    let mut items = 0;
    while reader.next_item()?.is_some() {
        items += 1;
    }
    Ok(Summary {
        items,
        created_at: reader.created_at,
    })
}

/// Writes everything a store holds as one state.
///
/// # Errors
/// Those of the store and of `out`; what was written by then is no state.
pub async fn export<W: Write + Send>(
    store: &dyn Store,
    out: W,
    created_at: Timestamp,
    progress: ProgressFn,
) -> Result<(W, Summary), TransferError> {
    let mut writer = StateWriter::new(out, created_at).map_err(TransferError::OtherEnd)?;
    store.export(&mut |item| writer.item(&item), progress).await?;
    writer.finish().map_err(TransferError::OtherEnd)
}

/// Replaces everything a store holds by a state.
///
/// # Errors
/// Those of the store and of the state. The store is as it was then.
pub async fn import<R: BufRead + Send>(
    store: &dyn Store,
    input: R,
    progress: ProgressFn,
) -> Result<Summary, TransferError> {
    let mut reader = StateReader::new(input).map_err(|error| TransferError::OtherEnd(error.into()))?;
    let items = store.import(&[], &mut reader, progress).await?;
    if !reader.ended {
        let unread = "the store did not read the state to its end".to_owned();
        return Err(StoreError::Corrupt(unread).into());
    }
    Ok(Summary {
        items,
        created_at: reader.created_at,
    })
}

#[cfg(test)]
mod tests;
