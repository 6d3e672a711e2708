//! Request ids: the name of one answer, in the logs of both sides.
//!
//! They are unique, not secret: nothing may ever be granted because somebody knows one.

use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

use http::HeaderValue;

/// A request id in the form of a version 4 UUID, as AWS's answers carry it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; 36]);

thread_local! {
    /// A keyed hash and a counter for each thread. The standard library takes the key from the operating system, so two
    /// threads, processes or machines do not meet; the counter makes every input of a thread new.
    static SOURCE: (RandomState, Cell<u64>) = (RandomState::new(), const { Cell::new(0) });
}

impl RequestId {
    /// A new id. No allocation, no lock, no system call after a thread's first.
    pub fn fresh() -> Self {
        let (high, low) = SOURCE.with(|(hash, counter)| {
            let count = counter.get().wrapping_add(1);
            counter.set(count);
            (hash.hash_one((0_u8, count)), hash.hash_one((1_u8, count)))
        });
        Self::from_bits(u128::from(high) << 64 | u128::from(low))
    }

    /// The id of 128 given bits, six of which are replaced by the UUID's version and variant. For tests and replays.
    pub fn from_bits(bits: u128) -> Self {
        let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62;
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|place| !matches!(place, 8 | 13 | 18 | 23));
        for (nth, place) in places.enumerate() {
            let digit = (bits >> (124 - 4 * nth)) as u8 & 0xf;
            text[place] = if digit < 10 {
                b'0' + digit
            } else {
                b'a' + digit - 10
            };
        }
        Self(text)
    }

    /// The 36 characters.
    pub fn as_str(&self) -> &str {
        // Only hex digits and hyphens are ever put in.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The id as a header value.
    pub fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(self.as_str()).unwrap_or(HeaderValue::from_static(""))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "RequestId({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_id_has_the_form_of_a_version_4_uuid() {
        assert_eq!(
            RequestId::from_bits(0).to_string(),
            "00000000-0000-4000-8000-000000000000"
        );
        assert_eq!(
            RequestId::from_bits(u128::MAX).to_string(),
            "ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(
            RequestId::from_bits(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef).as_str(),
            "01234567-89ab-4def-8123-456789abcdef"
        );
        assert_eq!(
            RequestId::from_bits(7).header_value(),
            "00000000-0000-4000-8000-000000000007"
        );
    }

    #[test]
    fn ids_do_not_repeat_within_or_between_threads() {
        let draw = || (0..20_000).map(|_| RequestId::fresh()).collect::<Vec<_>>();
        let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(draw)).collect();
        let mut seen: HashSet<_> = draw().into_iter().collect();
        for thread in threads {
            seen.extend(thread.join().unwrap());
        }
        assert_eq!(seen.len(), 100_000);
    }
}
