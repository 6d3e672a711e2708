//! Moments: what is read, what is written, and that both agree.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

use cosell_model::Timestamp;
use proptest::prelude::*;

#[test]
fn date_times_are_read_in_every_allowed_form() {
    let table = [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1970-01-01 00:00:01Z", 1000),
        ("1970-01-01T00:00:00.1Z", 100),
        ("1970-01-01T00:00:00.123456789Z", 123),
        ("1970-01-01T00:00:00.999999999Z", 999),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T18:30:00-05:30", 0),
        ("2024-02-29T12:00:00.5Z", 1_709_208_000_500),
        ("2016-12-31T23:59:60Z", 1_483_228_799_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ];
    for (text, millis) in table {
        assert_eq!(
            Timestamp::parse(text),
            Some(Timestamp::from_millis(millis)),
            "{text}"
        );
    }
}

#[test]
fn anything_else_is_no_date_time() {
    let table = [
        "",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00Z",
        "2024-1-01T00:00:00Z",
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:61Z",
        "2024-01-01T00:00:00.Z.",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+00:60",
        "2024-01-01T00:00:00Z ",
        " 2024-01-01T00:00:00Z",
        "+024-01-01T00:00:00Z",
        "2024-01-01T00:00:00ZZ",
        "2024-01-01x00:00:00Z",
        "２024-01-01T00:00:00Z",
        "0000-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2024-01-01T00:00:00.é00Z",
    ];
    for text in table {
        assert_eq!(Timestamp::parse(text), None, "{text}");
    }
}

#[test]
fn epoch_numbers_are_read_to_the_millisecond() {
    for (number, millis) in [
        ("0", 0),
        ("1700000000", 1_700_000_000_000),
        ("1700000000.123", 1_700_000_000_123),
        ("1.001", 1001),
        ("1.0019", 1001),
        ("-1.5", -1500),
        ("1.7e9", 1_700_000_000_000),
    ] {
        assert_eq!(
            serde_json::from_str::<Timestamp>(number).unwrap().as_millis(),
            millis,
            "{number}"
        );
    }
    for wrong in [
        "1e300",
        "99999999999999",
        "-99999999999999",
        "true",
        "[]",
        "18446744073709551615",
    ] {
        assert!(serde_json::from_str::<Timestamp>(wrong).is_err(), "{wrong}");
    }
    assert_eq!(Timestamp::from_epoch_seconds(f64::NAN), None);
}

#[test]
fn milliseconds_are_always_written() {
    assert_eq!(Timestamp::from_millis(0).to_string(), "1970-01-01T00:00:00.000Z");
    assert_eq!(
        format!("{:?}", Timestamp::from_millis(-1)),
        "1969-12-31T23:59:59.999Z"
    );
    assert_eq!(
        serde_json::to_string(&Timestamp::from_millis(1_709_208_000_500)).unwrap(),
        "\"2024-02-29T12:00:00.500Z\""
    );
    assert_eq!(Timestamp::from_millis(1_709_208_000_500).date(), "2024-02-29");
}

#[test]
fn rendering_and_arithmetic_are_total() {
    for millis in [i64::MIN, i64::MAX] {
        assert_eq!(Timestamp::from_millis(millis).to_string().len(), 24);
        assert_eq!(
            Timestamp::from_millis(millis).plus_millis(millis).as_millis(),
            millis
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back_and_order_is_kept(a in -62_167_219_200_000i64..253_402_300_799_999, b in -62_167_219_200_000i64..253_402_300_799_999) {
        let (first, second) = (Timestamp::from_millis(a), Timestamp::from_millis(b));
        prop_assert_eq!(Timestamp::parse(&first.to_string()), Some(first));
        prop_assert_eq!(first.cmp(&second), first.to_string().cmp(&second.to_string()));
    }
}
