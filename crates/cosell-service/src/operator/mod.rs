//! AWS's side: what the people and systems behind the real service do, as functions. They go through the same rules and
//! plans as the operations, leave the same entries in the audit log, and know nothing of HTTP or the command line.

pub mod clock;
pub mod deals;
pub mod offers;
pub mod preview;
pub mod review;
pub mod search;
pub mod state;
pub mod trail;

pub(crate) mod kept;

use crate::audit::{Actor, Deed};

/// Who at AWS does something, by which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// The name of the token.
    pub token: String,
    /// The request's identifier.
    pub request_id: String,
}

impl By {
    /// The deed of that name.
    pub(crate) fn deed(&self, action: &'static str) -> Deed {
        Deed {
            actor: Actor::Operator {
                token: self.token.clone(),
            },
            action: action.into(),
            request_id: self.request_id.clone(),
        }
    }
}
