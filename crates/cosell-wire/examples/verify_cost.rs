//! Prints what one signature check costs: `cargo run --release -p cosell-wire --example verify_cost`.

use std::hint::black_box;
use std::time::Instant;

use cosell_model::Timestamp;
use cosell_wire::envelope::RequestId;
use cosell_wire::sigv4::{AuthError, Presented, SignedRequest, SigningKeyCache, Verifier, hash_body};
use http::{HeaderMap, HeaderValue, Method};

fn main() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "127.0.0.1:7733"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-date", "20261121T074319Z"),
        ("x-amz-target", "AWSPartnerCentralSelling.GetOpportunity"),
        (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261121/us-east-1/partnercentral-selling/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, \
             Signature=0000000000000000000000000000000000000000000000000000000000000000",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let now = Timestamp::from_millis(1_795_246_999_000);
    let cache = SigningKeyCache::new(1_000);
    let verifier = Verifier::default();
    // A wrong signature costs what a right one does: the comparison is the last step and takes the same time.
    let check = |body: &[u8]| {
        let presented = Presented::parse(&headers, None)?;
        let body_sha256 = hash_body(body);
        let request = SignedRequest {
            method: &Method::POST,
            path: "/",
            query: None,
            headers: &headers,
            authority: None,
            body_sha256: &body_sha256,
        };
        verifier.authenticate(
            &request,
            &presented,
            &cache,
            b"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            None,
            now,
        )
    };
    for size in [48, 3_000, 100_000] {
        let body = vec![b'x'; size];
        assert_eq!(check(&body), Err(AuthError::SignatureMismatch));
        measure(&format!("verify, body of {size} bytes"), || {
            black_box(check(black_box(&body))).is_err()
        });
    }
    measure("RequestId::fresh", || {
        black_box(RequestId::fresh()).as_str().is_empty()
    });
}

fn measure(name: &str, mut work: impl FnMut() -> bool) {
    const ROUNDS: u32 = 20_000;
    // The best of several runs is the one least disturbed by other programs.
    let best = (0..10).map(|_| {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            black_box(work());
        }
        start.elapsed() / ROUNDS
    });
    println!("{name}: {} ns", best.min().unwrap_or_default().as_nanos());
}
