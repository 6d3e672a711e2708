//! Events on their way to their receivers: rules choose, targets say where to, sinks deliver, an engine sees to it that
//! nothing is lost.
//!
//! This room takes events out of the store's log and nothing else: it must never decide that something is an event, look
//! into an opportunity, or answer a request. It reads no clock of its own; whoever starts it passes one.

pub mod pattern;
