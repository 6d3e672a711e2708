//! cosell-store-sqlite
