//! What is wrong in something a person wrote: an autopilot script, a fault rule. Knows neither; it only carries the words.

use serde::Serialize;

/// One thing that is wrong: where, what, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flaw {
    /// Where it stands, as names from the root: `rule[2].when.country`. Lists count from 1. Empty for the whole.
    pub path: String,
    /// What is wrong with it.
    pub wrong: String,
    /// What to write instead.
    pub instead: String,
}

impl Flaw {
    /// A flaw at that place.
    pub fn new(path: impl Into<String>, wrong: impl Into<String>, instead: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            wrong: wrong.into(),
            instead: instead.into(),
        }
    }
}

impl std::fmt::Display for Flaw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}; {}", self.wrong, self.instead)
    }
}

/// At most this many known words are listed; beyond, only examples and the nearest help.
const LISTED: usize = 60;

/// What to write instead of `text`, where only `known` words may stand: the nearest, and all of them where they are few.
pub(crate) fn one_of(text: &str, known: &[&str]) -> String {
    let nearest = nearest(text, known).map(|word| format!("did you mean {word:?}? "));
    if known.len() <= LISTED {
        return format!(
            "{}write one of: {}",
            nearest.unwrap_or_default(),
            known.join(", ")
        );
    }
    nearest.map_or_else(
        || {
            let examples = known.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            format!(
                "write one of the {} known values, such as {examples}",
                known.len()
            )
        },
        |nearest| nearest.trim_end().to_owned(),
    )
}

/// The known word nearest to `text`, if one is near: same but for the case, or at most two letters off.
fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    // Far longer than any known word: nothing can be near, and the comparison would cost time for nothing.
    if text.len() > 200 {
        return None;
    }
    let text = text.to_lowercase();
    known
        .iter()
        .map(|word| (distance(&text, &word.to_lowercase()), *word))
        .filter(|(distance, word)| *distance <= 2.min(word.chars().count() / 2))
        .min()
        .map(|(_, word)| word)
}

/// How many letters must be changed, added or taken away to make `b` of `a`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let changed = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_told_what_was_meant() {
        let known = ["approve", "reject", "action-required", "leave"];
        assert!(
            one_of("aprove", &known).starts_with("did you mean \"approve\"? write one of: approve, reject")
        );
        assert!(one_of("REJECT", &known).starts_with("did you mean \"reject\"?"));
        assert_eq!(
            one_of("postpone", &known),
            "write one of: approve, reject, action-required, leave"
        );
    }

    #[test]
    fn of_many_words_only_some_are_told() {
        let many: Vec<String> = (100..200).map(|number| format!("word-{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(
            one_of("another", &many),
            "write one of the 100 known values, such as word-100, word-101, word-102"
        );
        assert_eq!(one_of("WORD-150", &many), "did you mean \"word-150\"?");
    }

    #[test]
    fn the_distance_counts_letters() {
        for (a, b, letters) in [
            ("", "", 0),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(distance(a, b), letters, "{a} {b}");
            assert_eq!(distance(b, a), letters, "{b} {a}");
        }
    }
}
