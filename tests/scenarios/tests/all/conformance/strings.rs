//! Texts that fit a shape's pattern and bounds, and texts that break exactly one of them. Everything is worked out from the
//! pattern; the server's reading of patterns is not asked.

use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};

/// The most characters that a generated text has where the model sets no bound.
const UNBOUNDED: usize = 60;

/// What the model says of a string.
pub struct Text {
    /// The pattern without its leading look-ahead.
    rest: Option<(Regex, Hir)>,
    min: usize,
    max: Option<usize>,
}

impl Text {
    /// Of a string shape's pattern and bounds.
    pub fn new(pattern: Option<&str>, min: Option<u64>, max: Option<u64>) -> Self {
        let count = |bound: u64| usize::try_from(bound).unwrap();
        let mut text = Self {
            rest: None,
            min: min.map_or(0, count),
            max: max.map(count),
        };
        let Some(mut pattern) = pattern else { return text };
        // A look-ahead in this model always bounds the length and always comes first.
        if let Some(ahead) = pattern.strip_prefix("(?=.{") {
            let (bounds, rest) = ahead.split_once("}$)").unwrap();
            let (low, high) = bounds.split_once(',').unwrap();
            text.min = text.min.max(low.parse().unwrap());
            let high = high.parse().unwrap();
            text.max = Some(text.max.map_or(high, |max| max.min(high)));
            pattern = rest;
        }
        assert!(
            !pattern.contains("(?="),
            "a look-ahead of another kind: {pattern}"
        );
        let regex = Regex::new(&format!(r"\A(?:{pattern})\z")).unwrap();
        text.rest = Some((regex, regex_syntax::parse(pattern).unwrap()));
        text
    }

    fn fits_length(&self, text: &str) -> bool {
        let length = text.chars().count();
        self.min <= length && self.max.is_none_or(|max| length <= max)
    }

    fn fits_pattern(&self, text: &str) -> bool {
        self.rest.as_ref().is_none_or(|(regex, _)| regex.is_match(text))
    }

    fn grow(&self, extra: usize) -> String {
        let mut text = String::new();
        match &self.rest {
            Some((_, hir)) => write(hir, extra, &mut text),
            None => text = "x".repeat(extra),
        }
        text
    }

    /// The shortest and the longest text that fit.
    pub fn bounds(&self) -> (String, String) {
        let mut found: Option<(String, String)> = None;
        let mut last = None;
        let ends = self
            .rest
            .as_ref()
            .and_then(|(_, hir)| hir.properties().maximum_len());
        // A pattern that ends by itself is grown until it does; its bound counts bytes, of which there are never fewer.
        let limit = self.max.or(ends).unwrap_or(UNBOUNDED);
        for extra in 0..=limit.max(self.min) {
            let text = self.grow(extra);
            let length = text.chars().count();
            if self.fits_length(&text) && self.fits_pattern(&text) {
                found = Some(match found {
                    None => (text.clone(), text),
                    Some((shortest, _)) => (shortest, text),
                });
            }
            let stands = last.replace(length) == Some(length);
            if found.is_some() && (length > limit || stands) {
                break;
            }
        }
        found.expect("some text fits")
    }

    /// Texts that break the pattern or a bound, never both.
    pub fn unfit(&self) -> Vec<String> {
        let (shortest, longest) = self.bounds();
        let mut found = Vec::new();
        let mut junk = 0;
        for text in ["", "\n", "not valid: \u{2603}", "!", "\u{7f}", "é"] {
            let one_fault = self.fits_length(text) != self.fits_pattern(text);
            if one_fault && junk < 3 {
                junk += 1;
                found.push(text.to_owned());
            }
        }
        // One longer than the longest that fits: by growing it where the pattern goes on, else at its end.
        let most = longest.chars().count();
        let grown = (most.saturating_sub(64)..most + 64)
            .map(|extra| self.grow(extra))
            .find(|text| text.chars().count() > most && !self.fits_length(text));
        let too_long = grown.unwrap_or_else(|| format!("{longest}{}", longest.chars().last().unwrap_or('x')));
        if self.fits_length(&too_long) != self.fits_pattern(&too_long) {
            found.push(too_long);
        }
        let one_less = shortest.chars().count().saturating_sub(1);
        let too_short: String = shortest.chars().take(one_less).collect();
        if self.fits_length(&too_short) != self.fits_pattern(&too_short) && !found.contains(&too_short) {
            found.push(too_short);
        }
        found.dedup();
        found
    }
}

/// Writes a text of a pattern; every repetition is repeated up to `extra` times more than it must be.
fn write(hir: &Hir, extra: usize, text: &mut String) {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).unwrap()),
        HirKind::Class(Class::Unicode(class)) => {
            let holds = |wanted: char| {
                class
                    .ranges()
                    .iter()
                    .any(|range| range.start() <= wanted && wanted <= range.end())
            };
            // Where anything may stand, a character that takes four bytes and two UTF-16 units shows how lengths are counted.
            let wanted = ['\u{1F600}', 'a', 'A', '1', ' '];
            let common = wanted.into_iter().find(|wanted| holds(*wanted));
            text.push(common.unwrap_or_else(|| class.ranges()[0].start()));
        }
        HirKind::Class(Class::Bytes(class)) => text.push(char::from(class.ranges()[0].start())),
        HirKind::Capture(capture) => write(&capture.sub, extra, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, extra, text)),
        HirKind::Alternation(parts) => write(&parts[0], extra, text),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.map_or(usize::MAX, |max| max as usize);
            let times = (repetition.min as usize).saturating_add(extra).min(most);
            // Nested repetitions would multiply: only the innermost ones grow.
            let inner = if grows(&repetition.sub) {
                repetition.min as usize
            } else {
                times
            };
            for _ in 0..inner.max(usize::from(times > 0)) {
                write(&repetition.sub, extra, text);
            }
        }
    }
}

fn grows(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => repetition.max != Some(1),
        HirKind::Capture(capture) => grows(&capture.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(grows),
        _ => false,
    }
}
