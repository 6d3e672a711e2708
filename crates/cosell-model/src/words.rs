//! What the contract's patterns ask for, in words that a person can act on.
//!
//! Written by hand, keyed by the pattern as the contract writes it; a pattern that is not here is shown itself. Decides
//! nothing: which texts a pattern takes is said in `pattern`, and the words here must promise no other texts.

use crate::pattern::Pattern;

/// Patterns and what completes "must be".
const WORDS: &[(&str, &str)] = &[
    // People and companies.
    (
        "(?=.{0,80}$)[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\\.)+[a-z0-9](?:[a-z0-9-]*[a-z0-9])?",
        "an e-mail address in lower case letters with at most 80 characters, such as ada@example.com",
    ),
    (
        "(?=.{1,80}$)[a-zA-Z0-9.!#$%&'*+/=?^_{|}~-]+@[a-zA-Z0-9-]+(?:.[a-zA-Z0-9-]+)*",
        "an e-mail address with at most 80 characters, such as ada@example.com",
    ),
    (
        "\\+[1-9]\\d{1,14}",
        "a phone number: + and 2 to 15 digits without spaces, the first of them not 0, such as +12065550100",
    ),
    ("[0-9]{9}", "exactly 9 digits, as a DUNS number has"),
    (
        "([0-9]{12}|\\w{1,12})",
        "an AWS account id of 12 digits, or an alias of 1 to 12 letters (a to z), digits and underscores",
    ),
    (
        "(?=.{4,255}$)((http|https)://)??(www[.])??([a-zA-Z0-9]|-)+?([.][a-zA-Z0-9(-|/|=|?)??]+?)+?",
        "a web address of 4 to 255 characters with a dot in it and without spaces, accents and any of # % & ~, such as \
         www.example.com or https://example.com",
    ),
    // Time and money.
    (
        "[1-9][0-9]{3}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])",
        "a date in the form YYYY-MM-DD, such as 2027-03-31",
    ),
    (
        "((0|([1-9][0-9]{0,30}))(\\.[0-9]{0,2})?)?",
        "an amount such as 1250.50: at most 31 digits without sign, separators or leading zeros, then at most two \
         decimals after a point; or empty",
    ),
    (
        "(0|([1-9][0-9]{0,30}))(\\.[0-9]{0,2})?",
        "an amount such as 1250.50: at most 31 digits without sign, separators or leading zeros, then at most two \
         decimals after a point",
    ),
    (
        "https://(calculator\\.aws|pricing\\.calculator\\.aws\\.eu)/#/estimate\\?id=[a-f0-9]{32,64}",
        "the link of a saved estimate: https://calculator.aws/#/estimate?id= (or the same at \
         pricing.calculator.aws.eu) and 32 to 64 digits and letters from a to f",
    ),
    // Identifiers.
    (
        "O[0-9]{1,19}",
        "an opportunity id: O and 1 to 19 digits, such as O5465588",
    ),
    (
        "S-[0-9]{1,19}",
        "a solution id: S- and 1 to 19 digits, such as S-1234567",
    ),
    ("[a-zA-Z]+", "letters from a to z only, such as AWS or Sandbox"),
    (".{1,255}", "1 to 255 characters without line feeds"),
    ("[1-9][0-9]*", "a whole number above 0 without leading zeros"),
    (
        "eng-[0-9a-z]{14}",
        "an engagement id: eng- and 14 digits and lower case letters",
    ),
    (
        "(arn:.*|eng-[0-9a-z]{14})",
        "an engagement's ARN or id: eng- and 14 digits and lower case letters",
    ),
    (
        "engi-[0-9,a-z]{13}",
        "an invitation id: engi- and 13 digits and lower case letters",
    ),
    (
        "(?=.{1,255}$)(arn:.*|engi-[0-9a-z]{13})",
        "an invitation's ARN or id: engi- and 13 digits and lower case letters",
    ),
    (
        "arn:aws:partnercentral::[0-9]{12}:[a-zA-Z]+/engagement-invitation/engi-[0-9,a-z]{13}",
        "an invitation's ARN: arn:aws:partnercentral::<account>:<catalog>/engagement-invitation/<id>",
    ),
    (
        "ctx-[0-9a-z]{14}",
        "an engagement context's id: ctx- and 14 digits and lower case letters",
    ),
    (
        "task-[0-9a-z]{14}",
        "a prospecting task's id: task- and 14 digits and lower case letters",
    ),
    (
        "arn:aws:partnercentral-selling:.*:.*:catalog/.*/prospecting-from-engagement-task/task-[0-9a-z]{14}",
        "a prospecting task's ARN: \
         arn:aws:partnercentral-selling:<region>:<account>:catalog/<catalog>/prospecting-from-engagement-task/<id>",
    ),
    (
        "(arn:.*|task-[0-9a-z]{13})",
        "a task's ARN or id: task- and 13 digits and lower case letters",
    ),
    (
        ".*task-[0-9a-z]{13}",
        "a task id: task- and 13 digits and lower case letters",
    ),
    (
        "job-[0-9a-z]{13}",
        "a snapshot job's id: job- and 13 digits and lower case letters",
    ),
    ("arn:.*", "an ARN, which begins with arn:"),
    (
        "(?=.{1,1000}$)arn:[\\w+=/,.@-]+:partnercentral:[\\w+=/,.@-]*:[0-9]{12}:catalog/([a-zA-Z]+)/[\\w+=,.@-]+(/[\\w+=,.@-]+)*",
        "a resource's ARN of at most 1000 characters: arn:aws:partnercentral:<region>:<account>:catalog/<catalog>/\
         <kind>/<id>",
    ),
    (
        "arn:aws:aws-marketplace:[a-z]{1,2}-[a-z]*-\\d+:\\d{12}:AWSMarketplace/Offer/.*",
        "an offer's ARN: arn:aws:aws-marketplace:<region>:<account>:AWSMarketplace/Offer/<id>",
    ),
    (
        "arn:aws:aws-marketplace:[a-z]{1,2}-[a-z]*-\\d+:\\d{12}:AWSMarketplace/OfferSet/offerset-.*",
        "an offer set's ARN: arn:aws:aws-marketplace:<region>:<account>:AWSMarketplace/OfferSet/offerset-<id>",
    ),
    // Names.
    ("[a-zA-Z0-9]{3,80}", "3 to 80 letters from a to z and digits"),
    (
        "(?=.{0,2048}$)arn:aws:iam::\\d{12}:role/([-+=,.@_a-zA-Z0-9]+/)*[-+=,.@_a-zA-Z0-9]{1,64}",
        "an IAM role's ARN: arn:aws:iam::<account>:role/<name>",
    ),
    (
        "(?=.{0,2048}$)(arn:aws:iam::\\d{12}:role/([-+=,.@_a-zA-Z0-9]+/)*)?[-+=,.@_a-zA-Z0-9]{1,64}",
        "an IAM role's name of 1 to 64 characters, or its ARN: arn:aws:iam::<account>:role/<name>",
    ),
    (
        "(?=.{1,128}$)([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)",
        "1 to 128 letters, digits, spaces and characters out of _ . : / = + - @",
    ),
    (
        "(?=.{0,256}$)([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)",
        "at most 256 letters, digits, spaces and characters out of _ . : / = + - @",
    ),
    (
        "[\\u0020-\\u007E\\u00A0-\\uD7FF\\uE000-\\uFFFD]{1,80}",
        "1 to 80 characters without control characters and emoji",
    ),
];

/// What a text that breaks the pattern is told: completes a sentence that begins with the member's path.
pub(crate) fn rule(pattern: &Pattern) -> String {
    let known = WORDS.iter().find(|(source, _)| *source == pattern.source);
    known.map_or_else(
        || format!("must match the regular expression {} as a whole", pattern.source),
        |(_, words)| format!("must be {words}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::Matcher;
    use crate::patterns;

    #[test]
    fn every_key_is_a_pattern_of_the_contract_and_stands_once() {
        for (at, (source, _)) in WORDS.iter().enumerate() {
            let pattern = patterns::ALL.iter().find(|pattern| pattern.source == *source);
            let pattern = pattern.unwrap_or_else(|| panic!("the contract has no pattern {source}"));
            // A mere length is told by its bounds.
            assert!(!matches!(pattern.matcher, Matcher::Length), "{source}");
            assert!(
                WORDS[..at].iter().all(|(other, _)| other != source),
                "{source} twice"
            );
        }
    }

    #[test]
    fn no_message_shows_a_pattern_of_today() {
        for pattern in patterns::ALL {
            if !matches!(pattern.matcher, Matcher::Length) {
                let rule = rule(pattern);
                assert!(
                    !rule.contains("regular expression") && !rule.contains("(?"),
                    "{rule}"
                );
            }
        }
    }

    #[test]
    fn examples_in_the_words_match_their_patterns() {
        let mut examples = 0;
        for (source, words) in WORDS {
            let pattern = patterns::ALL
                .iter()
                .find(|pattern| pattern.source == *source)
                .unwrap();
            let Some((_, list)) = words.split_once("such as ") else {
                continue;
            };
            let list = list
                .split(':')
                .next()
                .filter(|_| words.contains("amount"))
                .unwrap_or(list);
            for example in list.split(" or ") {
                assert!(pattern.matches(example), "{example} in: {words}");
                examples += 1;
            }
        }
        assert!(examples >= 10, "only {examples} examples");
    }

    #[test]
    fn an_unknown_pattern_is_shown_itself() {
        let pattern = Pattern {
            source: "z{7}",
            min: 0,
            max: u32::MAX,
            matcher: Matcher::Length,
        };
        assert_eq!(
            rule(&pattern),
            "must match the regular expression z{7} as a whole"
        );
    }
}
