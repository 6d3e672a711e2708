//! Choices at random that can be repeated.

use std::hash::{BuildHasher as _, Hash, RandomState};

/// A source of numbers; the same seed draws the same ones.
pub struct Draws {
    /// What a run prints, so that it can be repeated.
    pub seed: u64,
    drawn: u64,
}

impl Draws {
    /// Draws from a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: 0 }
    }

    /// Draws from `SCENARIO_SEED`, which repeats the run that printed it, or from a seed of this run.
    pub fn from_environment(salt: impl Hash) -> Self {
        Self::new(match std::env::var("SCENARIO_SEED") {
            Ok(given) => given.parse().unwrap(),
            Err(_) => RandomState::new().hash_one(salt),
        })
    }

    /// A number below `limit`.
    pub fn draw(&mut self, limit: usize) -> usize {
        self.drawn += 1;
        // SplitMix64: any number is as good a seed as any other.
        let mut z = self
            .seed
            .wrapping_add(self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(limit).unwrap()).unwrap()
    }

    /// True in so many of a hundred cases.
    pub fn percent(&mut self, cases: usize) -> bool {
        self.draw(100) < cases
    }
}
