//! The rules that operators register: which events go to which targets.

use cosell_events::{Rule, target_name};
use cosell_model::Timestamp;
use cosell_store::{Key, Kind, Store, Stored, Write};

use super::{TRIES, overtaken, split_name, targets};
use crate::audit::Author;
use crate::identity::{AdminError, Listed, Part, accounts};

/// Most rules of a server: each event is held against all of them for each target.
pub const MOST_RULES: usize = 1000;

/// The key of the rule of that name.
pub fn key(name: &str) -> Key {
    let (account, name) = split_name(name);
    Key::global(Kind::EventRule, target_name(account, name))
}

fn read(key: &Key, stored: &Stored) -> Result<Rule, AdminError> {
    Rule::read(&stored.document)
        .map_err(|flaw| AdminError::Store(format!("rule {} cannot be read back: {flaw}", key.id)))
}

/// Names the targets of a rule in full: one without an owner is that of the rule's account where there is one, else the
/// operator's. Refuses one that is not there.
async fn resolve(store: &dyn Store, rule: &mut Rule) -> Result<(), AdminError> {
    for name in &mut rule.targets {
        let candidates = match name.contains('/') {
            true => vec![name.clone()],
            false => vec![target_name(&rule.account, name), target_name("", name)],
        };
        let keys: Vec<Key> = candidates.iter().map(|name| targets::key(name)).collect();
        let found = store.get_many(&keys).await?;
        let there = candidates
            .into_iter()
            .zip(found)
            .find_map(|(name, found)| found.map(|_| name));
        *name = there.ok_or_else(|| AdminError::Flawed {
            field: "targets".to_owned(),
            what: format!("there is no target {name}: make it first, or look at the list of targets"),
        })?;
    }
    rule.targets.sort();
    rule.targets.dedup();
    Ok(())
}

/// Registers a rule, which takes what happens from now on.
pub async fn create(
    store: &dyn Store,
    by: &Author,
    mut rule: Rule,
    now: Timestamp,
) -> Result<Rule, AdminError> {
    if !rule.account.is_empty() {
        accounts::expect(store, &rule.account).await?;
    }
    if rule.targets.len() <= cosell_events::MAX_TARGETS {
        resolve(store, &mut rule).await?;
    }
    rule.check()?;
    super::expect_room(store, Kind::EventRule, MOST_RULES, "rules").await?;
    rule.since = store.last_event().await?;
    let taken = || {
        format!(
            "There is a rule {} already: change it, or take another name",
            rule.key().id
        )
    };
    let writes = vec![Write::Insert(rule.record(1))];
    crate::identity::register(store, (by, "CreateEventRule", now), writes, taken).await?;
    Ok(rule)
}

async fn load(store: &dyn Store, name: &str) -> Result<(Rule, u64), AdminError> {
    let key = key(name);
    let missing = || AdminError::Missing(format!("There is no rule {}: look at the list of rules", key.id));
    let found = store.get(&key).await?.ok_or_else(missing)?;
    Ok((read(&key, &found)?, found.version))
}

/// The rule of that name.
pub async fn expect(store: &dyn Store, name: &str) -> Result<Rule, AdminError> {
    Ok(load(store, name).await?.0)
}

/// A part of the rules, by name; of one account (empty for those about all accounts) where one is named.
pub async fn part(store: &dyn Store, owner: Option<&str>, part: Part) -> Result<Listed<Rule>, AdminError> {
    let listed = super::part(store, Kind::EventRule, owner, part).await?;
    let items = listed.items.iter().map(|(key, stored)| read(key, stored));
    Ok(Listed {
        items: items.collect::<Result<_, _>>()?,
        next: listed.next,
    })
}

/// All rules, by name.
pub(super) async fn all(store: &dyn Store) -> Result<Vec<Rule>, AdminError> {
    let found = super::all(store, Kind::EventRule).await?;
    found.iter().map(|(key, stored)| read(key, stored)).collect()
}

/// Changes a rule as `change` says, which may be called again where others were faster. Account and name stay. One that is
/// switched on again takes what happens from then on: what passed by while it was off stays passed.
pub async fn change(
    store: &dyn Store,
    by: &Author,
    name: &str,
    now: Timestamp,
    mut change: impl FnMut(&mut Rule),
) -> Result<Rule, AdminError> {
    for _ in 0..TRIES {
        let (before, version) = load(store, name).await?;
        let mut rule = before.clone();
        change(&mut rule);
        rule.account = before.account;
        rule.name = before.name;
        rule.since = match rule.enabled && !before.enabled {
            true => store.last_event().await?,
            false => before.since,
        };
        if rule.targets.len() <= cosell_events::MAX_TARGETS {
            resolve(store, &mut rule).await?;
        }
        rule.check()?;
        let replace = Write::Replace {
            record: rule.record(version + 1),
            expected: version,
        };
        if super::write(store, (by, "UpdateEventRule", now), replace).await? {
            return Ok(rule);
        }
    }
    Err(overtaken(name))
}

/// Takes a rule away; what it was.
pub async fn remove(store: &dyn Store, by: &Author, name: &str, now: Timestamp) -> Result<Rule, AdminError> {
    for _ in 0..TRIES {
        let (rule, expected) = load(store, name).await?;
        let delete = Write::Delete {
            key: rule.key(),
            expected,
        };
        if super::write(store, (by, "DeleteEventRule", now), delete).await? {
            return Ok(rule);
        }
    }
    Err(overtaken(name))
}
