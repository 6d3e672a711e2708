//! One request of the operator API, from authentication to its answer. Nothing is looked up, and no body is taken in, for
//! who has no token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cosell_model::{ApiError, Timestamp};
use cosell_service::audit::{Actor, Deed};
use cosell_service::identity::Sealer;
use cosell_service::{Clock, PageTokens, Service, VirtualClock};
use cosell_store::Store;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode, request};
use hyper::body::Body;

use crate::auth::Guard;
use crate::call::Call;
use crate::parameters::Parameters;
use crate::problem::Kind;
use crate::reply::NEXT_CURSOR;
use crate::route::{Found, Routes};
use crate::{BASE, Problem, Reply, body, endpoints, openapi};

/// What an operator API is made of.
pub struct Parts {
    /// The operations.
    pub service: Arc<Service>,
    /// Where accounts, keys and tokens are kept.
    pub store: Arc<dyn Store>,
    /// What seals the secrets of access keys.
    pub sealer: Sealer,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The same clock, where it can be moved.
    pub movable_clock: Option<Arc<VirtualClock>>,
    /// The region that ARNs name.
    pub region: String,
    /// The version of the program.
    pub version: &'static str,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
}

/// Answers the requests of operators.
pub struct Operator {
    pub(crate) parts: Parts,
    pub(crate) page_tokens: PageTokens,
    pub(crate) document: Bytes,
    pub(crate) started: Timestamp,
    guard: Guard,
    routes: Routes,
}

impl Operator {
    /// An operator API.
    pub fn new(parts: Parts) -> Self {
        Self {
            page_tokens: PageTokens::new(parts.sealer.derive("operator page tokens")),
            document: Bytes::from(openapi::document(parts.version).to_string()),
            started: parts.clock.now(),
            guard: Guard::default(),
            routes: Routes::new(endpoints::all()),
            parts,
        }
    }

    /// Answers one request. Never fails: what goes wrong is an answer too. A body that the answer did not depend on may be
    /// left unread.
    pub async fn answer<B>(&self, request_id: &str, parts: &request::Parts, body: &mut B) -> Response<Bytes>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let started = Instant::now();
        let mut endpoint = None;
        let mut response = match self.operate(request_id, parts, body, &mut endpoint).await {
            Ok((status, reply)) => render(status, reply),
            Err(problem) => {
                log(&problem, request_id);
                problem.render(request_id)
            }
        };
        if let Ok(id) = HeaderValue::from_str(request_id) {
            response.headers_mut().insert("x-request-id", id);
        }
        tracing::debug!(
            request_id,
            endpoint,
            status = response.status().as_u16(),
            micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            "operator request"
        );
        response
    }

    async fn operate<B>(
        &self,
        request_id: &str,
        parts: &request::Parts,
        body: &mut B,
        asked: &mut Option<&'static str>,
    ) -> Result<(u16, Reply), Problem>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let now = self.parts.clock.now();
        let token = self
            .guard
            .admit(&*self.parts.store, &parts.headers, now, request_id)
            .await?;
        let path = parts.uri.path().strip_prefix(BASE).unwrap_or_default();
        let (endpoint, values) = match self.routes.find(&parts.method, path) {
            Found::Endpoint(endpoint, values) => (endpoint, values),
            Found::Other(methods) => {
                let allowed: Vec<&str> = methods.into_iter().map(crate::endpoint::Method::name).collect();
                return Err(Problem::not_with(&parts.method, &allowed.join(", ")));
            }
            Found::Nothing => {
                let detail =
                    format!("There is nothing at this path: {BASE}/openapi.json lists what there is");
                return Err(Problem::not_found(detail));
            }
        };
        *asked = Some(endpoint.id);
        if !token.scope.covers(endpoint.scope) {
            let detail = format!(
                "This takes a token with scope {}; the token \"{}\" has scope {}",
                endpoint.scope, token.name, token.scope
            );
            let deed = Deed {
                actor: Actor::Operator {
                    token: token.name.clone(),
                },
                action: endpoint.id,
                request_id: request_id.to_owned(),
            };
            let denied = ApiError::access_denied(detail.clone());
            self.parts.service.note_denied(&deed, &denied).await;
            return Err(Problem::new(Kind::MissingScope, detail));
        }
        let parameters = Parameters::read(endpoint, values, parts.uri.query())?;
        if endpoint.request.is_some() {
            body::expect_json(parts)?;
        }
        let body = body::read(parts, body, self.parts.body_timeout).await?;
        if endpoint.request.is_none() && !body.is_empty() {
            return Err(Problem::new(
                Kind::Malformed,
                "This endpoint takes no body: leave it out",
            ));
        }
        let call = Call {
            operator: self,
            token: &token,
            request_id,
            now,
            endpoint,
            parameters: &parameters,
            body: &body,
        };
        let reply = (endpoint.run)(&call).await?;
        Ok((endpoint.status, reply))
    }

    /// The operations.
    pub fn service(&self) -> &Service {
        &self.parts.service
    }

    /// Where accounts, keys and tokens are kept.
    pub fn store(&self) -> &dyn Store {
        &*self.parts.store
    }

    /// The region that ARNs name.
    pub fn region(&self) -> &str {
        &self.parts.region
    }

    /// What seals the secrets of access keys.
    pub fn sealer(&self) -> &Sealer {
        &self.parts.sealer
    }

    pub(crate) fn failed_authentications(&self) -> u64 {
        self.guard.failures()
    }
}

fn render(status: u16, reply: Reply) -> Response<Bytes> {
    let mut response = Response::new(reply.body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let filled = !response.body().is_empty();
    let headers = response.headers_mut();
    if reply.lines {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(openapi::LINES));
    } else if filled {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Some(next) = reply.next.and_then(|next| HeaderValue::from_str(&next).ok()) {
        headers.insert(NEXT_CURSOR, next);
    }
    // Secrets of keys and tokens are among the answers.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(place) = reply
        .location
        .and_then(|place| HeaderValue::from_str(&place).ok())
    {
        headers.insert(LOCATION, place);
    }
    response
}

fn log(problem: &Problem, request_id: &str) {
    let detail = problem.internal.as_deref().unwrap_or_default();
    match problem.kind {
        Kind::Internal | Kind::Unavailable => {
            tracing::error!(
                request_id,
                problem = problem.kind.name(),
                detail,
                "an operator's request failed"
            );
        }
        _ => tracing::debug!(request_id, problem = problem.kind.name(), detail, "refused"),
    }
}
