//! Where credentials of AWS are looked for: the usual places in the usual order, kept until shortly before they run out.
//!
//! The order is that of AWS's own SDKs: environment, web identity, shared files, container, instance. Not supported, and
//! refused with advice: single sign-on and roles by way of another profile.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use cosell_model::Timestamp;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Uri};
use http_body_util::Full;
use ipnet::IpNet;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::complaint;
use super::credentials::Credentials;
use super::profile::{self, Source};
use crate::network::Network;
use crate::sink::http::Outside;

/// They are fetched anew that long before they run out.
const EARLY_MILLIS: i64 = 5 * 60_000;
/// How long one place may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a command may take to print credentials.
const PROCESS_PATIENCE: Duration = Duration::from_secs(30);
/// After a failure the places are left alone for that long.
const AFTER_FAILURE_MILLIS: i64 = 10_000;
/// Where a container finds relative addresses.
const CONTAINER: &str = "http://169.254.170.2";
/// The instance's metadata.
const INSTANCE: &str = "http://169.254.169.254";

/// The variables that credentials are looked for in.
#[derive(Clone, Debug, Default)]
pub struct Environment(HashMap<String, Zeroizing<String>>);

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with("AWS_") || matches!(name.as_str(), "HOME" | "USERPROFILE"))
            .collect()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|value| value.as_str())
            .filter(|value| !value.is_empty())
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
        )
    }
}

/// What was found last.
#[derive(Default)]
struct Kept {
    credentials: Option<Credentials>,
    failed: Option<(Timestamp, String)>,
}

/// A source of credentials.
pub struct Chain {
    places: Option<Places>,
    kept: Mutex<Kept>,
}

struct Places {
    environment: Environment,
    profile: Option<String>,
    region: String,
    /// Reaches the endpoints of containers and instances, which no target may, and AWS itself.
    outside: Outside,
}

impl Chain {
    /// Always these.
    pub fn own(credentials: Credentials) -> Self {
        Self {
            places: None,
            kept: Mutex::new(Kept {
                credentials: Some(credentials),
                failed: None,
            }),
        }
    }

    /// The usual places; of the shared files only the profile where one is named. `region` is where STS is asked.
    pub fn usual(environment: Environment, profile: Option<String>, region: String) -> Self {
        let link_local = [[169, 254, 169, 254], [169, 254, 170, 2], [169, 254, 170, 23]];
        let mut network = Network::development();
        network
            .allowed
            .extend(link_local.map(|address| IpNet::from(std::net::IpAddr::from(address))));
        network.allowed.push(IpNet::from(std::net::IpAddr::from([
            0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23,
        ])));
        Self {
            places: Some(Places {
                environment,
                profile,
                region,
                outside: Outside::new(network, Vec::new()),
            }),
            kept: Mutex::default(),
        }
    }

    /// Credentials that are good at `now`.
    ///
    /// # Errors
    /// Where they were looked for, and what was wrong there.
    pub async fn credentials(&self, now: Timestamp) -> Result<Credentials, String> {
        let mut kept = self.kept.lock().await;
        if let Some(credentials) = &kept.credentials
            && credentials
                .expires_at
                .is_none_or(|expires| expires.as_millis() - EARLY_MILLIS > now.as_millis())
        {
            return Ok(credentials.clone());
        }
        let Some(places) = &self.places else {
            return Err("the target's own access key has run out; give it another".into());
        };
        if let Some((at, error)) = &kept.failed
            && now.as_millis() - at.as_millis() < AFTER_FAILURE_MILLIS
        {
            return Err(error.clone());
        }
        match places.look().await {
            Ok(found) => {
                *kept = Kept {
                    credentials: Some(found.clone()),
                    failed: None,
                };
                Ok(found)
            }
            Err(error) => {
                kept.failed = Some((now, error.clone()));
                // The old ones may still be good for their last minutes.
                match &kept.credentials {
                    Some(old) if old.expires_at.is_some_and(|at| at > now) => Ok(old.clone()),
                    _ => Err(error),
                }
            }
        }
    }

    /// Looks in the places again at the next call, because what was found did not serve.
    pub async fn forget(&self) {
        if self.places.is_some() {
            *self.kept.lock().await = Kept::default();
        }
    }
}

impl Places {
    async fn look(&self) -> Result<Credentials, String> {
        if let Some(profile) = &self.profile {
            return self.of_profile(profile).await?.ok_or_else(|| {
                format!("the shared files of AWS have no credentials of the profile {profile}")
            });
        }
        if let (Some(id), Some(secret)) = (self.get("AWS_ACCESS_KEY_ID"), self.get("AWS_SECRET_ACCESS_KEY")) {
            return Ok(Credentials {
                session_token: self.get("AWS_SESSION_TOKEN").map(|token| token.to_owned().into()),
                ..Credentials::lasting(id.to_owned(), secret.to_owned().into())
            });
        }
        if let (Some(file), Some(role)) = (self.get("AWS_WEB_IDENTITY_TOKEN_FILE"), self.get("AWS_ROLE_ARN"))
        {
            return self
                .web_identity(file, role, self.get("AWS_ROLE_SESSION_NAME"))
                .await;
        }
        if let Some(found) = self
            .of_profile(self.get("AWS_PROFILE").unwrap_or("default"))
            .await?
        {
            return Ok(found);
        }
        if let Some(path) = self.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            return self.container(&format!("{CONTAINER}{path}")).await;
        }
        if let Some(url) = self.get("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            return self.container(url).await;
        }
        let disabled = self
            .get("AWS_EC2_METADATA_DISABLED")
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let instance = match disabled {
            true => "its metadata are disabled".to_owned(),
            false => match self.instance().await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            },
        };
        Err(format!(
            "no credentials of AWS: none in the environment (AWS_ACCESS_KEY_ID), none in the shared files, no container \
             endpoint, and none of an instance ({instance}). Give one of them to the server, or an access key to the target"
        ))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.environment.get(name)
    }

    async fn of_profile(&self, profile: &str) -> Result<Option<Credentials>, String> {
        let home = self.get("HOME").or(self.get("USERPROFILE")).map(PathBuf::from);
        let path = |variable: &str, name: &str| {
            let named = self.get(variable).map(PathBuf::from);
            named.or_else(|| home.as_ref().map(|home| home.join(".aws").join(name)))
        };
        let credentials = read_if_there(path("AWS_SHARED_CREDENTIALS_FILE", "credentials")).await?;
        let config = read_if_there(path("AWS_CONFIG_FILE", "config")).await?;
        match profile::source(profile, &credentials, &config)? {
            None => Ok(None),
            Some(Source::Given(given)) => Ok(Some(given)),
            Some(Source::Process(command)) => of_process(&command).await.map(Some),
            Some(Source::WebIdentity {
                token_file,
                role_arn,
                session_name,
            }) => self
                .web_identity(&token_file, &role_arn, session_name.as_deref())
                .await
                .map(Some),
        }
    }

    /// Exchanges a token for the credentials of a role. The call needs no signature: the token is the proof.
    async fn web_identity(
        &self,
        file: &str,
        role: &str,
        session: Option<&str>,
    ) -> Result<Credentials, String> {
        let token = read(Path::new(file)).await?;
        let endpoint = match self.get("AWS_ENDPOINT_URL_STS") {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None if self.region.starts_with("cn-") => format!("https://sts.{}.amazonaws.com.cn", self.region),
            None => format!("https://sts.{}.amazonaws.com", self.region),
        };
        let form = Zeroizing::new(format!(
            "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={}&RoleSessionName={}&WebIdentityToken={}",
            escaped(role),
            escaped(session.unwrap_or("cosell")),
            escaped(token.trim())
        ));
        let request = Request::post(format!("{endpoint}/"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(Full::new(Bytes::copy_from_slice(form.as_bytes())))
            .map_err(|error| error.to_string())?;
        let answer = self.ask(request, "STS").await?;
        Credentials::read_sts(&answer)
    }

    async fn container(&self, url: &str) -> Result<Credentials, String> {
        let uri: Uri = url
            .parse()
            .map_err(|error| format!("the container endpoint {url} is no URL: {error}"))?;
        let token = match self.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            Some(file) => Some(read(Path::new(file)).await?.trim().to_owned()),
            None => self.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned),
        };
        let mut request = Request::get(uri).header(ACCEPT, "application/json");
        if let Some(token) = token {
            let mut token = HeaderValue::from_str(&token)
                .map_err(|_| "the token of the container endpoint cannot stand in a header".to_owned())?;
            token.set_sensitive(true);
            request = request.header(AUTHORIZATION, token);
        }
        let request = request.body(Full::default()).map_err(|error| error.to_string())?;
        Credentials::read(
            &self.ask(request, "the container endpoint").await?,
            "the container endpoint",
        )
    }

    /// IMDSv2: a token, the role's name, its credentials.
    async fn instance(&self) -> Result<Credentials, String> {
        let base = self
            .get("AWS_EC2_METADATA_SERVICE_ENDPOINT")
            .unwrap_or(INSTANCE)
            .trim_end_matches('/');
        let place = "the instance's metadata";
        let request = Request::put(format!("{base}/latest/api/token"))
            .header("x-aws-ec2-metadata-token-ttl-seconds", "300")
            .body(Full::default())
            .map_err(|error| error.to_string())?;
        let token = self.ask(request, place).await?;
        let get = |path: &str| {
            Request::get(format!("{base}/latest/meta-data/iam/security-credentials/{path}"))
                .header("x-aws-ec2-metadata-token", &token[..])
                .body(Full::default())
                .map_err(|error| error.to_string())
        };
        let roles = self.ask(get("")?, place).await?;
        let roles = String::from_utf8_lossy(&roles).into_owned();
        let role = roles
            .lines()
            .next()
            .map(str::trim)
            .filter(|role| !role.is_empty());
        let role = role.ok_or("the instance has no role")?;
        Credentials::read(&self.ask(get(&escaped(role))?, place).await?, place)
    }

    async fn ask(&self, request: Request<Full<Bytes>>, place: &str) -> Result<Bytes, String> {
        let answer = tokio::time::timeout(PATIENCE, self.outside.send(request))
            .await
            .map_err(|_| format!("{place}: no answer within {} seconds", PATIENCE.as_secs()))?
            .map_err(|error| format!("{place}: {error}"))?;
        match answer.status.is_success() {
            true => Ok(answer.body),
            false => Err(format!(
                "{place} answered {}: {}",
                answer.status,
                complaint(&answer.body)
            )),
        }
    }
}

async fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    tokio::fs::read_to_string(path)
        .await
        .map(Zeroizing::new)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))
}

async fn read_if_there(path: Option<PathBuf>) -> Result<Zeroizing<String>, String> {
    match path {
        Some(path) if tokio::fs::try_exists(&path).await.unwrap_or(true) => read(&path).await,
        _ => Ok(Zeroizing::default()),
    }
}

/// What a command of the shared files prints.
async fn of_process(command: &str) -> Result<Credentials, String> {
    let place = "the credential_process";
    let (shell, flag) = if cfg!(windows) {
        ("cmd.exe", "/C")
    } else {
        ("sh", "-c")
    };
    let run = tokio::process::Command::new(shell)
        .args([flag, command])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let done = tokio::time::timeout(PROCESS_PATIENCE, run)
        .await
        .map_err(|_| format!("{place} took more than {} seconds", PROCESS_PATIENCE.as_secs()))?
        .map_err(|error| format!("{place} cannot be run: {error}"))?;
    let printed = Zeroizing::new(done.stdout);
    match done.status.success() {
        true => Credentials::read(&printed, place),
        false => Err(format!(
            "{place} failed ({}): {}",
            done.status,
            crate::sink::printable(&done.stderr, 300)
        )),
    }
}

/// Every byte that is not plainly itself, escaped.
fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
