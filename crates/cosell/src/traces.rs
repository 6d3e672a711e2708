//! Traces: one span for each request of a partner, and beneath it those that the store opens. They go to an OpenTelemetry
//! collector where the build can (feature `otlp`) and the environment names one; else they cost next to nothing.
//!
//! A span holds operation, account, status, error and request id; never a body, a header or a name of a customer.

use cosell_store::SPANS;
use cosell_wire::envelope::RequestId;
use http::HeaderMap;
use tracing::Span;
use tracing::field::Empty;

#[cfg(feature = "otlp")]
pub mod otlp;

/// The variables by which the environment names a collector.
const ENDPOINTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// The variable that names a collector, where one is to be told; `OTEL_SDK_DISABLED=true` and `OTEL_TRACES_EXPORTER=none`
/// mean that none is, as everywhere in OpenTelemetry.
pub fn asked_for() -> Option<&'static str> {
    let value = |name: &str| std::env::var(name).unwrap_or_default();
    let off =
        value("OTEL_SDK_DISABLED").eq_ignore_ascii_case("true") || value("OTEL_TRACES_EXPORTER") == "none";
    let named = ENDPOINTS.into_iter().find(|name| !value(name).is_empty());
    named.filter(|_| !off)
}

/// The span of a request, not entered. It continues the trace of the caller, where the request tells one by `traceparent`.
pub fn request(headers: &HeaderMap, request_id: &RequestId) -> Span {
    let span = tracing::trace_span!(
        target: SPANS,
        parent: None,
        "request",
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "aws-api",
        rpc.service = "PartnerCentralSelling",
        rpc.method = Empty,
        http.response.status_code = Empty,
        error.type = Empty,
        cosell.account = Empty,
        cosell.request_id = request_id.as_str(),
    );
    #[cfg(feature = "otlp")]
    otlp::follow(&span, headers);
    #[cfg(not(feature = "otlp"))]
    let _ = headers;
    span
}

/// Names the span of a request after its operation, once that is known.
pub fn rename(span: &Span, operation: &'static str) {
    span.record("rpc.method", operation);
    #[cfg(feature = "otlp")]
    otlp::rename(span, operation);
}
