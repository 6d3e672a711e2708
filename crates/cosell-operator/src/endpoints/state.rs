//! The whole state of the server: saved, loaded, reset, filled with examples.
//!
//! All of it can take long and computes between its waits, so it is done on threads of its own.

use std::io;
use std::sync::Arc;

use cosell_domain::Catalog;
use cosell_model::ApiError;
use cosell_service::Service;
use cosell_service::operator::state::{Grown, LARGEST, Large, LoadError, Starter};
use cosell_store::{ProgressFn, TransferError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Method, file, shape};
use crate::problem::Kind;
use crate::{Call, Problem, Reply, Scope, Stream, Time};

pub(super) static ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        method: Method::Get,
        path: "/state",
        id: "saveState",
        scope: Scope::Admin,
        summary: "Save the whole state",
        description: "Answers a file, one JSON object a line, of everything there is at one moment: partners, their access \
                      keys, deals, jobs, history, audit log; but no operator tokens. The secrets in it stay sealed under \
                      the key file of the data folder. What ends without its last line is cut off, and no server takes it.",
        parameters: &[],
        request: None,
        answer: Some(file),
        status: 200,
        run: |call| Box::pin(save(call)),
    },
    Endpoint {
        method: Method::Put,
        path: "/state",
        id: "loadState",
        scope: Scope::Admin,
        summary: "Replace everything by a saved state",
        description: "The file is looked through wholly before anything is replaced, and then everything is replaced at \
                      once or nothing is. The operator tokens of this server stay. Access keys that the key file of this \
                      data folder does not open are left out, and named in the answer; where this server has one of the \
                      same id, its own stays. Targets of events whose secrets it does not open are switched off and named.",
        parameters: &[],
        request: Some(file),
        answer: Some(shape::<Loaded>),
        status: 200,
        run: |call| Box::pin(load(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/state/reset",
        id: "resetState",
        scope: Scope::Admin,
        summary: "Erase deals and what belongs to them",
        description: "Of one account and one catalog, or of all where one is left out. Accounts, users, keys, solutions, \
                      tokens, settings and the audit log stay, and no identifier is given twice.",
        parameters: &[],
        request: Some(shape::<Reset>),
        answer: Some(shape::<Erased>),
        status: 200,
        run: |call| Box::pin(reset(call)),
    },
    Endpoint {
        method: Method::Post,
        path: "/state/seed",
        id: "seedState",
        scope: Scope::Admin,
        summary: "Fill the server with examples",
        description: "The pack starter is a believable pipeline of 40 opportunities of two partners, over all stages and \
                      review statuses, with engagements and invitations. The pack large makes as many opportunities as wanted \
                      in one account and catalog. A document is a story of one's own. If it fails midway, what came before \
                      stays.",
        parameters: &[],
        request: Some(shape::<Seed>),
        answer: Some(shape::<Seeded>),
        status: 201,
        run: |call| Box::pin(seed(call)),
    },
];

/// What a load brought about.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "LoadedState")]
struct Loaded {
    /// When the state was saved, by the clock of the server that saved it.
    saved_date: Time,
    /// Everything the file holds.
    items: u64,
    /// Records by their kind.
    records: std::collections::BTreeMap<&'static str, u64>,
    /// The access keys that this data folder's key file does not open: they were left out.
    keys_left_out: Vec<String>,
    /// The access keys that it does not open either, for which this server's own of the same id stay.
    keys_kept: Vec<String>,
    /// The targets of events whose secrets it does not open: they were taken in switched off and without their secrets.
    targets_without_secrets: Vec<String>,
}

/// What is to be erased.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "ResetOfState")]
struct Reset {
    /// Of this account; of all where left out.
    #[schemars(regex(pattern = r"^[0-9]{12}$"))]
    account: Option<String>,
    /// In this catalog; in both where left out.
    catalog: Option<CatalogName>,
}

/// A catalog.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[schemars(rename = "Catalog")]
enum CatalogName {
    /// The real one.
    #[serde(rename = "AWS")]
    Aws,
    /// The one for tests.
    Sandbox,
}

impl From<CatalogName> for Catalog {
    fn from(name: CatalogName) -> Self {
        match name {
            CatalogName::Aws => Self::Aws,
            CatalogName::Sandbox => Self::Sandbox,
        }
    }
}

/// What was erased.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ErasedState")]
struct Erased {
    /// Records.
    records: u64,
    /// Former versions of records.
    history: u64,
    /// Events.
    events: u64,
    /// Answers kept for repeated requests.
    answers: u64,
    /// Jobs.
    jobs: u64,
}

/// What the server is to be filled with.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "SeedOfState")]
struct Seed {
    /// What is made.
    pack: Pack,
    /// The partners: one or two for a story, where the first two of the server stand in if left out; exactly one for large.
    #[serde(default)]
    #[schemars(length(max = 2))]
    accounts: Vec<String>,
    /// Where it is made; Sandbox where left out.
    catalog: Option<CatalogName>,
    /// How many opportunities; for large only.
    #[schemars(range(min = 1, max = LARGEST))]
    count: Option<u64>,
    /// What they are drawn from, 0 where left out; for large only.
    seed: Option<u64>,
    /// The story; for document only.
    document: Option<serde_json::Value>,
}

/// What there is to fill a server with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SeedPack")]
enum Pack {
    /// A believable pipeline of two partners over seven months.
    Starter,
    /// As many opportunities as wanted.
    Large,
    /// A story of one's own, in the form of the starter's.
    Document,
}

/// What the server was filled with.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SeededState")]
struct Seeded {
    /// Opportunities.
    opportunities: u64,
    /// Invitations; of a story.
    #[serde(skip_serializing_if = "Option::is_none")]
    invitations: Option<u64>,
    /// Records written for them; of large.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    /// The identifier of the first one.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_id: Option<String>,
    /// The identifier of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_id: Option<String>,
}

impl From<Grown> for Seeded {
    fn from(grown: Grown) -> Self {
        Self {
            opportunities: grown.opportunities,
            invitations: None,
            records: Some(grown.records),
            first_id: Some(grown.first_id),
            last_id: Some(grown.last_id),
        }
    }
}

fn silent() -> ProgressFn {
    Arc::new(|_| {})
}

/// Runs work of the service on a thread of its own.
async fn apart<T, E>(
    call: &Call<'_>,
    work: impl AsyncFnOnce(&Service) -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    let service = call.operator.shared_service();
    let done = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Problem::internal(error.to_string()))?;
        runtime.block_on(work(&service)).map_err(Into::into)
    });
    done.await
        .map_err(|error| Problem::internal(format!("a thread broke down: {error}")))?
}

async fn save(call: &Call<'_>) -> Result<Reply, Problem> {
    let service = call.operator.shared_service();
    let stream = Stream::of(call.operator.patience(), move |out| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let saved = runtime.block_on(service.save_state(out, silent()));
        saved.map(|_| ()).map_err(|error| match error {
            TransferError::OtherEnd(error) => error,
            error => io::Error::other(error),
        })
    });
    let stream = stream.map_err(|error| Problem::internal(format!("no thread to save with: {error}")))?;
    Ok(Reply::stream(stream))
}

async fn load(call: &Call<'_>) -> Result<Reply, Problem> {
    let mut file = call.spooled()?;
    let (by, sealer) = (call.by(), call.operator.sealer().clone());
    let lull = call.operator.lull();
    let loaded = apart(call, async move |service| {
        lull.during(service.load_state(&by, &sealer, &mut file, silent()))
            .await
    })
    .await?;
    if let Some(clock) = &call.operator.parts.movable_clock {
        // The state has a clock of its own.
        call.operator.service().restore_clock(clock).await?;
    }
    Reply::json(&Loaded {
        saved_date: loaded.saved_date.into(),
        items: loaded.items,
        records: loaded.records,
        keys_left_out: loaded.keys_left_out,
        keys_kept: loaded.keys_kept,
        targets_without_secrets: loaded.targets_without_secrets,
    })
}

impl From<LoadError> for Problem {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Refused(detail) => Self::new(Kind::Malformed, detail),
            LoadError::Unavailable(detail) => Self::new(Kind::Unavailable, detail),
            LoadError::Failed(detail) => Self::internal(detail),
        }
    }
}

async fn reset(call: &Call<'_>) -> Result<Reply, Problem> {
    let wanted: Reset = call.body()?;
    let (by, lull) = (call.by(), call.operator.lull());
    let erased = apart(call, async move |service| {
        let (account, catalog) = (wanted.account.as_deref(), wanted.catalog.map(Catalog::from));
        lull.during(service.reset_state(&by, account, catalog)).await
    })
    .await?;
    Reply::json(&Erased {
        records: erased.records,
        history: erased.history,
        events: erased.events,
        answers: erased.answers,
        jobs: erased.jobs,
    })
}

async fn seed(call: &Call<'_>) -> Result<Reply, Problem> {
    let by = call.by();
    let wanted: Seed = call.body()?;
    let large = wanted.pack == Pack::Large;
    let story = wanted.pack == Pack::Document;
    for (member, given, takes) in [
        ("/count", wanted.count.is_some(), large),
        ("/seed", wanted.seed.is_some(), large),
        ("/document", wanted.document.is_some(), story),
    ] {
        if given && !takes {
            return Err(Problem::member(
                member,
                "does not belong to this pack: leave it out",
            ));
        }
    }
    if wanted.accounts.len() > 2 {
        return Err(Problem::member("/accounts", "must be one or two"));
    }
    let catalog = wanted.catalog.map_or(Catalog::Sandbox, Catalog::from);
    if !large {
        if story && wanted.document.is_none() {
            return Err(Problem::member("/document", "is missing"));
        }
        let wanted = Starter {
            accounts: wanted.accounts,
            catalog,
            document: wanted.document,
        };
        let told = apart(call, async move |service| {
            service.seed_story(&by, &wanted).await.map_err(wrong)
        })
        .await?;
        return Reply::json(&Seeded {
            opportunities: told.opportunities,
            invitations: Some(told.invitations),
            records: None,
            first_id: None,
            last_id: None,
        });
    }
    let count = wanted.count.unwrap_or(0);
    if !(1..=LARGEST).contains(&count) {
        return Err(Problem::member("/count", format!("must be 1 to {LARGEST}")));
    }
    let [account] = <[String; 1]>::try_from(wanted.accounts)
        .map_err(|_| Problem::member("/accounts", "must name exactly one account for this pack"))?;
    let wanted = Large {
        account,
        catalog,
        count,
        seed: wanted.seed.unwrap_or(0),
    };
    let grown = apart(call, async move |service| {
        service.seed_large(&by, &wanted, silent()).await.map_err(wrong)
    })
    .await?;
    Reply::json(&Seeded::from(grown))
}

/// Just so that `?` finds a way from one error to the other across threads.
fn wrong(error: ApiError) -> Problem {
    error.into()
}
