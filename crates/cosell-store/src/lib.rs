//! cosell-store
