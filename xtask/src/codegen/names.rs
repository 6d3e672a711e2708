//! Names of Rust items from names and values of the contract. Deterministic: the same contract gives the same names.

use std::collections::BTreeSet;

/// Words of an identifier: `AwsAccountID2` -> `aws`, `account`, `id2`.
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut all: Vec<String> = vec![String::new()];
    for (index, c) in chars.iter().enumerate() {
        let after_small = index > 0 && !chars[index - 1].is_uppercase();
        let before_small = chars.get(index + 1).is_some_and(|next| next.is_lowercase());
        if c.is_uppercase() && index > 0 && (after_small || before_small) {
            all.push(String::new());
        }
        if let Some(word) = all.last_mut() {
            word.extend(c.to_lowercase());
        }
    }
    all
}

/// A field's name.
pub fn snake(name: &str) -> String {
    let text = words(name).join("_");
    match text.as_str() {
        "type" | "ref" | "match" | "move" | "use" | "where" | "in" | "as" => format!("r#{text}"),
        _ => text,
    }
}

/// A static's name.
pub fn screaming(name: &str) -> String {
    words(name).join("_").to_uppercase()
}

/// A member's name in error paths: the first word in lower case.
pub fn lower_camel(name: &str) -> String {
    let first = words(name)[0].chars().count();
    name.chars()
        .enumerate()
        .map(|(at, c)| if at < first { c.to_ascii_lowercase() } else { c })
        .collect()
}

/// Variant names of an enum's values, in order: the letters and digits of each value in PascalCase. A value that gives a
/// name already taken, or none, gets the names of its punctuation too (`*Other` beside `Other` -> `StarOther`), and a
/// number when even that collides.
pub fn variants(values: &[&str]) -> Vec<String> {
    let mut taken = BTreeSet::from(["Unrecognized".to_owned()]);
    let plain: Vec<String> = values.iter().map(|value| pascal(value, false)).collect();
    let mut names = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let collides = plain
            .iter()
            .enumerate()
            .any(|(other, name)| other != index && *name == plain[index]);
        let mut name = if collides {
            pascal(value, true)
        } else {
            plain[index].clone()
        };
        if name.is_empty() || name == "Self" || name.starts_with(|c: char| c.is_ascii_digit()) {
            name = format!("V{name}");
        }
        let base = name.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{base}{number}");
            number += 1;
        }
        names.push(name);
    }
    names
}

fn pascal(value: &str, spell_punctuation: bool) -> String {
    let mut out = String::new();
    let mut start = true;
    // SHOUTED_VALUES become words; anything else keeps its inner capitals (AWSSalesRep).
    let shouted = value.contains('_') && !value.chars().any(char::is_lowercase) || is_one_long_shout(value);
    for c in value.chars() {
        if c.is_ascii_alphanumeric() {
            if start {
                out.push(c.to_ascii_uppercase());
            } else {
                out.push(if shouted { c.to_ascii_lowercase() } else { c });
            }
            start = false;
        } else {
            start = true;
            if spell_punctuation {
                out.push_str(punctuation(c));
            }
        }
    }
    out
}

fn is_one_long_shout(value: &str) -> bool {
    value.len() > 3 && value.chars().all(|c| c.is_ascii_uppercase())
}

fn punctuation(c: char) -> &'static str {
    match c {
        '*' => "Star",
        '-' => "Dash",
        '/' => "Slash",
        '(' | ')' => "Paren",
        '.' => "Dot",
        ',' => "Comma",
        '&' => "And",
        '+' => "Plus",
        _ => "",
    }
}
