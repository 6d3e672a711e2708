//! Figures for Prometheus.

use std::fmt::{Display, Write as _};

use cosell_events::TargetMetrics;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::event_targets::status_word;
use crate::endpoint::{Endpoint, METRICS, Method};
use crate::{Call, Problem, Reply, Scope};

pub(super) static ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::Get,
    path: crate::METRICS_PATH,
    id: "getMetrics",
    scope: Scope::Read,
    summary: "Show figures in the text format of Prometheus",
    description: "Also at /metrics of the same address, where Prometheus looks unless it is told otherwise; with the same token.",
    parameters: &[],
    request: None,
    answer: Some(text),
    status: 200,
    run: |call| Box::pin(show(call)),
}];

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "contentMediaType": METRICS})
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let targets = call.operator.deliverer().metrics().await?;
    let delivers = call.operator.parts.delivers;
    let mut text = render(&targets, delivers);
    if let Some(ahead) = call.operator.parts.service.clock_skew_millis() {
        text.push_str(&clock_skew(ahead));
    }
    Ok(Reply::stored(text))
}

/// Only of servers that share a store: others have no clock to compare theirs with.
fn clock_skew(ahead_millis: i64) -> String {
    let name = "cosell_clock_skew_seconds";
    let help = "How far the server's clock is ahead of the shared store's; negative where it is behind.";
    let sign = if ahead_millis < 0 { "-" } else { "" };
    let (whole, rest) = (
        ahead_millis.unsigned_abs() / 1000,
        ahead_millis.unsigned_abs() % 1000,
    );
    format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name} {sign}{whole}.{rest:03}\n")
}

fn render(targets: &[TargetMetrics], delivers: bool) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(&TargetMetrics) -> u64| {
        let name = format!("cosell_event_target_{name}");
        // Writing to a text cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for target in targets {
            let _ = writeln!(text, "{name}{} {}", labels(target, ""), value(target));
        }
    };
    family("delivered_total", "counter", "Events delivered.", &|target| {
        target.delivered
    });
    family("attempts_total", "counter", "Tries.", &|target| target.attempts);
    family("failed_total", "counter", "Tries that failed.", &|target| {
        target.failures
    });
    family("pending", "gauge", "Deliveries that wait.", &|target| {
        target.pending
    });
    family("dead", "gauge", "Deliveries that were given up.", &|target| {
        target.dead
    });
    let lag = "Age of the oldest event that is neither delivered nor given up.";
    family("lag_seconds", "gauge", lag, &|target| target.lag_seconds);
    let name = "cosell_event_target_status";
    let _ = writeln!(
        text,
        "# HELP {name} 1 for the status in which the target is.\n# TYPE {name} gauge"
    );
    for target in targets {
        let status = format!(",status=\"{}\"", status_word(&target.status, delivers));
        let _ = writeln!(text, "{name}{} 1", labels(target, status));
    }
    text
}

/// Names of targets and kinds have no letter that would have to be escaped.
fn labels(target: &TargetMetrics, more: impl Display) -> String {
    format!("{{target=\"{}\",kind=\"{}\"{more}}}", target.target, target.kind)
}

#[cfg(test)]
mod tests {
    use cosell_events::{Health, TargetStatus};

    use super::*;

    #[test]
    fn the_difference_of_the_clocks_is_told_in_seconds() {
        for (millis, told) in [
            (0, "0.000"),
            (-7, "-0.007"),
            (1_234, "1.234"),
            (-61_000, "-61.000"),
        ] {
            let line = format!("cosell_clock_skew_seconds {told}");
            assert_eq!(clock_skew(millis).lines().last(), Some(line.as_str()));
        }
    }

    #[test]
    fn each_family_is_told_once_with_a_line_for_each_target() {
        let target = |name: &str| TargetMetrics {
            target: name.to_owned(),
            kind: "webhook",
            status: TargetStatus::BackingOff,
            health: Health::default(),
            delivered: 5,
            attempts: 9,
            failures: 4,
            pending: 2,
            dead: 1,
            lag_seconds: 30,
        };
        let text = render(&[target("/a"), target("111122223333/b")], true);
        for line in [
            "# TYPE cosell_event_target_delivered_total counter",
            "cosell_event_target_failed_total{target=\"/a\",kind=\"webhook\"} 4",
            "cosell_event_target_lag_seconds{target=\"111122223333/b\",kind=\"webhook\"} 30",
            "cosell_event_target_status{target=\"/a\",kind=\"webhook\",status=\"backing-off\"} 1",
        ] {
            assert_eq!(
                text.lines().filter(|told| *told == line).count(),
                1,
                "{line} in {text}"
            );
        }
        assert_eq!(text.lines().count(), 7 * 4);
        assert!(render(&[], true).lines().all(|line| line.starts_with('#')));
    }
}
