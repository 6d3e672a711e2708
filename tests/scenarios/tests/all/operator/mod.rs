//! The operator API as operators meet it: who may do what, what is refused, and what the command line makes of it.

mod accounts;
mod autopilot;
mod clock;
mod connections;
mod desk;
mod desk_terminal;
mod events;
mod events_crash;
mod events_terminal;
mod faults;
mod hostile;
mod listeners;
mod matrix;
mod offers;
mod places;
mod reset;
pub mod schema;
mod seller_fields;
mod state;
mod store_copy;
mod terminal;
mod tokens;
mod trail;
mod trail_names;
