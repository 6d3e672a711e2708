//! The ordered walk: one statement that merges the streams of a query and checks its residual filters.

use super::shape::{Stream, Streams, streams};
use super::{Ask, Draft, item, place};
use crate::session::Step;
use cosell_store::{Filter, Page};
use tokio_postgres::{Error, Row};

/// The streams of a query, and what is left to be checked on their rows.
pub(super) struct Plan<'q> {
    pub(super) streams: Vec<Stream>,
    pub(super) residual: Vec<&'q Filter>,
}

impl<'q> Plan<'q> {
    /// `None` if no row can follow.
    pub(super) fn new(ask: &Ask<'q>) -> Option<Self> {
        let Streams { streams, served } = streams(ask);
        let filters = ask.query.filters.iter().enumerate();
        let residual = filters.filter(|(n, _)| !served.contains(n)).map(|(_, f)| f);
        let residual = residual.collect();
        (!streams.is_empty()).then_some(Plan { streams, residual })
    }

    /// The statement. With a budget each stream ends after so many rows; the row at which it does is among the answer's,
    /// whether it matches or not, so that who reads knows how far the walk came.
    pub(super) fn step<'s>(&'s self, ask: &Ask<'s>, budget: Option<usize>) -> Step<'s> {
        let mut draft = Draft::new(ask);
        let single = self.streams.len() == 1;
        for (n, stream) in self.streams.iter().enumerate() {
            if n > 0 {
                draft.push(" UNION ALL ");
            }
            if !single {
                draft.push("(");
            }
            match budget {
                None => {
                    let shown = ask.shown();
                    draft.push(&format!("SELECT {shown} FROM "));
                    stream.push(ask, &mut draft, &shown, ask.query.limit + 1);
                    draft.push(&format!(" ORDER BY {}", stream.whole_order(ask)));
                }
                Some(budget) => {
                    // The order is said again on every level: the planner keeps no order that nobody asks for.
                    let (shown, needed) = (ask.shown(), ask.needed(&self.residual));
                    let order = stream.order(ask);
                    draft.push(&format!(
                        "SELECT {shown}, n, ok FROM (SELECT {shown}, row_number() OVER (ORDER BY {}) AS n, coalesce(",
                        stream.whole_order(ask)
                    ));
                    let conditions = draft.conditions(&self.residual);
                    draft.push(&format!("{conditions}, false) AS ok FROM "));
                    stream.push(ask, &mut draft, &needed, budget);
                    draft.push(&format!(") AS x WHERE ok OR n = {budget} ORDER BY {order}"));
                }
            }
            if !single {
                draft.push(")");
            }
        }
        if !single {
            draft.push(&format!(" ORDER BY {}", ask.whole_order()));
        }
        // One more than is shown tells that there is more; with a budget, the row at which a stream ends may be yet another.
        match (budget, single) {
            (Some(_), _) => draft.push(&format!(" LIMIT {}", ask.query.limit + 2)),
            (None, false) => draft.push(&format!(" LIMIT {}", ask.query.limit + 1)),
            (None, true) => {}
        }
        draft.step()
    }
}

/// The page of a walk with a budget, and whether it is what a walk without one would show.
pub(super) fn read(ask: &Ask<'_>, rows: &[Row], budget: usize) -> Result<(Page, bool), Error> {
    let mut page = Page::default();
    let (n, ok) = (3 + ask.order.len(), 4 + ask.order.len());
    let mut last = None;
    for row in rows {
        let matches: bool = row.try_get(ok)?;
        if matches && page.items.len() == ask.query.limit {
            page.next = last.map(|row| place(ask, row)).transpose()?;
            return Ok((page, true));
        }
        if matches {
            page.items.push(item(row)?);
            last = Some(row);
        }
        let seen: i64 = row.try_get(n)?;
        if usize::try_from(seen).is_ok_and(|seen| seen == budget) {
            // Behind this row, the matches of its stream are not known.
            page.next = Some(place(ask, row)?);
            let is_full = page.items.len() == ask.query.limit;
            return Ok((page, is_full));
        }
    }
    Ok((page, true))
}
