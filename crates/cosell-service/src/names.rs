//! Identifiers that nobody can count on: base36 texts from a generator that a test can seed. Whether one is taken already
//! is only the store's to say, so whoever draws one must be ready to draw again. Events have identifiers of another form,
//! and of a generator of their own: so what else is named stays the same whether or not events are emitted.

use std::sync::{Mutex, PoisonError};

use cosell_model::{ApiError, Timestamp};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// The greatest multiple of 36 that a byte reaches: what lies above would make some characters likelier than others.
const FAIR: u8 = 252;

/// Draws identifiers.
pub(crate) struct Names {
    seed: Option<[u8; 32]>,
    /// Which of the sequences of the seed.
    stream: u64,
    generator: Mutex<Option<ChaCha12Rng>>,
}

impl Names {
    /// Drawn from that seed, else from one of the operating system's.
    pub(crate) fn new(seed: Option<[u8; 32]>) -> Self {
        Self {
            seed,
            stream: 0,
            generator: Mutex::new(None),
        }
    }

    /// As [`Names::new`], for events: another sequence from the same seed.
    pub(crate) fn of_events(seed: Option<[u8; 32]>) -> Self {
        Self {
            stream: 1,
            ..Self::new(seed)
        }
    }

    /// The prefix and that many characters of `0-9a-z`.
    pub(crate) fn draw(&self, prefix: &str, length: usize) -> Result<String, ApiError> {
        let mut name = String::with_capacity(prefix.len() + length);
        name.push_str(prefix);
        let whole = prefix.len() + length;
        let mut bytes = [0; 16];
        while name.len() < whole {
            self.fill(&mut bytes)?;
            let missing = whole - name.len();
            let fair = bytes.iter().filter(|byte| **byte < FAIR).take(missing);
            name.extend(fair.map(|byte| char::from(ALPHABET[usize::from(byte % 36)])));
        }
        Ok(name)
    }

    /// A UUID of version 7 (RFC 9562): it begins with the time in milliseconds, so that an index of such identifiers grows
    /// at its end. 74 random bits follow; times before 1970 and after 10889 count as the nearest.
    pub(crate) fn uuid(&self, time: Timestamp) -> Result<String, ApiError> {
        let mut bytes = [0; 16];
        self.fill(&mut bytes[6..])?;
        let millis = u64::try_from(time.as_millis()).unwrap_or(0).min((1 << 48) - 1);
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6] = 0x70 | bytes[6] & 0x0f;
        bytes[8] = 0x80 | bytes[8] & 0x3f;
        let mut text = String::with_capacity(36);
        for (place, byte) in bytes.iter().enumerate() {
            if matches!(place, 4 | 6 | 8 | 10) {
                text.push('-');
            }
            for digit in [byte >> 4, byte & 0x0f] {
                text.push(char::from(ALPHABET[usize::from(digit)]));
            }
        }
        Ok(text)
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), ApiError> {
        let mut generator = self.generator.lock().unwrap_or_else(PoisonError::into_inner);
        let generator = match &mut *generator {
            Some(generator) => generator,
            unseeded => {
                let generator = unseeded.insert(ChaCha12Rng::from_seed(self.seed()?));
                generator.set_stream(self.stream);
                generator
            }
        };
        generator.fill_bytes(bytes);
        Ok(())
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
    fn an_event_is_named_by_a_uuid_of_version_7_that_begins_with_its_time() {
        let names = Names::of_events(Some([7; 32]));
        let drawn = names.uuid(Timestamp::from_millis(0x0192_3456_789a)).unwrap();
        let parts: Vec<&str> = drawn.split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert!(drawn.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()));
        assert_eq!(parts[..2], ["01923456", "789a"]);
        assert!(parts[2].starts_with('7'), "{drawn}");
        assert!(
            matches!(parts[3].as_bytes()[0], b'8' | b'9' | b'a' | b'b'),
            "{drawn}"
        );
        let early = names.uuid(Timestamp::from_millis(-1)).unwrap();
        assert!(early.starts_with("00000000-0000-7"), "{early}");
        let again = Names::of_events(Some([7; 32])).uuid(Timestamp::from_millis(0x0192_3456_789a));
        assert_eq!(again.unwrap(), drawn);
        let other = Names::new(Some([7; 32])).uuid(Timestamp::from_millis(0x0192_3456_789a));
        assert_ne!(other.unwrap(), drawn, "what else is named has another sequence");
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
