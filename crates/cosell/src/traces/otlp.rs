//! Spans on their way to a collector, by OTLP over HTTP with protobuf. Where to, and how often, is told by OpenTelemetry's own
//! environment variables.
//!
//! No request ever waits for a collector: spans wait in a bounded queue, and those for which there is no room are dropped.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use bytes::Bytes;
use cosell_events::{Network, Outside};
use cosell_store::SPANS;
use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use opentelemetry::KeyValue;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_http::{HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::sync::oneshot;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// How long a collector may take, unless the environment says otherwise: OpenTelemetry's default.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long spans that wait are given at a stop.
const LAST: Duration = Duration::from_secs(3);

/// Sends spans until it is dropped; then the last ones.
pub struct Traces {
    provider: SdkTracerProvider,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Traces {
    /// Starts to send, as the environment says.
    ///
    /// # Errors
    /// What the environment says cannot be used.
    pub fn start() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let client = Collector {
            handle: runtime.handle().clone(),
            outside: Arc::new(Outside::new(everywhere(), certificates()?)),
            patience: patience(),
        };
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_http_client(client)
            .build()
            .context("the traces that OTEL_EXPORTER_OTLP_ENDPOINT asks for cannot be sent")?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("cosell");
        }
        let resource = resource
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("cosell-traces".to_owned())
            // An error means that the other end is gone, which is an end as well.
            .spawn(move || drop(runtime.block_on(stopped)))
            .context("cannot start a thread")?;
        Ok(Self {
            provider: SdkTracerProvider::builder()
                .with_resource(resource)
                .with_batch_exporter(exporter)
                .build(),
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// What hands spans over: ours and no others, and no line of the log.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("cosell"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_level(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(LAST) {
            tracing::warn!("the last traces were not sent: {error}");
        }
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that sends traces broke down");
        }
    }
}

/// Has a span continue the trace that a request tells.
pub fn follow(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() || !headers.contains_key("traceparent") {
        return;
    }
    let context = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    // A span that cannot continue a trace begins one of its own.
    let _ = span.set_parent(context);
}

/// Names a span that has begun: by then the layer no longer heeds the field `otel.name`.
pub fn rename(span: &Span, name: &'static str) {
    span.context().span().update_name(name);
}

/// Who configures the server names the collector, so it may be anywhere.
fn everywhere() -> Network {
    Network {
        allowed: vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())],
    }
}

/// What is trusted besides the system's certificates.
fn certificates() -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let Some((name, path)) = first([
        "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
    ]) else {
        return Ok(Vec::new());
    };
    let read = || format!("cannot read the certificates that {name} names: {path}");
    CertificateDer::pem_file_iter(&path)
        .and_then(|found| found.collect::<Result<_, _>>())
        .with_context(read)
}

fn patience() -> Duration {
    let found = first(["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
    let millis = found.and_then(|(_, text)| text.parse().ok());
    millis.map_or(PATIENCE, Duration::from_millis)
}

fn first(names: [&'static str; 2]) -> Option<(&'static str, String)> {
    let value = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    names.into_iter().find_map(|name| Some((name, value(name)?)))
}

/// The way to the collector. The exporter calls it from a thread without a runtime.
#[derive(Clone)]
struct Collector {
    handle: tokio::runtime::Handle,
    outside: Arc<Outside>,
    patience: Duration,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (outside, patience) = (Arc::clone(&self.outside), self.patience);
        let sending = self.handle.spawn(async move {
            let sent = outside.send(request.map(Full::new));
            match tokio::time::timeout(patience, sent).await {
                Ok(answer) => answer,
                Err(_) => Err("no answer in time".to_owned()),
            }
        });
        let sent = sending.await.map_err(|_| "the server is ending")?;
        let answer = sent.inspect_err(|error| tracing::warn!("traces are not delivered: {error}"))?;
        if !answer.status.is_success() {
            tracing::warn!(status = answer.status.as_u16(), "the collector refuses traces");
        }
        let mut response = Response::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
