//! Dice that always fall the same way for the same seed, subject and question, in every process and on every machine.
//! Keeps no state: what was asked before never changes an answer, so questions may be added without moving others.

use sha2::{Digest, Sha256};

/// The dice for one subject.
#[derive(Clone, Copy)]
pub(crate) struct Dice<'a> {
    /// Which of the possible worlds this is.
    pub seed: u64,
    /// What the questions are about.
    pub about: &'a [&'a str],
}

impl Dice<'_> {
    /// A number below `sides`, which must be above zero.
    pub fn roll(self, question: &str, sides: usize) -> usize {
        let digest = self.digest(question);
        let number = digest
            .iter()
            .take(4)
            .fold(0usize, |number, byte| number << 8 | usize::from(*byte));
        number % sides.max(1)
    }

    /// One of the options; the empty text where there is none.
    pub fn choose(self, question: &str, options: &[&'static str]) -> &'static str {
        options
            .get(self.roll(question, options.len()))
            .copied()
            .unwrap_or_default()
    }

    /// A number from `from` to `to`, both included; `from` where the two are out of order.
    pub fn between(self, question: &str, from: u64, to: u64) -> u64 {
        let span = u128::from(to.saturating_sub(from)) + 1;
        // The high half of the product spreads evenly; the remainder of a division would favour small numbers.
        let offset = (u128::from(self.number(question)) * span) >> 64;
        from.saturating_add(u64::try_from(offset).unwrap_or(0))
    }

    /// A number from 0 on and below 1, with 53 random bits.
    pub fn fraction(self, question: &str) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what the number holds")]
        let bits = (self.number(question) >> 11) as f64;
        bits / 9_007_199_254_740_992.0
    }

    fn number(self, question: &str) -> u64 {
        self.digest(question)
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn digest(self, question: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        for part in self.about.iter().chain([&question]) {
            // The length keeps neighbouring parts apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_stay_within_their_bounds(seed in any::<u64>(), question in ".{0,9}", a in any::<u64>(), b in any::<u64>()) {
            let dice = Dice { seed, about: &["O1"] };
            let (from, to) = (a.min(b), a.max(b));
            prop_assert!((from..=to).contains(&dice.between(&question, from, to)));
            prop_assert!((0.0..1.0).contains(&dice.fraction(&question)));
            prop_assert_eq!(dice.between(&question, from, from), from);
        }
    }

    #[test]
    fn parts_that_only_join_to_the_same_text_are_different_subjects() {
        let one = Dice {
            seed: 1,
            about: &["O12", "3"],
        };
        let other = Dice {
            seed: 1,
            about: &["O1", "23"],
        };
        assert_ne!(one.number("x"), other.number("x"));
    }
}
