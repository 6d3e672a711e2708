//! The envelope around what an event tells: EventBridge's, with the members of every event of this service (behaviours
//! 6.1). Writes it and reads back what it wrote.

use cosell_model::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

/// The source of every event.
pub const SOURCE: &str = "aws.partnercentral-selling";

/// The version of every recorded envelope; documentation also shows `"1"`.
pub const VERSION: &str = "0";

/// An event as it is delivered. `D` is what it tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Envelope<'a, D> {
    /// [`VERSION`].
    pub version: &'a str,
    /// The event's own identifier: another one for every event, the same one for every delivery of it.
    pub id: &'a str,
    /// [`DetailType::as_str`](super::DetailType::as_str).
    pub detail_type: &'a str,
    /// [`SOURCE`].
    pub source: &'a str,
    /// The account that hears of it.
    pub account: &'a str,
    /// When it happened, written in whole seconds; what is finer is cut off.
    #[serde(serialize_with = "in_whole_seconds")]
    pub time: Timestamp,
    /// The region of the service.
    pub region: &'a str,
    /// The ARN of the engagement or the invitation that it is about; empty for opportunities.
    #[serde(borrow)]
    pub resources: Vec<&'a str>,
    /// What happened.
    pub detail: D,
}

fn in_whole_seconds<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    let text = time.to_string();
    // `2026-11-21T00:00:00` and then the fraction.
    let seconds = text.get(..19).unwrap_or(&text);
    serializer.collect_str(&format_args!("{seconds}Z"))
}
