//! Names, patterns, and that what is committed is what the generator writes.

use std::path::Path;

use super::names::{lower_camel, screaming, snake, variants};
use super::pattern::{Compiled, Matcher, Step, compile};

#[test]
fn the_committed_output_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    super::run(root, true).unwrap();
}

#[test]
fn fields_and_statics_split_names_into_words() {
    assert_eq!(snake("AwsAccountId"), "aws_account_id");
    assert_eq!(snake("ApnPrograms"), "apn_programs");
    assert_eq!(snake("TargetURLPath"), "target_url_path");
    assert_eq!(snake("Type"), "r#type");
    assert_eq!(screaming("DunsNumber"), "DUNS_NUMBER");
    assert_eq!(lower_camel("StateOrRegion"), "stateOrRegion");
    assert_eq!(lower_camel("URLPath"), "urlPath");
}

#[test]
fn variants_are_unique_and_deterministic() {
    assert_eq!(
        variants(&["Closed Lost", "In review"]),
        ["ClosedLost", "InReview"]
    );
    assert_eq!(
        variants(&["REQUEST_VALIDATION_FAILED", "PENDING", "US"]),
        ["RequestValidationFailed", "Pending", "US"]
    );
    assert_eq!(variants(&["AWSSalesRep"]), ["AWSSalesRep"]);
    assert_eq!(variants(&["*Other", "Other"]), ["StarOther", "Other"]);
    assert_eq!(variants(&["*Other"]), ["Other"]);
    assert_eq!(
        variants(&["2D", "", "Unrecognized", "a b", "a  b"]),
        ["V2D", "V", "Unrecognized2", "AB", "AB2"]
    );
}

#[test]
fn patterns_are_taken_apart() {
    let length = |min, max| Compiled {
        min,
        max,
        matcher: Matcher::Length,
    };
    assert_eq!(compile("(?s).{0,255}").unwrap(), length(0, 255));
    let steps = |list| Compiled {
        min: 0,
        max: u32::MAX,
        matcher: Matcher::Steps(list),
    };
    let digits = |min, max| Step::Class {
        ranges: vec![('0', '9')],
        min,
        max,
    };
    assert_eq!(compile("[0-9]{9}").unwrap(), steps(vec![digits(9, 9)]));
    assert_eq!(
        compile(r"S-\d{1,19}").unwrap(),
        steps(vec![Step::Text("S-".into()), digits(1, 19)])
    );
    assert_eq!(
        compile(r"\+[0-9]+").unwrap(),
        steps(vec![Step::Text("+".into()), digits(1, u32::MAX)])
    );
    let regex = |min, max, text: &str| Compiled {
        min,
        max,
        matcher: Matcher::Regex(text.into()),
    };
    assert_eq!(
        compile(r"(?=.{1,80}$)(a|\w)[\w-]").unwrap(),
        regex(1, 80, "(a|[0-9A-Za-z_])[0-9A-Za-z_-]")
    );
    // Taking all one can would swallow what must follow.
    assert!(matches!(compile(".*task").unwrap().matcher, Matcher::Regex(_)));
    assert!(matches!(compile("[a-z]*a").unwrap().matcher, Matcher::Regex(_)));
    assert!(matches!(compile("[a-z]*-").unwrap().matcher, Matcher::Steps(_)));
    assert!(matches!(compile("a*?").unwrap().matcher, Matcher::Regex(_)));
}

#[test]
fn other_look_arounds_are_refused() {
    assert!(compile("(?=a)b").is_err());
    assert!(compile("b(?!c)").is_err());
    assert!(compile("(?<=a)b").is_err());
}
