//! The ordered walk: streams one after the other, or merged, with residual filters and budgets.

use super::shape::{Stream, streams};
use super::{Ask, BUDGET, Bind, Place, gather, item, passes, place, prepare};
use cosell_store::{Filter, Item, Page};
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator;
use rusqlite::{Connection, Row, Statement};

/// Rows walked before the other way is tried for the first time, and the factor from one try to the next.
const FIRST_PROBE: usize = 256;
const PROBE_FACTOR: usize = 4;
/// Most rows that are ever gathered and sorted in memory.
pub(super) const MOST_GATHERED: usize = 16_384;

/// Columns of a walked row.
const ID: usize = 0;
const VERSION: usize = 1;
const SUMMARY: usize = 2;
const ORDER: usize = 3;

enum Flow {
    Continue,
    Done,
    Probe,
}

struct Collector<'q> {
    ask: &'q Ask<'q>,
    residual: Vec<(usize, &'q Filter)>,
    items: Vec<Item>,
    last: Option<Place>,
    next: Option<Place>,
    scanned: usize,
    probe_at: usize,
}

impl Collector<'_> {
    fn offer(&mut self, row: &Row<'_>) -> rusqlite::Result<Flow> {
        self.scanned += 1;
        let mut matches = true;
        for (column, filter) in &self.residual {
            if !passes(filter, row.get_ref(*column)?) {
                matches = false;
                break;
            }
        }
        if matches {
            if self.items.len() == self.ask.query.limit {
                self.next = self.last.take();
                return Ok(Flow::Done);
            }
            self.items.push(item(row, ID, VERSION, SUMMARY)?);
            if self.items.len() == self.ask.query.limit {
                self.last = Some(self.place(row)?);
            }
        }
        if self.scanned >= BUDGET {
            self.next = Some(self.place(row)?);
            return Ok(Flow::Done);
        }
        if self.scanned == self.probe_at && !self.residual.is_empty() {
            return Ok(Flow::Probe);
        }
        Ok(Flow::Continue)
    }

    fn place(&self, row: &Row<'_>) -> rusqlite::Result<Place> {
        place(row, ID, ORDER, self.ask.order.len())
    }

    /// Tries the other way: if a residual filter has few matches, they are gathered and the walk is over.
    fn probe(&mut self, connection: &Connection) -> rusqlite::Result<Option<Page>> {
        let filters: Vec<&Filter> = self.residual.iter().map(|(_, f)| *f).collect();
        let found = gather::try_gather(connection, self.ask, &filters, self.scanned)?;
        let next = self.probe_at * PROBE_FACTOR;
        self.probe_at = if next > MOST_GATHERED { usize::MAX } else { next };
        Ok(found)
    }

    /// Takes a row; a page comes back when it is complete.
    fn take(&mut self, connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Option<Page>> {
        match self.offer(row)? {
            Flow::Continue => Ok(None),
            Flow::Done => Ok(Some(self.page())),
            Flow::Probe => self.probe(connection),
        }
    }

    fn page(&mut self) -> Page {
        Page {
            items: std::mem::take(&mut self.items),
            next: self.next.take().map(Place::cursor),
        }
    }
}

/// Walks the streams of a query until the page is complete.
pub(super) fn walk(connection: &Connection, ask: &Ask<'_>) -> rusqlite::Result<Page> {
    let chosen = streams(ask);
    let filters = ask.residual(|n| chosen.served.contains(&n));
    let mut columns = String::from("id,version,summary");
    for column in ask.order {
        columns.push(',');
        columns.push_str(column);
    }
    let first = ORDER + ask.order.len();
    let mut residual = Vec::with_capacity(filters.len());
    for (n, filter) in filters.into_iter().enumerate() {
        columns.push(',');
        columns.push_str(filter.column());
        residual.push((first + n, filter));
    }
    let mut collector = Collector {
        ask,
        residual,
        items: Vec::with_capacity(ask.query.limit),
        last: None,
        next: None,
        scanned: 0,
        probe_at: FIRST_PROBE,
    };
    if chosen.merge {
        merged(connection, &chosen.streams, &columns, &mut collector)
    } else {
        in_turn(connection, &chosen.streams, &columns, &mut collector)
    }
}

fn bind(statement: &mut Statement<'_>, ask: &Ask<'_>, stream: &Stream) -> rusqlite::Result<()> {
    statement.raw_bind_parameter(1, ask.tenant)?;
    for (n, value) in stream.binds().enumerate() {
        statement.raw_bind_parameter(n + 2, Bind(value))?;
    }
    Ok(())
}

fn in_turn(
    connection: &Connection,
    streams: &[Stream],
    columns: &str,
    collector: &mut Collector<'_>,
) -> rusqlite::Result<Page> {
    for stream in streams {
        let mut statement = prepare(connection, &stream.sql(collector.ask, columns, 0))?;
        bind(&mut statement, collector.ask, stream)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            if let Some(page) = collector.take(connection, row)? {
                return Ok(page);
            }
        }
    }
    Ok(collector.page())
}

fn merged(
    connection: &Connection,
    streams: &[Stream],
    columns: &str,
    collector: &mut Collector<'_>,
) -> rusqlite::Result<Page> {
    let ask = collector.ask;
    let mut statements = Vec::with_capacity(streams.len());
    for (slot, stream) in streams.iter().enumerate() {
        let mut statement = prepare(connection, &stream.sql(ask, columns, slot))?;
        bind(&mut statement, ask, stream)?;
        statements.push(statement);
    }
    let mut rows: Vec<_> = statements.iter_mut().map(|s| s.raw_query()).collect();
    let mut heads: Vec<Option<Place>> = Vec::with_capacity(rows.len());
    for stream in &mut rows {
        stream.advance()?;
        heads.push(stream.get().map(|row| collector.place(row)).transpose()?);
    }
    // The values of one filter are few, so looking at every head beats keeping a heap.
    loop {
        let mut first: Option<(usize, &Place)> = None;
        for (n, head) in heads.iter().enumerate() {
            if let Some(head) = head
                && first.is_none_or(|(_, least)| ask.compare(head, least).is_lt())
            {
                first = Some((n, head));
            }
        }
        let Some((n, _)) = first else {
            return Ok(collector.page());
        };
        if let Some(row) = rows[n].get()
            && let Some(page) = collector.take(connection, row)?
        {
            return Ok(page);
        }
        rows[n].advance()?;
        heads[n] = rows[n].get().map(|row| collector.place(row)).transpose()?;
    }
}
