//! Money as text with at most two decimals, up to 31 integer digits: the form of the model's Amount.
//! Arithmetic is exact, in cents; nothing here ever goes through a floating-point number.

/// An amount in hundredths of its currency's unit. 10^31 units are 10^33 cents, which an `i128` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cents(i128);

impl Cents {
    /// Reads `123`, `123.`, `123.4` or `123.45`. `None` for anything else, the empty text included.
    pub fn parse(text: &str) -> Option<Self> {
        let (units, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if units.is_empty() || units.len() > 31 || fraction.len() > 2 || !digits(units) || !digits(fraction) {
            return None;
        }
        let units: i128 = units.parse().ok()?;
        let cents: i128 = match fraction.len() {
            0 => 0,
            1 => fraction.parse::<i128>().ok()? * 10,
            _ => fraction.parse().ok()?,
        };
        Some(Self(units * 100 + cents))
    }

    /// True for an amount above zero.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    /// The number of cents, or the greatest number there is for amounts beyond it. For sorting only.
    pub fn clamped(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// The sum. Saturates far beyond what the wire form can carry.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// A part of `1/parts`, rounded half up to whole cents. `parts` must be above zero.
    pub fn divided_by(self, parts: u32) -> Self {
        let parts = i128::from(parts.max(1));
        Self((self.0 * 2 + parts) / (parts * 2))
    }

    /// `times` as much. Saturates far beyond what the wire form can carry.
    pub fn times(self, times: u32) -> Self {
        Self(self.0.saturating_mul(i128::from(times)))
    }
}

impl std::fmt::Display for Cents {
    /// Without superfluous zeros, as AWS returns amounts: `10000.00` is shown as `10000`, `531.50` as `531.5`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (units, cents) = (self.0 / 100, self.0 % 100);
        match (cents / 10, cents % 10) {
            (0, 0) => write!(f, "{units}"),
            (tens, 0) => write!(f, "{units}.{tens}"),
            (tens, ones) => write!(f, "{units}.{tens}{ones}"),
        }
    }
}

/// The form in which an amount is returned; `None` for the empty text, which the model's pattern also takes.
pub fn normalised(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    Some(Cents::parse(text).map_or_else(|| text.to_owned(), |cents| cents.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn superfluous_zeros_are_dropped() {
        for (sent, shown) in [
            ("10000.00", "10000"),
            ("531.0", "531"),
            ("531.50", "531.5"),
            ("0.05", "0.05"),
            ("0", "0"),
            ("7.", "7"),
            (
                "9999999999999999999999999999999.99",
                "9999999999999999999999999999999.99",
            ),
        ] {
            assert_eq!(normalised(sent).as_deref(), Some(shown), "{sent}");
        }
        assert_eq!(normalised(""), None);
    }

    #[test]
    fn a_share_is_rounded_half_up_to_cents() {
        let share = |total: &str, months| Cents::parse(total).unwrap().divided_by(months).to_string();
        assert_eq!(share("1200000", 36), "33333.33");
        assert_eq!(share("1", 3), "0.33");
        assert_eq!(share("2", 3), "0.67");
        assert_eq!(share("0.01", 2), "0.01");
        assert_eq!(share("0.01", 3), "0");
    }

    proptest! {
        #[test]
        fn reading_back_what_is_shown_changes_nothing(units in 0u64.., cents in 0u8..100) {
            let text = format!("{units}.{cents:02}");
            let once = Cents::parse(&text).unwrap();
            prop_assert_eq!(Cents::parse(&once.to_string()), Some(once));
        }
    }
}
