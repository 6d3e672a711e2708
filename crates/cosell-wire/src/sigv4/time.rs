//! The two spellings of a request's date: ISO 8601 basic (`20261121T074319Z`) and the HTTP date.
//!
//! Must never read the clock.

use std::fmt;

use cosell_model::Timestamp;

/// A second in UTC, spelt `YYYYMMDDTHHMMSSZ`, as it stands in the string to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BasicTime([u8; 16]);

impl BasicTime {
    /// Reads the basic form and nothing else: 16 characters, a real calendar time of the years 1 to 9999.
    pub(super) fn parse(text: &str) -> Option<(Self, Timestamp)> {
        let bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
        if bytes[8] != b'T' || bytes[15] != b'Z' {
            return None;
        }
        let number = |range: std::ops::Range<usize>| -> Option<i16> {
            bytes[range].iter().try_fold(0_i16, |sum, &digit| {
                digit.is_ascii_digit().then(|| sum * 10 + i16::from(digit - b'0'))
            })
        };
        let two = |at: usize| number(at..at + 2).and_then(|value| i8::try_from(value).ok());
        let time =
            jiff::civil::DateTime::new(number(0..4)?, two(4)?, two(6)?, two(9)?, two(11)?, two(13)?, 0)
                .ok()?;
        let instant = jiff::tz::Offset::UTC.to_timestamp(time).ok()?;
        Some((Self(bytes), Timestamp::from_millis(instant.as_millisecond())))
    }

    /// Reads an HTTP date (`Sat, 21 Nov 2026 07:43:19 GMT`): botocore signs with it when its caller set a `Date` header.
    pub(super) fn parse_http(text: &str) -> Option<(Self, Timestamp)> {
        let instant = jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text)
            .ok()?;
        let time = Timestamp::from_millis(instant.as_millisecond());
        Some((Self::of(time), time))
    }

    /// Spells a time, dropping what is finer than a second. Times outside the calendar are spelt as the epoch: they can
    /// only come from a clock that is set beyond the year 9999, and are only ever shown.
    pub(super) fn of(time: Timestamp) -> Self {
        let instant =
            jiff::Timestamp::from_millisecond(time.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let civil = jiff::tz::Offset::UTC.to_datetime(instant);
        let digit = |value: i16, power: u32| b'0' + (value.unsigned_abs() / 10_u16.pow(power) % 10) as u8;
        let (y, mo, d) = (civil.year(), i16::from(civil.month()), i16::from(civil.day()));
        let (h, mi, s) = (
            i16::from(civil.hour()),
            i16::from(civil.minute()),
            i16::from(civil.second()),
        );
        Self([
            digit(y, 3),
            digit(y, 2),
            digit(y, 1),
            digit(y, 0),
            digit(mo, 1),
            digit(mo, 0),
            digit(d, 1),
            digit(d, 0),
            b'T',
            digit(h, 1),
            digit(h, 0),
            digit(mi, 1),
            digit(mi, 0),
            digit(s, 1),
            digit(s, 0),
            b'Z',
        ])
    }

    /// The sixteen characters.
    pub(super) fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// `YYYYMMDD`, as it stands in the scope.
    pub(super) fn day(&self) -> &[u8] {
        &self.0[..8]
    }
}

impl fmt::Display for BasicTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only ASCII is ever put in, so the lossy path is never taken and nothing is copied.
        out.write_str(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_basic_time_survives_reading_and_spelling() {
        for text in [
            "20261121T074319Z",
            "20240229T235959Z",
            "19700101T000000Z",
            "00010101T000000Z",
        ] {
            let (basic, time) = BasicTime::parse(text).unwrap();
            assert_eq!(basic.to_string(), text);
            assert_eq!(BasicTime::of(time).to_string(), text);
        }
        assert_eq!(
            BasicTime::parse("20261121T074319Z").unwrap().1.as_millis(),
            1_795_246_999_000
        );
    }

    #[test]
    fn anything_but_a_real_basic_time_is_refused() {
        for text in [
            "",
            "20261121T074319",
            "20261121 074319Z",
            "20261321T074319Z",
            "20260230T074319Z",
            "20261121T254319Z",
            "20261121T076019Z",
            "20261121T07431+Z",
            "-0261121T074319Z",
            "2026-11-21T07:43:19Z",
            "20261121T074319ZZ",
            "２0261121T0743Z",
        ] {
            assert_eq!(BasicTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn an_http_date_becomes_the_same_second() {
        let (basic, time) = BasicTime::parse_http("Sat, 21 Nov 2026 07:43:19 GMT").unwrap();
        assert_eq!(basic.to_string(), "20261121T074319Z");
        assert_eq!(time.as_millis(), 1_795_246_999_000);
        assert_eq!(BasicTime::parse_http("yesterday"), None);
    }
}
