//! One request of the operator API, from authentication to its answer. Nothing is looked up, and no body is taken in, for
//! who has no token.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cosell_events::Deliverer;
use cosell_model::{ApiError, Timestamp};
use cosell_service::identity::Sealer;
use cosell_service::{Clock, PageTokens, Service, VirtualClock};
use cosell_store::Store;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode, request};
use http_body_util::Full;
use hyper::body::Body;
use tokio::sync::{Semaphore, watch};

use crate::auth::Guard;
use crate::call::{Call, Who};
use crate::endpoint::{Method, STATE_MEDIA_TYPE};
use crate::parameters::Parameters;
use crate::problem::Kind;
use crate::reply::NEXT_CURSOR;
use crate::route::{Found, Routes};
use crate::{BASE, METRICS_PATH, Payload, Problem, Reply, body, endpoints, openapi};

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
    /// How long a client may take to send its body; where body or answer is a file, how long it may send or take nothing.
    pub body_timeout: Duration,
    /// What delivers events. People's verbs go through it, also where it delivers nothing.
    pub deliverer: Arc<Deliverer>,
    /// Whether it delivers, but for the moments in which the store's content is exchanged.
    pub delivers: bool,
    /// Where files lie while they are taken in: nameless, so that nothing is left of them.
    pub spool: PathBuf,
}

/// Answers the requests of operators.
pub struct Operator {
    pub(crate) parts: Parts,
    pub(crate) page_tokens: PageTokens,
    pub(crate) document: Bytes,
    pub(crate) started: Timestamp,
    /// One permit for each stream of events that is open.
    pub(crate) streams: Arc<Semaphore>,
    /// Whether streams are to end.
    closing: watch::Sender<bool>,
    guard: Guard,
    routes: Routes,
}

/// Most streams of events at the same time. Each holds a connection for as long as its reader likes, so a listener must take
/// more connections than these.
pub const STREAMS: usize = 64;
/// How long the figures may take, their token's verification included: less than who scrapes them waits (Prometheus, unless it
/// is told otherwise, 10 s), so that it hears why there are none.
const SCRAPE_WITHIN: Duration = Duration::from_secs(3);
/// How long deliveries under way are waited for before the store's content is exchanged.
const HOLD: Duration = Duration::from_secs(5);

impl Operator {
    /// An operator API.
    pub fn new(parts: Parts) -> Self {
        Self {
            page_tokens: PageTokens::new(parts.sealer.derive("operator page tokens")),
            document: Bytes::from(openapi::document(parts.version).to_string()),
            started: parts.clock.now(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            closing: watch::Sender::new(false),
            guard: Guard::default(),
            routes: Routes::new(endpoints::all()),
            parts,
        }
    }

    /// Answers one request. Never fails: what goes wrong is an answer too. A body that the answer did not depend on may be
    /// left unread.
    pub async fn answer<B>(&self, request_id: &str, parts: &request::Parts, body: &mut B) -> Response<Payload>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let now = self.parts.clock.now();
        let work = async {
            let store = &*self.parts.store;
            let token = self.guard.admit(store, &parts.headers, now, request_id).await;
            self.answer_to(token.map(Who::Token), request_id, parts, body)
                .await
        };
        let path = parts.uri.path();
        if path != METRICS_PATH && path.strip_prefix(BASE) != Some(METRICS_PATH) {
            return work.await;
        }
        match tokio::time::timeout(SCRAPE_WITHIN, work).await {
            Ok(answer) => answer,
            Err(_) => {
                let seconds = SCRAPE_WITHIN.as_secs();
                let cause = format!("the store has not answered for {seconds} seconds");
                finish(Err(Problem::unavailable(cause)), request_id)
            }
        }
    }

    /// Answers one request of somebody who has the data folder, and with it everything: no token is asked for. For commands
    /// that work on a folder themselves; never for what comes over a network.
    pub async fn answer_command(&self, parts: &request::Parts, body: Bytes) -> Response<Payload> {
        let mut body = Full::new(body);
        self.answer_to(Ok(Who::Command), "", parts, &mut body).await
    }

    async fn answer_to<B>(
        &self,
        who: Result<Who, Problem>,
        request_id: &str,
        parts: &request::Parts,
        body: &mut B,
    ) -> Response<Payload>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let started = Instant::now();
        let mut endpoint = None;
        let done = match who {
            Ok(who) => {
                let done = self.operate(&who, request_id, parts, body, &mut endpoint).await;
                done.map_err(Problem::with_cause)
            }
            Err(problem) => Err(problem),
        };
        let response = finish(done, request_id);
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
        who: &Who,
        request_id: &str,
        parts: &request::Parts,
        body: &mut B,
        asked: &mut Option<&'static str>,
    ) -> Result<Done, Problem>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let now = self.parts.clock.now();
        let path = match parts.uri.path() {
            METRICS_PATH => METRICS_PATH,
            path => path.strip_prefix(BASE).unwrap_or_default(),
        };
        let (endpoint, media, values) = match self.routes.find(&parts.method, path) {
            Found::Endpoint(endpoint, media, values) => (endpoint, media, values),
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
        if let Who::Token(token) = who
            && !token.scope.covers(endpoint.scope)
        {
            let detail = format!(
                "This takes a token with scope {}; the token \"{}\" has scope {}",
                endpoint.scope, token.name, token.scope
            );
            let deed = who.author(request_id).deed(endpoint.action());
            let denied = ApiError::access_denied(detail.clone());
            self.parts.service.note_denied(&deed, &denied).await;
            return Err(Problem::new(Kind::MissingScope, detail));
        }
        let parameters = Parameters::read(endpoint, values, parts.uri.query())?;
        if let Some(media_type) = media.request {
            body::expect(parts, media_type)?;
        }
        let patience = self.parts.body_timeout;
        let (spooled, body) = match media.request {
            Some(STATE_MEDIA_TYPE) => {
                let file = body::spool(body, &self.parts.spool, patience).await?;
                (Some(file), Bytes::new())
            }
            _ => (None, body::read(parts, body, patience).await?),
        };
        if endpoint.request.is_none() && !body.is_empty() {
            return Err(Problem::new(
                Kind::Malformed,
                "This endpoint takes no body: leave it out",
            ));
        }
        let call = Call {
            operator: self,
            who,
            request_id,
            now,
            endpoint,
            headers: &parts.headers,
            parameters: &parameters,
            body: &body,
            spooled: Mutex::new(spooled),
        };
        // The state is not exchanged under who changes something; who exchanges it waits for the others.
        let changes = endpoint.method != Method::Get && media.request != Some(STATE_MEDIA_TYPE);
        let _working = match changes {
            true => Some(self.parts.service.working().await),
            false => None,
        };
        let reply = (endpoint.run)(&call).await?;
        Ok(Done {
            status: endpoint.status,
            media_type: media.answer,
            reply,
        })
    }

    /// The operations.
    pub fn service(&self) -> &Service {
        &self.parts.service
    }

    /// The operations, for work on another thread.
    pub(crate) fn shared_service(&self) -> Arc<Service> {
        Arc::clone(&self.parts.service)
    }

    /// What delivers events.
    pub fn deliverer(&self) -> &Deliverer {
        &self.parts.deliverer
    }

    /// The pauser of deliveries, for work on another thread.
    pub(crate) fn lull(&self) -> Lull {
        Lull {
            deliverer: Arc::clone(&self.parts.deliverer),
            delivers: self.parts.delivers,
            within: HOLD,
        }
    }

    /// Goes over to what another server has put in the place of everything in the store: see
    /// [`Service::follow_exchange`]. What is being delivered at this moment can be settled nowhere any more, so it is not
    /// waited for.
    pub async fn follow_exchange(&self) -> Result<(), ApiError> {
        let lull = Lull {
            within: Duration::ZERO,
            ..self.lull()
        };
        lull.during(self.parts.service.follow_exchange()).await
    }

    /// Ends the streams that would never end by themselves, because the server is to stop.
    pub fn close_streams(&self) {
        self.closing.send_replace(true);
    }

    /// Becomes true when streams are to end.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// Where everything is kept, for work that outlasts a call.
    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.parts.store)
    }

    /// How long a client may take nothing of an answer.
    pub(crate) fn patience(&self) -> Duration {
        self.parts.body_timeout
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

/// Sees to it that nothing is delivered while the store's content is exchanged.
pub(crate) struct Lull {
    deliverer: Arc<Deliverer>,
    delivers: bool,
    /// How long deliveries under way are waited for.
    within: Duration,
}

impl Lull {
    /// Does the work, and delivers by what is in the store then.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        self.deliverer.hold(self.within).await;
        let done = work.await;
        match self.delivers {
            true => self.deliverer.go_on().await,
            false => self.deliverer.reload().await,
        }
        done
    }
}

/// What an endpoint did.
struct Done {
    status: u16,
    media_type: &'static str,
    reply: Reply,
}

/// The answer to a request.
fn finish(done: Result<Done, Problem>, request_id: &str) -> Response<Payload> {
    let mut response = match done {
        Ok(done) => render(done),
        Err(problem) => {
            log(&problem, request_id);
            problem.render(request_id).map(Payload::from)
        }
    };
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

fn render(done: Done) -> Response<Payload> {
    let (location, next) = (done.reply.location.clone(), done.reply.next.clone());
    let mut response = done.reply.into_response();
    *response.status_mut() = StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK);
    // A list of lines without a line is of their type too.
    let filled = response.status() != StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if filled {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(done.media_type));
    }
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next).ok()) {
        headers.insert(NEXT_CURSOR, next);
    }
    // Secrets of keys and tokens are among the answers.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(place) = location.and_then(|place| HeaderValue::from_str(&place).ok()) {
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
