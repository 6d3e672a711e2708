//! What targets lose when old events are deleted.
//!
//! Only looks: whoever deletes says so to people. Nothing here may keep an event that is old enough to go.

use cosell_model::Timestamp;
use cosell_store::{DeliveryQuery, DeliveryState, EventQuery, MAX_PAGE, Store, StoreError};

/// A target that is behind with events that are about to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// Its full name.
    pub target: String,
    /// Events that go and that it has not come to yet; some of them its rules may not choose.
    pub unread: u64,
    /// Events that go and that wait for their next try there, counted up to a page of the store.
    pub waiting: usize,
}

/// The targets that lose something when events from before a moment are deleted.
///
/// # Errors
/// Those of the store.
pub async fn unsent(store: &dyn Store, before: Timestamp) -> Result<Vec<Unsent>, StoreError> {
    let newest = EventQuery {
        account: None,
        catalog: None,
        detail_type: None,
        from: None,
        to: Some(before.plus_millis(-1)),
        after: None,
        newest_first: true,
        limit: 2,
    };
    // The last event of all stays, whatever its age.
    let last = store.last_event().await?;
    let newest = store.events(&newest).await?.events;
    let oldest = store.events_after(0, 1).await?;
    let (Some(gone), Some(oldest)) = (
        newest
            .iter()
            .map(|event| event.seq)
            .filter(|seq| *seq < last)
            .max(),
        oldest.first(),
    ) else {
        return Ok(Vec::new());
    };
    let mut behind = Vec::new();
    for state in store.targets().await? {
        let pending = DeliveryQuery {
            target: Some(state.target.clone()),
            seq: None,
            state: Some(DeliveryState::Pending),
            after: None,
            newest_first: false,
            limit: MAX_PAGE,
        };
        let pending = match state.pending {
            0 => Vec::new(),
            _ => store.deliveries(&pending).await?,
        };
        let unsent = Unsent {
            target: state.target,
            unread: (gone + 1).saturating_sub(oldest.seq.max(state.position + 1)),
            waiting: pending.iter().take_while(|delivery| delivery.seq <= gone).count(),
        };
        if unsent.unread > 0 || unsent.waiting > 0 {
            behind.push(unsent);
        }
    }
    Ok(behind)
}
