//! cosell-service
