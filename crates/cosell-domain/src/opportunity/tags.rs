//! Tags of an opportunity. They are kept beside the document and change neither it nor its LastModifiedDate: the lock
//! guards what GetOpportunity shows, and tags are not shown there.

use std::collections::{BTreeMap, BTreeSet};

use cosell_model::Violation;
use cosell_model::enums::ValidationExceptionErrorCode as Code;
use cosell_model::types::Tag;

use super::Opportunity;
use crate::Violations;

/// How many tags a resource can carry: as many as one call may bring.
pub const MAX_TAGS: usize = 200;

/// Reads the tags of a request: no key twice, none of AWS's own.
pub fn collect(tags: Vec<Tag>, found: &mut Violations) -> BTreeMap<String, String> {
    let mut seen = BTreeSet::new();
    for tag in &tags {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            found.invalid("tags.key", "Tag keys that start with aws: are reserved for AWS");
        }
        if !seen.insert(&tag.key) {
            found.add(
                "tags.key",
                Code::DuplicateKeyValue,
                format!("The tag key {} stands twice in the request", tag.key),
            );
        }
    }
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

/// TagResource: adds tags and replaces the values of those that exist. `None` where nothing changes.
pub fn tag(stored: &Opportunity, tags: Vec<Tag>) -> Result<Option<Opportunity>, Vec<Violation>> {
    let mut found = Violations::new();
    let new = collect(tags, &mut found);
    let mut next = stored.clone();
    next.private.tags.extend(new);
    if next.private.tags.len() > MAX_TAGS {
        found.add(
            "tags",
            Code::TooManyValues,
            format!("A resource can have at most {MAX_TAGS} tags"),
        );
    }
    let changed = next.private.tags != stored.private.tags;
    found.into_result(changed.then_some(next))
}

/// UntagResource: removes the named keys; keys that are not there are passed over. `None` where nothing changes.
pub fn untag(stored: &Opportunity, keys: &[String]) -> Option<Opportunity> {
    if !keys.iter().any(|key| stored.private.tags.contains_key(key)) {
        return None;
    }
    let mut next = stored.clone();
    next.private.tags.retain(|key, _| !keys.contains(key));
    Some(next)
}

/// ListTagsForResource: the tags in key order.
pub fn list(stored: &Opportunity) -> Vec<Tag> {
    stored
        .private
        .tags
        .iter()
        .map(|(key, value)| Tag {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}
