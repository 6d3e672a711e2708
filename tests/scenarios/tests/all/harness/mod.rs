//! What the tests share: a server process, an HTTP client, a signer. None of it uses code of the product, so that a mistake
//! there cannot hide itself here.

pub mod client;
pub mod deal;
pub mod draws;
pub mod engagement;
pub mod flows;
pub mod modern;
pub mod operator;
pub mod receiver;
pub mod server;
pub mod sign;
pub mod store;

pub use client::{Answer, Caller, Connection};
pub use draws::Draws;
pub use operator::Operator;
pub use server::{Server, cosell};
pub use sign::Key;
pub use store::embedded;
