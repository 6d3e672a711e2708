//! Who may do what: every operation of the served OpenAPI document with every kind of token. An operation that has no
//! sample here fails the test.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::harness::operator::{problem, refused};
use crate::harness::{Answer, Operator, Server};

/// One request for each operation, which its scope lets through: operation, path and query, body. What they then find does
/// not matter, so the accounts need not exist.
fn samples() -> Vec<(&'static str, &'static str, Value)> {
    const NONE: Value = Value::Null;
    vec![
        ("getStatus", "/status", NONE),
        ("getOpenapi", "/openapi.json", NONE),
        ("listReviews", "/reviews?status=Submitted,In%20review", NONE),
        ("takeInReview", "/reviews/O1/take", NONE),
        ("approveOpportunity", "/reviews/O1/approve?catalog=AWS", json!({})),
        ("rejectOpportunity", "/reviews/O1/reject", json!({"reason": "x"})),
        (
            "askForAction",
            "/reviews/O1/action-required",
            json!({"reason": "x"}),
        ),
        ("getAwsOpportunity", "/aws-opportunities/O1", NONE),
        (
            "updateAwsOpportunity",
            "/aws-opportunities/O1",
            json!({"nextSteps": "x"}),
        ),
        (
            "createReferral",
            "/referrals",
            json!({"catalog": "AWS", "receivers": [{"account": "900000000001"}], "opportunity": {}}),
        ),
        (
            "inviteToLead",
            "/leads",
            json!({"catalog": "AWS", "receivers": [], "title": "x", "message": "x", "lead": {"Interactions": []}}),
        ),
        ("listInvitations", "/invitations?side=received", NONE),
        ("getInvitation", "/invitations/engi-1", NONE),
        ("withdrawInvitation", "/invitations/engi-1/withdraw", NONE),
        ("acceptInvitation", "/invitations/engi-1/accept", NONE),
        ("rejectInvitation", "/invitations/engi-1/reject", json!({})),
        ("searchOpportunities", "/opportunities?text=marzipan", NONE),
        ("getOpportunity", "/opportunities/O1", NONE),
        (
            "previewRequest",
            "/accounts/900000000001/preview",
            json!({"kind": "create", "document": {}}),
        ),
        ("listAudit", "/audit", NONE),
        ("exportAudit", "/audit/export", NONE),
        ("listAccounts", "/accounts", NONE),
        (
            "createAccount",
            "/accounts",
            json!({"accountId": "x", "companyName": "x"}),
        ),
        ("getAccount", "/accounts/900000000001", NONE),
        (
            "updateAccount",
            "/accounts/900000000001",
            json!({"companyName": "x"}),
        ),
        ("listUsers", "/accounts/900000000001/users", NONE),
        (
            "createUser",
            "/accounts/900000000001/users",
            json!({"email": "a@example.com", "firstName": "A", "lastName": "B"}),
        ),
        (
            "updateUser",
            "/accounts/900000000001/users/a%40example.com",
            json!({"firstName": "A"}),
        ),
        ("deleteUser", "/accounts/900000000001/users/a%40example.com", NONE),
        ("listAccessKeys", "/accounts/900000000001/keys", NONE),
        ("getAccessKey", "/keys/AKIANONE", NONE),
        ("createAccessKey", "/accounts/900000000001/keys", NONE),
        ("revokeAccessKey", "/accounts/900000000001/keys/AKIANONE", NONE),
        (
            "listSolutions",
            "/accounts/900000000001/solutions?catalog=AWS",
            NONE,
        ),
        (
            "createSolution",
            "/accounts/900000000001/solutions",
            json!({"catalog": "AWS", "name": "x", "category": "Software Product"}),
        ),
        (
            "updateSolution",
            "/accounts/900000000001/solutions/S-1?catalog=AWS",
            json!({"status": "Inactive"}),
        ),
        ("listOffers", "/accounts/900000000001/offers?catalog=AWS", NONE),
        (
            "createOffer",
            "/accounts/900000000001/offers",
            json!({"catalog": "AWS", "id": "offer-x", "name": "x"}),
        ),
        (
            "deleteOffer",
            "/accounts/900000000001/offers/offer-x?catalog=AWS",
            NONE,
        ),
        ("listConnections", "/connections", NONE),
        (
            "createConnection",
            "/connections",
            json!({"one": "900000000001", "other": "900000000002"}),
        ),
        ("deleteConnection", "/connections/900000000001/900000000002", NONE),
        ("getAutopilot", "/autopilot?catalog=AWS", NONE),
        // Nobody is registered under this account.
        (
            "setAutopilot",
            "/autopilot?account=900000000001&catalog=AWS",
            json!({"name": "manual"}),
        ),
        (
            "removeAutopilot",
            "/autopilot?account=900000000001&catalog=AWS",
            NONE,
        ),
        ("listAutopilots", "/autopilot/all", NONE),
        ("listScripts", "/autopilot/scripts", NONE),
        (
            "explainAutopilot",
            "/autopilot/explain",
            json!({"catalog": "AWS", "opportunity": "O1", "script": "picky"}),
        ),
        ("listSteps", "/autopilot/steps?catalog=AWS&opportunity=O1", NONE),
        ("cancelSteps", "/autopilot/steps?catalog=AWS&opportunity=O1", NONE),
        ("getClock", "/clock", NONE),
        ("advanceClock", "/clock/advance", json!({"by": "x"})),
        ("setClock", "/clock/set", json!({"to": "0000-01-01T00:00:00Z"})),
        ("freezeClock", "/clock/freeze", NONE),
        ("resumeClock", "/clock/resume", NONE),
        ("resetClock", "/clock/reset", NONE),
        ("listFaults", "/faults", NONE),
        ("createFault", "/faults", json!({"effect": "nothing"})),
        ("clearFaults", "/faults", NONE),
        ("getFault", "/faults/none", NONE),
        ("deleteFault", "/faults/none", NONE),
        ("listEvents", "/events?newestFirst=true", NONE),
        // Refused for its place, so that it does not go on for ever.
        ("streamEvents", "/events/stream?after=9000000000000000000", NONE),
        ("getEvent", "/events/none", NONE),
        (
            "redeliverEvent",
            "/events/none/redeliver",
            json!({"target": "none"}),
        ),
        ("listEventTargets", "/event-targets", NONE),
        (
            "createEventTarget",
            "/event-targets",
            json!({"id": "none", "sink": {"kind": "file", "path": "../x"}}),
        ),
        ("getEventTarget", "/event-targets/none", NONE),
        (
            "updateEventTarget",
            "/event-targets/none",
            json!({"sink": {"kind": "stdout"}}),
        ),
        ("deleteEventTarget", "/event-targets/none", NONE),
        ("pauseEventTarget", "/event-targets/none/pause", json!({})),
        ("resumeEventTarget", "/event-targets/none/resume", NONE),
        ("testEventTarget", "/event-targets/none/test", NONE),
        (
            "rotateEventTargetSecret",
            "/event-targets/none/rotate-secret",
            json!({}),
        ),
        ("dropOldEventTargetSecret", "/event-targets/none/old-secret", NONE),
        ("listDeadLetters", "/event-targets/none/dead-letters", NONE),
        ("redeliverDeadLetters", "/event-targets/none/redeliver", json!({})),
        (
            "replayEvents",
            "/event-targets/none/replay",
            json!({"from": "2026-01-01T00:00:00Z"}),
        ),
        ("listEventRules", "/event-rules", NONE),
        (
            "createEventRule",
            "/event-rules",
            json!({"name": "none", "pattern": {}, "targets": ["none"]}),
        ),
        (
            "testEventRule",
            "/event-rules/test",
            json!({"pattern": {"source": ["x"]}, "event": {}}),
        ),
        ("getEventRule", "/event-rules/none", NONE),
        (
            "updateEventRule",
            "/event-rules/none",
            json!({"pattern": {"source": ["x"]}, "targets": ["none"]}),
        ),
        ("deleteEventRule", "/event-rules/none", NONE),
        ("getMetrics", "/metrics", NONE),
        ("listTokens", "/tokens", NONE),
        ("createToken", "/tokens", json!({"name": "", "scope": "read"})),
        ("revokeToken", "/tokens/0000000000000000", NONE),
        ("saveState", "/state", NONE),
        // Refused as no state: nothing is lost by it.
        ("loadState", "/state", json!({})),
        ("resetState", "/state/reset", json!({"account": "900000000001"})),
        (
            "seedState",
            "/state/seed",
            json!({"pack": "large", "accounts": ["900000000001"], "count": 1}),
        ),
    ]
}

/// An operation of the document.
struct Operation {
    id: String,
    method: String,
    path: String,
    scope: String,
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let security = operation["security"].as_array().unwrap();
            assert_eq!(security.len(), 1, "{path}: exactly one way in");
            let scopes = security[0]["operatorToken"].as_array().unwrap();
            assert_eq!(scopes.len(), 1, "{path}: exactly one least scope");
            found.push(Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                scope: scopes[0].as_str().unwrap().to_owned(),
            });
        }
    }
    found
}

/// Whether a sample's path is one of the operation.
fn fits(template: &str, sample: &str) -> bool {
    let path = sample.split('?').next().unwrap();
    let (template, path): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let same = |(template, part): (&&str, &&str)| template == part || template.starts_with('{');
    template.len() == path.len() && template.iter().zip(&path).all(same)
}

fn refused_without_right(answer: &Answer) -> bool {
    matches!(answer.status, 401 | 403 | 429)
}

#[test]
fn every_operation_takes_a_token_with_its_scope_and_no_other() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    let document = admin.get("/openapi.json");
    let operations = operations(&document);
    let samples = samples();

    let known: BTreeSet<&str> = samples.iter().map(|(id, ..)| *id).collect();
    let served: BTreeSet<&str> = operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(
        known, served,
        "each operation of the document needs a sample, and each sample an operation"
    );

    let mut with_scope = |scope: &str| {
        let token = admin.token(scope);
        (scope.to_owned(), admin.with(token["token"].as_str().unwrap()))
    };
    let mut scoped = [with_scope("read"), with_scope("review"), with_scope("admin")];
    let rank = |scope: &str| {
        ["read", "review", "admin"]
            .iter()
            .position(|known| *known == scope)
            .unwrap()
    };

    let revoked = admin.token("admin");
    admin.delete(&format!("/tokens/{}", revoked["id"].as_str().unwrap()));
    let mut revoked = admin.with(revoked["token"].as_str().unwrap());
    let mut expired = expired(&mut admin);
    let mut nobody = admin.nobody();
    let mut garbage = admin.with("cosell_op_garbage");

    for operation in &operations {
        let (_, path, body) = samples.iter().find(|(id, ..)| *id == operation.id).unwrap();
        assert!(fits(&operation.path, path), "{}: {path}", operation.id);
        let body = Some(body).filter(|body| !body.is_null());
        for (who, client) in [
            ("nobody", &mut nobody),
            ("garbage", &mut garbage),
            ("revoked", &mut revoked),
            ("expired", &mut expired),
        ] {
            let answer = client.send(&operation.method, path, body);
            assert_eq!(answer.status, 401, "{} by {who}: {answer}", operation.id);
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(challenge.starts_with("Bearer "), "{}: {answer}", operation.id);
        }
        for (scope, client) in &mut scoped {
            let answer = client.send(&operation.method, path, body);
            if rank(scope) >= rank(&operation.scope) {
                assert!(
                    !refused_without_right(&answer),
                    "{} by {scope}: {answer}",
                    operation.id
                );
                assert!(answer.status < 500, "{} by {scope}: {answer}", operation.id);
            } else {
                refused(&answer, 403, "missing-scope");
                let detail = answer.json()["detail"].to_string();
                assert!(detail.contains(&format!("scope {}", operation.scope)), "{detail}");
            }
        }
    }
}

/// A client whose token was good a moment ago.
fn expired(admin: &mut Operator) -> Operator {
    #[allow(clippy::disallowed_methods, reason = "a client knows the machine's time only")]
    let soon = SystemTime::now() + Duration::from_secs(1);
    let soon = jiff::Timestamp::try_from(soon).unwrap().to_string();
    let token = admin.post(
        "/tokens",
        &json!({"name": "short", "scope": "admin", "expiresDate": soon}),
    );
    let mut client = admin.with(token["token"].as_str().unwrap());
    assert_eq!(client.send("GET", "/status", None).status, 200);
    for _ in 0..100 {
        let answer = client.send("GET", "/status", None);
        if answer.status == 401 {
            assert!(
                answer.json()["detail"].as_str().unwrap().contains("expired"),
                "{answer}"
            );
            return client;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the token does not expire");
}

#[test]
fn a_path_without_an_endpoint_tells_nothing_to_who_has_no_token() {
    let mut admin = Server::shared().operator();
    let mut nobody = admin.nobody();
    for path in [
        "/operator",
        "/operator/",
        "/operator/v1",
        "/operator/v1/nothing",
        "/operator/v2/status",
    ] {
        refused(&nobody.raw("GET", path, &[], b""), 401, "unauthenticated");
        refused(&admin.raw("GET", path, &[], b""), 404, "not-found");
    }
}

#[test]
fn who_guesses_tokens_is_told_to_wait_and_who_has_one_is_not() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    let unknown = format!("cosell_op_{}_{}", "0".repeat(16), "0".repeat(64));
    let mut guesser = admin.with(&unknown);
    let mut kinds = BTreeSet::new();
    for _ in 0..200 {
        let answer = guesser.send("GET", "/status", None);
        let kind = problem(&answer);
        if kind == "too-many-requests" {
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert_eq!(
                admin.send("GET", "/status", None).status,
                200,
                "the right token is let in meanwhile"
            );
        }
        kinds.insert(kind);
    }
    let both = ["too-many-requests".to_owned(), "unauthenticated".to_owned()];
    assert_eq!(kinds, BTreeSet::from(both));
    assert!(
        admin.get("/status")["counts"]["failedAuthentications"]
            .as_u64()
            .unwrap()
            >= 200
    );
    // The log names the id, which is no secret, and never the token.
    let log = server.log();
    assert!(log.contains("operator token was refused"), "{log}");
    assert!(!log.contains(&unknown) && !log.contains(&"0".repeat(64)), "{log}");
}
