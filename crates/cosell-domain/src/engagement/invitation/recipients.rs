//! To whom AWS itself offers deals and leads, one partner or several at once. Checks what concerns all of them; the deal
//! or the lead is looked at elsewhere.

use cosell_model::enums::ValidationExceptionErrorCode as Code;
use cosell_model::{Rejection, Shape, Timestamp, check_value};
use serde::Serialize;

use crate::engagement::{Profile, party};
use crate::opportunity::spend::Estimates;
use crate::{Catalog, Violations};

/// How many partners one offer goes to at most: all of it is decided and written at once.
pub const MAX_RECIPIENTS: usize = 20;

/// How many characters the message of an invitation has at most; the contract's bound.
const MESSAGE_LIMIT: usize = 255;

/// How many characters the name has that AWS gives an account; the contract's bound.
const ALIAS_LIMIT: usize = 80;

/// A partner to whom AWS offers something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The account as others see it. Only a registered account has a profile; a connection with AWS is not needed.
    pub profile: Profile,
    /// The name that AWS gives it, at most 80 characters.
    pub alias: Option<String>,
}

/// The identifiers of what an offer to one partner brings about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// For referrals, the hidden opportunity, `O…`; leads have none and leave it empty.
    pub opportunity: String,
    /// The engagement, `eng-…`.
    pub engagement: String,
    /// The invitation, `engi-…`.
    pub invitation: String,
}

/// What all the offers share.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The catalog.
    pub catalog: Catalog,
    /// The region ARNs name.
    pub region: &'a str,
    /// The time of the offers.
    pub now: Timestamp,
    /// The amounts of estimation URLs.
    pub estimates: &'a Estimates,
}

/// Reports what stands against the list of recipients: nobody, too many, one twice, AWS itself.
pub(super) fn check(to: &[(Recipient, Ids)], catalog: Catalog, found: &mut Violations) {
    const FIELD: &str = "receivers";
    if to.is_empty() {
        found.required(FIELD);
    }
    if to.len() > MAX_RECIPIENTS {
        found.add(
            FIELD,
            Code::TooManyValues,
            format!(
                "{FIELD} must have at most {MAX_RECIPIENTS} elements; it has {}",
                to.len()
            ),
        );
    }
    for (index, (recipient, _)) in to.iter().enumerate() {
        let account = &recipient.profile.account_id;
        let named = |earlier: &(Recipient, Ids)| earlier.0.profile.account_id == *account;
        if to[..index].iter().any(named) {
            found.add(
                FIELD,
                Code::DuplicateKeyValue,
                format!("{FIELD} names account {account} twice"),
            );
        }
        if party::canonical(catalog, account) == party::aws_account(catalog) {
            found.invalid(
                FIELD,
                "AWS cannot offer anything to itself: name partner accounts",
            );
        }
        let alias = recipient.alias.as_deref().unwrap_or_default();
        if alias.chars().count() > ALIAS_LIMIT {
            found.invalid(
                FIELD,
                format!("An alias must have at most {ALIAS_LIMIT} characters"),
            );
        }
    }
}

/// Reports a message that an invitation cannot carry.
pub(super) fn check_message(message: &str, found: &mut Violations) {
    let count = message.chars().count();
    if message.trim().is_empty() {
        found.required("message");
    } else if count > MESSAGE_LIMIT {
        found.invalid(
            "message",
            format!("message must have at most {MESSAGE_LIMIT} characters; it has {count}"),
        );
    }
}

/// Reports every bound of the contract that a value breaks which did not come in a request.
pub(super) fn check_form(shape: &'static Shape, value: &impl Serialize, found: &mut Violations) {
    let checked = serde_json::to_value(value).map(|document| check_value(shape, &document));
    match checked {
        Ok(Ok(_)) => {}
        Ok(Err(Rejection::Violations(violations))) => {
            for one in violations {
                found.add(&one.field_name.unwrap_or_default(), one.code, one.message);
            }
        }
        Ok(Err(Rejection::Serialization(message))) => found.add_general(Code::InvalidValue, message),
        Err(error) => found.add_general(
            Code::InvalidValue,
            format!("The document cannot be read: {error}"),
        ),
    }
}
