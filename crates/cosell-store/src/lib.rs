//! The store contract: what every backend keeps for cosell, and how it is asked for it.
//!
//! This room holds the record types, the [`Store`] trait and (feature `suite`) one contract test-suite that every
//! backend must pass. It must never hold SQL, a rule of business, a clock or a backend's own types.
//!
//! Orders are defined here, once, so that all backends page alike:
//! * text compares by its UTF-8 bytes, integers numerically, and NULL is smaller than every value;
//! * a sort compares the columns of its [`SortSpec::order`] and then the id, all in the same direction.

mod changes;
mod contract;
mod delivery;
mod figures;
mod kind;
mod query;
mod record;
pub mod state;
#[cfg(feature = "suite")]
pub mod suite;
mod transfer;

pub use changes::{
    ApplyError, AuditEntry, AuditQuery, Changes, ClaimedJob, Conflict, Event, EventPage, EventQuery, Expect,
    FinishedJob, Idempotency, Job, JobId, StoredAudit, StoredEvent, StoredJob, Write,
};
pub use contract::{Erased, Progress, ProgressFn, Report, Store, StoreError};
pub use delivery::{
    Delivery, DeliveryQuery, DeliveryState, MAX_DELIVERY_NAME, MAX_NOTE, SettleError, Settlement,
    TargetState, validate_deliveries, validate_target,
};
pub use figures::{
    ConnectionFigures, Distribution, Histogram, MICROS, ReplicaFigures, SPANS, StoreFigures, WriteCounters,
};
pub use kind::{Column, ColumnType, IndexSpec, Kind, KindSpec, Scope, SortSpec};
pub use query::{Cursor, Filter, Item, MAX_IN_VALUES, MAX_PAGE, Page, Query, Sort, check_limit};
pub use record::{Key, Record, Stored, Value};
pub use transfer::{ExportItem, FormerVersion, TransferError};
