//! Patterns of the contract, matched in linear time over the whole text.
//!
//! The contract writes them in Java's dialect. `cargo xtask codegen` takes the length look-aheads off (they become
//! bounds), spells `\d` and `\w` out as ASCII, which is what they mean there, and unrolls the simple patterns into steps.
//! A dot does not match a line feed, here as there.

use std::sync::LazyLock;

use regex::Regex;

/// One pattern.
#[derive(Debug)]
pub struct Pattern {
    /// As the contract writes it.
    pub source: &'static str,
    /// The least number of code points.
    pub min: u32,
    /// The greatest number of code points.
    pub max: u32,
    /// How the text is matched once its length fits.
    pub matcher: Matcher,
}

/// How a text is matched.
#[derive(Debug)]
pub enum Matcher {
    /// The length is all there is.
    Length,
    /// Literals and character classes, one after the other, each taking all it can.
    Steps(&'static [Step]),
    /// A regular expression, anchored at both ends, compiled when first used. `None` would mean that it does not
    /// compile, which a test rules out; such a pattern would match nothing.
    Regex(LazyLock<Option<Regex>>),
}

/// One step of a simple pattern.
#[derive(Debug)]
#[expect(missing_docs, reason = "the variants' documentation names the fields")]
pub enum Step {
    /// Exactly this text.
    Text(&'static str),
    /// `min` to `max` characters of the inclusive `ranges`.
    Class {
        ranges: &'static [(char, char)],
        min: u32,
        max: u32,
    },
}

/// Compiles an anchored expression for [`Matcher::Regex`].
pub fn compile(expression: &str) -> Option<Regex> {
    Regex::new(&format!(r"\A(?:{expression})\z")).ok()
}

impl Pattern {
    /// Whether the whole of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        (self.min == 0 && self.max == u32::MAX || length(text, self.min, self.max))
            && match &self.matcher {
                Matcher::Length => true,
                Matcher::Steps(steps) => walk(steps, text),
                Matcher::Regex(regex) => regex.as_ref().is_some_and(|regex| regex.is_match(text)),
            }
    }
}

/// Whether `text` has `min` to `max` code points. Counts only when the number of bytes leaves it open.
pub fn length(text: &str, min: u32, max: u32) -> bool {
    let (bytes, min, max) = (text.len(), min as usize, max as usize);
    // A code point takes one to four bytes.
    if bytes < min || bytes.div_ceil(4) > max {
        return false;
    }
    if bytes.div_ceil(4) >= min && bytes <= max {
        return true;
    }
    let count = text.chars().count();
    count >= min && count <= max
}

fn walk(steps: &[Step], text: &str) -> bool {
    let mut rest = text;
    for step in steps {
        match step {
            Step::Text(literal) => match rest.strip_prefix(literal) {
                Some(after) => rest = after,
                None => return false,
            },
            Step::Class { ranges, min, max } => {
                let mut taken = 0;
                let mut chars = rest.chars();
                while taken < *max {
                    let before = chars.as_str();
                    let Some(c) = chars.next() else { break };
                    if !ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) {
                        chars = before.chars();
                        break;
                    }
                    taken += 1;
                }
                if taken < *min {
                    return false;
                }
                rest = chars.as_str();
            }
        }
    }
    rest.is_empty()
}
