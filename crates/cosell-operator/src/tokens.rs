//! Operator tokens: made, listed, revoked, verified. Only a hash of the secret is kept; it is shown once.
//!
//! A token is `cosell_op_<id>_<secret>`: the id finds the record, the secret proves it. Which token may do what is the
//! endpoints' table's business.

use cosell_model::Timestamp;
use cosell_service::audit::Author;
use cosell_service::identity::{AdminError, Listed, Part};
use cosell_store::{ApplyError, Changes, Conflict, Key, Kind, MAX_PAGE, Query, Record, Sort, Store, Write};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::{Scope, Time};

/// Most characters of a token's name.
pub const MAX_NAME: usize = 80;

/// What every token begins with, so that it is known where it turns up.
pub const PREFIX: &str = "cosell_op_";
const ID_BYTES: usize = 8;
const SECRET_BYTES: usize = 32;
/// The last use is noted no more often than this.
const COARSE_MILLIS: i64 = 10 * 60 * 1000;
/// A write that others overtake is repeated so often.
const TRIES: usize = 8;

/// What is shown of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Its id, the part of the token that is no secret.
    pub id: String,
    /// What it is for, in the words of who made it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub created_date: Time,
    /// From when on it is refused; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_date: Option<Time>,
    /// When it was last used, to about ten minutes; absent where it never was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_date: Option<Time>,
    /// When it was revoked, for good; absent where it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_date: Option<Time>,
}

impl Token {
    /// How the audit log names whoever uses it: with its id, since two tokens may have one name, and since the server's own
    /// actors have a name alone.
    pub fn known_as(&self) -> String {
        format!("{} ({})", self.name, self.id)
    }
}

/// What a token should be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewToken {
    /// What it is for: 1 to 80 characters.
    #[schemars(length(min = 1, max = 80))]
    pub name: String,
    /// What it may do. Each scope includes those before it: read, review, admin.
    pub scope: Scope,
    /// From when on it is refused; never where left out. By the server's clock.
    pub expires_date: Option<Time>,
}

/// A new token with the only sight of its secret.
pub struct Created {
    /// What stays visible.
    pub token: Token,
    /// The whole token, as it is sent.
    pub secret: Zeroizing<String>,
}

/// A token as it is sent, taken apart.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    /// Its id.
    pub id: &'a str,
    secret: &'a str,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is none with this id and secret.
    Unknown,
    /// It was revoked.
    Revoked,
    /// Its time is over.
    Expired,
}

impl<'a> Presented<'a> {
    /// Takes a token apart; `None` where it cannot be one.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        let hex = |text: &str, bytes: usize| {
            text.len() == 2 * bytes && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        (hex(id, ID_BYTES) && hex(secret, SECRET_BYTES)).then_some(Self { id, secret })
    }

    fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_bytes()).into()
    }
}

/// Where a token is kept.
fn key(id: &str) -> Key {
    Key::global(Kind::OperatorToken, id)
}

fn record(token: &Token, hash: &str, version: u64) -> Result<Record, AdminError> {
    let document = bytes::Bytes::from(serde_json::to_vec(token)?);
    Ok(Record {
        key: key(&token.id),
        version,
        document: document.clone(),
        summary: document,
        private: serde_json::to_vec(hash)?.into(),
        columns: Vec::new(),
    })
}

/// Makes a token and shows its secret, this once.
pub async fn create(
    store: &dyn Store,
    by: &Author,
    new: NewToken,
    now: Timestamp,
) -> Result<Created, AdminError> {
    let length = new.name.chars().count();
    if new.name.trim().is_empty() || length > MAX_NAME || new.name.contains(char::is_control) {
        let message =
            "The name of a token takes 1 to 80 characters: say what it is for, such as \"nightly build\"";
        return Err(AdminError::Refused(message.to_owned()));
    }
    if new.expires_date.is_some_and(|expires| expires.0 <= now) {
        let message = format!("The token would be expired from the start: it is {now} by the server's clock");
        return Err(AdminError::Refused(message));
    }
    let id = random::<ID_BYTES>()?;
    let secret = random::<SECRET_BYTES>()?;
    let presented = Presented {
        id: &id,
        secret: &secret,
    };
    let token = Token {
        id: id.to_string(),
        name: new.name,
        scope: new.scope,
        created_date: now.into(),
        expires_date: new.expires_date,
        last_used_date: None,
        revoked_date: None,
    };
    let hash = hex(&presented.hash());
    let changes = written(Write::Insert(record(&token, &hash, 1)?));
    store.apply(by.noting("CreateToken", changes, now)?).await?;
    Ok(Created {
        secret: Zeroizing::new(format!("{PREFIX}{}_{}", *id, *secret)),
        token,
    })
}

/// A part of the tokens, by id; revoked and expired ones too.
pub async fn part(store: &dyn Store, part: Part) -> Result<Listed<Token>, AdminError> {
    let query = Query {
        kind: Kind::OperatorToken,
        account: String::new(),
        catalog: String::new(),
        filters: Vec::new(),
        sort: Sort {
            by: "id",
            descending: false,
        },
        after: part.after,
        limit: part.limit,
    };
    let page = store.query(&query).await?;
    let items = page
        .items
        .iter()
        .map(|item| serde_json::from_slice(&item.summary));
    Ok(Listed {
        items: items.collect::<Result<_, _>>()?,
        next: page.next,
    })
}

/// Every token, by id.
pub async fn list(store: &dyn Store) -> Result<Vec<Token>, AdminError> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let mut listed = part(
            store,
            Part {
                after,
                limit: MAX_PAGE,
            },
        )
        .await?;
        found.append(&mut listed.items);
        match listed.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// Revokes a token for good, at once. Revoking twice changes nothing.
pub async fn revoke(store: &dyn Store, by: &Author, id: &str, now: Timestamp) -> Result<Token, AdminError> {
    for _ in 0..TRIES {
        let Some((mut token, hash, version)) = load(store, id).await? else {
            let message = format!("There is no token {id}: see `cosell operator token list`");
            return Err(AdminError::Missing(message));
        };
        if token.revoked_date.is_some() {
            return Ok(token);
        }
        token.revoked_date = Some(now.into());
        let record = record(&token, &hash, version + 1)?;
        let changes = written(Write::Replace {
            record,
            expected: version,
        });
        match store.apply(by.noting("RevokeToken", changes, now)?).await {
            Ok(()) => return Ok(token),
            // Its last use was noted meanwhile.
            Err(ApplyError::Conflict(Conflict::Version { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(AdminError::Store(format!("token {id} is changed all the time")))
}

/// The token that was presented, if it is one that may be used now. Its use is noted, coarsely.
pub async fn verify(
    store: &dyn Store,
    presented: Presented<'_>,
    now: Timestamp,
) -> Result<Result<Token, Refusal>, AdminError> {
    // The same work for an unknown id as for a wrong secret.
    let given = hex(&presented.hash());
    let found = load(store, presented.id).await?;
    let kept = found
        .as_ref()
        .map_or_else(|| "0".repeat(64), |(_, hash, _)| hash.clone());
    let right: bool = given.as_bytes().ct_eq(kept.as_bytes()).into();
    let Some((mut token, hash, version)) = found.filter(|_| right) else {
        return Ok(Err(Refusal::Unknown));
    };
    if token.revoked_date.is_some() {
        return Ok(Err(Refusal::Revoked));
    }
    if token.expires_date.is_some_and(|expires| expires.0 <= now) {
        return Ok(Err(Refusal::Expired));
    }
    let noted = token
        .last_used_date
        .map(|used| now.as_millis() - used.0.as_millis());
    // Also noted where the clock was set back.
    if noted.is_none_or(|ago| !(0..COARSE_MILLIS).contains(&ago)) {
        token.last_used_date = Some(now.into());
        let record = record(&token, &hash, version + 1)?;
        // Who fails here has lost to another use or to a revocation, or the store takes no writes: a note is not worth
        // a refusal.
        let changes = written(Write::Replace {
            record,
            expected: version,
        });
        let _ = store.apply(changes).await;
    }
    Ok(Ok(token))
}

/// Whether the token of that id, which was good once, may still be used.
pub async fn counts(store: &dyn Store, id: &str, now: Timestamp) -> Result<bool, AdminError> {
    let found = load(store, id).await?;
    Ok(found.is_some_and(|(token, ..)| {
        token.revoked_date.is_none() && token.expires_date.is_none_or(|expires| expires.0 > now)
    }))
}

async fn load(store: &dyn Store, id: &str) -> Result<Option<(Token, String, u64)>, AdminError> {
    if id.is_empty() || id.len() > 2 * ID_BYTES {
        return Ok(None);
    }
    let Some(found) = store.get(&key(id)).await? else {
        return Ok(None);
    };
    let token = serde_json::from_slice(&found.document)?;
    let hash = serde_json::from_slice(&found.private)?;
    Ok(Some((token, hash, found.version)))
}

fn written(write: Write) -> Changes {
    Changes {
        writes: vec![write],
        ..Changes::default()
    }
}

fn random<const N: usize>() -> Result<Zeroizing<String>, AdminError> {
    let mut bytes = Zeroizing::new([0_u8; N]);
    getrandom::fill(&mut bytes[..]).map_err(|error| AdminError::Store(format!("no randomness: {error}")))?;
    Ok(Zeroizing::new(hex(&bytes[..])))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
