//! AWS's own signer for Rust as oracle: generated requests as each kind of client signs them verify, and every change to
//! one of them is refused with the error that names it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod support;

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use cosell_model::Timestamp;
use cosell_wire::sigv4::{AuthError, Incomplete, Verifier};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use support::{Arrived, Known, check};

/// What a generated client sends, before signing.
#[derive(Clone, Debug)]
struct Plan {
    /// Headers the client signs besides host and date; a name may come more than once.
    signed: Vec<(String, String)>,
    /// Headers that are added after signing.
    unsigned: Vec<(String, String)>,
    content_sha256: bool,
    session_token: Option<String>,
    region: String,
    access_key_id: String,
    secret: String,
    host: String,
    http2: bool,
    seconds: i64,
    path: String,
    query: Option<String>,
    body: Vec<u8>,
}

const TARGET: &str = "AWSPartnerCentralSelling.ListOpportunities";

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Headers signed, headers sent unsigned, whether the body hash is stated, whether the path form is used.
type Client = (Vec<(String, String)>, Vec<(String, String)>, bool, bool);

/// The header sets of the clients that were looked at.
fn client() -> impl Strategy<Value = Client> {
    let json = ("content-type", "application/x-amz-json-1.0");
    let target = ("x-amz-target", TARGET);
    let sdk = [
        ("amz-sdk-invocation-id", "52586001-2a3c-4d5e-8f90-a1b2c3d4e5f6"),
        ("amz-sdk-request", "attempt=1; max=3"),
    ];
    let agent = ("x-amz-user-agent", "aws-sdk-js/3.1000.0 ua/2.1 os/linux  lang/js");
    let length = ("content-length", "48");
    prop_oneof![
        Just((owned(&[json, target]), owned(&sdk), false, false)), // boto3, CLI
        Just((
            owned(&[json, target, sdk[0], sdk[1], agent, length]),
            owned(&[]),
            true,
            false
        )), // JavaScript v3
        Just((owned(&[json, target, agent, length]), owned(&sdk), false, false)), // Rust
        Just((owned(&[target]), owned(&[json]), false, false)),    // aws4fetch and the like
        Just((owned(&[]), owned(&[json, target]), false, false)),  // the smallest signer
        Just((owned(&[]), owned(&[json, target]), true, false)),
        Just((
            owned(&[("content-type", "application/json")]),
            owned(&[]),
            false,
            true
        )), // Postman
        Just((
            owned(&[]),
            owned(&[("content-type", "application/json")]),
            false,
            true
        )),
    ]
}

prop_compose! {
    fn plan()(
        (signed, unsigned, content_sha256, path_form) in client(),
        // Values with blanks at the ends, runs of blanks, nothing at all, punctuation; names that repeat.
        odd in prop::collection::vec(("x-amz-meta-[a-c]|x-note|accept", "[ ]{0,3}([!-~]{0,6}[ ]{0,3}){0,4}"), 0..4),
        extra in prop::collection::vec(("x-extra-[a-c]", "[ -~]{0,12}"), 0..2),
        session_token in prop::option::of("[A-Za-z0-9+/=]{1,200}"),
        region in "us-east-1|eu-central-1|local",
        access_key_id in "AKIA[A-Z0-9]{16}|[0-9]{12}|test",
        secret in "[A-Za-z0-9+/]{40}|[!-~]{1,100}",
        host in "127\\.0\\.0\\.1:7733|partners\\.example\\.com|\\[::1\\]:80",
        http2 in any::<bool>(),
        seconds in 946_684_800_i64..4_102_444_800,
        odd_path in prop::option::weighted(0.2, "(/[a-zA-Z._-]{0,4}|/\\.|/\\.\\.|/%2[0-9A-F]){1,5}"),
        query in prop::option::weighted(0.3, "[a-d]=[a-z0-9.~-]{0,4}(&([a-dA-D]|%2[0-9a-f])=?([a-z+]|%[2-6][0-9A-E]){0,3}){0,3}"),
        body in prop_oneof![
            Just(Vec::new()),
            "\\{\"Catalog\": ?\"\\PC{0,40}\"\\}".prop_map(String::into_bytes),
            prop::collection::vec(any::<u8>(), 0..300),
        ],
    ) -> Plan {
        let path = odd_path.unwrap_or_else(|| if path_form { "/ListOpportunities".to_owned() } else { "/".to_owned() });
        let signed = signed.into_iter().chain(odd).collect();
        let unsigned = unsigned.into_iter().chain(extra).collect();
        Plan {
            signed, unsigned, content_sha256, session_token, region, access_key_id, secret, host, http2, seconds, path,
            query, body,
        }
    }
}

/// Signs with AWS's crate and gives what a server would see.
fn arrive(plan: &Plan) -> (Arrived, Known) {
    let identity =
        Credentials::from_keys(&plan.access_key_id, &plan.secret, plan.session_token.clone()).into();
    let mut settings = SigningSettings::default();
    settings.payload_checksum_kind = if plan.content_sha256 {
        PayloadChecksumKind::XAmzSha256
    } else {
        PayloadChecksumKind::NoHeader
    };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(plan.seconds.unsigned_abs());
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&plan.region)
        .name("partnercentral-selling")
        .time(time)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let query = plan
        .query
        .as_deref()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let uri = format!("http://{}{}{query}", plan.host, plan.path);
    let mut to_sign = plan.signed.clone();
    to_sign.push(("host".to_owned(), plan.host.clone()));
    let pairs = to_sign
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let signable = SignableRequest::new("POST", uri, pairs, SignableBody::Bytes(&plan.body)).unwrap();
    let (instructions, _) = sign(signable, &params).unwrap().into_parts();
    let (added, _) = instructions.into_parts();

    let mut headers = HeaderMap::new();
    let mut add = |name: &str, value: &str| {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    };
    plan.signed
        .iter()
        .chain(&plan.unsigned)
        .for_each(|(name, value)| add(name, value));
    added.iter().for_each(|header| add(header.name(), header.value()));
    if !plan.http2 {
        add("host", &plan.host);
    }
    let request = Arrived {
        method: Method::POST,
        path: plan.path.clone(),
        query: plan.query.clone(),
        headers,
        authority: plan.http2.then(|| plan.host.clone()),
        body: plan.body.clone(),
    };
    let known = Known {
        verifier: Verifier::default(),
        secret: plan.secret.clone(),
        region: plan.region.clone(),
        session_token: plan.session_token.clone(),
        now: Timestamp::from_millis(plan.seconds * 1_000),
    };
    (request, known)
}

fn signed_names(request: &Arrived) -> Vec<String> {
    let authorization = request.headers["authorization"].to_str().unwrap();
    let list = authorization
        .split("SignedHeaders=")
        .nth(1)
        .unwrap()
        .split(',')
        .next()
        .unwrap();
    list.split(';').map(str::to_owned).collect()
}

fn with(request: &Arrived, change: impl FnOnce(&mut Arrived)) -> Arrived {
    let mut other = request.clone();
    change(&mut other);
    other
}

/// Rewrites the Authorization header.
fn with_authorization(request: &Arrived, change: impl FnOnce(&str) -> String) -> Arrived {
    with(request, |other| {
        let text = change(other.headers["authorization"].to_str().unwrap());
        other.headers.insert("authorization", text.parse().unwrap());
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_the_aws_signer_signs_is_let_in(plan in plan()) {
        let (request, known) = arrive(&plan);
        prop_assert_eq!(check(&request, &known), Ok(()));
        // The server's own region, when it has one, is the client's.
        let fixed = Known { verifier: Verifier { region: Some(plan.region), ..Verifier::default() }, ..known };
        prop_assert_eq!(check(&request, &fixed), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_changed_signed_header_is_let_in(plan in plan()) {
        let (request, known) = arrive(&plan);
        for name in signed_names(&request) {
            let changed = with(&request, |other| {
                if name == "host" && plan.http2 {
                    other.authority = Some(format!("{}x", plan.host));
                } else if name == "x-amz-date" {
                    let seconds = plan.seconds ^ 1; // the same day
                    let text = Timestamp::from_millis(seconds * 1_000).to_string();
                    let basic = format!("{}Z", text[..19].replace(['-', ':'], ""));
                    other.headers.insert("x-amz-date", basic.parse().unwrap());
                } else {
                    let old = other.headers[&name].to_str().unwrap().to_owned();
                    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                    other.headers.insert(name, format!("{old}~").parse().unwrap());
                }
            });
            let expected = if name == "x-amz-content-sha256" { AuthError::PayloadMismatch } else { AuthError::SignatureMismatch };
            prop_assert_eq!(check(&changed, &known), Err(expected), "changed {}", name);

            let removed = with(&request, |other| {
                other.headers.remove(&name);
                if name == "host" {
                    other.authority = None;
                }
            });
            let expected = match name.as_str() {
                "x-amz-date" => Incomplete::NoDate,
                _ => Incomplete::HeaderAbsent(name.clone()),
            };
            prop_assert_eq!(check(&removed, &known), Err(expected.into()), "removed {}", name);

            if name != "host" && name != "x-amz-date" && name != "x-amz-content-sha256" && name != "x-amz-security-token" {
                let repeated = with(&request, |other| {
                    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                    other.headers.append(name, HeaderValue::from_static("again"));
                });
                prop_assert_eq!(check(&repeated, &known), Err(AuthError::SignatureMismatch), "repeated {}", name);
            }
        }
    }

    #[test]
    fn no_other_change_is_let_in(plan in plan(), at in any::<prop::sample::Index>()) {
        let (request, known) = arrive(&plan);
        let mismatch = || Err(AuthError::SignatureMismatch);
        let body = if plan.content_sha256 { AuthError::PayloadMismatch } else { AuthError::SignatureMismatch };
        let changed = with(&request, |other| match other.body.len() {
            0 => other.body.push(b'x'),
            length => other.body[at.index(length)] ^= 1,
        });
        prop_assert_eq!(check(&changed, &known), Err(body), "body");
        prop_assert_eq!(check(&with(&request, |other| other.method = Method::GET), &known), mismatch(), "method");
        prop_assert_eq!(check(&with(&request, |other| other.path.push_str("/x")), &known), mismatch(), "path");
        let query = with(&request, |other| other.query = Some(format!("{}&z=1", plan.query.clone().unwrap_or_default())));
        prop_assert_eq!(check(&query, &known), mismatch(), "query");
        let stranger = Known { secret: format!("{}x", plan.secret), ..known.clone() };
        prop_assert_eq!(check(&request, &stranger), mismatch(), "secret");
        let elsewhere = Known { region: format!("{}-x", plan.region), ..known.clone() };
        prop_assert_eq!(check(&request, &elsewhere), mismatch(), "key of another region");

        let token = match &plan.session_token { Some(_) => None, None => Some("token".to_owned()) };
        for session_token in [token, Some(format!("{}x", plan.session_token.clone().unwrap_or_default()))] {
            let other = Known { session_token, ..known.clone() };
            prop_assert_eq!(check(&request, &other), Err(AuthError::SessionTokenMismatch), "session token");
        }
    }

    #[test]
    fn scope_and_signature_must_be_right_to_the_letter(plan in plan(), at in 0..64_usize) {
        let (request, known) = arrive(&plan);
        let scope = |from: &str, to: &str| with_authorization(&request, |text| text.replace(from, to));

        let other = scope("/partnercentral-selling/", "/s3/");
        let expected = AuthError::WrongService { expected: "partnercentral-selling".into(), got: "s3".into() };
        prop_assert_eq!(check(&other, &known), Err(expected));
        let other = scope("/aws4_request", "/aws5_request");
        prop_assert_eq!(check(&other, &known), Err(AuthError::WrongTerminator("aws5_request".into())));
        let fixed = Known { verifier: Verifier { region: Some("mars-1".into()), ..Verifier::default() }, ..known.clone() };
        let expected = AuthError::WrongRegion { expected: "mars-1".into(), got: plan.region.clone() };
        prop_assert_eq!(check(&request, &fixed), Err(expected));
        let day = known.now.date().replace('-', "");
        let other = scope(&format!("/{day}/"), "/19991231/");
        let refused = check(&other, &known);
        let is_scope_date = matches!(&refused, Err(AuthError::ScopeDate { .. }));
        prop_assert!(is_scope_date, "{:?}", refused);

        let signature = |change: &dyn Fn(&str) -> String| with_authorization(&request, |text| {
            let (head, signature) = text.split_once("Signature=").unwrap();
            format!("{head}Signature={}", change(signature))
        });
        let malformed = Err(AuthError::MalformedSignature);
        prop_assert_eq!(check(&signature(&|hex| hex[..63].to_owned()), &known), malformed.clone(), "truncated");
        prop_assert_eq!(check(&signature(&|hex| format!("{hex}0")), &known), malformed.clone(), "longer");
        prop_assert_eq!(check(&signature(&|hex| hex.to_ascii_uppercase()), &known), malformed.clone(), "upper-case");
        prop_assert_eq!(check(&signature(&|hex| hex.replacen(&hex[at..=at], "g", 1)), &known), malformed, "no hex");
        let flipped = signature(&|hex| {
            let digit = if &hex[at..=at] == "0" { "1" } else { "0" };
            format!("{}{digit}{}", &hex[..at], &hex[at + 1..])
        });
        prop_assert_eq!(check(&flipped, &known), Err(AuthError::SignatureMismatch), "one digit");
    }

    #[test]
    fn the_clock_may_be_five_minutes_off_and_not_a_millisecond_more(plan in plan()) {
        let (request, known) = arrive(&plan);
        for offset in [-300_000, -1, 0, 1, 300_000] {
            let other = Known { now: known.now.plus_millis(offset), ..known.clone() };
            prop_assert_eq!(check(&request, &other), Ok(()), "{}", offset);
        }
        let late = Known { now: known.now.plus_millis(300_001), ..known.clone() };
        let refused = check(&request, &late).unwrap_err();
        prop_assert!(refused.to_string().starts_with("Signature expired: "), "{}", refused);
        let early = Known { now: known.now.plus_millis(-300_001), ..known };
        let refused = check(&request, &early).unwrap_err();
        prop_assert!(refused.to_string().starts_with("Signature not yet current: "), "{}", refused);
    }
}
