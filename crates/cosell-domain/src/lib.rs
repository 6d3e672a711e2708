//! cosell-domain
