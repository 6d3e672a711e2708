//! cosell-model
