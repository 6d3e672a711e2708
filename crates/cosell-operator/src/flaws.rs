//! What is wrong with a script or a rule, as faults of a body.

use cosell_domain::Flaw;

use crate::Problem;
use crate::problem::Fault;

/// The flaws of a thing that stands in the body at `place`, a JSON pointer.
pub(crate) fn problem(place: &str, flaws: &[Flaw]) -> Problem {
    let fault = |flaw: &Flaw| Fault {
        pointer: Some(format!("{place}{}", pointer(&flaw.path))),
        parameter: None,
        detail: format!("{}: {}", flaw.wrong, flaw.instead),
    };
    Problem::faulty(flaws.iter().map(fault).collect())
}

/// `rule[2].when.country` as `/rule/1/when/country`.
fn pointer(path: &str) -> String {
    let mut out = String::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let mut pieces = part.split('[');
        for (index, piece) in pieces.by_ref().enumerate() {
            if index == 0 {
                if !piece.is_empty() {
                    out.push('/');
                    out.push_str(&piece.replace('~', "~0").replace('/', "~1"));
                }
                continue;
            }
            let number = piece.trim_end_matches(']').parse::<usize>().unwrap_or(1);
            out.push_str(&format!("/{}", number.saturating_sub(1)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flaws_place_becomes_a_pointer() {
        for (path, expected) in [
            ("", ""),
            ("seed", "/seed"),
            ("rule[2].when.country", "/rule/1/when/country"),
            ("effect.staleRead.byMs", "/effect/staleRead/byMs"),
            ("operations[1]", "/operations/0"),
        ] {
            assert_eq!(pointer(path), expected);
        }
    }
}
