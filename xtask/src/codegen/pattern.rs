//! From the contract's patterns to what the matcher takes: bounds, steps or a regular expression.

use anyhow::{Result, bail};

/// A pattern taken apart.
#[derive(Debug, PartialEq)]
pub struct Compiled {
    /// The least and greatest number of code points; `u32::MAX` for no bound.
    pub min: u32,
    pub max: u32,
    pub matcher: Matcher,
}

/// How the text is matched once its length fits.
#[derive(Debug, PartialEq)]
pub enum Matcher {
    Length,
    Steps(Vec<Step>),
    Regex(String),
}

/// One step of a simple pattern.
#[derive(Debug, PartialEq)]
pub enum Step {
    Text(String),
    Class {
        ranges: Vec<(char, char)>,
        min: u32,
        max: u32,
    },
}

/// Takes `source` apart. Fails on a look-around that is not a leading length bound.
pub fn compile(source: &str) -> Result<Compiled> {
    if let Some((min, max)) = source.strip_prefix("(?s)").and_then(only_dots) {
        return Ok(Compiled {
            min,
            max,
            matcher: Matcher::Length,
        });
    }
    let (mut min, mut max, mut rest) = (0, u32::MAX, source);
    if let Some((bound, after)) = source.strip_prefix("(?=").and_then(|text| text.split_once("$)")) {
        let Some(bounds) = only_dots(bound) else {
            bail!("{source}: a look-ahead that is not a length")
        };
        ((min, max), rest) = (bounds, after);
    }
    if ["(?=", "(?!", "(?<=", "(?<!"]
        .iter()
        .any(|look| rest.contains(look))
    {
        bail!("{source}: a look-around that is not a leading length bound");
    }
    let matcher = match steps(rest) {
        Some(steps) => Matcher::Steps(steps),
        None => Matcher::Regex(spell_out_classes(rest)),
    };
    Ok(Compiled { min, max, matcher })
}

/// `.{a,b}` -> `(a, b)`.
fn only_dots(text: &str) -> Option<(u32, u32)> {
    let (min, max) = text.strip_prefix(".{")?.strip_suffix('}')?.split_once(',')?;
    Some((min.parse().ok()?, max.parse().ok()?))
}

/// `\d` and `\w` in ASCII, as Java reads them; the `regex` crate would take every digit and letter of Unicode.
fn spell_out_classes(source: &str) -> String {
    let (mut out, mut in_class, mut chars) = (String::new(), false, source.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('w') => out.push_str(if in_class { "0-9A-Za-z_" } else { "[0-9A-Za-z_]" }),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' => {
                in_class = true;
                out.push(c);
            }
            ']' => {
                in_class = false;
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// The pattern as steps, when it is a row of literals and repeated classes in which taking all one can is never wrong:
/// a repetition of variable length must be followed by nothing, or by a literal that begins outside the class.
fn steps(source: &str) -> Option<Vec<Step>> {
    let mut parsed: Vec<Step> = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        let ranges = match c {
            '(' | ')' | '|' | '^' | '$' | '*' | '+' | '?' | '{' => return None,
            '.' => vec![('\0', '\t'), ('\u{b}', char::MAX)],
            '[' => class(&mut chars)?,
            '\\' => match chars.next()? {
                'd' => vec![('0', '9')],
                'w' => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
                other if other.is_ascii_alphanumeric() => return None,
                other => vec![(other, other)],
            },
            other => vec![(other, other)],
        };
        let (min, max) = repetition(&mut chars)?;
        let literal = match ranges.as_slice() {
            [(first, last)] if first == last && (min, max) == (1, 1) => Some(*first),
            _ => None,
        };
        match (literal, parsed.last_mut()) {
            (Some(c), Some(Step::Text(text))) => text.push(c),
            (Some(c), _) => parsed.push(Step::Text(c.to_string())),
            (None, _) => parsed.push(Step::Class { ranges, min, max }),
        }
    }
    let greedy_is_right = parsed.windows(2).all(|pair| match (&pair[0], &pair[1]) {
        (Step::Class { min, max, .. }, _) if min == max => true,
        (Step::Class { ranges, .. }, Step::Text(text)) => text
            .chars()
            .next()
            .is_some_and(|c| !ranges.iter().any(|(a, b)| (*a..=*b).contains(&c))),
        (Step::Class { .. }, Step::Class { .. }) => false,
        (Step::Text(_), _) => true,
    });
    greedy_is_right.then_some(parsed)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn class(chars: &mut Chars<'_>) -> Option<Vec<(char, char)>> {
    let mut ranges = Vec::new();
    loop {
        let first = match class_char(chars)? {
            ClassChar::End if ranges.is_empty() => return None,
            ClassChar::End => return Some(ranges),
            ClassChar::One(c) => c,
        };
        if chars.peek() != Some(&'-') {
            ranges.push((first, first));
            continue;
        }
        chars.next();
        match class_char(chars)? {
            // A dash before the bracket stands for itself.
            ClassChar::End => {
                ranges.extend([(first, first), ('-', '-')]);
                return Some(ranges);
            }
            ClassChar::One(last) if first <= last => ranges.push((first, last)),
            ClassChar::One(_) => return None,
        }
    }
}

enum ClassChar {
    One(char),
    End,
}

fn class_char(chars: &mut Chars<'_>) -> Option<ClassChar> {
    Some(match chars.next()? {
        ']' => ClassChar::End,
        '^' | '[' | '&' => return None,
        '\\' => match chars.next()? {
            'u' => {
                let hex: String = chars.by_ref().take(4).collect();
                ClassChar::One(char::from_u32(u32::from_str_radix(&hex, 16).ok()?)?)
            }
            c if c.is_ascii_alphanumeric() => return None,
            c => ClassChar::One(c),
        },
        c => ClassChar::One(c),
    })
}

fn repetition(chars: &mut Chars<'_>) -> Option<(u32, u32)> {
    let bounds = match chars.peek() {
        Some('*') => (0, u32::MAX),
        Some('+') => (1, u32::MAX),
        Some('?') => (0, 1),
        Some('{') => {
            chars.next();
            let mut text = String::new();
            while *chars.peek()? != '}' {
                text.push(chars.next()?);
            }
            match text.split_once(',') {
                Some((min, "")) => (min.parse().ok()?, u32::MAX),
                Some((min, max)) => (min.parse().ok()?, max.parse().ok()?),
                None => (text.parse().ok()?, text.parse().ok()?),
            }
        }
        _ => return Some((1, 1)),
    };
    chars.next();
    // Lazy and possessive repetitions are the regular expression engine's business.
    if matches!(chars.peek(), Some('?' | '+')) {
        None
    } else {
        Some(bounds)
    }
}
