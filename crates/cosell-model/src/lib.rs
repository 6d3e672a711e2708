//! The contract of the AWS Partner Central Selling API as Rust types.
//!
//! Wire structures, enums, shape tables and the operation registry are generated from `model/` (`cargo xtask codegen`);
//! reading, checking and explaining are written by hand around them. No I/O, no clock, no rule of business.

pub mod decode;
pub mod error;
mod explain;
mod generated;
mod nulls;
pub mod pattern;
pub mod shape;
pub mod timestamp;
pub mod wire;
mod words;

pub use decode::{Decoded, Rejection, check_input, check_value, decode};
pub use error::{ApiError, ErrorKind, Violation};
pub use generated::operations::{Input, Operation};
pub use generated::{enums, patterns, shapes, types};
pub use nulls::explicit_nulls;
pub use shape::{Member, OperationInfo, Pagination, Shape, ShapeKind};
pub use timestamp::Timestamp;
pub use wire::Check;
