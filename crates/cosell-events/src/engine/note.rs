//! What is noted of the tries of a delivery, for people who look.

use bytes::Bytes;
use cosell_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The tries that are kept: the last ones.
const KEPT: usize = 8;
/// Letters of an error that are kept.
const ERROR: usize = 600;

/// The last tries of a delivery, oldest first. Its JSON is the `note` of a [`Delivery`](cosell_store::Delivery).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Note {
    /// The tries.
    pub tries: Vec<Try>,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Try {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// The receiver's HTTP status, where one came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What went wrong; absent where nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Note {
    /// From a delivery's note; what cannot be read counts as empty.
    pub fn read(note: &[u8]) -> Self {
        serde_json::from_slice(note).unwrap_or_default()
    }

    /// The note with one more try.
    pub(super) fn with(mut self, mut made: Try) -> Bytes {
        made.error = made.error.map(|error| error.chars().take(ERROR).collect());
        self.tries.push(made);
        let surplus = self.tries.len().saturating_sub(KEPT);
        self.tries.drain(..surplus);
        serde_json::to_vec(&self).unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_tries_are_kept() {
        let mut note = Bytes::new();
        for number in 0..20 {
            note = Note::read(&note).with(Try {
                at: Timestamp::from_millis(number),
                millis: 1,
                status: None,
                error: Some("é".repeat(5000)),
            });
        }
        let tries = Note::read(&note).tries;
        assert_eq!((tries.len(), tries[7].at.as_millis()), (KEPT, 19));
        assert!(note.len() < cosell_store::MAX_NOTE);
        assert_eq!(Note::read(b"x"), Note::default());
    }
}
