//! Figures of the targets of events, read from the store: true after a restart, and for every server alike.

use cosell_events::TargetMetrics;

use crate::endpoints::event_targets::status_word;
use crate::exposition::{Exposition, Kind};

/// Tells them, one line for each target.
pub(super) fn tell(told: &mut Exposition, targets: &[TargetMetrics], delivers: bool) {
    type Value = fn(&TargetMetrics) -> u64;
    let families: [(&'static str, Kind, &str, Value); 6] = [
        (
            "cosell_event_target_delivered_total",
            Kind::Counter,
            "Events delivered.",
            |target| target.delivered,
        ),
        (
            "cosell_event_target_attempts_total",
            Kind::Counter,
            "Tries.",
            |target| target.attempts,
        ),
        (
            "cosell_event_target_failed_total",
            Kind::Counter,
            "Tries that failed.",
            |target| target.failures,
        ),
        (
            "cosell_event_target_pending",
            Kind::Gauge,
            "Deliveries that wait.",
            |target| target.pending,
        ),
        (
            "cosell_event_target_dead",
            Kind::Gauge,
            "Deliveries that were given up.",
            |target| target.dead,
        ),
        (
            "cosell_event_target_lag_seconds",
            Kind::Gauge,
            "Age of the oldest event that is neither delivered nor given up.",
            |target| target.lag_seconds,
        ),
    ];
    for (name, kind, help, value) in families {
        let mut family = told.family(name, kind, help);
        for target in targets {
            family.figure(
                &[("target", &target.target), ("kind", target.kind)],
                value(target),
            );
        }
    }
    let mut family = told.family(
        "cosell_event_target_status",
        Kind::Gauge,
        "1 for the status in which the target is.",
    );
    for target in targets {
        let status = status_word(&target.status, delivers);
        family.figure(
            &[
                ("target", &target.target),
                ("kind", target.kind),
                ("status", status),
            ],
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use cosell_events::{Health, TargetStatus};

    use super::super::tests::told_once;
    use super::*;

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
        let render = |targets: &[TargetMetrics]| {
            let mut told = Exposition::default();
            tell(&mut told, targets, true);
            told.into_text()
        };
        let text = render(&[target("/a"), target("111122223333/b")]);
        told_once(
            &text,
            &[
                "# TYPE cosell_event_target_delivered_total counter",
                "cosell_event_target_failed_total{target=\"/a\",kind=\"webhook\"} 4",
                "cosell_event_target_lag_seconds{target=\"111122223333/b\",kind=\"webhook\"} 30",
                "cosell_event_target_status{target=\"/a\",kind=\"webhook\",status=\"backing-off\"} 1",
            ],
        );
        assert_eq!(text.lines().count(), 7 * 4);
        assert!(render(&[]).lines().all(|line| line.starts_with('#')));
    }
}
