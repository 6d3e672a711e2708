//! cosell-wire
