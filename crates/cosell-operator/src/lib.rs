//! The operator API under [`BASE`]: how the people who run cosell do over HTTP what AWS does in the real service.
//!
//! One table of endpoints ([`endpoints::all`]) is all there is: requests are routed by it, parameters are checked by it,
//! the OpenAPI document is written from it, and the tests of who may do what read that document. This room knows HTTP's
//! types but no socket, and holds no rule of business: an endpoint calls `cosell-service` and renders what that says.

pub mod endpoint;
pub mod endpoints;
pub mod openapi;
pub mod problem;
pub mod tokens;

mod auth;
mod body;
mod call;
mod document;
mod exposition;
mod flaws;
mod operator;
mod parameters;
mod payload;
mod percent;
mod reply;
mod route;
mod scope;
mod shapes;
mod time;

pub use call::Call;
pub use document::Document;
pub use operator::{Operator, Parts, STREAMS};
pub use payload::{Feed, Payload, Pieces, Stream};
pub use problem::Problem;
pub use reply::{NEXT_CURSOR, Page, Reply};
pub use scope::Scope;
pub use time::Time;

/// What the path of every endpoint begins with.
pub const BASE: &str = "/operator/v1";

/// Where Prometheus looks unless it is told otherwise: the same as the endpoint of that name beneath [`BASE`].
pub const METRICS_PATH: &str = "/metrics";

/// True for a path of the operator API, whether or not there is such an endpoint.
pub fn is_operator_path(path: &str) -> bool {
    path == METRICS_PATH
        || path
            .strip_prefix("/operator")
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
