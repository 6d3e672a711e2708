//! What a reset of one account takes out of things that others have a part in: its row of an invitation, its row of an
//! engagement. The others go on with what is left; nothing is put back in the place of what was erased.

use cosell_model::ApiError;
use cosell_store::{Changes, Key, Kind, Write};

use crate::answer::read_failed;
use crate::service::Service;

/// Leaves out the writes that would replace rows which are not there any more. Whoever wrote them would be told of a
/// conflict, however often it is tried: an invitation could be neither answered nor withdrawn nor expire.
///
/// Such a row is made together with its invitation or its membership and never alone, so that one that is missing stays
/// missing, and nothing needs to be expected of it.
pub(super) async fn leave_out(service: &Service, changes: &mut Changes) -> Result<(), ApiError> {
    let rows: Vec<Key> = changes.writes.iter().filter_map(replaced).cloned().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let found = service.store.get_many(&rows).await.map_err(read_failed)?;
    let mut there = found.iter().map(Option::is_some);
    changes
        .writes
        .retain(|write| replaced(write).is_none() || there.next().unwrap_or(true));
    Ok(())
}

/// The row that a write replaces, where it is one of several that belong to different accounts.
fn replaced(write: &Write) -> Option<&Key> {
    match write {
        Write::Replace { record, .. } => {
            let of_one_of_them = matches!(record.key.kind, Kind::Invitation | Kind::EngagementMember);
            of_one_of_them.then_some(&record.key)
        }
        _ => None,
    }
}
