//! Identifiers that nobody can count on: base36 texts from a generator that a test can seed. Whether one is taken already
//! is only the store's to say, so whoever draws one must be ready to draw again.

use std::sync::{Mutex, PoisonError};

use cosell_model::ApiError;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// The greatest multiple of 36 that a byte reaches: what lies above would make some characters likelier than others.
const FAIR: u8 = 252;

/// Draws identifiers.
pub(crate) struct Names {
    seed: Option<[u8; 32]>,
    generator: Mutex<Option<ChaCha12Rng>>,
}

impl Names {
    /// Drawn from that seed, else from one of the operating system's.
    pub(crate) fn new(seed: Option<[u8; 32]>) -> Self {
        Self {
            seed,
            generator: Mutex::new(None),
        }
    }

    /// The prefix and that many characters of `0-9a-z`.
    pub(crate) fn draw(&self, prefix: &str, length: usize) -> Result<String, ApiError> {
        let mut generator = self.generator.lock().unwrap_or_else(PoisonError::into_inner);
        let generator = match &mut *generator {
            Some(generator) => generator,
            unseeded => unseeded.insert(ChaCha12Rng::from_seed(self.seed()?)),
        };
        let mut name = String::with_capacity(prefix.len() + length);
        name.push_str(prefix);
        let whole = prefix.len() + length;
        let mut bytes = [0; 16];
        while name.len() < whole {
            generator.fill_bytes(&mut bytes);
            let missing = whole - name.len();
            let fair = bytes.iter().filter(|byte| **byte < FAIR).take(missing);
            name.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 36)])));
        }
        Ok(name)
    }

    fn seed(&self) -> Result<[u8; 32], ApiError> {
        if let Some(seed) = self.seed {
            return Ok(seed);
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| ApiError::internal(format!("no randomness: {error}")))?;
        Ok(seed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_is_its_prefix_and_as_many_characters_as_asked_for() {
        let names = Names::new(None);
        for length in [13, 14, 40] {
            let name = names.draw("eng-", length).unwrap();
            let drawn = name.strip_prefix("eng-").unwrap();
            assert_eq!(drawn.len(), length);
            assert!(drawn.bytes().all(|byte| ALPHABET.contains(&byte)), "{name}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_names_and_another_seed_gives_others() {
        let ten = |seed| {
            let names = Names::new(seed);
            (0..10)
                .map(|_| names.draw("", 14).unwrap())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(ten(Some([7; 32])).len(), 10);
        assert_eq!(ten(Some([7; 32])), ten(Some([7; 32])));
        assert!(ten(Some([7; 32])).is_disjoint(&ten(Some([8; 32]))));
        assert!(
            ten(None).is_disjoint(&ten(None)),
            "the operating system's seeds differ"
        );
    }

    #[test]
    fn every_character_is_about_as_likely_as_any_other() {
        let drawn = Names::new(Some([3; 32])).draw("", 36_000).unwrap();
        for character in ALPHABET {
            let count = drawn.bytes().filter(|byte| byte == character).count();
            assert!((850..1150).contains(&count), "{count} of 36000 are one character");
        }
    }
}
