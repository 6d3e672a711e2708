//! From what the domain says that happened to the events in the store: one row for each account that hears of it, in the
//! same write as the change itself, so that an event is there exactly where its change is. Which events there are is the
//! domain's; who gets them delivered, and when, is nothing that this room knows.

pub(crate) mod repeat;

use bytes::Bytes;
use cosell_domain::Catalog;
use cosell_domain::event::envelope::{SOURCE, VERSION};
use cosell_domain::event::realistic::Mood;
use cosell_domain::event::{Envelope, Happening};
use cosell_model::{ApiError, Timestamp};
use cosell_store::{Changes, Event};
use serde::Serialize;

use crate::service::Service;

/// Room for an envelope: most have between 350 and 700 bytes.
const ROOM: usize = 768;

/// How many characters a mood's name has. It must only differ from one change to the next.
const MOOD: usize = 8;

/// Adds the events of a change to it. In realistic mode some come in another order, and jobs bring some of them again.
pub(crate) fn emit<'a>(
    service: &Service,
    changes: &mut Changes,
    catalog: Catalog,
    now: Timestamp,
    happenings: impl FnOnce() -> Result<Vec<Happening<'a>>, ApiError>,
) -> Result<(), ApiError> {
    if !service.settings.events {
        return Ok(());
    }
    let mut happenings = happenings()?;
    let mood = match service.settings.events_realistic && !happenings.is_empty() {
        true => Some(Mood::new(service.event_names.draw("", MOOD)?)),
        false => None,
    };
    if let Some(mood) = &mood {
        mood.reorder(&mut happenings);
    }
    changes.events.reserve_exact(happenings.len());
    for (place, happening) in happenings.iter().enumerate() {
        let event = event(service, catalog, now, happening)?;
        let again = mood
            .as_ref()
            .and_then(|mood| mood.repeats_after(place, happening.detail_type));
        if let Some(after) = again {
            changes.jobs.push(repeat::job(&event, now.plus_millis(after))?);
        }
        changes.events.push(event);
    }
    Ok(())
}

fn event(
    service: &Service,
    catalog: Catalog,
    now: Timestamp,
    happening: &Happening<'_>,
) -> Result<Event, ApiError> {
    let id = service.event_names.uuid(now)?;
    let detail_type = happening.detail_type.as_str();
    let body = body(&Envelope {
        version: VERSION,
        id: &id,
        detail_type,
        source: SOURCE,
        account: happening.account,
        time: now,
        region: &service.settings.region,
        resources: happening.resource.into_iter().collect(),
        detail: &happening.detail,
    })?;
    Ok(Event {
        id,
        account: happening.account.to_owned(),
        catalog: catalog.as_str().to_owned(),
        detail_type: detail_type.to_owned(),
        time: now,
        body,
    })
}

fn body<D: Serialize>(envelope: &Envelope<'_, D>) -> Result<Bytes, ApiError> {
    let mut out = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut out, envelope)
        .map_err(|error| ApiError::internal(format!("encoding an event: {error}")))?;
    Ok(Bytes::from(out))
}
