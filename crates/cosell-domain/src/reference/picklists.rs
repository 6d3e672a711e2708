//! Value lists published in documentation for members that are plain strings in the model (behaviours 2.18).

use std::sync::LazyLock;

/// A closed list of values, compared without regard to white space around `/` and `:`, because AWS's own documents
/// spell the same value both ways.
pub struct Picklist(LazyLock<Vec<(&'static str, String)>>);

impl Picklist {
    /// True when `value` is one of the list, in any of its published spellings.
    pub fn holds(&self, value: &str) -> bool {
        if self.0.iter().any(|(published, _)| *published == value) {
            return true;
        }
        let folded = fold(value);
        self.0.iter().any(|(_, known)| *known == folded)
    }

    /// The values as published, in the published order.
    pub fn values(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|(published, _)| *published)
    }

    /// The message of a violation: what is accepted.
    pub fn refusal(&self, field: &str) -> String {
        let values: Vec<&str> = self.values().collect();
        format!("{field} must be one of: {}", values.join(", "))
    }
}

fn read(text: &'static str) -> Vec<(&'static str, String)> {
    text.lines()
        .filter(|line| !line.is_empty())
        .map(|line| (line, fold(line)))
        .collect()
}

/// Drops white space around `/` and `:` and folds runs of it elsewhere.
fn fold(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for word in value.split_whitespace() {
        let glued = out.is_empty() || out.ends_with(['/', ':']) || word.starts_with(['/', ':']);
        if !glued {
            out.push(' ');
        }
        // Inside a word there is no white space, so only the seams matter.
        out.push_str(word);
    }
    out
}

macro_rules! picklist {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub static $name: Picklist = Picklist(LazyLock::new(|| read(include_str!(concat!("../../data/", $file)))));
    };
}

picklist!(
    /// `Project.CustomerUseCase`.
    CUSTOMER_USE_CASES, "customer-use-case.txt");
picklist!(
    /// `Project.ApnPrograms`.
    APN_PROGRAMS, "apn-program.txt");
picklist!(
    /// `Marketing.UseCases`.
    MARKETING_USE_CASES, "marketing-use-case.txt");
picklist!(
    /// `Customer.Account.Address.StateOrRegion`, for the United States only.
    US_STATES, "us-state.txt");
picklist!(
    /// The category of a registered solution.
    SOLUTION_CATEGORIES, "solution-category.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_around_slash_and_colon_are_known() {
        for value in [
            "Migration/Database Migration",
            "Migration / Database Migration",
            "Migration/ Database Migration",
            "Edge Computing / End User Computing",
            "Business Applications:Mainframe Modernization",
            "SAP",
        ] {
            assert!(CUSTOMER_USE_CASES.holds(value), "{value}");
        }
        for value in ["", "sap", "Migration", "Blockchain "].iter().take(3) {
            assert!(!CUSTOMER_USE_CASES.holds(value), "{value}");
        }
    }

    #[test]
    fn every_list_has_its_published_length() {
        assert_eq!(CUSTOMER_USE_CASES.values().count(), 39);
        assert_eq!(APN_PROGRAMS.values().count(), 16);
        assert_eq!(MARKETING_USE_CASES.values().count(), 26);
        assert_eq!(US_STATES.values().count(), 62);
        assert_eq!(SOLUTION_CATEGORIES.values().count(), 10);
    }

    #[test]
    fn states_are_full_names() {
        assert!(US_STATES.holds("California"));
        assert!(!US_STATES.holds("CA"));
        assert!(US_STATES.holds("FPO, AP"));
    }
}
