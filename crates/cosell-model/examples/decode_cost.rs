//! Prints what it costs to decode and check a CreateOpportunity of about 3 KB. Run it with `--release`.

#![allow(clippy::disallowed_methods, reason = "a stopwatch is the point")]

use std::hint::black_box;
use std::time::Instant;

use cosell_model::decode;
use cosell_model::types::CreateOpportunityRequest;

const ROUNDS: u32 = 20_000;

fn main() {
    let body = include_bytes!("create_opportunity.json");
    for _ in 0..3 {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            if let Err(rejection) = decode::<CreateOpportunityRequest>(black_box(body)) {
                println!("the example request is refused: {rejection:?}");
                return;
            }
        }
        println!(
            "{} ns per decode of {} bytes",
            start.elapsed().as_nanos() / u128::from(ROUNDS),
            body.len()
        );
    }
}
