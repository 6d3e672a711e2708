//! Civil dates as the API carries them: `YYYY-MM-DD`, compared in UTC. Has no clock: today comes from the caller.

use cosell_model::Timestamp;

/// True for a date that exists in the calendar, written `YYYY-MM-DD`. The model's pattern also lets 30 February through.
pub fn exists(date: &str) -> bool {
    date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok()
}

/// True when `date` lies strictly after the UTC day of `now`. Today counts as past, as observed in AWS's sandbox.
/// Both are in the same fixed-width form, so text order is date order.
pub fn is_future(date: &str, now: Timestamp) -> bool {
    exists(date) && date > now.date().as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn today_is_not_the_future_and_impossible_dates_never_are() {
        let now = Timestamp::parse("2026-11-21T23:59:59Z").unwrap();
        assert!(!is_future("2026-11-20", now));
        assert!(!is_future("2026-11-21", now));
        assert!(is_future("2026-11-22", now));
        assert!(!is_future("2027-02-30", now));
        assert!(is_future("2028-02-29", now));
        assert!(!exists("2027-02-29"));
    }
}
