//! One request: read it whole, find out who signed it, find the operation, let the service answer, render.
//! Nothing of a request is acted upon before its signature is verified over the body that arrived.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cosell_model::{ApiError, ErrorKind, Operation};
use cosell_operator::{Operator, Payload, Problem, is_operator_path};
use cosell_service::audit::Deed;
use cosell_service::faults::Answered;
use cosell_service::identity::{Keyring, accounts};
use cosell_service::{Caller, Clock, Service, SystemClock};
use cosell_store::Store;
use cosell_wire::cors::{self, OriginRule};
use cosell_wire::envelope::{self, Protocol, RequestId};
use cosell_wire::sigv4::{self, Presented, SignedRequest, SigningKeyCache, Verifier};
use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, EXPECT, ORIGIN};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use tracing::Instrument as _;

use super::outcome::Outcome;
use crate::traces;

/// Bytes of a refused body that are taken in and forgotten.
const DISCARDED: u64 = 32 * 1024 * 1024;

/// How long nothing may arrive of such a body before the refusal is sent.
const SILENCE: Duration = Duration::from_millis(500);

/// Who may call.
pub struct Authentication {
    /// Finds access keys.
    pub keyring: Keyring,
    /// Checks signatures.
    pub verifier: Verifier,
    /// Keeps derived signing keys.
    pub keys: SigningKeyCache,
    /// Development only: the store in which an account is made for a 12-digit access key id, and the region of its ARNs.
    pub open_accounts: Option<OpenAccounts>,
}

/// Development only: every 12-digit access key id is an account, whatever its secret.
pub struct OpenAccounts {
    /// Where the account is made.
    pub store: Arc<dyn Store>,
    /// The region its solutions' ARNs name.
    pub region: String,
    known: Mutex<HashSet<String>>,
}

impl Authentication {
    /// Forgets what it knows of the store. Derived signing keys are found by their secrets, so those may stay.
    pub fn forget(&self) {
        self.keyring.forget();
        if let Some(open) = &self.open_accounts {
            open.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

impl OpenAccounts {
    /// Accounts made on demand in a store.
    pub fn new(store: Arc<dyn Store>, region: String) -> Self {
        Self {
            store,
            region,
            known: Mutex::default(),
        }
    }
}

/// By which listener a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// The only one: partners and operators.
    Both,
    /// That of partners, where operators have their own.
    Partners,
    /// That of operators.
    Operators,
}

/// Has the connection closed without an answer; one of HTTP/2 keeps its other streams.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut by a fault rule")
    }
}

impl std::error::Error for Cut {}

/// Answers requests.
pub struct Handler {
    /// The operations.
    pub service: Arc<Service>,
    /// What operators do.
    pub operator: Operator,
    /// Who may call.
    pub authentication: Authentication,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Web pages that may call.
    pub origins: OriginRule,
    /// Largest body in bytes.
    pub body_limit: usize,
    /// How long a client may take to send its body.
    pub body_timeout: Duration,
}

impl Handler {
    /// Answers one request. What goes wrong is an answer too; only a fault that is asked for has the connection cut instead.
    pub async fn answer(&self, request: Request<Incoming>, door: Door) -> Result<Response<Payload>, Cut> {
        let started = Instant::now();
        let request_id = RequestId::fresh();
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        // Before everything of partners: no signature, no web pages of other origins.
        if is_operator_path(path) || (door == Door::Operators && !matches!(path, "/livez" | "/readyz")) {
            return Ok(self.operate_for_operator(&parts, body, door, &request_id).await);
        }
        let ready = path != "/readyz" || self.service.is_ready().await;
        if let Some(response) = plain(&parts, &request_id, &self.origins, ready) {
            return Ok(response.map(Payload::from));
        }
        let protocol = Protocol::of_path(path);
        let mut outcome = Outcome::default();
        let in_flight = self.service.metrics().begin();
        let span = traces::request(&parts.headers, &request_id);
        let answered = self
            .operate(&parts, body, &request_id, &mut outcome)
            .instrument(span.clone())
            .await;
        let mut response = match answered {
            Ok((operation, answer)) => envelope::success(protocol, &request_id, operation, answer),
            Err(error) => {
                outcome.error(&error, &request_id);
                envelope::failure(protocol, &request_id, &error)
            }
        };
        if let Some(origin) = parts.headers.get(ORIGIN).and_then(|origin| origin.to_str().ok())
            && let Some(headers) = cors::response_headers(origin, &self.origins)
        {
            response.headers_mut().extend(headers);
        }
        let cut = outcome.cut;
        outcome.tell(&request_id, response.status(), started, &span, in_flight);
        if cut {
            tracing::info!(
                request_id = request_id.as_str(),
                "a fault rule cuts the connection instead of answering"
            );
            return Err(Cut);
        }
        Ok(response.map(Payload::from))
    }

    /// Answers a request to the operator API, or says that it is not here.
    async fn operate_for_operator(
        &self,
        parts: &Parts,
        mut body: Incoming,
        door: Door,
        request_id: &RequestId,
    ) -> Response<Payload> {
        let elsewhere = match door {
            Door::Partners => {
                Some("The operator API is not served at this address: operator-listen says where it is")
            }
            Door::Operators if !is_operator_path(parts.uri.path()) => {
                Some("Only the operator API is served at this address, under /operator/v1")
            }
            Door::Both | Door::Operators => None,
        };
        let response = match elsewhere {
            Some(detail) => {
                let mut response = Problem::not_found(detail)
                    .render(request_id.as_str())
                    .map(Payload::from);
                response
                    .headers_mut()
                    .insert("x-request-id", request_id.header_value());
                response
            }
            None => self.operator.answer(request_id.as_str(), parts, &mut body).await,
        };
        if response.status() != StatusCode::REQUEST_TIMEOUT && !body.is_end_stream() {
            self.discard(parts, body).await;
        }
        response
    }

    async fn operate(
        &self,
        parts: &Parts,
        mut body: Incoming,
        request_id: &RequestId,
        outcome: &mut Outcome,
    ) -> Result<(Operation, Bytes), ApiError> {
        let read = match Presented::parse(&parts.headers, parts.uri.query()) {
            Ok(presented) => self.read(parts, &mut body).await.map(|body| (presented, body)),
            Err(error) => Err(error.into()),
        };
        let (presented, body) = match read {
            Ok(read) => read,
            Err(error) => {
                if error.kind != ErrorKind::RequestTimeout {
                    self.discard(parts, body).await;
                }
                return Err(error);
            }
        };
        let mut caller = match self.authenticate(parts, &presented, &body).await {
            Ok(caller) => caller,
            Err(error) => {
                self.note_denied(parts, presented.access_key_id(), request_id, &error)
                    .await;
                return Err(error);
            }
        };
        caller.request_id = request_id.as_str().to_owned();
        let target = envelope::route(&parts.method, parts.uri.path(), &parts.headers)?;
        outcome.operation = Some(target.operation);
        let Answered { answer, cut } = self.service.answer(target.operation, &caller, &body).await;
        outcome.account = Some(caller.account);
        outcome.cut = cut;
        Ok((target.operation, answer?))
    }

    /// Notes a signature that was refused. Nobody is known to have sent it: the key it names may be known, its sender is not.
    async fn note_denied(&self, parts: &Parts, access_key: &str, request_id: &RequestId, error: &ApiError) {
        let Ok(target) = envelope::route(&parts.method, parts.uri.path(), &parts.headers) else {
            return;
        };
        let caller = Caller {
            account: String::new(),
            access_key: access_key.chars().take(128).collect(),
            request_id: request_id.as_str().to_owned(),
        };
        let deed = Deed::of(&caller, target.operation);
        self.service.note_denied(&deed, error).await;
    }

    /// The whole body, within the bounds of size and time.
    async fn read(&self, parts: &Parts, body: &mut Incoming) -> Result<Bytes, ApiError> {
        let too_large = || {
            let message = format!("The request body is larger than {} bytes", self.body_limit);
            ApiError::new(ErrorKind::RequestEntityTooLarge, message)
        };
        if stated_length(parts).is_some_and(|length| length > self.body_limit as u64) {
            return Err(too_large());
        }
        let collected = Limited::new(body, self.body_limit).collect();
        match tokio::time::timeout(self.body_timeout, collected).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(error)) => {
                let message = "The request body ended before its stated length";
                Err(ApiError::new(ErrorKind::Serialization, message).with_internal(error.to_string()))
            }
            Err(_) => {
                let message = format!(
                    "The request body did not arrive within {} seconds",
                    self.body_timeout.as_secs()
                );
                Err(ApiError::new(ErrorKind::RequestTimeout, message))
            }
        }
    }

    /// Takes in what is left of a refused body and forgets it. A client that sends everything before it reads would
    /// otherwise find the connection broken instead of the refusal. Not for a client that waits to be asked for its body,
    /// and no longer than bytes keep coming.
    async fn discard(&self, parts: &Parts, mut body: Incoming) {
        let beyond = stated_length(parts).is_some_and(|length| length > DISCARDED);
        if beyond || parts.headers.contains_key(EXPECT) {
            return;
        }
        let drain = async {
            let mut left = DISCARDED;
            while let Ok(Some(Ok(frame))) = tokio::time::timeout(SILENCE, body.frame()).await {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                match left.checked_sub(length) {
                    Some(rest) => left = rest,
                    None => break,
                }
            }
        };
        // The refusal is sent either way.
        let _ = tokio::time::timeout(self.body_timeout, drain).await;
    }

    async fn authenticate(
        &self,
        parts: &Parts,
        presented: &Presented<'_>,
        body: &[u8],
    ) -> Result<Caller, ApiError> {
        // Clients sign by the time of their machines, wherever the server's clock has been moved to.
        let now = SystemClock.now();
        let authentication = &self.authentication;
        let id = presented.access_key_id();
        if let Some(open) = &authentication.open_accounts
            && accounts::is_account_id(id)
        {
            return open.caller(id, self.clock.now()).await;
        }
        // Scope and time first: strangers cannot make the server look for keys with requests it would refuse anyway.
        authentication.verifier.admit(presented, now)?;
        let credential = authentication
            .keyring
            .find(id)
            .await
            .map_err(ApiError::from)?
            .ok_or(sigv4::AuthError::UnknownKey)?;
        let hash = sigv4::hash_body(body);
        let request = SignedRequest {
            method: &parts.method,
            path: parts.uri.path(),
            query: parts.uri.query(),
            headers: &parts.headers,
            authority: parts.uri.authority().map(http::uri::Authority::as_str),
            body_sha256: &hash,
        };
        let secret = credential.secret.as_bytes();
        authentication
            .verifier
            .authenticate(&request, presented, &authentication.keys, secret, None, now)?;
        Ok(Caller {
            account: credential.account.clone(),
            access_key: id.to_owned(),
            request_id: String::new(),
        })
    }
}

fn stated_length(parts: &Parts) -> Option<u64> {
    parts.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What needs no signature: probes of a load balancer and the preflight requests of browsers.
fn plain(
    parts: &Parts,
    request_id: &RequestId,
    origins: &OriginRule,
    ready: bool,
) -> Option<Response<Bytes>> {
    let mut response = match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/livez") => Response::new(Bytes::from_static(b"ok\n")),
        (&Method::GET, "/readyz") if ready => Response::new(Bytes::from_static(b"ok\n")),
        (&Method::GET, "/readyz") => {
            let mut response = Response::new(Bytes::from_static(b"the store does not answer\n"));
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            response
        }
        (&Method::OPTIONS, _) => {
            let origin = parts.headers.get(ORIGIN)?.to_str().ok()?;
            let wanted = parts
                .headers
                .get(ACCESS_CONTROL_REQUEST_HEADERS)
                .and_then(|value| value.to_str().ok());
            let mut response = Response::new(Bytes::new());
            match cors::preflight(origin, wanted, origins) {
                Some(headers) => {
                    *response.status_mut() = StatusCode::NO_CONTENT;
                    response.headers_mut().extend(headers);
                }
                None => *response.status_mut() = StatusCode::FORBIDDEN,
            }
            response
        }
        _ => return None,
    };
    response
        .headers_mut()
        .insert("x-amzn-requestid", request_id.header_value());
    Some(response)
}

impl OpenAccounts {
    async fn caller(&self, id: &str, now: cosell_model::Timestamp) -> Result<Caller, ApiError> {
        let known = self
            .known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(id);
        if !known {
            crate::dev::ensure_account(&*self.store, id, &self.region, now)
                .await
                .map_err(|error| ApiError::internal(error.to_string()))?;
            self.known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(id.to_owned());
        }
        Ok(Caller::of(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_and_preflights_carry_the_request_id_too() {
        let id = RequestId::fresh();
        for (method, path, origin, status) in [
            (Method::GET, "/livez", None, 200),
            (Method::GET, "/readyz", None, 200),
            (Method::OPTIONS, "/", Some("http://localhost:3000"), 204),
            (Method::OPTIONS, "/", Some("https://elsewhere.example"), 403),
        ] {
            let mut request = Request::builder().method(method).uri(path);
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let response = plain(&parts, &id, &OriginRule::Loopback, true).unwrap();
            assert_eq!(response.status(), status, "{path} {origin:?}");
            assert_eq!(response.headers()["x-amzn-requestid"], id.as_str());
        }
    }
}
