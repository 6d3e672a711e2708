//! Each constraint of each request, broken once: exactly the expected entry comes out, typed and by table alike.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

mod common;

use common::{Style, samples, valid};
use cosell_model::enums::ValidationExceptionErrorCode as Code;
use cosell_model::pattern::{Pattern, length};
use cosell_model::types::*;
use cosell_model::{Operation, Rejection, Shape, ShapeKind, check_input, decode};
use serde_json::{Value, json};

/// One way to break a request.
struct Break {
    body: Value,
    path: String,
    code: Code,
}

/// Puts each breaking value in turn at `pointer` of `root`.
struct Breaker<'a> {
    root: &'a Value,
    found: Vec<Break>,
}

impl Breaker<'_> {
    fn put(&mut self, pointer: &str, path: &str, code: Code, value: Value) {
        let mut body = self.root.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        self.found.push(Break {
            body,
            path: path.to_owned(),
            code,
        });
    }

    fn walk(&mut self, shape: &Shape, pointer: &str, path: &str) {
        let value = self.root.pointer(pointer).unwrap().clone();
        match &shape.kind {
            ShapeKind::Structure { members, union } => {
                if *union {
                    self.put(pointer, path, Code::InvalidValue, json!({}));
                }
                for member in *members {
                    let Some(_) = value.get(member.name) else { continue };
                    let pointer = format!("{pointer}/{}", member.name);
                    let dot = if path.is_empty() { "" } else { "." };
                    let path = format!("{path}{dot}{}", member.path_name);
                    if member.required {
                        self.put(&pointer, &path, Code::RequiredFieldMissing, Value::Null);
                    }
                    self.walk(member.shape, &pointer, &path);
                }
            }
            ShapeKind::List { element, min, max } => {
                let first = value[0].clone();
                if min.is_some_and(|min| min > 0) {
                    self.put(pointer, path, Code::NotEnoughValues, json!([]));
                }
                if let Some(max) = max {
                    self.put(
                        pointer,
                        path,
                        Code::TooManyValues,
                        vec![first; *max as usize + 1].into(),
                    );
                }
                self.walk(element, &format!("{pointer}/0"), path);
            }
            ShapeKind::Map {
                max, value: entry, ..
            } => {
                let (name, sample) = value.as_object().unwrap().iter().next().unwrap();
                if let Some(max) = max {
                    let many: serde_json::Map<_, _> =
                        (0..=*max).map(|n| (format!("k{n}"), sample.clone())).collect();
                    self.put(pointer, path, Code::TooManyValues, many.into());
                }
                self.walk(
                    entry,
                    &format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
                    path,
                );
            }
            ShapeKind::String {
                values, read_only, ..
            } if !values.is_empty() => {
                for wrong in ["no such value", ""].iter().chain(*read_only) {
                    self.put(pointer, path, Code::InvalidEnumValue, json!(wrong));
                }
            }
            ShapeKind::String {
                min, max, pattern, ..
            } => self.text(pointer, path, *min, *max, *pattern),
            ShapeKind::Integer { min, max } => {
                let beyond = [min.map(|min| min - 1), max.map(|max| max + 1)];
                for number in beyond.into_iter().flatten() {
                    self.put(pointer, path, Code::ValueOutOfRange, json!(number));
                }
            }
            ShapeKind::Timestamp => {}
        }
    }

    fn text(
        &mut self,
        pointer: &str,
        path: &str,
        min: Option<u32>,
        max: Option<u32>,
        pattern: Option<&Pattern>,
    ) {
        match pattern {
            Some(pattern) => {
                let (min, max) = (min.unwrap_or(0), max.unwrap_or(u32::MAX));
                for wrong in samples(pattern.source, "noMatch")
                    .into_iter()
                    .filter(|t| length(t, min, max))
                {
                    self.put(pointer, path, Code::InvalidStringFormat, json!(wrong));
                }
            }
            None => {
                if let Some(max) = max {
                    self.put(
                        pointer,
                        path,
                        Code::InvalidStringFormat,
                        json!("é".repeat(max as usize + 1)),
                    );
                }
                if let Some(min) = min.filter(|min| *min > 0) {
                    self.put(
                        pointer,
                        path,
                        Code::InvalidStringFormat,
                        json!("é".repeat(min as usize - 1)),
                    );
                }
            }
        }
    }
}

fn only(rejection: Rejection, broken: &Break) {
    let Rejection::Violations(found) = rejection else {
        panic!("{rejection:?} for {}", broken.path)
    };
    let [violation] = found.as_slice() else {
        panic!("{found:?} for {} {}", broken.path, broken.body)
    };
    assert_eq!(violation.field_name.as_deref(), Some(broken.path.as_str()));
    assert_eq!(violation.code, broken.code, "{violation:?}");
    assert!(violation.message.starts_with(&broken.path), "{violation:?}");
}

#[test]
fn each_constraint_broken_once_gives_exactly_its_violation() {
    let mut count = 0;
    macro_rules! requests {
        ($($name:ident),*) => {$(
            for union_member in 0..3 {
                let operation = <$name as cosell_model::Input>::OPERATION;
                let shape = operation.info().input;
                let root = valid(shape, &mut Style::Full(union_member));
                decode::<$name>(root.to_string().as_bytes()).unwrap();
                let mut breaker = Breaker { root: &root, found: Vec::new() };
                breaker.walk(shape, "", "");
                for broken in breaker.found {
                    let body = broken.body.to_string();
                    only(decode::<$name>(body.as_bytes()).map(|_| ()).unwrap_err(), &broken);
                    only(check_input(operation, body.as_bytes()).unwrap_err(), &broken);
                    count += 1;
                }
            }
        )*};
    }
    each_request!(requests);
    assert!(count > 3000, "only {count} constraints were broken");
}

#[test]
fn all_violations_come_at_once_in_the_order_of_the_contract() {
    let body = json!({
        "Catalog": "Sand box", "NationalSecurity": "Maybe",
        "Customer": { "Account": { "Address": { "CountryCode": "XX", "PostalCode": "x".repeat(21) }, "WebsiteUrl": "a" } },
        "LifeCycle": { "Stage": "Dream" }
    });
    let Err(Rejection::Violations(found)) = decode::<CreateOpportunityRequest>(body.to_string().as_bytes())
    else {
        panic!("not refused")
    };
    let fields: Vec<_> = found
        .iter()
        .map(|v| (v.field_name.as_deref().unwrap(), v.code.as_str()))
        .collect();
    assert_eq!(
        fields,
        [
            ("catalog", "INVALID_STRING_FORMAT"),
            ("nationalSecurity", "INVALID_ENUM_VALUE"),
            ("customer.account.companyName", "REQUIRED_FIELD_MISSING"),
            ("customer.account.websiteUrl", "INVALID_STRING_FORMAT"),
            ("customer.account.address.postalCode", "INVALID_STRING_FORMAT"),
            ("customer.account.address.countryCode", "INVALID_ENUM_VALUE"),
            ("clientToken", "REQUIRED_FIELD_MISSING"),
            ("lifeCycle.stage", "INVALID_ENUM_VALUE"),
        ]
    );
    assert!(found[1].message.ends_with("must be one of: Yes, No"), "{found:?}");
    assert!(
        found[4]
            .message
            .ends_with("must have 0 to 20 characters; it has 21"),
        "{found:?}"
    );
}

#[test]
fn a_union_with_two_members_is_refused_by_name() {
    let body = json!({
        "Catalog": "AWS", "ClientToken": "t", "EngagementIdentifier": "eng-0123456789abcd", "Type": "Lead",
        "Payload": { "CustomerProject": {}, "ProspectingResult": {} }
    });
    let Err(Rejection::Violations(found)) =
        check_input(Operation::CreateEngagementContext, body.to_string().as_bytes())
    else {
        panic!("not refused")
    };
    assert_eq!(found[0].field_name.as_deref(), Some("payload"));
    assert_eq!(found[0].code, Code::InvalidValue);
    assert!(
        found[0]
            .message
            .contains("customerProject, lead, prospectingResult; it holds 2"),
        "{found:?}"
    );
}

#[test]
fn patterns_that_people_meet_are_told_in_words() {
    let customer = |member: &str, value: &str| json!({ "Customer": { "Account": { "CompanyName": "c", member: value } } });
    let contact = |member: &str, value: &str| json!({ "Customer": { "Contacts": [{ member: value }] } });
    let spend = |member: &str, value: &str| {
        let mut entry = json!({ "CurrencyCode": "USD", "Frequency": "Monthly", "TargetCompany": "AWS" });
        entry[member] = json!(value);
        json!({ "Project": { "ExpectedCustomerSpend": [entry] } })
    };
    let table = [
        (
            contact("Email", "Ada@Example.com"),
            "customer.contacts.email must be an e-mail address in lower case",
        ),
        (
            contact("Phone", "12065550100"),
            "customer.contacts.phone must be a phone number: + and 2 to 15 digits",
        ),
        (
            customer("Duns", "12-345-6789"),
            "customer.account.duns must be exactly 9 digits",
        ),
        (
            customer("AwsAccountId", "1111-2222-3333"),
            "customer.account.awsAccountId must be an AWS account id of 12 digits",
        ),
        (
            json!({ "LifeCycle": { "TargetCloseDate": "31.03.2027" } }),
            "lifeCycle.targetCloseDate must be a date in the form YYYY-MM-DD",
        ),
        (
            spend("Amount", "1,000"),
            "project.expectedCustomerSpend.amount must be an amount such as 1250.50",
        ),
        (
            spend("EstimationUrl", "https://calculator.aws/"),
            "project.expectedCustomerSpend.estimationUrl must be the link of a saved estimate",
        ),
        (
            json!({ "Project": { "RelatedOpportunityIdentifier": "5465588" } }),
            "project.relatedOpportunityIdentifier must be an opportunity id: O and 1 to 19 digits",
        ),
        (
            customer("WebsiteUrl", "a"),
            "customer.account.websiteUrl must have 4 to 255 characters; it has 1",
        ),
    ];
    for (extra, told) in table {
        let mut body = json!({ "Catalog": "AWS", "ClientToken": "t" });
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let Err(Rejection::Violations(found)) =
            decode::<CreateOpportunityRequest>(body.to_string().as_bytes())
        else {
            panic!("not refused: {body}")
        };
        assert!(
            found.iter().any(|violation| violation.message.starts_with(told)),
            "{told}: {found:?}"
        );
        assert!(
            found
                .iter()
                .all(|violation| !violation.message.contains("regular expression")),
            "{found:?}"
        );
    }
}

#[test]
fn sensitive_values_never_appear_in_messages() {
    let secret = "very-secret-value".repeat(20);
    let body = json!({ "Customer": { "Account": { "CompanyName": secret, "Duns": "very-secret", "Address": { "CountryCode": "very-secret" } },
        "Contacts": [{ "Email": "very-secret", "Phone": "very-secret" }] }, "Project": { "CustomerBusinessProblem": "very-secret" } });
    let error = decode::<CreateOpportunityRequest>(body.to_string().as_bytes()).unwrap_err();
    assert!(!format!("{error:?}").contains("very-secret"), "{error:?}");
    let wrong_type = json!({ "Customer": { "Account": { "CompanyName": ["very-secret"] } } });
    let error = decode::<CreateOpportunityRequest>(wrong_type.to_string().as_bytes()).unwrap_err();
    assert!(!format!("{error:?}").contains("very-secret"), "{error:?}");
}
