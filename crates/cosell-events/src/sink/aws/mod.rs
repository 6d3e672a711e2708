//! Calls to services of AWS and their stand-ins: AWS JSON, signed with Signature Version 4.
//!
//! Must never log a credential, nor know what a call is about.

mod chain;
mod credentials;
mod profile;

use std::sync::Arc;

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_wire::sigv4::{SignedRequest, Signer, hash_body};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use chain::{Chain, Environment};
pub use credentials::Credentials;

use super::http::Outside;
use super::webhook::retry_after;
use super::{Outcome, printable};
use crate::secrets::Secrets;
use crate::target::AwsSettings;

/// The version of AWS JSON that a service speaks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Protocol {
    Json10,
    Json11,
}

/// A service in a region, with the credentials to call it.
pub(super) struct Service {
    outside: Outside,
    chain: Arc<Chain>,
    uri: Uri,
    host: HeaderValue,
    region: String,
    name: &'static str,
}

/// Scheme and authority of a URL.
pub(super) fn origin(url: &str) -> Result<String, String> {
    let uri: Uri = url.parse().map_err(|error| format!("{url} is no URL: {error}"))?;
    match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => Ok(format!("{scheme}://{authority}")),
        _ => Err(format!("{url} names no scheme and host")),
    }
}

impl Service {
    /// A service by its signing name. Where the settings name no endpoint it is at `otherwise`, else at AWS.
    pub fn new(
        outside: Outside,
        name: &'static str,
        settings: &AwsSettings,
        secrets: &Secrets,
        otherwise: Option<String>,
    ) -> Result<Self, String> {
        let region = settings.region.clone();
        let suffix = match region.starts_with("cn-") {
            true => "amazonaws.com.cn",
            false => "amazonaws.com",
        };
        let endpoint = settings
            .endpoint
            .clone()
            .or(otherwise)
            .unwrap_or_else(|| format!("https://{name}.{region}.{suffix}"));
        let uri: Uri = format!("{}/", endpoint.trim_end_matches('/'))
            .parse()
            .map_err(|error| format!("the endpoint {endpoint} cannot be used: {error}"))?;
        let standard = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        let host = match (uri.host(), uri.port_u16()) {
            (Some(host), Some(port)) if port != standard => format!("{host}:{port}"),
            (Some(host), _) => host.to_owned(),
            _ => return Err(format!("the endpoint {endpoint} names no host")),
        };
        let own = settings
            .access_key_id
            .clone()
            .zip(secrets.secret_access_key.clone())
            .map(|(id, secret)| Credentials::lasting(id, secret));
        Ok(Self {
            chain: Arc::new(match own {
                Some(own) => Chain::own(own),
                None => Chain::usual(
                    Environment::of_process(),
                    settings.profile.clone(),
                    region.clone(),
                ),
            }),
            outside,
            host: HeaderValue::from_str(&host).map_err(|_| format!("the host {host} cannot be used"))?,
            uri,
            region,
            name,
        })
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// The outcome that a failed call is for every event in it.
    pub async fn call<T: DeserializeOwned>(
        &self,
        protocol: Protocol,
        target: &'static str,
        input: &impl Serialize,
        now: Timestamp,
    ) -> Result<T, Outcome> {
        let body = serde_json::to_vec(input).map_err(|error| Outcome::failed(error.to_string()))?;
        let credentials = self.chain.credentials(now).await.map_err(Outcome::failed)?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, self.host.clone());
        headers.insert("x-amz-target", HeaderValue::from_static(target));
        let content_type = match protocol {
            Protocol::Json10 => "application/x-amz-json-1.0",
            Protocol::Json11 => "application/x-amz-json-1.1",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let added = Signer {
            access_key_id: &credentials.access_key_id,
            secret: credentials.secret_access_key.as_bytes(),
            session_token: credentials.session_token.as_ref().map(|token| token.as_str()),
            region: &self.region,
            service: self.name,
        }
        .sign(
            &SignedRequest {
                method: &Method::POST,
                path: "/",
                query: None,
                headers: &headers,
                authority: None,
                body_sha256: &hash_body(&body),
            },
            now,
        )
        .map_err(|error| Outcome::failed(error.to_string()))?;
        headers.extend(added);
        let mut request = Request::post(self.uri.clone())
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Outcome::failed(error.to_string()))?;
        *request.headers_mut() = headers;
        let answer = self.outside.send(request).await.map_err(Outcome::failed)?;
        if answer.status.is_success() {
            return serde_json::from_slice(&answer.body).map_err(|error| {
                Outcome::failed(format!(
                    "{} answered what is no answer of the service: {error}",
                    self.uri
                ))
            });
        }
        let error = complaint(&answer.body);
        if [
            "ExpiredToken",
            "InvalidClientTokenId",
            "UnrecognizedClient",
            "InvalidSignature",
            "AccessDenied",
        ]
        .iter()
        .any(|code| error.contains(code))
        {
            // They may have been replaced since.
            self.chain.forget().await;
        }
        Err(Outcome::Failed {
            status: Some(answer.status.as_u16()),
            error: format!("{} answered {}: {error}", self.name, answer.status),
            after: retry_after(&answer.headers, now),
        })
    }
}

/// `Code: message` of an error, or the beginning of what is none.
pub(super) fn complaint(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| value.get(name).and_then(Value::as_str);
    let Some(code) = member("__type").or_else(|| member("code")) else {
        return printable(body, 512);
    };
    let code = code.rsplit('#').next().unwrap_or(code);
    let message = member("message")
        .or_else(|| member("Message"))
        .unwrap_or_default();
    printable(format!("{code}: {message}").as_bytes(), 512)
}
