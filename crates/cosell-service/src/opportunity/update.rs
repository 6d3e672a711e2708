//! UpdateOpportunity: the whole payload, under the lock of LastModifiedDate.

use std::borrow::Cow;

use bytes::Bytes;
use cosell_domain::opportunity::{Opportunity, no_support_needed, update};
use cosell_domain::{Catalog, echo};
use cosell_model::types::{UpdateOpportunityRequest, UpdateOpportunityResponse};
use cosell_model::{ApiError, Operation, Timestamp};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::record::{self, Name};
use crate::answer::encode;
use crate::audit::Deed;
use crate::service::{Caller, Service, catalog};

pub(crate) async fn run(service: &Service, caller: &Caller, body: &[u8]) -> Result<Bytes, ApiError> {
    let deed = Deed::of(caller, Operation::UpdateOpportunity);
    let body = restore_echoes(service, caller, body).await;
    let input: UpdateOpportunityRequest = service.input(&body)?;
    let catalog = catalog(&input.catalog)?;
    let id = input.identifier.clone();
    // Only a lost race needs the input a second time; then it is read anew rather than copied in advance.
    let mut input = Some(input);
    record::change(service, &deed, Name::of(caller, catalog, &id), |stored, now| {
        let input = match input.take() {
            Some(input) => input,
            None => service.input(&body)?,
        };
        let next = decide(service, catalog, stored, input, &body, now)?;
        let answer = encode(&UpdateOpportunityResponse {
            id: next.document.id.clone(),
            last_modified_date: next.document.last_modified_date,
        })?;
        Ok((Some(next), answer))
    })
    .await
}

/// The opportunity as an update would leave it.
fn decide(
    service: &Service,
    catalog: Catalog,
    stored: &Opportunity,
    input: UpdateOpportunityRequest,
    body: &[u8],
    now: Timestamp,
) -> Result<Opportunity, ApiError> {
    let context = update::Context {
        catalog,
        now,
        clears_contract_duration: has_contract_duration(stored) && clears_contract_duration(&input, body),
        orphan_quirk: service.settings.orphan_quirk,
        estimates: &service.settings.estimates,
    };
    update::update(stored, input, context).map_err(|refusal| match refusal {
        update::Refusal::Stale => {
            ApiError::conflict("Conflicting error, last modified date is not the latest")
        }
        update::Refusal::Violations(violations) => ApiError::business_validation(violations),
    })
}

/// Whether an update would be taken: nothing where it would, else the answer it would get. Changes nothing.
pub(crate) async fn preview(service: &Service, caller: &Caller, body: &[u8]) -> Result<(), ApiError> {
    let body = restore_echoes(service, caller, body).await;
    let input: UpdateOpportunityRequest = service.input(&body)?;
    let catalog = catalog(&input.catalog)?;
    let stored = record::load(service, Name::of(caller, catalog, &input.identifier)).await?;
    decide(service, catalog, &stored, input, &body, service.now()).map(|_| ())
}

/// Takes back what clients echo from answers though the contract refuses it in requests: HTML entities in the answers of
/// AWS, and the read-only primary need. Runs before the shape check, which would refuse both; only bodies that hold such
/// a thing pay for it.
async fn restore_echoes<'a>(service: &Service, caller: &Caller, body: &'a [u8]) -> Cow<'a, [u8]> {
    if !echo::may_hold_entities(body)
        && memchr::memmem::find(body, no_support_needed().as_str().as_bytes()).is_none()
    {
        return Cow::Borrowed(body);
    }
    let Ok(mut sent) = serde_json::from_slice::<Value>(body) else {
        return Cow::Borrowed(body);
    };
    let text = |member: &str| {
        sent.get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (Ok(catalog), id) = (catalog(&text("Catalog")), text("Identifier")) else {
        return Cow::Borrowed(body);
    };
    if id.is_empty() {
        return Cow::Borrowed(body);
    }
    // What is wrong with the request is said where it is checked; here a failed read just leaves the body as it is.
    let Ok(found) = record::read(service, Name::of(caller, catalog, &id)).await else {
        return Cow::Borrowed(body);
    };
    let Ok(kept) = serde_json::from_slice::<Value>(&found.document) else {
        return Cow::Borrowed(body);
    };
    echo::restore(&mut sent, &kept);
    echo::drop_read_only_needs(&mut sent, &kept);
    serde_json::to_vec(&sent).map_or(Cow::Borrowed(body), Cow::Owned)
}

/// Whether there is a duration to clear. Most deals have none, and are spared a second look at the body.
fn has_contract_duration(stored: &Opportunity) -> bool {
    let project = stored.document.project.as_ref();
    project.is_some_and(|project| project.expected_contract_duration.is_some())
}

/// True when the body says `"ExpectedContractDuration": null`, which the decoded input cannot tell from its absence.
fn clears_contract_duration(input: &UpdateOpportunityRequest, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "Project", default)]
        project: Option<Project>,
    }
    #[derive(Deserialize)]
    struct Project {
        #[serde(rename = "ExpectedContractDuration", default, deserialize_with = "present")]
        duration: Option<Option<IgnoredAny>>,
    }
    fn present<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<IgnoredAny>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }
    if input
        .project
        .as_ref()
        .is_none_or(|project| project.expected_contract_duration.is_some())
    {
        return false;
    }
    let sent = serde_json::from_slice::<Body>(body)
        .ok()
        .and_then(|body| body.project);
    matches!(sent, Some(Project { duration: Some(None) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_null_is_told_from_an_absent_member() {
        let clears = |project: &str| {
            let body = format!(
                r#"{{"Catalog":"Sandbox","Identifier":"O1","LastModifiedDate":"2026-11-21T00:00:00Z"{project}}}"#
            );
            let input = cosell_model::decode::<UpdateOpportunityRequest>(body.as_bytes())
                .unwrap()
                .input;
            clears_contract_duration(&input, body.as_bytes())
        };
        assert!(clears(r#","Project":{"ExpectedContractDuration":null}"#));
        assert!(!clears(r#","Project":{"Title":"t"}"#));
        assert!(!clears(r#","Project":null"#));
        assert!(!clears(""));
        assert!(!clears(
            r#","Project":{"ExpectedContractDuration":{"Term":"Months","Value":"12"}}"#
        ));
    }
}
