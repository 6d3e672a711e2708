//! Postal code formats per country, as AWS publishes them for partners.
//! In a format `9` and `N` stand for a digit, `A` for a letter, `(X)` for an optional character and `A/N` for either.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What is known of a country's postal codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostalCode {
    /// The country has published formats.
    Formats(&'static [&'static str]),
    /// The country has no postal codes.
    None,
    /// Nothing is published: any value is taken.
    Any,
}

impl PostalCode {
    /// True when `code` is acceptable.
    pub fn accepts(self, code: &str) -> bool {
        match self {
            PostalCode::Formats(formats) => formats.iter().any(|format| matches(format, code)),
            PostalCode::None | PostalCode::Any => true,
        }
    }

    /// The formats joined for a message.
    pub fn formats_in_words(self) -> String {
        match self {
            PostalCode::Formats(formats) => formats.join(" or "),
            PostalCode::None | PostalCode::Any => String::new(),
        }
    }
}

static FORMATS: LazyLock<HashMap<&'static str, &'static [&'static str]>> = LazyLock::new(|| {
    include_str!("../../data/postal-codes.tsv")
        .lines()
        .filter_map(|line| {
            let mut cells = line.split('\t');
            let country = cells.next()?;
            let formats: Vec<&'static str> = cells.filter(|cell| *cell != "-").collect();
            Some((country, &*formats.leak()))
        })
        .collect()
});

/// What is published for a country's two-letter code.
pub fn postal_code(country: &str) -> PostalCode {
    match FORMATS.get(country) {
        None => PostalCode::Any,
        Some([]) => PostalCode::None,
        Some(formats) => PostalCode::Formats(formats),
    }
}

#[derive(Debug, Clone, Copy)]
enum Slot {
    Digit,
    Letter,
    Either,
    Exactly(char),
}

impl Slot {
    fn takes(self, c: char) -> bool {
        match self {
            Slot::Digit => c.is_ascii_digit(),
            Slot::Letter => c.is_ascii_alphabetic(),
            Slot::Either => c.is_ascii_alphanumeric(),
            Slot::Exactly(expected) => c.eq_ignore_ascii_case(&expected),
        }
    }
}

/// Formats are at most a dozen characters, so trying each optional slot with and without is cheap.
fn matches(format: &str, code: &str) -> bool {
    fn walk(slots: &[(Slot, bool)], code: &[char]) -> bool {
        match slots.split_first() {
            None => code.is_empty(),
            Some(((slot, optional), rest)) => {
                let taken = code.first().is_some_and(|c| slot.takes(*c)) && walk(rest, &code[1..]);
                taken || (*optional && walk(rest, code))
            }
        }
    }
    if code.len() > 20 {
        return false;
    }
    let code: Vec<char> = code.chars().collect();
    walk(&slots(format), &code)
}

fn slots(format: &str) -> Vec<(Slot, bool)> {
    let slot = |c: char| match c {
        '9' | 'N' => Slot::Digit,
        'A' => Slot::Letter,
        other => Slot::Exactly(other),
    };
    let mut out = Vec::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c == '(' {
            let inner: String = rest.by_ref().take_while(|c| *c != ')').collect();
            let single = if inner == "A/N" {
                Slot::Either
            } else {
                inner.chars().next().map_or(Slot::Either, slot)
            };
            out.push((single, true));
        } else {
            out.push((slot(c), false));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_formats_are_kept() {
        for (country, code, expected) in [
            ("US", "98101", true),
            ("US", "98101-1234", true),
            ("US", "9810", false),
            ("US", "ABCDE", false),
            ("CA", "K1A 0B1", true),
            ("CA", "k1a0b1", true),
            ("GB", "SW1A 1AA", true),
            ("GB", "M1 1AE", true),
            ("GB", "EC1A1BB", true),
            ("GB", "12345", false),
            ("NL", "1012 AB", true),
            ("LT", "LT-01100", true),
            ("SE", "123 45", true),
            ("VC", "VC0100", true),
            ("AE", "anything", true),
            ("AD", "AD500", true),
        ] {
            assert_eq!(postal_code(country).accepts(code), expected, "{country} {code}");
        }
    }

    #[test]
    fn countries_without_codes_are_told_from_countries_without_facts() {
        assert_eq!(postal_code("AE"), PostalCode::None);
        assert_eq!(postal_code("AD"), PostalCode::Any);
        assert!(matches!(postal_code("DE"), PostalCode::Formats(["99999"])));
    }

    #[test]
    fn a_long_code_is_refused_without_work() {
        assert!(!postal_code("GB").accepts(&"A".repeat(1000)));
    }
}
