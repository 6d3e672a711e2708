//! What is told of a request once it is answered: to the log, to the figures, and to whoever follows its trace. Bodies and
//! headers are never among it.

use std::time::Instant;

use cosell_model::{ApiError, ErrorKind, Operation};
use cosell_service::metrics::InFlight;
use cosell_wire::envelope::RequestId;
use http::StatusCode;
use tracing::Span;

use crate::traces;

/// The target of the line that each request leaves in the log, by which a filter chooses it.
pub const REQUESTS: &str = "cosell::requests";

/// What is known of a request so far.
#[derive(Default)]
pub struct Outcome {
    /// The operation, once it is known.
    pub operation: Option<Operation>,
    /// Who signed it, once that is verified.
    pub account: Option<String>,
    /// Whether the connection is cut instead of answering.
    pub cut: bool,
    error: Option<ErrorKind>,
}

impl Outcome {
    /// The request was answered with an error.
    pub fn error(&mut self, error: &ApiError, request_id: &RequestId) {
        self.error = Some(error.kind);
        let detail = error.internal.as_deref().unwrap_or_default();
        match error.kind {
            ErrorKind::InternalServer | ErrorKind::ServiceUnavailable => {
                tracing::error!(
                    request_id = request_id.as_str(),
                    operation = self.operation.map(Operation::name),
                    error = error.kind.name(),
                    detail,
                    "a request failed"
                );
            }
            _ => tracing::debug!(
                request_id = request_id.as_str(),
                error = error.kind.name(),
                detail,
                "a request was refused"
            ),
        }
    }

    /// Tells it.
    pub fn tell(
        self,
        request_id: &RequestId,
        status: StatusCode,
        started: Instant,
        span: &Span,
        in_flight: InFlight<'_>,
    ) {
        let took = started.elapsed();
        let (operation, error) = (
            self.operation.map(Operation::name),
            self.error.map(ErrorKind::name),
        );
        tracing::debug!(
            target: REQUESTS,
            request_id = request_id.as_str(),
            operation,
            account = self.account.as_deref(),
            status = status.as_u16(),
            error,
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
        if !span.is_disabled() {
            if let Some(operation) = operation {
                traces::rename(span, operation);
            }
            span.record("cosell.account", self.account.as_deref());
            span.record("http.response.status_code", status.as_u16());
            span.record("error.type", error);
            if status.is_server_error() {
                span.record("otel.status_code", "ERROR");
            }
        }
        in_flight.end(self.operation, self.error, took);
    }
}
