//! Where accounts, users, keys and the like are kept for commands: a running server's operator API, else the same API in this
//! process over a data folder. Both answer the same, since both are the same code.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use cosell_operator::{BASE, Operator, Parts};
use cosell_service::identity::{Sealer, keys};
use cosell_service::{PageTokens, Service, Settings, Skew, SystemClock, Throttle};
use cosell_store::Store;
use http::header::CONTENT_TYPE;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;

use super::ask::{Answer, Ask, judge};
use super::failure::Failure;
use super::remote::{At, Remote, Target};
use super::run;
use crate::config::Config;
use crate::data_dir::{self, Role};
use crate::delivery;

/// How long the server of a data folder may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where a command does what it should.
pub enum Desk {
    /// At a running server.
    Server(Remote),
    /// In a data folder.
    Folder(Box<Local>),
}

impl Desk {
    /// The server that is named; else that of the data folder, where it answers; else the data folder itself.
    pub async fn open(target: &Target) -> anyhow::Result<Self> {
        if target.url().is_some() {
            return Ok(Self::Server(Remote::open(target)?));
        }
        let found = async {
            let server = Remote::open(target)?;
            server.get::<Value>(&At::new(["status"])).await?;
            Ok::<_, anyhow::Error>(server)
        };
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(Ok(server)) => return Ok(Self::Server(server)),
            // Who names a token wants to do what that one may, and not whatever the folder's owner may.
            Ok(Err(error)) if target.token().is_some() && is_about_the_token(&error) => return Err(error),
            // A file that is missing or not up to date, or a certificate for another name, is no hindrance for who has the
            // folder.
            Ok(Err(_)) | Err(_) => {}
        }
        let config = target.store.config(&target.data)?;
        let opened = data_dir::open(&target.data, config.store(), Role::Command).await?;
        let data_dir::Opened { store, sealer, .. } = opened;
        keys::expect_sealer(&*store, &sealer).await?;
        let local = Local::new(target, &config, store, sealer).await?;
        Ok(Self::Folder(Box::new(local)))
    }
}

fn is_about_the_token(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(Failure::Unauthorised(_) | Failure::NoToken(_))
    )
}

impl Ask for Desk {
    async fn exchange(&self, method: Method, at: &At, body: Option<Bytes>) -> anyhow::Result<Answer> {
        match self {
            Self::Server(remote) => remote.exchange(method, at, body).await,
            Self::Folder(local) => local.exchange(method, at, body).await,
        }
    }

    fn refused(&self, what: impl Display) -> Failure {
        match self {
            Self::Server(remote) => remote.refused(what),
            Self::Folder(local) => local.refused(what),
        }
    }
}

/// The operator API over a data folder, in this process.
pub struct Local {
    operator: Operator,
    /// The folder, for complaints.
    folder: String,
}

impl Local {
    /// As the folder's own configuration says.
    async fn new(
        target: &Target,
        config: &Config,
        store: Arc<dyn Store>,
        sealer: Sealer,
    ) -> anyhow::Result<Self> {
        let folder = target.data.display().to_string();
        let settings = run::settings(config)?;
        let sinks = delivery::sinks(config, target.data.join(delivery::FILES))?;
        // What is to be delivered again is due by the time that servers share.
        let skew = Skew::default();
        let service = service(settings.clone(), &store, &sealer).with_skew(skew.clone());
        if let Err(error) = service.measure_skew().await {
            eprintln!("the clock cannot be compared with the database's ({error}): this machine's counts");
        }
        // People's verbs only: the folder's server delivers.
        let deliverer = delivery::machine(
            &store,
            &sealer,
            sinks,
            Arc::new(SystemClock),
            delivery::holder(false)?,
            skew,
        )
        .await;
        let operator = Operator::new(Parts {
            region: settings.region.clone(),
            service: Arc::new(service),
            store,
            sealer,
            deliverer: Arc::new(deliverer),
            delivers: config.switch("events-delivery")?,
            clock: Arc::new(SystemClock),
            movable_clock: None,
            version: env!("CARGO_PKG_VERSION"),
            body_timeout: PATIENCE,
            spool: target.data.clone(),
        });
        Ok(Self { operator, folder })
    }
}

/// The operations over an opened data folder.
pub fn service(settings: Settings, store: &Arc<dyn Store>, sealer: &Sealer) -> Service {
    let tokens = PageTokens::new(sealer.derive("page tokens"));
    let (store, clock) = (Arc::clone(store), Arc::new(SystemClock));
    Service::new(store, clock, settings, tokens, Throttle::off())
}

impl Ask for Local {
    async fn exchange(&self, method: Method, at: &At, body: Option<Bytes>) -> anyhow::Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{}", at.path()));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let (head, ()) = request.body(()).context("this cannot be asked")?.into_parts();
        let answer = self
            .operator
            .answer_command(&head, body.unwrap_or_default())
            .await;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.context("the answer broke off")?.to_bytes();
        judge(&head, body, |what| self.refused(what))
    }

    fn refused(&self, what: impl Display) -> Failure {
        Failure::Unreachable(format!("the data folder {} {what}", self.folder))
    }
}
