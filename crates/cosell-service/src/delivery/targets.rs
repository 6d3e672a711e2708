//! The targets that operators register. Their secrets are sealed under the key file of the data folder.

use bytes::Bytes;
use cosell_events::{Secrets, SinkSettings, Target, new_signing_secret, target_name};
use cosell_model::Timestamp;
use cosell_store::{Key, Kind, Record, Store, Stored, Write};
use zeroize::Zeroizing;

use super::{TRIES, overtaken, rules, split_name};
use crate::audit::Author;
use crate::identity::{AdminError, Listed, Part, Sealer, accounts, keys};

/// Most targets of a server: each has a worker.
pub const MOST_TARGETS: usize = 200;

/// A target as it stands in the store, with its secrets.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its settings.
    pub target: Target,
    /// Its secrets; `None` where the key file does not open them.
    pub secrets: Option<Secrets>,
    version: u64,
}

/// The key of the target of that name.
pub fn key(name: &str) -> Key {
    let (account, id) = split_name(name);
    Key::global(Kind::EventTarget, target_name(account, id))
}

/// Under which name the secrets of a target are sealed: no other thing's secret opens there.
fn owner(name: &str) -> String {
    format!("event target {name}")
}

fn seal(sealer: &Sealer, target: &Target, secrets: &Secrets) -> Result<Bytes, AdminError> {
    match *secrets == Secrets::default() {
        true => Ok(Bytes::new()),
        false => keys::encode_private(&sealer.seal(&secrets.to_json(), &owner(&target.name()))?),
    }
}

fn unseal(sealer: &Sealer, name: &str, private: &[u8]) -> Option<Secrets> {
    if private.is_empty() {
        return Some(Secrets::default());
    }
    let opened = sealer.open(&keys::decode_private(private)?, &owner(name))?;
    Secrets::read(opened.as_bytes()).ok()
}

fn read(sealer: &Sealer, key: &Key, stored: &Stored) -> Result<Kept, AdminError> {
    let target = Target::read(&stored.document)
        .map_err(|flaw| AdminError::Store(format!("target {} cannot be read back: {flaw}", key.id)))?;
    Ok(Kept {
        target,
        secrets: unseal(sealer, &key.id, &stored.private),
        version: stored.version,
    })
}

/// Gives a webhook without a signing secret one; what it is, for the only sight of it.
fn provide(target: &Target, secrets: &mut Secrets) -> Result<Option<Zeroizing<String>>, AdminError> {
    if !matches!(target.sink, SinkSettings::Webhook(_)) || !secrets.signing.is_empty() {
        return Ok(None);
    }
    let secret = draw()?;
    secrets.signing.push(secret.clone());
    Ok(Some(secret))
}

fn draw() -> Result<Zeroizing<String>, AdminError> {
    new_signing_secret().map_err(|error| AdminError::Store(format!("no randomness: {error}")))
}

/// Registers a target, which is sent what happens from now on. A webhook without a signing secret gets one, which is
/// answered, this once.
pub async fn create(
    store: &dyn Store,
    by: &Author,
    sealer: &Sealer,
    (mut target, mut secrets): (Target, Secrets),
    now: Timestamp,
) -> Result<(Kept, Option<Zeroizing<String>>), AdminError> {
    if !target.account.is_empty() {
        accounts::expect(store, &target.account).await?;
    }
    let made = provide(&target, &mut secrets)?;
    target.check(&secrets)?;
    super::expect_room(store, Kind::EventTarget, MOST_TARGETS, "targets").await?;
    target.since = store.last_event().await?;
    let record = target.record(1, seal(sealer, &target, &secrets)?);
    let taken = || {
        format!(
            "There is a target {} already: change it, or take another id",
            target.name()
        )
    };
    let writes = vec![Write::Insert(record)];
    crate::identity::register(store, (by, "CreateEventTarget", now), writes, taken).await?;
    let kept = Kept {
        target,
        secrets: Some(secrets),
        version: 1,
    };
    Ok((kept, made))
}

/// The target of that name.
pub async fn expect(store: &dyn Store, sealer: &Sealer, name: &str) -> Result<Kept, AdminError> {
    let key = key(name);
    let missing = || {
        AdminError::Missing(format!(
            "There is no target {}: look at the list of targets",
            key.id
        ))
    };
    let found = store.get(&key).await?.ok_or_else(missing)?;
    read(sealer, &key, &found)
}

/// A part of the targets, by name; of one owner (empty for the operator) where one is named.
pub async fn part(
    store: &dyn Store,
    sealer: &Sealer,
    owner: Option<&str>,
    part: Part,
) -> Result<Listed<Kept>, AdminError> {
    let listed = super::part(store, Kind::EventTarget, owner, part).await?;
    let items = listed.items.iter().map(|(key, stored)| read(sealer, key, stored));
    Ok(Listed {
        items: items.collect::<Result<_, _>>()?,
        next: listed.next,
    })
}

/// All targets, by name.
pub(super) async fn all(store: &dyn Store, sealer: &Sealer) -> Result<Vec<Kept>, AdminError> {
    let found = super::all(store, Kind::EventTarget).await?;
    found
        .iter()
        .map(|(key, stored)| read(sealer, key, stored))
        .collect()
}

/// Changes a target as `change` says, which may be called again where others were faster. Owner, id and the place in the log
/// from which it is sent events stay. A webhook left without a signing secret gets one, which is answered, this once.
pub async fn change(
    store: &dyn Store,
    (by, action, now): (&Author, &'static str, Timestamp),
    sealer: &Sealer,
    name: &str,
    mut change: impl FnMut(&mut Target, &mut Secrets) -> Result<(), AdminError>,
) -> Result<(Kept, Option<Zeroizing<String>>), AdminError> {
    for _ in 0..TRIES {
        let Kept {
            target: before,
            secrets,
            version,
        } = expect(store, sealer, name).await?;
        // Secrets that nobody can read are as good as none.
        let (mut target, mut secrets) = (before.clone(), secrets.unwrap_or_default());
        change(&mut target, &mut secrets)?;
        target.account = before.account;
        target.id = before.id;
        target.since = before.since;
        let made = provide(&target, &mut secrets)?;
        target.check(&secrets)?;
        let record = target.record(version + 1, seal(sealer, &target, &secrets)?);
        let expected = version;
        if super::write(store, (by, action, now), Write::Replace { record, expected }).await? {
            let kept = Kept {
                target,
                secrets: Some(secrets),
                version: version + 1,
            };
            return Ok((kept, made));
        }
    }
    Err(overtaken(name))
}

/// Puts a new signing secret before a webhook's present one, which stays active beside it: its receiver can take both until
/// [`drop_old_secret`]. While two are active it is refused, since the receiver may know the older one alone. `own` is taken instead
/// of one that is drawn.
pub async fn rotate_secret(
    store: &dyn Store,
    by: &Author,
    sealer: &Sealer,
    (name, own): (&str, Option<Zeroizing<String>>),
    now: Timestamp,
) -> Result<(Kept, Zeroizing<String>), AdminError> {
    let fresh = own.map_or_else(draw, Ok)?;
    let rotate = |target: &mut Target, secrets: &mut Secrets| {
        expect_webhook(target)?;
        if secrets.signing.contains(&fresh) {
            let what = "this secret is active already: send another, or none to have one drawn";
            return Err(AdminError::Refused(what.to_owned()));
        }
        if secrets.signing.len() >= cosell_events::MAX_SIGNING {
            let what = "Two secrets are active already, and the receiver may know the older one alone: drop that one first";
            return Err(AdminError::Refused(what.to_owned()));
        }
        secrets.signing.insert(0, fresh.clone());
        Ok(())
    };
    let (kept, _) = change(store, (by, "RotateEventTargetSecret", now), sealer, name, rotate).await?;
    Ok((kept, fresh))
}

/// Takes the older one of two active signing secrets away.
pub async fn drop_old_secret(
    store: &dyn Store,
    by: &Author,
    sealer: &Sealer,
    name: &str,
    now: Timestamp,
) -> Result<Kept, AdminError> {
    let drop_old = |target: &mut Target, secrets: &mut Secrets| {
        expect_webhook(target)?;
        if secrets.signing.len() < 2 {
            let what = "It has one signing secret only: rotate it first, so that there is a new one";
            return Err(AdminError::Refused(what.to_owned()));
        }
        secrets.signing.truncate(1);
        Ok(())
    };
    let deed = (by, "DropOldEventTargetSecret", now);
    Ok(change(store, deed, sealer, name, drop_old).await?.0)
}

fn expect_webhook(target: &Target) -> Result<(), AdminError> {
    match target.sink {
        SinkSettings::Webhook(_) => Ok(()),
        _ => Err(AdminError::Refused(format!(
            "{} is of kind {}: only webhooks have signing secrets",
            target.name(),
            target.sink.kind()
        ))),
    }
}

/// Takes a target away. One that a rule names stays.
pub async fn remove(
    store: &dyn Store,
    by: &Author,
    sealer: &Sealer,
    name: &str,
    now: Timestamp,
) -> Result<Target, AdminError> {
    for _ in 0..TRIES {
        let kept = expect(store, sealer, name).await?;
        let full = kept.target.name();
        let naming: Vec<String> = rules::all(store)
            .await?
            .into_iter()
            .filter(|rule| rule.targets.contains(&full))
            .map(|rule| rule.key().id)
            .collect();
        if !naming.is_empty() {
            return Err(AdminError::Taken(format!(
                "Events are sent to {full} by the rules {}: remove or change them first",
                naming.join(", ")
            )));
        }
        let delete = Write::Delete {
            key: key(&full),
            expected: kept.version,
        };
        if super::write(store, (by, "DeleteEventTarget", now), delete).await? {
            return Ok(kept.target);
        }
    }
    Err(overtaken(name))
}

/// The record of a target as it can be used with this sealer: as it is, or, where its secrets are sealed under another key
/// file, switched off and without them. Whether that was so is the second part.
pub(crate) fn usable(record: Record, sealer: &Sealer) -> (Record, bool) {
    if unseal(sealer, &record.key.id, &record.private).is_some() {
        return (record, false);
    }
    match Target::read(&record.document) {
        Ok(mut target) => {
            target.enabled = false;
            (target.record(record.version, Bytes::new()), true)
        }
        // Whoever reads it will say so.
        Err(_) => (record, true),
    }
}
