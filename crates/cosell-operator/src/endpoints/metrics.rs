//! Figures for Prometheus: what is counted anyway, and what the store tells in a few looks.
//!
//! No label is anything that callers make up, an account least of all: the number of lines must not grow with them. Targets of
//! events are named by operators.

mod process;
mod targets;

use cosell_model::Timestamp;
use cosell_service::metrics::Metrics;
use cosell_store::{MAX_PAGE, Store, StoreFigures};
use schemars::{Schema, SchemaGenerator, json_schema};

use crate::endpoint::{Endpoint, METRICS, Method};
use crate::exposition::{Exposition, Kind};
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

/// Microseconds in a second.
const MICROS: f64 = 1e6;

fn text(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "contentMediaType": METRICS})
}

async fn show(call: &Call<'_>) -> Result<Reply, Problem> {
    let operator = call.operator;
    let targets = operator.deliverer().metrics().await?;
    let figures = operator.store().figures();
    let mut told = Exposition::default();
    told.family("cosell_build_info", Kind::Gauge, "1, with what runs.")
        .figure(
            &[("version", operator.parts.version), ("store", figures.backend)],
            1,
        );
    requests(&mut told, operator.service().metrics());
    told.single(
        "cosell_unknown_members_total",
        Kind::Counter,
        "Members of requests that the model does not know, passed over.",
        operator.service().unknown_members(),
    );
    told.single(
        "cosell_operator_authentication_failures_total",
        Kind::Counter,
        "Operator tokens that were refused.",
        operator.failed_authentications(),
    );
    jobs(
        &mut told,
        operator.service().metrics(),
        operator.store(),
        call.now,
    )
    .await;
    store(&mut told, &figures);
    targets::tell(&mut told, &targets, operator.parts.delivers);
    process::tell(&mut told);
    Ok(Reply::stored(told.into_text()))
}

fn requests(told: &mut Exposition, metrics: &Metrics) {
    // Before its signature is verified, a request's operation is not looked at.
    let word =
        |operation: Option<cosell_model::Operation>| operation.map_or("none", cosell_model::Operation::name);
    let mut family = told.family(
        "cosell_requests_total",
        Kind::Counter,
        "Requests of partners that were answered; error is empty for success.",
    );
    for answers in metrics.answers() {
        let status = answers
            .error
            .map_or(200, cosell_model::ErrorKind::status)
            .to_string();
        let error = answers.error.map_or("", cosell_model::ErrorKind::name);
        let labels = [
            ("operation", word(answers.operation)),
            ("status", &status),
            ("error", error),
        ];
        family.figure(&labels, answers.count);
    }
    let mut family = told.distributions(
        "cosell_request_duration_seconds",
        "From a request's headers to its answer, without the time a client takes to receive that.",
    );
    for (operation, distribution) in metrics.durations() {
        family.add(&[("operation", word(operation))], &distribution, MICROS);
    }
    for (name, kind, help, value) in [
        (
            "cosell_requests_in_flight",
            Kind::Gauge,
            "Requests of partners being answered.",
            metrics.in_flight(),
        ),
        (
            "cosell_requests_abandoned_total",
            Kind::Counter,
            "Requests whose clients went away before the answer.",
            metrics.abandoned(),
        ),
        (
            "cosell_connections",
            Kind::Gauge,
            "Connections that are open.",
            metrics.connections(),
        ),
    ] {
        told.single(name, kind, help, value);
    }
}

/// What becomes due by itself. The store is shared by all servers, so each tells the same of it.
async fn jobs(told: &mut Exposition, metrics: &Metrics, store: &dyn Store, now: Timestamp) {
    let (done, failed) = metrics.jobs();
    told.single(
        "cosell_jobs_done_total",
        Kind::Counter,
        "Jobs that this server did.",
        done,
    );
    told.single(
        "cosell_jobs_failed_total",
        Kind::Counter,
        "Tries of this server at a job that failed.",
        failed,
    );
    let next = store.next_job_at().await;
    let ready = u8::from(next.is_ok());
    told.single(
        "cosell_store_ready",
        Kind::Gauge,
        "1 while the store answers.",
        ready,
    );
    let Ok(next) = next else { return };
    let late = next.map_or(0, |next| now.as_millis().saturating_sub(next.as_millis()).max(0));
    let mut due = 0;
    if late > 0 {
        // Those that a server has in its hands are among them.
        let Ok(jobs) = store.jobs(None, MAX_PAGE).await else {
            return;
        };
        due = jobs.iter().filter(|stored| stored.job.run_at <= now).count();
    }
    told.single(
        "cosell_jobs_due",
        Kind::Gauge,
        "Jobs that are due, counted up to a page.",
        due,
    );
    told.single(
        "cosell_jobs_oldest_due_seconds",
        Kind::Gauge,
        "For how long the oldest job that nobody does has been due.",
        late as f64 / 1e3,
    );
}

fn store(told: &mut Exposition, figures: &StoreFigures) {
    for (name, kind, help, value) in [
        (
            "cosell_store_writes_waiting",
            Kind::Gauge,
            "Writes that wait for the writer.",
            figures.waiting,
        ),
        (
            "cosell_store_writes_waiting_max",
            Kind::Gauge,
            "Most writes that can wait.",
            figures.most_waiting,
        ),
        (
            "cosell_store_changes_total",
            Kind::Counter,
            "Changes that landed.",
            figures.changes,
        ),
        (
            "cosell_store_changes_refused_total",
            Kind::Counter,
            "Changes refused because others were faster.",
            figures.refused,
        ),
        (
            "cosell_store_repeated_total",
            Kind::Counter,
            "Attempts repeated over lost connections and collisions.",
            figures.repeated,
        ),
    ] {
        told.single(name, kind, help, value);
    }
    told.distributions(
        "cosell_store_commit_duration_seconds",
        "Transactions of the writer, from begin to end.",
    )
    .add(&[], &figures.commit_micros, MICROS);
    told.distributions(
        "cosell_store_commit_changes",
        "Changes that shared a transaction of the writer.",
    )
    .add(&[], &figures.commit_changes, 1.0);
    if let Some(connections) = figures.connections {
        for (name, help, value) in [
            (
                "cosell_store_connections_in_use",
                "Pooled connections in use.",
                connections.in_use,
            ),
            (
                "cosell_store_connections_max",
                "Pooled connections there can be.",
                connections.most,
            ),
            (
                "cosell_store_connections_awaited",
                "Those who wait for a connection.",
                connections.waiting,
            ),
        ] {
            told.single(name, Kind::Gauge, help, value);
        }
    }
    if let Some(replicas) = &figures.replicas {
        let help =
            "Lists answered by a read replica, or by the primary because replicas were behind, away or busy.";
        let mut family = told.family("cosell_store_lists_total", Kind::Counter, help);
        for (answer, count) in &replicas.lists {
            family.figure(&[("answer", answer)], count);
        }
        let help = "1 while lists are read from the replica, 0 while it rests.";
        let mut family = told.family("cosell_store_replica_usable", Kind::Gauge, help);
        for (replica, usable) in &replicas.usable {
            family.figure(&[("replica", replica)], u8::from(*usable));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cosell_model::{ErrorKind, Operation};
    use cosell_store::WriteCounters;

    use super::*;

    #[track_caller]
    pub(super) fn told_once(text: &str, lines: &[&str]) {
        for line in lines {
            assert_eq!(
                text.lines().filter(|told| told == line).count(),
                1,
                "{line} in {text}"
            );
        }
    }

    #[test]
    fn requests_are_told_by_operation_and_outcome() {
        let metrics = Metrics::default();
        let took = Duration::from_millis(3);
        metrics.begin().end(Some(Operation::GetOpportunity), None, took);
        metrics.begin().end(None, Some(ErrorKind::InvalidSignature), took);
        let mut told = Exposition::default();
        requests(&mut told, &metrics);
        told_once(
            &told.into_text(),
            &[
                "cosell_requests_total{operation=\"GetOpportunity\",status=\"200\",error=\"\"} 1",
                "cosell_requests_total{operation=\"none\",status=\"400\",error=\"InvalidSignatureException\"} 1",
                "cosell_request_duration_seconds_bucket{operation=\"GetOpportunity\",le=\"0.0025\"} 0",
                "cosell_request_duration_seconds_bucket{operation=\"GetOpportunity\",le=\"0.005\"} 1",
                "cosell_request_duration_seconds_sum{operation=\"GetOpportunity\"} 0.003",
                "cosell_requests_in_flight 0",
            ],
        );
    }

    #[test]
    fn connections_are_told_only_of_a_store_that_has_some() {
        let counters = WriteCounters::default();
        counters.committed(Duration::from_millis(1), 3, 0);
        let mut figures = counters.read();
        let render = |figures: &StoreFigures| {
            let mut told = Exposition::default();
            store(&mut told, figures);
            told.into_text()
        };
        let without = render(&figures);
        told_once(
            &without,
            &[
                "cosell_store_changes_total 3",
                "cosell_store_commit_changes_bucket{le=\"4\"} 1",
            ],
        );
        assert!(!without.contains("cosell_store_connections"), "{without}");
        figures.connections = Some(cosell_store::ConnectionFigures {
            in_use: 2,
            most: 8,
            waiting: 1,
        });
        told_once(&render(&figures), &["cosell_store_connections_awaited 1"]);
        figures.replicas = Some(cosell_store::ReplicaFigures {
            lists: vec![("replica", 7), ("behind", 0)],
            usable: vec![("postgres://a\"b".to_owned(), true)],
        });
        let lines = [
            "cosell_store_lists_total{answer=\"replica\"} 7",
            "cosell_store_lists_total{answer=\"behind\"} 0",
            "cosell_store_replica_usable{replica=\"postgres://a\\\"b\"} 1",
        ];
        told_once(&render(&figures), &lines);
    }
}
