//! The NATS sink against a real server: `nats-server` with JetStream, from the search path.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use async_nats::jetstream;
use bytes::Bytes;
use cosell_events::{
    Envelope, NatsSettings, Network, Outcome, Outside, RealSinks, Secrets, SinkSettings, Sinks as _, Target,
};
use cosell_model::Timestamp;
use cosell_store::{Event, StoredEvent};

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn envelope(seq: u64) -> Envelope {
    let body = format!(
        r#"{{"id":"id-{seq}","detail-type":"Opportunity Updated","detail":{{"catalog":"AWS","opportunity":{{"identifier":"O{seq}"}}}}}}"#
    );
    Envelope::of(StoredEvent {
        seq,
        event: Event {
            id: format!("id-{seq}"),
            account: "111111111111".into(),
            catalog: "AWS".into(),
            detail_type: "Opportunity Updated".into(),
            time: Timestamp::from_millis(0),
            body: Bytes::from(body),
        },
    })
}

#[tokio::test]
async fn a_stream_gets_each_event_once_and_what_no_stream_takes_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    let _server = Server(
        Command::new("nats-server")
            .args([
                "-js",
                "-a",
                "127.0.0.1",
                "-p",
                &port,
                "--user",
                "crm",
                "--pass",
                "hush",
                "-sd",
            ])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server is needed: install the package nats-server"),
    );
    let target = Target::read(
        format!(r#"{{"id": "n", "timeoutSeconds": 2, "sink": {{"kind": "nats", "url": "nats://127.0.0.1:{port}", "user": "crm"}}}}"#)
            .as_bytes(),
    )
    .unwrap();
    assert!(matches!(
        &target.sink,
        SinkSettings::Nats(NatsSettings { user: Some(_), .. })
    ));
    let secrets = Secrets {
        password: Some("hush".to_owned().into()),
        ..Secrets::default()
    };
    target.check(&secrets).unwrap();
    let sinks = RealSinks::new(Outside::new(Network::development(), Vec::new()));
    let sink = sinks.open(&target, &secrets).unwrap();
    let now = Timestamp::from_millis(0);

    let options = || async_nats::ConnectOptions::new().user_and_password("crm".into(), "hush".into());
    let mut client = None;
    for _ in 0..100 {
        client = options().connect(format!("127.0.0.1:{port}")).await.ok();
        if client.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let context = jetstream::new(client.expect("the server answers"));
    let unheard = sink.deliver(&[envelope(1)], now).await;
    assert!(
        matches!(&unheard[0], Outcome::Failed { error, .. } if error.contains("make a stream")),
        "{unheard:?}"
    );

    let config = jetstream::stream::Config {
        name: "crm".into(),
        subjects: vec!["cosell.*.opportunity-updated".into()],
        ..Default::default()
    };
    let stream = context.create_stream(config).await.unwrap();
    for seq in [1, 2, 1] {
        let taken = sink.deliver(&[envelope(seq)], now).await;
        assert_eq!(taken, [Outcome::Delivered { status: None }]);
    }
    assert_eq!(
        stream.get_info().await.unwrap().state.messages,
        2,
        "what came twice is kept once"
    );
    let kept = stream.get_raw_message(1).await.unwrap();
    assert_eq!(kept.payload, envelope(1).body);
    assert_eq!(kept.subject.as_str(), "cosell.111111111111.opportunity-updated");

    let private = RealSinks::new(Outside::new(Network::default(), Vec::new()));
    let refused = private
        .open(&target, &secrets)
        .unwrap()
        .deliver(&[envelope(3)], now)
        .await;
    assert!(
        matches!(&refused[0], Outcome::Failed { error, .. } if error.contains("private address")),
        "{refused:?}"
    );
}
