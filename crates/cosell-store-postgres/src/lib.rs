//! The store for more than one machine: any number of servers over one PostgreSQL database.
//!
//! No state lives in a server but connections and writes on their way. Everything SQL about PostgreSQL is in this crate; no
//! rule of business and no clock may come in. `docs/postgresql.md` tells which kinds of statement are used and which of the
//! engines that speak PostgreSQL's protocol know them.
//!
//! Tables are not partitioned. Every key and index begins with the account, so what belongs to one lies together, and an
//! engine that spreads tables over machines can do so by that column. Partitions by its hash would add a lock and a choice
//! per partition to every statement whose plan is made once, and uniqueness across accounts would be lost (ids of events).

mod apply;
mod contract;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod costs;
mod counter;
mod delivery;
mod error;
mod jobs;
mod list;
mod log;
mod marker;
mod migrate;
mod numbered;
mod options;
mod param;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod plans;
mod pool;
mod records;
mod replicas;
mod reset;
mod revision;
mod rows;
mod session;
mod sql;
mod statistics;
mod store;
mod tls;
mod transfer;
mod upkeep;
mod writer;

pub use error::OpenError;
pub use options::{Options, Purpose, shown};
pub use store::PostgresStore;
