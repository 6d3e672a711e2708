//! Published lists that the rules check against: value lists that the model types as plain strings, postal code formats,
//! and AWS's products. The facts stand in `data/`, one per line; nothing here decides what a violation means.

mod picklists;
mod postal;
mod products;

pub use picklists::{
    APN_PROGRAMS, CUSTOMER_USE_CASES, MARKETING_USE_CASES, Picklist, SOLUTION_CATEGORIES, US_STATES,
};
pub use postal::{PostalCode, postal_code};
pub use products::{Product, Products};
