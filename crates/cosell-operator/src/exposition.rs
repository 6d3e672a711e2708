//! The text format of Prometheus (version 0.0.4): families of figures with their labels. What is told is the endpoint's
//! business.

use std::fmt::{Display, Write as _};

use cosell_store::Distribution;

/// What a family's figures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows, but for a restart.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// A text of figures, family by family.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    text: String,
}

/// Labels of a figure. Names are letters and underscores; values may hold anything.
pub(crate) type Labels<'a> = [(&'a str, &'a str)];

impl Exposition {
    /// Begins a family; its figures follow.
    pub(crate) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
        };
        self.begin(name, kind, help);
        Family {
            text: &mut self.text,
            name,
        }
    }

    /// A family of one figure without labels.
    pub(crate) fn single(&mut self, name: &'static str, kind: Kind, help: &str, value: impl Display) {
        self.family(name, kind, help).figure(&[], value);
    }

    /// Begins a family of distributions.
    pub(crate) fn distributions(&mut self, name: &'static str, help: &str) -> Distributions<'_> {
        self.begin(name, "histogram", help);
        Distributions {
            text: &mut self.text,
            name,
        }
    }

    /// All of it.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    // Writing to a text cannot fail, here and below.
    fn begin(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }
}

/// A family that figures are added to.
pub(crate) struct Family<'e> {
    text: &'e mut String,
    name: &'static str,
}

impl Family<'_> {
    /// Adds a figure.
    pub(crate) fn figure(&mut self, labels: &Labels<'_>, value: impl Display) {
        let _ = writeln!(self.text, "{}{} {value}", self.name, rendered(labels, None));
    }
}

/// A family that distributions are added to.
pub(crate) struct Distributions<'e> {
    text: &'e mut String,
    name: &'static str,
}

impl Distributions<'_> {
    /// Adds a distribution whose values are so many to one of the unit that the family's name tells.
    pub(crate) fn add(&mut self, labels: &Labels<'_>, found: &Distribution, unit: f64) {
        let name = self.name;
        let mut count = 0;
        for (place, here) in found.counts.iter().enumerate() {
            count += here;
            // Bounds are far below 2^53, where a number with a point would lose something.
            let bound = found
                .bounds
                .get(place)
                .map(|bound| (*bound as f64 / unit).to_string());
            let labels = rendered(labels, Some(bound.as_deref().unwrap_or("+Inf")));
            let _ = writeln!(self.text, "{name}_bucket{labels} {count}");
        }
        let (labels, sum) = (rendered(labels, None), found.sum as f64 / unit);
        let _ = writeln!(
            self.text,
            "{name}_sum{labels} {sum}\n{name}_count{labels} {count}"
        );
    }
}

fn rendered(labels: &Labels<'_>, bound: Option<&str>) -> String {
    let mut text = String::new();
    for (name, value) in labels.iter().copied().chain(bound.map(|bound| ("le", bound))) {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        let _ = write!(
            text,
            "{}{name}=\"{value}\"",
            if text.is_empty() { '{' } else { ',' }
        );
    }
    if !text.is_empty() {
        text.push('}');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_and_distributions_are_told_as_prometheus_reads_them() {
        let mut told = Exposition::default();
        told.single("a_total", Kind::Counter, "As.", 3);
        told.family("b", Kind::Gauge, "Bs.")
            .figure(&[("x", "a\"b\\c\nd"), ("y", "")], 1.5);
        let found = Distribution {
            bounds: &[1_000, 2_000_000],
            counts: vec![1, 0, 2],
            sum: 9_000_000,
        };
        told.distributions("c_seconds", "Cs.")
            .add(&[("x", "1")], &found, 1e6);
        let lines = "# HELP a_total As.\n# TYPE a_total counter\na_total 3\n\
                     # HELP b Bs.\n# TYPE b gauge\nb{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 1.5\n\
                     # HELP c_seconds Cs.\n# TYPE c_seconds histogram\n\
                     c_seconds_bucket{x=\"1\",le=\"0.001\"} 1\nc_seconds_bucket{x=\"1\",le=\"2\"} 1\n\
                     c_seconds_bucket{x=\"1\",le=\"+Inf\"} 3\nc_seconds_sum{x=\"1\"} 9\nc_seconds_count{x=\"1\"} 3\n";
        assert_eq!(told.into_text(), lines);
    }
}
