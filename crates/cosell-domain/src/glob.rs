//! Patterns that people write for names: `*` stands for any text, `?` for one character, case does not matter. Matching
//! takes time linear in the text, whatever the pattern, since scripts and rules come from outside.

use regex::{Regex, RegexBuilder};

/// The longest pattern, in characters.
pub const LONGEST: usize = 255;

/// A pattern, ready to be matched. Two are equal when they were written the same.
#[derive(Debug, Clone)]
pub struct Glob {
    source: String,
    regex: Regex,
}

impl Glob {
    /// Reads a pattern; `None` for the empty one and for one longer than [`LONGEST`].
    pub fn parse(source: &str) -> Option<Self> {
        if source.is_empty() || source.chars().count() > LONGEST {
            return None;
        }
        let mut pattern = String::from("^");
        let mut starred = false;
        for letter in source.chars() {
            match letter {
                // Neighbouring stars say what one says.
                '*' if starred => {}
                '*' => pattern.push_str(".*"),
                '?' => pattern.push('.'),
                other => pattern.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
            starred = letter == '*';
        }
        pattern.push('$');
        let regex = RegexBuilder::new(&pattern)
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .build()
            .ok()?;
        Some(Self {
            source: source.to_owned(),
            regex,
        })
    }

    /// True when the whole text fits the pattern.
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Glob {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks_stand_for_text_and_nothing_else_does() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*migration*", "A Migration of all", true),
            ("*migration*", "a move", false),
            ("Get*", "GetOpportunity", true),
            ("Get*", "ListGet", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("?", "ß", true),
            ("a.c", "abc", false),
            ("(x", "(X", true),
            ("a**b", "a\nb", true),
        ] {
            assert_eq!(
                Glob::parse(pattern).unwrap().matches(text),
                fits,
                "{pattern} {text:?}"
            );
        }
        assert!(Glob::parse("").is_none());
        assert!(Glob::parse(&"x".repeat(LONGEST + 1)).is_none());
        assert!(
            Glob::parse(&"?*".repeat(LONGEST / 2)).is_some(),
            "the largest pattern fits the engine"
        );
    }

    proptest! {
        #[test]
        fn a_text_fits_itself_with_any_part_starred(text in "[^*?]{1,20}", at in 0usize..20) {
            let letters: Vec<char> = text.chars().collect();
            prop_assert!(Glob::parse(&text).unwrap().matches(&text));
            let at = at.min(letters.len());
            let starred = format!("{}*", letters[..at].iter().collect::<String>());
            prop_assert!(Glob::parse(&starred).unwrap().matches(&text));
        }
    }
}
