//! What the operator API takes and answers is what its OpenAPI document says, on one way through most of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "../../../tests/scenarios/tests/all/operator/schema.rs"]
mod schema;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cosell_events::{Deliverer, EngineOptions, Network, Outside, RealSinks};
use cosell_model::Timestamp;
use cosell_operator::tokens::{self, NewToken};
use cosell_operator::{BASE, Operator, Parts, Scope, openapi};
use cosell_service::audit::Author;
use cosell_service::delivery::Registry;
use cosell_service::identity::Sealer;
use cosell_service::{Clock, ClockMode, PageTokens, Service, Settings, Throttle, VirtualClock};
use cosell_store::Store;
use cosell_store_sqlite::{Options, SqliteStore};
use http_body_util::{BodyExt as _, Full};
use schema::{Contract, Exchange};
use serde_json::{Value, json};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const ONE: &str = "900000000001";
const TWO: &str = "900000000002";

struct Client {
    operator: Operator,
    token: String,
    document: Value,
    faults: Vec<String>,
    asked: usize,
}

impl Client {
    async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap());
        let sealer = Sealer::new([7; 32]);
        let clock = Arc::new(VirtualClock::new(ClockMode::Frozen { at: START }));
        let new = NewToken {
            name: "test".to_owned(),
            scope: Scope::Admin,
            expires_date: None,
        };
        let token = tokens::create(&*store, &Author::command(), new, START)
            .await
            .unwrap();
        let settings = Settings {
            faults: true,
            seed: Some([1; 32]),
            ..Settings::default()
        };
        let service = Service::new(
            Arc::clone(&store),
            Arc::clone(&clock) as Arc<dyn Clock>,
            settings,
            PageTokens::new(sealer.derive("page tokens")),
            Throttle::off(),
        );
        let registry = Registry::new(Arc::clone(&store), sealer.clone());
        let options = EngineOptions {
            holder: "test".to_owned(),
            lease: Duration::from_secs(10),
            now: Arc::new(|| START),
            signing_now: Arc::new(|| START),
            event_now: Arc::new(|| START),
            held: true,
        };
        let sinks = RealSinks::new(Outside::new(Network::default(), Vec::new()));
        let deliverer =
            Deliverer::start(Arc::clone(&store), Arc::new(registry), Arc::new(sinks), options).await;
        let operator = Operator::new(Parts {
            deliverer: Arc::new(deliverer),
            delivers: true,
            service: Arc::new(service),
            store,
            sealer,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            movable_clock: Some(clock),
            region: "us-east-1".to_owned(),
            version: "0.0.0",
            body_timeout: Duration::from_secs(10),
            spool: std::env::temp_dir(),
        });
        Self {
            operator,
            token: token.secret.to_string(),
            document: openapi::document("0.0.0"),
            faults: Vec::new(),
            asked: 0,
        }
    }

    /// Sends a request and notes in what it and its answer are not what the document says.
    async fn send(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let sent = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(())
            .unwrap();
        let (parts, ()) = request.into_parts();
        let mut body = Full::new(Bytes::from(sent.clone()));
        let response = self.operator.answer("0123456789abcdef", &parts, &mut body).await;
        let status = response.status().as_u16();
        let header = response.headers().get("content-type");
        let media = header.map_or("", |value| value.to_str().unwrap()).to_owned();
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        let contract = Contract {
            document: &self.document,
            // Patterns are not judged here: that takes an engine for them, which this crate has no other use for.
            matches: |_, _| true,
        };
        let broken = contract.broken(&Exchange {
            method,
            path,
            request: sent.as_bytes(),
            status,
            media: &media,
            answer: &answer,
        });
        self.asked += 1;
        self.faults.extend(
            broken
                .into_iter()
                .map(|fault| format!("{method} {path} {sent}: {fault}")),
        );
        (status, serde_json::from_slice(&answer).unwrap_or_default())
    }

    async fn done(&mut self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert!(status < 400, "{method} {path}: {status} {answer}");
        answer
    }

    async fn refused(&mut self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert!((400..500).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }
}

async fn walk(client: &mut Client) {
    for (account, company) in [(ONE, "Crumb & Co"), (TWO, "Second Oven")] {
        let body = json!({"accountId": account, "companyName": company, "websiteUrl": null});
        client.done("POST", "/accounts", body).await;
        let user = json!({"email": "a@example.com", "firstName": "A", "lastName": "B"});
        client
            .done("POST", &format!("/accounts/{account}/users"), user)
            .await;
        client
            .done("POST", &format!("/accounts/{account}/keys"), Value::Null)
            .await;
    }
    let solution = json!({"catalog": "AWS", "name": "Oven", "category": "Software Product"});
    client
        .done("POST", &format!("/accounts/{ONE}/solutions"), solution)
        .await;
    let offer = json!({"catalog": "AWS", "id": "offer-x", "name": "x"});
    client
        .done("POST", &format!("/accounts/{ONE}/offers"), offer)
        .await;
    client
        .done("POST", "/connections", json!({"one": ONE, "other": TWO}))
        .await;
    client
        .done("POST", "/tokens", json!({"name": "another", "scope": "read"}))
        .await;
    client
        .done(
            "POST",
            "/state/seed",
            json!({"pack": "starter", "catalog": "AWS"}),
        )
        .await;
    let large = json!({"pack": "large", "accounts": [ONE], "count": 2});
    client.done("POST", "/state/seed", large).await;

    for account in ["", "?account=900000000001&catalog=AWS"] {
        let all = client
            .done("GET", &format!("/opportunities{account}"), Value::Null)
            .await;
        assert!(!all["items"].as_array().unwrap().is_empty());
    }
    let filter =
        "/reviews?catalog=AWS&status=Submitted,In%20review,Approved,Rejected,Action%20Required&limit=100";
    let rows = client.done("GET", filter, Value::Null).await;
    let rows = rows["items"].as_array().unwrap().clone();
    assert!(rows.len() > 10);
    for row in &rows {
        let id = row["id"].as_str().unwrap();
        client
            .done("GET", &format!("/opportunities/{id}?catalog=AWS"), Value::Null)
            .await;
        client
            .done(
                "GET",
                &format!("/aws-opportunities/{id}?catalog=AWS"),
                Value::Null,
            )
            .await;
        let steps = format!("/autopilot/steps?catalog=AWS&opportunity={id}");
        client.done("GET", &steps, Value::Null).await;
    }
    let waiting = rows
        .iter()
        .find(|row| row["reviewStatus"] == "Submitted")
        .unwrap();
    let id = waiting["id"].as_str().unwrap();
    client
        .done("POST", &format!("/reviews/{id}/take?catalog=AWS"), Value::Null)
        .await;
    let question = json!({"catalog": "AWS", "opportunity": id, "script": "picky"});
    client.done("POST", "/autopilot/explain", question).await;
    client
        .done("POST", &format!("/reviews/{id}/approve?catalog=AWS"), json!({}))
        .await;
    let change = json!({"nextSteps": "Call", "insights": {"nextBestActions": null}});
    client
        .done("PATCH", &format!("/aws-opportunities/{id}?catalog=AWS"), change)
        .await;
    for side in ["sent", "received"] {
        let path = format!("/invitations?catalog=AWS&side={side}&limit=100");
        client.done("GET", &path, Value::Null).await;
    }

    client
        .done("PUT", "/autopilot?catalog=Sandbox", json!({"name": "picky"}))
        .await;
    client
        .done("GET", "/autopilot?catalog=Sandbox", Value::Null)
        .await;
    for path in [
        "/autopilot/all",
        "/autopilot/scripts",
        "/clock",
        "/status",
        "/openapi.json",
        "/accounts",
        "/tokens",
    ] {
        client.done("GET", path, Value::Null).await;
    }
    client.done("POST", "/clock/advance", json!({"by": "1d"})).await;

    let sparse = json!({"catalog": "AWS", "receivers": [{"account": ONE}], "opportunity": {
        "Customer": {"Account": {"CompanyName": "Crumb", "Industry": "Retail", "WebsiteUrl": "https://crumb.example",
            "Address": {"CountryCode": "DE"}}},
        "LifeCycle": {"TargetCloseDate": "2027-12-01"},
        "Project": {"Title": "Bread", "CustomerBusinessProblem": "The ovens are planned by hand, every night."}}});
    client.done("POST", "/referrals", sparse).await;
    let lead = json!({"catalog": "AWS", "receivers": [{"account": ONE}], "title": "Lead", "message": "Would you?",
        "lead": {"Customer": {"CompanyName": "Crumb"}, "Interactions": []}});
    client.send("POST", "/leads", lead).await;

    let preview = format!("/accounts/{ONE}/preview");
    let create = json!({"kind": "create", "document": {"Catalog": "AWS", "Origin": "AWS Referral",
        "Customer": {"Account": {"CompanyName": "Crumb"}}}});
    let outlook = client.done("POST", &preview, create).await;
    assert!(!outlook.to_string().contains("ClientToken"), "{outlook}");
    let bare = client
        .done("POST", &preview, json!({"kind": "update", "document": {}}))
        .await;
    assert_eq!(bare["accepted"], false);

    for effect in [
        json!("throttle"),
        json!({"staleRead": {"byMs": 5}}),
        json!({"latency": {"uniform": {"fromMs": 1, "toMs": 2}}}),
        json!({"error": {"name": "ConflictException", "message": null}}),
    ] {
        client
            .done(
                "POST",
                "/faults",
                json!({"effect": effect, "first": null, "probability": 0.5}),
            )
            .await;
    }
    client.done("GET", "/faults", Value::Null).await;
    let two = json!({"effect": {"throttle": null, "staleRead": {"byMs": 5}}});
    let told = client.refused("POST", "/faults", two).await;
    assert!(
        told["detail"].as_str().unwrap().contains("one of these forms"),
        "{told}"
    );
    assert_eq!(told["errors"][0]["pointer"], "/effect");
    client
        .refused("GET", "/opportunities/O0?catalog=AWS", Value::Null)
        .await;
    client.refused("POST", "/accounts", json!({"accountId": 1})).await;

    let nobody = "900000000009";
    client
        .refused("POST", "/connections", json!({"one": ONE, "other": nobody}))
        .await;
    client
        .refused("DELETE", &format!("/connections/{ONE}/{nobody}"), Value::Null)
        .await;
    let path = format!("/autopilot?catalog=AWS&account={nobody}");
    client.refused("DELETE", &path, Value::Null).await;
    client.refused("PUT", &path, json!({"name": "picky"})).await;
    client.refused("PUT", &path, json!({"script": {"rule": 1}})).await;
    for opportunity in ["O0", "O10000000"] {
        let steps = format!("/autopilot/steps?catalog=AWS&opportunity={opportunity}");
        client.send("GET", &steps, Value::Null).await;
        client.send("DELETE", &steps, Value::Null).await;
        let question = json!({"catalog": "AWS", "opportunity": opportunity, "document": null});
        client.refused("POST", "/autopilot/explain", question).await;
        client
            .refused(
                "GET",
                &format!("/aws-opportunities/{opportunity}?catalog=AWS"),
                Value::Null,
            )
            .await;
        client
            .refused(
                "POST",
                &format!("/reviews/{opportunity}/take?catalog=AWS"),
                Value::Null,
            )
            .await;
    }
    let unknown =
        json!({"catalog": "AWS", "receivers": [{"account": nobody, "alias": null}], "opportunity": {}});
    client.refused("POST", "/referrals", unknown).await;
    let lead = json!({"catalog": "AWS", "receivers": [{"account": nobody}], "title": "Lead", "message": "Would you?",
        "lead": {"Customer": {"CompanyName": "Crumb"}, "Interactions": []}});
    client.refused("POST", "/leads", lead).await;
    client
        .refused("POST", "/state/reset", json!({"account": nobody}))
        .await;
    let large = json!({"pack": "large", "accounts": [nobody], "count": 2, "document": null});
    client.refused("POST", "/state/seed", large).await;
    for answered in ["accept", "withdraw"] {
        client
            .refused(
                "POST",
                &format!("/invitations/engi-1/{answered}?catalog=AWS"),
                Value::Null,
            )
            .await;
    }
    for path in [
        "/reviews",
        "/opportunities",
        "/audit",
        "/audit/export",
        "/accounts",
        "/invitations",
    ] {
        client
            .refused("GET", &format!("{path}?cursor=x"), Value::Null)
            .await;
        client
            .refused("GET", &format!("{path}?account={nobody}&limit=0"), Value::Null)
            .await;
        client
            .send("GET", &format!("{path}?account={nobody}"), Value::Null)
            .await;
    }
    client
        .refused("POST", "/faults", json!({"id": "fault-1", "effect": "throttle"}))
        .await;
    client.refused("DELETE", "/faults/none", Value::Null).await;
    client
        .refused("POST", "/clock/set", json!({"to": "0000-01-01T00:00:00Z"}))
        .await;

    for path in ["/audit?limit=100", "/audit/export"] {
        client.done("GET", path, Value::Null).await;
    }
    for kind in ["users", "keys", "solutions?catalog=AWS", "offers?catalog=AWS"] {
        client
            .done("GET", &format!("/accounts/{ONE}/{kind}"), Value::Null)
            .await;
    }
    client
        .done("DELETE", &format!("/connections/{ONE}/{TWO}"), Value::Null)
        .await;
    client
        .done("POST", "/state/reset", json!({"catalog": "Sandbox"}))
        .await;
}

#[tokio::test]
async fn what_is_taken_and_answered_is_what_the_document_says() {
    let mut client = Client::new().await;
    tokio::task::LocalSet::new().run_until(walk(&mut client)).await;
    assert!(client.asked > 60);
    client.faults.sort();
    client.faults.dedup();
    assert!(client.faults.is_empty(), "{:#?}", client.faults);
}

#[test]
fn an_answer_without_a_member_that_the_document_requires_is_noticed() {
    let document = openapi::document("0.0.0");
    let contract = Contract {
        document: &document,
        matches: |_, _| true,
    };
    let of = |method, path, status, request: &str, answer: Value| {
        let (request, answer) = (request.as_bytes(), answer.to_string());
        let (media, answer) = ("application/json", answer.as_bytes());
        contract.broken(&Exchange {
            method,
            path,
            request,
            status,
            media,
            answer,
        })
    };
    let user = json!({"email": "a@example.com", "firstName": "A", "lastName": "B"});
    let sent = user.to_string();
    let path = "/accounts/900000000001/users";
    assert_eq!(of("POST", path, 201, &sent, user.clone()), [""; 0]);
    assert_eq!(
        of("POST", path, 201, r#"{"email":"a@example.com"}"#, user.clone()).len(),
        1
    );
    assert_eq!(
        of(
            "POST",
            path,
            201,
            &sent,
            json!({"email": "a@example.com", "firstName": "A"})
        )
        .len(),
        1
    );
    assert_eq!(of("POST", path, 200, &sent, user.clone()).len(), 1);
    let page = json!({"items": [user], "more": true});
    assert_eq!(
        of("GET", path, 200, "", page).len(),
        1,
        "what the document does not tell of"
    );
}
