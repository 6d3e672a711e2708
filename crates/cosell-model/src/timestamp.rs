//! Moments in time as the API knows them: UTC, milliseconds.
//!
//! This room reads and writes moments; it must never ask any clock what time it is.

use std::fmt;

use jiff::SignedDuration;
use jiff::civil::DateTime;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

/// Year 0000-01-01T00:00:00.000Z: nothing earlier can be written with four digits.
const EARLIEST: i64 = -62_167_219_200_000;
/// Year 9999-12-31T23:59:59.999Z: the last moment of four-digit years.
const LATEST: i64 = 253_402_300_799_999;
/// Counting from here in calendar arithmetic reaches both ends; the calendar library's own moments stop a day earlier.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Milliseconds since the Unix epoch, UTC. Finer fractions are cut off, because a JavaScript date keeps no more
/// and the value travels back to the server as an optimistic lock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` milliseconds after the epoch (before it, when negative).
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 date-time: `T` or a space between date and time, 0 to 9 fraction digits, `Z` or `±hh:mm`.
    /// Anything after the millisecond is cut off. `None` when the text has another form or names no real moment
    /// (a leap second counts as the second before it).
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let punctuation = [
            (4, b"-" as &[u8]),
            (7, b"-"),
            (10, b"Tt "),
            (13, b":"),
            (16, b":"),
        ];
        if bytes.len() < 20
            || punctuation
                .iter()
                .any(|(at, allowed)| !allowed.contains(&bytes[*at]))
        {
            return None;
        }
        let field = |from: usize, to: usize| digits(&bytes[from..to]);
        let (year, month, day) = (field(0, 4)?, field(5, 7)?, field(8, 10)?);
        let (hour, minute, second) = (field(11, 13)?, field(14, 16)?, field(17, 19)?);
        let (millis, zone) = fraction(&bytes[19..])?;
        let offset_minutes = offset(zone)?;
        let second = if second == 60 { 59 } else { second };
        let civil = DateTime::new(
            i16::try_from(year).ok()?,
            i8::try_from(month).ok()?,
            i8::try_from(day).ok()?,
            i8::try_from(hour).ok()?,
            i8::try_from(minute).ok()?,
            i8::try_from(second).ok()?,
            0,
        )
        .ok()?;
        let utc = i64::try_from(civil.duration_since(EPOCH).as_millis()).ok()? + i64::from(millis);
        Self(utc - i64::from(offset_minutes) * 60_000).in_range()
    }

    /// The moment `seconds` after the epoch, as SDKs send it in a JSON number. `None` when it is not finite or its
    /// year has not four digits.
    pub fn from_epoch_seconds(seconds: f64) -> Option<Self> {
        // Rounding at the microsecond first: 1.001 s is not exactly representable and must not become 1.000 s.
        let millis = ((seconds * 1e6).round() / 1e3).floor();
        #[expect(clippy::cast_precision_loss, reason = "the bounds lie far below 2^53")]
        let inside = millis >= EARLIEST as f64 && millis <= LATEST as f64;
        #[expect(clippy::cast_possible_truncation, reason = "bounded just above")]
        inside.then_some(Self(millis as i64))
    }

    /// The moment `millis` later (earlier, when negative), held at the ends of the number's range.
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// The calendar day in UTC, `YYYY-MM-DD`.
    pub fn date(self) -> String {
        let mut text = self.render();
        text.truncate(10);
        text
    }

    fn in_range(self) -> Option<Self> {
        (EARLIEST..=LATEST).contains(&self.0).then_some(self)
    }

    fn civil(self) -> DateTime {
        // Clamping keeps rendering total: a moment outside four-digit years can only come from arithmetic.
        let since = SignedDuration::from_millis(self.0.clamp(EARLIEST, LATEST));
        EPOCH.checked_add(since).unwrap_or(EPOCH)
    }

    /// `YYYY-MM-DDThh:mm:ss.sssZ`, always 24 bytes.
    fn bytes(self) -> [u8; 24] {
        let civil = self.civil();
        let mut out = *b"0000-00-00T00:00:00.000Z";
        put(&mut out[0..4], civil.year().unsigned_abs());
        put(&mut out[5..7], civil.month().unsigned_abs().into());
        put(&mut out[8..10], civil.day().unsigned_abs().into());
        put(&mut out[11..13], civil.hour().unsigned_abs().into());
        put(&mut out[14..16], civil.minute().unsigned_abs().into());
        put(&mut out[17..19], civil.second().unsigned_abs().into());
        put(&mut out[20..23], civil.millisecond().unsigned_abs());
        out
    }

    fn render(self) -> String {
        self.bytes().iter().map(|byte| char::from(*byte)).collect()
    }
}

/// Writes `value` in decimal over all of `out`, padded with zeros.
fn put(out: &mut [u8], mut value: u16) {
    for byte in out.iter_mut().rev() {
        *byte = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

/// The number that `bytes` spell, when all of them are ASCII digits.
fn digits(bytes: &[u8]) -> Option<u16> {
    bytes.iter().try_fold(0u16, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum.wrapping_mul(10).wrapping_add(u16::from(byte - b'0')))
    })
}

/// Splits `.123456Z` into milliseconds and the zone that follows.
fn fraction(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let Some((b'.', rest)) = bytes.split_first() else {
        return Some((0, bytes));
    };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length > 9 {
        return None;
    }
    let (decimals, zone) = rest.split_at(length);
    let digit = |place: usize| decimals.get(place).map_or(0, |byte| u16::from(byte - b'0'));
    Some((digit(0) * 100 + digit(1) * 10 + digit(2), zone))
}

/// Minutes east of UTC.
fn offset(zone: &[u8]) -> Option<i32> {
    match zone {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (digits(&[*h1, *h2])?, digits(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let total = i32::from(hours) * 60 + i32::from(minutes);
            Some(if *sign == b'-' { -total } else { total })
        }
        _ => None,
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.render())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.bytes();
        serializer.serialize_str(std::str::from_utf8(&bytes).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Moment;
        impl Visitor<'_> for Moment {
            type Value = Timestamp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a timestamp (an RFC 3339 date-time string or a number of seconds since the epoch)",
                )
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                Timestamp::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<Timestamp, E> {
                Timestamp::from_epoch_seconds(seconds)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Float(seconds), &self))
            }
            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Timestamp, E> {
                let moment = seconds
                    .checked_mul(1000)
                    .and_then(|millis| Timestamp(millis).in_range());
                moment.ok_or_else(|| E::invalid_value(de::Unexpected::Signed(seconds), &self))
            }
            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Timestamp, E> {
                self.visit_i64(i64::try_from(seconds).unwrap_or(i64::MAX))
            }
        }
        deserializer.deserialize_any(Moment)
    }
}
