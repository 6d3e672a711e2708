//! Each sink against a small peer of its own.

mod chain;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use cosell_wire::sigv4::{Presented, SignedRequest, SigningKeyCache, Verifier, hash_body};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::envelope::tests::envelope;
use crate::network::Network;
use crate::target::tests::{signing, target, webhook};
use crate::target::{AwsSettings, EventBridgeSettings, FileSettings, SqsSettings};
use ::http::{HeaderMap, Request, Response};

type Reply = Response<Full<Bytes>>;

/// What a peer was asked.
struct Asked {
    method: ::http::Method,
    path: String,
    version: ::http::Version,
    headers: HeaderMap,
    body: Bytes,
}

/// An HTTP server of the test: gives the replies in turn, the last one for ever, and remembers what it was asked.
struct Peer {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut reply = Response::builder().status(status);
    for (name, value) in headers {
        reply = reply.header(*name, *value);
    }
    reply.body(Full::new(Bytes::from(body.to_owned()))).unwrap()
}

impl Peer {
    async fn start(replies: Vec<Reply>) -> Self {
        Self::with(replies, None).await
    }

    async fn with(replies: Vec<Reply>, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let replies = Arc::new(Mutex::new(VecDeque::from(replies)));
        let seen = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, replies) = (seen.clone(), replies.clone());
                let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
                    let (seen, replies) = (seen.clone(), replies.clone());
                    async move {
                        let (parts, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        seen.lock().unwrap().push(Asked {
                            method: parts.method,
                            path: parts.uri.path().to_owned(),
                            version: parts.version,
                            headers: parts.headers,
                            body,
                        });
                        let mut replies = replies.lock().unwrap();
                        let next = match replies.len() {
                            1 => replies[0].clone(),
                            _ => replies.pop_front().unwrap(),
                        };
                        Ok::<_, hyper::Error>(next)
                    }
                });
                let tls = tls.clone();
                tokio::spawn(async move {
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    // Clients that hang up, or do not trust the certificate, are part of the tests.
                    match tls {
                        None => server.serve_connection(TokioIo::new(stream), service).await.ok(),
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await.ok(),
                            Err(_) => None,
                        },
                    };
                });
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap()
    }
}

fn sinks() -> RealSinks {
    RealSinks::new(Outside::new(Network::development(), Vec::new()))
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

const NOW: i64 = 1_795_246_999_123;

async fn one(target: &Target, secrets: &Secrets) -> Outcome {
    target.check(secrets).unwrap();
    let sink = sinks().open(target, secrets).unwrap();
    sink.deliver(&[envelope(1, "O1")], at(NOW)).await.remove(0)
}

#[tokio::test]
async fn a_webhook_gets_the_envelope_with_a_signature_of_each_secret() {
    let peer = Peer::start(vec![reply(204, &[], "")]).await;
    let mut secrets = signing();
    secrets.signing.push(crate::new_signing_secret().unwrap());
    secrets
        .headers
        .insert("authorization".into(), "Bearer hush".to_owned().into());
    let mut target = webhook(&format!("{}/in?x=1", peer.url));
    if let SinkSettings::Webhook(settings) = &mut target.sink {
        settings.headers = BTreeMap::from([("X-Team".to_owned(), "crm".to_owned())]);
    }
    assert_eq!(
        one(&target, &secrets).await,
        Outcome::Delivered { status: Some(204) }
    );
    let asked = peer.asked();
    let Asked {
        path, headers, body, ..
    } = &asked[0];
    let sent = envelope(1, "O1");
    assert_eq!((path.as_str(), body), ("/in", &sent.body));
    assert_eq!(headers["webhook-id"], "id-1");
    assert_eq!(headers["webhook-timestamp"], "1795246999");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(
        (&headers["x-team"], &headers["authorization"]),
        (&"crm".parse().unwrap(), &"Bearer hush".parse().unwrap())
    );
    let signatures: Vec<&str> = headers["webhook-signature"]
        .to_str()
        .unwrap()
        .split(' ')
        .collect();
    assert_eq!(signatures.len(), 2);
    for (secret, signature) in secrets.signing.iter().zip(signatures) {
        let key = crate::secrets::signing_key(secret).unwrap();
        assert_eq!(signature, webhook::signatures(&[key], "id-1", "1795246999", body));
    }
}

#[test]
fn a_signature_is_the_one_of_the_published_example() {
    // The worked example of the Standard Webhooks libraries.
    let key = crate::secrets::signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    assert_eq!(
        webhook::signatures(
            &[key],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#
        ),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
}

#[tokio::test]
async fn a_webhooks_answers_are_judged() {
    let peer = Peer::start(vec![
        reply(500, &[], "out of\norder"),
        reply(429, &[("retry-after", "7")], ""),
        reply(503, &[("retry-after", "Sat, 21 Nov 2026 07:44:19 GMT")], ""),
        reply(302, &[("location", "http://127.0.0.1:1/")], ""),
        reply(410, &[], "left"),
        reply(400, &[("retry-after", "soon")], &"x".repeat(100_000)),
    ])
    .await;
    let target = webhook(&peer.url);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(one(&target, &signing()).await);
    }
    let failed = |outcome: &Outcome| match outcome {
        Outcome::Failed { status, error, after } => (*status, error.clone(), *after),
        other => panic!("{other:?}"),
    };
    let (status, error, after) = failed(&seen[0]);
    assert_eq!((status, after), (Some(500), None));
    assert!(error.ends_with("out of order"), "{error}");
    assert_eq!(failed(&seen[1]).2, Some(Duration::from_secs(7)));
    assert_eq!(failed(&seen[2]).2, Some(Duration::from_millis(59_877)));
    assert!(failed(&seen[3]).1.contains("redirects are not followed"));
    assert!(matches!(&seen[4], Outcome::Gone { error } if error.contains("left")));
    let (_, error, after) = failed(&seen[5]);
    assert!(error.len() < 700 && after.is_none());
    assert_eq!(peer.asked().len(), 6, "no redirect was followed");
}

#[tokio::test]
async fn what_a_receiver_echoes_of_secret_headers_is_not_noted() {
    let said = format!(
        "{}no user Bearer hush-hush, not hush-hush either",
        "x".repeat(480)
    );
    let peer = Peer::start(vec![reply(401, &[], &said), reply(410, &[], &said)]).await;
    let mut secrets = signing();
    secrets
        .headers
        .insert("authorization".into(), "Bearer hush-hush".to_owned().into());
    let target = webhook(&peer.url);
    for _ in 0..2 {
        match one(&target, &secrets).await {
            Outcome::Failed { error, .. } | Outcome::Gone { error } => {
                assert!(error.contains("no user ***, not ***"), "{error}");
                assert!(!error.contains("hu"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_receiver_that_speaks_nonsense_or_hangs_up_is_a_failure() {
    for said in [
        &b""[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = webhook(&format!("http://{}", listener.local_addr().unwrap()));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(said).await.ok();
            }
        });
        match one(&target, &signing()).await {
            Outcome::Failed {
                status: None, error, ..
            } => assert!(error.contains(": "), "{error}"),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_whose_body_never_ends_is_judged_by_its_status() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = webhook(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx")
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(60)).await;
    });
    assert_eq!(
        one(&target, &signing()).await,
        Outcome::Delivered { status: Some(200) }
    );
}

#[tokio::test]
async fn private_addresses_and_plain_http_to_public_ones_are_refused() {
    let guarded = RealSinks::new(Outside::new(Network::default(), Vec::new()));
    let peer = Peer::start(vec![reply(200, &[], "")]).await;
    let port = peer.url.rsplit(':').next().unwrap();
    for (url, why) in [
        (peer.url.clone(), "private address 127.0.0.1"),
        (format!("http://localhost:{port}"), "private address"),
        (format!("http://[::ffff:127.0.0.1]:{port}"), "private address"),
        (
            "https://169.254.169.254/latest".into(),
            "private address 169.254.169.254",
        ),
        ("https://[64:ff9b::7f00:1]/".into(), "private address"),
        ("http://8.8.8.8/".into(), "https:// only"),
    ] {
        let sink = guarded.open(&webhook(&url), &signing()).unwrap();
        match sink.deliver(&[envelope(1, "O1")], at(NOW)).await.remove(0) {
            Outcome::Failed { error, .. } => assert!(error.contains(why), "{url}: {error}"),
            other => panic!("{url}: {other:?}"),
        }
    }
    assert!(peer.asked().is_empty());
}

fn aws(endpoint: &str) -> AwsSettings {
    AwsSettings {
        region: "eu-west-1".into(),
        endpoint: Some(endpoint.into()),
        profile: None,
        access_key_id: Some("AKIDEXAMPLE".into()),
    }
}

fn aws_secrets() -> Secrets {
    Secrets {
        secret_access_key: Some("hush".to_owned().into()),
        ..Secrets::default()
    }
}

/// Whether a request is signed with the key of [`aws`].
fn assert_signed(asked: &Asked, service: &str) {
    let verifier = Verifier {
        service: service.into(),
        region: Some("eu-west-1".into()),
        ..Verifier::default()
    };
    let presented = Presented::parse(&asked.headers, None).unwrap();
    let request = SignedRequest {
        method: &asked.method,
        path: &asked.path,
        query: None,
        headers: &asked.headers,
        authority: None,
        body_sha256: &hash_body(&asked.body),
    };
    verifier
        .authenticate(
            &request,
            &presented,
            &SigningKeyCache::new(1),
            b"hush",
            None,
            at(NOW),
        )
        .unwrap();
}

fn bus(url: &str) -> Target {
    target(SinkSettings::EventBridge(EventBridgeSettings {
        aws: aws(url),
        bus: "crm".into(),
        source: None,
    }))
}

#[tokio::test]
async fn a_bus_gets_entries_with_the_parts_of_the_envelope_and_answers_for_each() {
    let answer = json!({"FailedEntryCount": 1, "Entries": [{"EventId": "x"},
        {"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}]});
    let peer = Peer::start(vec![reply(200, &[], &answer.to_string())]).await;
    let sink = sinks().open(&bus(&peer.url), &aws_secrets()).unwrap();
    let outcomes = sink
        .deliver(
            &[envelope(1, "O1"), envelope(2, "O2"), envelope(3, "O3")],
            at(NOW),
        )
        .await;
    assert_eq!(outcomes[0], Outcome::Delivered { status: Some(200) });
    assert!(
        matches!(&outcomes[1], Outcome::Failed { error, .. } if error.contains("give the target a source of your own"))
    );
    assert!(matches!(&outcomes[2], Outcome::Failed { error, .. } if error.contains("fewer entries")));
    let asked = peer.asked();
    assert_signed(&asked[0], "events");
    assert_eq!(asked[0].headers["x-amz-target"], "AWSEvents.PutEvents");
    let sent: Value = serde_json::from_slice(&asked[0].body).unwrap();
    let entry = &sent["Entries"][1];
    assert_eq!(entry["Source"], "aws.partnercentral-selling");
    assert_eq!(
        (&entry["EventBusName"], &entry["Time"]),
        (&json!("crm"), &json!(1_795_255_200))
    );
    assert_eq!(entry["DetailType"], "Opportunity Updated");
    let detail: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
    assert_eq!(detail["opportunity"]["identifier"], "O2");
}

#[tokio::test]
async fn a_service_that_refuses_or_is_none_fails_every_event() {
    let peer = Peer::start(vec![
        reply(
            400,
            &[],
            r#"{"__type": "com.amazonaws.events#ResourceNotFoundException", "message": "no bus crm"}"#,
        ),
        reply(200, &[], "<html>"),
    ])
    .await;
    let sink = sinks().open(&bus(&peer.url), &aws_secrets()).unwrap();
    for why in [
        "ResourceNotFoundException: no bus crm",
        "no answer of the service",
    ] {
        let outcomes = sink
            .deliver(&[envelope(1, "O1"), envelope(2, "O2")], at(NOW))
            .await;
        assert_eq!(outcomes.len(), 2);
        assert!(
            matches!(&outcomes[1], Outcome::Failed { error, .. } if error.contains(why)),
            "{outcomes:?}"
        );
    }
}

#[tokio::test]
async fn a_queue_gets_whole_envelopes_and_a_fifo_queue_their_lanes() {
    let answer = json!({"Successful": [{"Id": "1", "MessageId": "m", "MD5OfMessageBody": "x"}],
        "Failed": [{"Id": "0", "Code": "InternalError", "Message": "later", "SenderFault": false}]});
    let peer = Peer::start(vec![reply(200, &[], &answer.to_string())]).await;
    for queue in ["plain", "ordered.fifo"] {
        let queue_url = format!("{}/000000000000/{queue}", peer.url);
        let queue = target(SinkSettings::Sqs(SqsSettings {
            aws: AwsSettings {
                endpoint: None,
                ..aws(&peer.url)
            },
            queue_url,
        }));
        queue.check(&aws_secrets()).unwrap();
        let sink = sinks().open(&queue, &aws_secrets()).unwrap();
        let outcomes = sink
            .deliver(&[envelope(1, "O1"), envelope(2, "O2")], at(NOW))
            .await;
        assert_eq!(
            outcomes,
            [
                Outcome::failed("InternalError: later"),
                Outcome::Delivered { status: Some(200) }
            ]
        );
    }
    let asked = peer.asked();
    let sent: Vec<Value> = asked
        .iter()
        .map(|asked| serde_json::from_slice(&asked.body).unwrap())
        .collect();
    assert_signed(&asked[0], "sqs");
    assert_eq!(asked[0].headers["content-type"], "application/x-amz-json-1.0");
    assert_eq!(
        sent[0]["Entries"][0]["MessageBody"],
        *std::str::from_utf8(&envelope(1, "O1").body).unwrap()
    );
    assert_eq!(sent[0]["Entries"][0].get("MessageGroupId"), None);
    assert_eq!(sent[1]["Entries"][1]["MessageGroupId"], "111111111111/O2");
    assert_eq!(sent[1]["Entries"][1]["MessageDeduplicationId"], "id-2");
}

#[tokio::test]
async fn a_file_gets_a_line_an_event_is_made_anew_when_moved_and_survives_a_torn_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let file = target(SinkSettings::File(FileSettings {
        path: "events.jsonl".into(),
    }));
    let sink = sinks()
        .with_files(folder.path())
        .open(&file, &Secrets::default())
        .unwrap();
    let mut foreign = envelope(3, "O3");
    foreign.body = Bytes::from(serde_json::to_string_pretty(&foreign.value).unwrap());
    let taken = Outcome::Delivered { status: None };
    assert_eq!(
        sink.deliver(&[envelope(1, "O1"), envelope(2, "O2")], at(NOW))
            .await,
        [taken.clone(), taken.clone()]
    );
    std::fs::rename(&path, folder.path().join("old")).unwrap();
    std::fs::write(&path, "{\"torn\": ").unwrap();
    sink.deliver(&[foreign], at(NOW)).await;
    let lines = |path: &std::path::Path| -> Vec<String> {
        std::fs::read_to_string(path)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(lines(&folder.path().join("old")).len(), 2);
    let new = lines(&path);
    assert_eq!((new.len(), new[0].as_str()), (2, "{\"torn\": "));
    let read: Value = serde_json::from_str(&new[1]).unwrap();
    assert_eq!(read, envelope(3, "O3").value);
    std::fs::remove_dir_all(folder.path()).unwrap();
    std::fs::write(folder.path(), "in the way").unwrap();
    assert!(matches!(
        &sink.deliver(&[envelope(4, "O4")], at(NOW)).await[0],
        Outcome::Failed { error, .. } if error.contains("events.jsonl")
    ));
}

#[tokio::test]
async fn over_tls_only_a_trusted_certificate_of_that_name_will_do() {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    for (alpn, version) in [
        ("h2", ::http::Version::HTTP_2),
        ("http/1.1", ::http::Version::HTTP_11),
    ] {
        let mut config =
            rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate.clone()], key.clone_key())
                .unwrap();
        config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
        let peer = Peer::with(vec![reply(200, &[], "")], Some(Arc::new(config).into())).await;
        let trusting = RealSinks::new(Outside::new(Network::development(), vec![certificate.clone()]));
        for (sinks, url, good) in [
            (&trusting, peer.url.clone(), true),
            (&trusting, peer.url.replace("127.0.0.1", "localhost"), false),
            (&sinks(), peer.url.clone(), false),
        ] {
            let sink = sinks.open(&webhook(&url), &signing()).unwrap();
            let outcome = sink.deliver(&[envelope(1, "O1")], at(NOW)).await.remove(0);
            assert_eq!(
                outcome == Outcome::Delivered { status: Some(200) },
                good,
                "{url}: {outcome:?}"
            );
        }
        let asked = peer.asked();
        assert_eq!((asked.len(), asked[0].version), (1, version));
    }
}
