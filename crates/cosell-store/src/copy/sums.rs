//! Counts and checksums of items, table by table.
//!
//! A checksum is SHA-256 over the lines that the items have in a state file, in the order of an export, each with its line end.
//! So it depends on every part of every item and on nothing else. Nothing here may know a backend.

use crate::state::{hex, line_of};
use crate::transfer::ExportItem;
use sha2::{Digest, Sha256};
use std::io;

/// The items of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub items: u64,
    /// Their checksum, in hexadecimal.
    pub sha256: String,
}

/// What has come so far, in the order in which the tables came.
#[derive(Debug, Default)]
pub(super) struct Sums {
    tables: Vec<(&'static str, u64, Sha256)>,
    line: Vec<u8>,
}

impl Sums {
    pub(super) fn add(&mut self, item: &ExportItem) -> io::Result<()> {
        line_of(item, &mut self.line)?;
        self.line.push(b'\n');
        let table = item.table();
        // Targets and their deliveries take turns; else the table is the last one or new.
        let place = self.tables.iter().rposition(|(name, ..)| *name == table);
        let place = place.unwrap_or_else(|| {
            self.tables.push((table, 0, Sha256::new()));
            self.tables.len() - 1
        });
        if let Some((_, items, sum)) = self.tables.get_mut(place) {
            *items += 1;
            sum.update(&self.line);
        }
        Ok(())
    }

    /// How many items came.
    pub(super) fn items(&self) -> u64 {
        self.tables.iter().map(|(_, items, _)| items).sum()
    }

    /// Every table of which something came.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&'static str, Sum)> {
        self.tables.iter().map(|(table, items, sum)| {
            let sha256 = hex(&sum.clone().finalize());
            (
                *table,
                Sum {
                    items: *items,
                    sha256,
                },
            )
        })
    }

    /// One checksum of everything that came.
    pub(super) fn of_all(&self) -> String {
        let mut all = Sha256::new();
        for (table, sum) in self.tables() {
            all.update(format!("{table} {} {}\n", sum.items, sum.sha256));
        }
        hex(&all.finalize())
    }
}
