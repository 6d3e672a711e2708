//! How long something takes: a duration, or a range of which each deal draws one. Reads and prints `30s`, `15m`, `4h`,
//! `3d`, `2w` and `1h..3d`; knows no point in time.

use crate::dice::Dice;

/// The longest delay, in seconds: a year.
const LONGEST: u64 = 366 * DAY;
const DAY: u64 = 86_400;
/// Units with their seconds, the longest first.
const UNITS: [(char, u64); 5] = [('w', 7 * DAY), ('d', DAY), ('h', 3_600), ('m', 60), ('s', 1)];
/// How a delay is written, for people.
pub(super) const FORM: &str = "write a whole number with s, m, h, d or w behind it, up to 366d, such as \"15m\", or a range such as \"1h..3d\"";

/// A fixed delay, or a range from which one is drawn. Whole seconds, 0 to 366 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    shortest: u64,
    longest: u64,
}

impl Delay {
    /// No delay at all.
    pub const NONE: Self = Self {
        shortest: 0,
        longest: 0,
    };

    /// A delay between the two, in seconds; `None` when they are out of order or longer than 366 days.
    pub fn between(shortest: u64, longest: u64) -> Option<Self> {
        (shortest <= longest && longest <= LONGEST).then_some(Self { shortest, longest })
    }

    /// Reads a delay; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        match text.split_once("..") {
            Some((from, to)) => Self::between(seconds(from.trim())?, seconds(to.trim())?),
            None => seconds(text).and_then(|fixed| Self::between(fixed, fixed)),
        }
    }

    /// The least and the greatest delay, in seconds.
    pub const fn bounds(self) -> (u64, u64) {
        (self.shortest, self.longest)
    }

    /// The delay that these dice give it, in milliseconds.
    pub(super) fn draw(self, dice: Dice<'_>, question: &str) -> i64 {
        // A year of milliseconds is far from what the number holds.
        i64::try_from(dice.between(question, self.shortest * 1_000, self.longest * 1_000)).unwrap_or(0)
    }
}

fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().next_back()?;
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number = text.strip_suffix(unit)?;
    let plain = !number.is_empty() && number.len() <= 10 && number.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| number.parse::<u64>().ok())??.checked_mul(*factor)
}

impl std::fmt::Display for Delay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let one = |f: &mut std::fmt::Formatter<'_>, seconds: u64| {
            let whole = UNITS
                .iter()
                .find(|(_, factor)| seconds > 0 && seconds.is_multiple_of(*factor));
            let (unit, factor) = whole.copied().unwrap_or(('s', 1));
            write!(f, "{}{unit}", seconds / factor)
        };
        one(f, self.shortest)?;
        if self.longest > self.shortest {
            f.write_str("..")?;
            one(f, self.longest)?;
        }
        Ok(())
    }
}

/// A time that was drawn, in words of at most two units: `2d 4h`, `15m`, `at once`.
pub(super) fn words(millis: i64) -> String {
    let mut rest = u64::try_from(millis).unwrap_or(0) / 1_000;
    let mut parts = Vec::new();
    // Weeks say little next to days; people count a review in days.
    for (unit, factor) in &UNITS[1..] {
        let count = rest / factor;
        if count > 0 && parts.len() < 2 {
            parts.push(format!("{count}{unit}"));
            rest %= factor;
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() {
        "at once".to_owned()
    } else {
        parts.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn delays_are_read_as_people_write_them() {
        for (text, bounds) in [
            ("30s", Some((30, 30))),
            ("15m", Some((900, 900))),
            ("4h", Some((14_400, 14_400))),
            ("3d", Some((259_200, 259_200))),
            ("2w", Some((1_209_600, 1_209_600))),
            (" 1h .. 3d ", Some((3_600, 259_200))),
            ("0s", Some((0, 0))),
            ("3d..1h", None),
            ("366d", Some((31_622_400, 31_622_400))),
            ("367d", None),
            ("99999999999w", None),
            ("", None),
            ("s", None),
            ("5", None),
            ("-5s", None),
            ("1.5h", None),
            ("1h..", None),
            ("1h..2h..3h", None),
            ("5ß", None),
        ] {
            assert_eq!(Delay::parse(text).map(Delay::bounds), bounds, "{text:?}");
        }
    }

    #[test]
    fn a_drawn_time_is_told_in_two_units() {
        for (millis, told) in [
            (0, "at once"),
            (999, "at once"),
            (90_000, "1m 30s"),
            (86_400_000, "1d"),
            (90_061_000, "1d 1h"),
            (86_460_000, "1d"),
        ] {
            assert_eq!(words(millis), told);
        }
    }

    proptest! {
        #[test]
        fn a_printed_delay_reads_back(a in 0..=LONGEST, b in 0..=LONGEST) {
            let delay = Delay::between(a.min(b), a.max(b)).unwrap();
            prop_assert_eq!(Delay::parse(&delay.to_string()), Some(delay));
        }

        #[test]
        fn a_drawn_delay_lies_within_its_bounds(a in 0..=LONGEST, b in 0..=LONGEST, seed in any::<u64>()) {
            let delay = Delay::between(a.min(b), a.max(b)).unwrap();
            let drawn = delay.draw(Dice { seed, about: &[] }, "x");
            let (from, to) = delay.bounds();
            prop_assert!((from * 1_000..=to * 1_000).contains(&u64::try_from(drawn).unwrap()));
        }
    }
}
