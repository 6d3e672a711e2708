//! The reader's manners: nulls, unknown and repeated members, broken bytes, depth, debug output, explicit nulls.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail by panicking too")]

use cosell_model::enums::{CountryCode, PaymentFrequency, PrimaryNeedFromAws, Stage};
use cosell_model::types::*;
use cosell_model::{ApiError, ErrorKind, Operation, Rejection, check_input, decode, explicit_nulls};
use serde_json::{Value, json};

fn create(extra: &str) -> Result<cosell_model::Decoded<CreateOpportunityRequest>, Rejection> {
    decode(format!(r#"{{"Catalog":"AWS","ClientToken":"t"{extra}}}"#).as_bytes())
}

fn refusal(body: &[u8]) -> String {
    let tabled = check_input(Operation::CreateOpportunity, body).unwrap_err();
    assert!(matches!(tabled, Rejection::Serialization(_)), "{tabled:?}");
    match decode::<CreateOpportunityRequest>(body).unwrap_err() {
        Rejection::Serialization(message) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn null_counts_as_absent_in_members_lists_maps_and_unions() {
    let read =
        create(r#","Customer":null,"PrimaryNeedsFromAws":[null,"Co-Sell - Deal Support",null],"Tags":null"#)
            .unwrap();
    assert_eq!(read.input.customer, None);
    assert_eq!(
        read.input.primary_needs_from_aws,
        Some(vec![PrimaryNeedFromAws::CoSellDealSupport])
    );
    assert_eq!(read.input.tags, None);
    let map = json!({"Type": "t", "Details": "d", "Attributes": {"kept": "1", "dropped": null}});
    let map: Recommendation = serde_json::from_value(map).unwrap();
    assert_eq!(map.attributes.unwrap().into_keys().collect::<Vec<_>>(), ["kept"]);
    let union: EngagementContextPayload =
        serde_json::from_value(json!({"Lead": null, "CustomerProject": {}, "ProspectingResult": null}))
            .unwrap();
    assert!(union.lead.is_none() && union.customer_project.is_some());
}

#[test]
fn a_null_or_empty_list_does_not_satisfy_a_lower_bound() {
    let Err(Rejection::Violations(found)) = create(r#","Tags":[null]"#) else {
        panic!("not refused")
    };
    assert_eq!(found[0].message, "tags must have 1 to 200 elements; it has 0");
}

#[test]
fn a_required_null_is_a_missing_member() {
    let body = br#"{"Catalog":null,"ClientToken":"t"}"#;
    let Err(Rejection::Violations(found)) = decode::<CreateOpportunityRequest>(body) else {
        panic!("not refused")
    };
    assert_eq!(
        (found.len(), found[0].message.as_str()),
        (1, "catalog is required")
    );
}

#[test]
fn unknown_members_are_ignored_and_counted_unless_null() {
    let read = create(r#","New":{"a":[1,{"b":"\u00e9"}]},"Old":null,"Project":{"Colour":"blue"}"#).unwrap();
    assert_eq!(read.unknown_members, 2);
    assert_eq!(create("").unwrap().unknown_members, 0);
    let body = br#"{"Catalog":"AWS","ClientToken":"t","New":1,"Project":{"Colour":"blue","Old":null}}"#;
    assert_eq!(check_input(Operation::CreateOpportunity, body), Ok(2));
}

#[test]
fn of_repeated_members_the_last_wins() {
    let read = create(r#","Origin":"AWS Referral","Origin":"Partner Referral","NationalSecurity":"Yes","NationalSecurity":null"#).unwrap();
    assert_eq!(read.input.origin.unwrap().as_str(), "Partner Referral");
    assert_eq!(read.input.national_security, None);
}

#[test]
fn a_repetition_of_the_wrong_type_is_refused_without_quoting_it() {
    let message = match create(r#","Project":"very-secret","Project":{}"#).unwrap_err() {
        Rejection::Serialization(message) => message,
        other => panic!("{other:?}"),
    };
    assert!(
        message.contains("line 1, column") && !message.contains("very-secret"),
        "{message}"
    );
}

#[test]
fn an_empty_body_is_an_empty_object() {
    for body in [&b""[..], b" \r\n\t", b"{}"] {
        assert_eq!(decode::<ListSolutionsRequest>(body).map(|_| ()).unwrap_err(), {
            check_input(Operation::ListSolutions, b"{}").unwrap_err()
        });
    }
}

#[test]
fn wrong_json_types_name_the_place_and_the_expected_type() {
    let table: &[(&str, &str)] = &[
        (
            r#"{"Catalog":5}"#,
            "catalog must be a JSON string; the request has a number there.",
        ),
        (
            r#"{"Customer":[]}"#,
            "customer must be a JSON object; the request has an array there.",
        ),
        (
            r#"{"Customer":{"Contacts":{}}}"#,
            "customer.contacts must be a JSON array; the request has an object there.",
        ),
        (
            r#"{"Customer":{"Contacts":[{"Email":true}]}}"#,
            "customer.contacts.email must be a JSON string; the request has a boolean there.",
        ),
        (
            r#"{"LifeCycle":{"NextStepsHistory":[{"Value":"v","Time":"yesterday"}]}}"#,
            "lifeCycle.nextStepsHistory.time must be a timestamp (an RFC 3339 string, or a number of seconds since 1970); the request has a string there.",
        ),
        ("[]", "The request is an array; send one JSON object."),
        ("null", "The request is null; send one JSON object."),
        ("\"x\"", "The request is a string; send one JSON object."),
    ];
    for (body, message) in table {
        assert_eq!(refusal(body.as_bytes()), *message);
    }
    for number in ["1.5", "3000000000", "\"7\"", "1e2"] {
        let body = format!(r#"{{"Catalog":"AWS","MaxResults":{number}}}"#);
        let error = decode::<ListOpportunitiesRequest>(body.as_bytes()).unwrap_err();
        assert!(
            matches!(&error, Rejection::Serialization(m) if m.contains("maxResults must be a whole")),
            "{error:?}"
        );
    }
}

#[test]
fn broken_bytes_are_refused_with_a_clear_message() {
    let table: &[(&[u8], &str)] = &[
        (b"{", "not valid JSON"),
        (b"{\"Catalog\":\"AWS\"} x", "not valid JSON: trailing characters"),
        (b"{\"Catalog\":\"AWS\",}", "not valid JSON: trailing comma"),
        (b"{'Catalog':1}", "not valid JSON"),
        (b"{\"Catalog\":\"A\x01\"}", "not valid JSON: control character"),
        (b"{\"Catalog\":\"\xff\"}", "not valid UTF-8 at byte 12"),
        (br#"{"Catalog":"\ud800"}"#, "half of a surrogate pair at byte 12"),
        (
            br#"{"Catalog":"\ud800\u0041"}"#,
            "half of a surrogate pair at byte 12",
        ),
        (br#"{"Catalog":"\udc00"}"#, "half of a surrogate pair at byte 12"),
        (
            br#"{"Unknown":"\udc00","Catalog":"AWS","ClientToken":"t"}"#,
            "half of a surrogate pair at byte 12",
        ),
        (b"{\"Catalog\":\"\\", "not valid JSON"),
        (br#"{"Catalog":"\u12"#, "not valid JSON"),
    ];
    for (body, message) in table {
        let refusal = refusal(body);
        assert!(refusal.contains(message), "{refusal}");
    }
}

#[test]
fn whole_surrogate_pairs_and_escaped_backslashes_are_fine() {
    let read =
        create(r#","PartnerOpportunityIdentifier":"\ud83d\ude00 \\ud800 \"","Unknown":"\ud83d\ude00""#)
            .unwrap();
    assert_eq!(
        read.input.partner_opportunity_identifier.unwrap(),
        "😀 \\ud800 \""
    );
}

#[test]
fn the_zero_character_is_refused_wherever_it_stands() {
    let table: &[(&[u8], usize)] = &[
        (br#"{"Catalog":"AWS","ClientToken":"t\u0000"}"#, 33),
        (br#"{"Catalog":"AWS","ClientToken":"t","Unknown":"\u0000"}"#, 46),
        (
            br#"{"Catalog":"AWS","ClientToken":"t","Unknown":[{"a":["x\u0000"]}]}"#,
            54,
        ),
        (br#"{"Catalog":"AWS","ClientToken":"t","\u0000":1}"#, 36),
        (br#"{"Catalog":"AWS","ClientToken":"t","Unknown":"\\\u0000"}"#, 48),
        (b"{\"Catalog\":\"AWS\",\"ClientToken\":\"t\0\"}", 33),
        (
            b"{\"Catalog\":\"AWS\",\"ClientToken\":\"t\",\"Unknown\":\"\0\"}",
            46,
        ),
        // Told before any violation: no rule needs to look at such a text.
        (br#"{"Catalog":"no catalog","ClientToken":"\u0000"}"#, 39),
    ];
    for (body, place) in table {
        assert_eq!(
            refusal(body),
            format!(
                "The request holds the character U+0000 at byte {place}, which cannot be kept. Send text without it."
            )
        );
    }
}

#[test]
fn what_only_looks_like_the_zero_character_is_fine() {
    let read =
        create(r#","PartnerOpportunityIdentifier":"\\u0000 u0000 \u0001","Unknown":"\\\\u0000""#).unwrap();
    assert_eq!(
        read.input.partner_opportunity_identifier.unwrap(),
        "\\u0000 u0000 \u{1}"
    );
}

#[test]
fn nesting_is_bounded_exactly_and_never_overflows_the_stack() {
    let nested = |levels: usize| format!(r#","Deep":{}{}"#, "[".repeat(levels), "]".repeat(levels));
    // The root object is the first level.
    assert_eq!(create(&nested(63)).unwrap().unknown_members, 1);
    let Err(Rejection::Serialization(message)) = create(&nested(64)) else {
        panic!("not refused")
    };
    assert!(message.contains("deeper than 64 levels"), "{message}");
    for open in ["[", "{\"a\":", "{\"Customer\":", "[{"] {
        let message = refusal(open.repeat(500_000).as_bytes());
        assert!(message.contains("deeper than 64 levels"), "{message}");
    }
}

#[test]
fn brackets_inside_strings_do_not_nest() {
    create(&format!(r#","Unknown":"{}\"{{""#, "[".repeat(500))).unwrap();
}

#[test]
fn rejections_become_the_api_errors_of_their_kind() {
    let error = ApiError::from(create(r#","Origin":5"#).unwrap_err());
    assert_eq!(
        (error.kind, error.kind.status(), error.reason),
        (ErrorKind::Serialization, 400, None)
    );
    let error = ApiError::from(create(r#","Origin":"x""#).unwrap_err());
    assert_eq!(error.kind.name(), "ValidationException");
    assert_eq!(error.reason.unwrap().as_str(), "REQUEST_VALIDATION_FAILED");
    assert_eq!(
        error.message,
        "1 validation error: origin must be one of: AWS Referral, Partner Referral"
    );
    assert_eq!(error.violations.len(), 1);
}

#[test]
fn messages_of_errors_are_never_empty() {
    assert_eq!(
        ApiError::request_validation(vec![]).message,
        "The request is not valid."
    );
    assert_eq!(
        ApiError::new(ErrorKind::Throttling, "").message,
        "ThrottlingException"
    );
    let hidden = ApiError::internal("disk on fire");
    assert!(!hidden.message.contains("fire") && hidden.internal.as_deref() == Some("disk on fire"));
}

#[test]
fn foreign_enum_values_survive_reading_and_writing_but_not_the_check() {
    let stage: Stage = serde_json::from_str("\"Daydream\"").unwrap();
    assert_eq!(stage, Stage::Unrecognized("Daydream".into()));
    assert_eq!(serde_json::to_string(&stage).unwrap(), "\"Daydream\"");
    assert_eq!(Stage::from("Closed Lost"), Stage::ClosedLost);
    assert_eq!(Stage::VALUES.len(), 7);
}

#[test]
fn the_overlay_adds_values_with_and_without_write_permission() {
    assert_eq!(PaymentFrequency::VALUES, ["Monthly", "None"]);
    let old = "Do Not Need Support from AWS Sales Rep";
    assert_eq!(PrimaryNeedFromAws::READ_ONLY, [old]);
    assert_eq!(PrimaryNeedFromAws::from(old).as_str(), old);
    let Err(Rejection::Violations(found)) = create(&format!(r#","PrimaryNeedsFromAws":["{old}"]"#)) else {
        panic!()
    };
    assert_eq!(found[0].code.as_str(), "INVALID_ENUM_VALUE");
    assert!(!found[0].message.contains(old), "{}", found[0].message);
}

#[test]
fn sensitive_values_are_starred_in_debug_output_also_in_lists_and_enums() {
    let body = json!({ "Account": { "CompanyName": "Secret Inc", "Duns": "123456789", "AwsAccountId": "111122223333",
        "Industry": "Gaming", "Address": { "City": "Hidden", "CountryCode": "US" } },
        "Contacts": [{ "Email": "ada@secret.example", "Phone": "+12065550100" }] });
    let customer: Customer = serde_json::from_value(body).unwrap();
    let shown = format!("{customer:?}");
    for secret in [
        "Secret",
        "123456789",
        "111122223333",
        "Hidden",
        "US",
        "ada@",
        "+1206",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(
        shown.contains("Gaming") && shown.contains("company_name: ***"),
        "{shown}"
    );
    assert_eq!(
        customer.account.unwrap().address.unwrap().country_code,
        Some(CountryCode::US)
    );
    let list: EngagementMemberSummary =
        serde_json::from_value(json!({"AccountId": "111122223333", "CompanyName": "Secret Inc"})).unwrap();
    assert!(!format!("{list:?}").contains("Secret"), "{list:?}");
    let accounts: ListEngagementsRequest =
        serde_json::from_value(json!({"Catalog": "AWS", "CreatedBy": ["111122223333"]})).unwrap();
    assert!(
        format!("{accounts:?}").contains("created_by: ***"),
        "{accounts:?}"
    );
}

#[test]
fn explicit_nulls_fill_every_absent_member_in_alphabetical_order() {
    let body = br#"{"Tags":[{"Value":"v","Key":"k"}]}"#;
    let shape = Operation::ListTagsForResource.info().output.unwrap();
    assert_eq!(
        explicit_nulls(shape, body),
        br#"{"Tags":[{"Key":"k","Value":"v"}]}"#
    );
    let filled = explicit_nulls(
        Operation::GetOpportunity.info().output.unwrap(),
        br#"{"Id":"O1","Customer":{"Contacts":[{}]},"Zed":1}"#,
    );
    let text = String::from_utf8(filled).unwrap();
    assert!(text.starts_with(r#"{"Arn":null,"Catalog":null,"CreatedDate":null,"Customer":{"Account":null,"Contacts":[{"BusinessTitle":null,"#), "{text}");
    assert!(text.ends_with(r#","Zed":1}"#), "{text}");
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["Id"], "O1");
    assert_eq!(explicit_nulls(shape, b"not json"), b"not json");
}

#[test]
fn the_registry_knows_every_operation_by_name_and_its_facts() {
    assert_eq!(Operation::ALL.len(), 45);
    for operation in Operation::ALL {
        assert_eq!(Operation::from_name(operation.name()), Some(*operation));
        assert_eq!(
            operation.info().iam_action,
            format!("partnercentral:{}", operation.name())
        );
        assert!(operation.info().errors.contains(&ErrorKind::Validation));
    }
    assert_eq!(Operation::from_name("createopportunity"), None);
    let info = Operation::CreateOpportunity.info();
    assert_eq!(info.idempotency_token, Some("ClientToken"));
    let page = Operation::ListOpportunities.info().paginated.as_ref().unwrap();
    assert_eq!(
        (page.input_token, page.page_size, page.items),
        ("NextToken", Some("MaxResults"), Some("OpportunitySummaries"))
    );
    assert_eq!(
        Operation::ALL
            .iter()
            .filter(|o| o.info().idempotency_token.is_some())
            .count(),
        10
    );
    assert!(
        !Operation::StartEngagementFromOpportunityTask
            .info()
            .required_actions
            .is_empty()
    );
}

#[test]
fn errors_have_the_statuses_of_aws_json() {
    for kind in ErrorKind::ALL {
        let expected = match kind.name() {
            "InternalServerException" => 500,
            "ServiceUnavailableException" => 503,
            "RequestEntityTooLargeException" => 413,
            "RequestTimeoutException" => 408,
            "UnsupportedMediaTypeException" => 415,
            _ => 400,
        };
        assert_eq!(kind.status(), expected, "{}", kind.name());
        assert!(kind.name().ends_with("Exception"));
    }
    assert_eq!(ErrorKind::ALL.len(), 18);
}
