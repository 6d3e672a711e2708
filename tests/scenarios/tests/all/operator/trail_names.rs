//! The audit log as somebody searches it: under every account concerned, and by one name for one deed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::deal::{draft, submitted};
use crate::harness::operator::refused;
use crate::harness::{Key, Operator, Server};

const PARTNERS: [&str; 3] = ["620000000301", "620000000302", "620000000303"];

fn prepared() -> (Server, Operator) {
    let server = Server::dev(&[]);
    let mut operator = server.operator();
    for account in PARTNERS {
        let new = json!({"accountId": account, "companyName": account});
        operator.post("/accounts", &new);
    }
    (server, operator)
}

fn found(operator: &mut Operator, query: &str) -> Vec<Value> {
    let whole = operator.all(&format!("/audit?{query}"), 100);
    assert_eq!(whole, operator.all(&format!("/audit?{query}"), 1), "{query}");
    whole
}

/// An entry without its place in the log.
fn content(entry: &Value) -> Value {
    let mut entry = entry.clone();
    for member in ["seq", "account"] {
        entry.as_object_mut().unwrap().remove(member);
    }
    entry
}

#[test]
fn what_concerns_several_partners_is_found_under_each_of_them_and_told_once() {
    let (server, mut operator) = prepared();
    let receivers: Vec<Value> = PARTNERS
        .iter()
        .map(|account| json!({"account": account}))
        .collect();
    let mut deal = draft("several");
    deal.as_object_mut().unwrap().remove("ClientToken");
    operator.post(
        "/referrals",
        &json!({"catalog": "Sandbox", "receivers": receivers, "message": "Yours", "opportunity": deal}),
    );
    let pair = json!({"one": PARTNERS[2], "other": PARTNERS[0]});
    operator.post("/connections", &pair);
    let ended = format!("/connections/{}/{}", PARTNERS[0], PARTNERS[2]);
    assert_eq!(operator.send("DELETE", &ended, None).status, 204);

    for (action, concerned) in [
        ("CreateReferral", &PARTNERS[..]),
        ("CreateConnection", &[PARTNERS[0], PARTNERS[2]]),
        ("DeleteConnection", &[PARTNERS[0], PARTNERS[2]]),
    ] {
        let whole = found(&mut operator, &format!("action={action}"));
        assert_eq!(whole.len(), 1, "{action}: told once");
        let named: BTreeSet<&str> = whole[0]["accounts"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(named, BTreeSet::from_iter(concerned.iter().copied()), "{action}");
        let mut shared = BTreeSet::new();
        for account in PARTNERS {
            let query = format!("account={account}&action={action}");
            let own = found(&mut operator, &query);
            assert_eq!(own.len(), usize::from(concerned.contains(&account)), "{query}");
            let Some(own) = own.first() else { continue };
            assert_eq!(own["account"], account);
            assert_eq!(content(own), content(&whole[0]));
            let line = operator.send("GET", &format!("/audit/export?{query}"), None);
            let line: Value = serde_json::from_slice(&line.body).unwrap();
            assert_eq!(line["recipientAccountId"], account);
            shared.insert(line["sharedEventID"].to_string());
        }
        assert_eq!(shared.len(), 1, "{action}: one event for all");
    }
    // What one partner does to a deal of its own concerns nobody else.
    let id = submitted(&mut server.caller(Key::account(PARTNERS[0])), "alone");
    for entry in found(&mut operator, &format!("resource={id}")) {
        assert_eq!(
            (&entry["account"], &entry["accounts"]),
            (&json!(PARTNERS[0]), &Value::Null),
            "{entry}"
        );
    }
}

#[test]
fn a_refused_signature_is_found_under_the_account_of_the_key_it_names() {
    let (server, mut operator) = prepared();
    let key = operator.post(&format!("/accounts/{}/keys", PARTNERS[0]), &Value::Null);
    let id = key["accessKeyId"].as_str().unwrap();
    let list = json!({"Catalog": "Sandbox"});
    let forged = Key::new(id, "a secret that somebody guessed");
    server
        .caller(forged)
        .call("ListOpportunities", &list)
        .is("InvalidSignatureException");
    let stranger = Key::new("AKIANOBODYKNOWSTHIS1", "x");
    server
        .caller(stranger)
        .call("ListOpportunities", &list)
        .is("UnrecognizedClientException");
    operator.delete(&format!("/accounts/{}/keys/{id}", PARTNERS[0]));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let secret = key["secretAccessKey"].as_str().unwrap();
    server
        .caller(Key::new(id, secret))
        .call("ListOpportunities", &list)
        .is("UnrecognizedClientException");

    let refused = found(
        &mut operator,
        &format!("account={}&action=ListOpportunities", PARTNERS[0]),
    );
    let errors: Vec<&str> = refused
        .iter()
        .map(|entry| entry["error"].as_str().unwrap())
        .collect();
    assert_eq!(
        errors,
        ["UnrecognizedClientException", "InvalidSignatureException"]
    );
    for entry in &refused {
        // Who sent it is not known: the key was only named.
        assert_eq!(
            entry["actor"],
            json!({"type": "partner", "account": "", "accessKey": id}),
            "{entry}"
        );
    }
    let all = found(&mut operator, "action=ListOpportunities");
    assert_eq!(all.len(), 3, "{all:?}");
    assert!(all.iter().any(|entry| entry["account"].is_null()), "{all:?}");
}

/// Deeds whose entries need more than one request to come about; other tests see them.
const ELSEWHERE: [&str; 5] = [
    "acceptInvitation",
    "rejectInvitation",
    "cancelSteps",
    "loadState",
    "saveState",
];

#[test]
fn a_deed_has_one_name_in_the_audit_log_whether_it_was_done_or_denied() {
    let (server, mut operator) = prepared();
    let document = operator.get("/openapi.json");
    let mut partner = server.caller(Key::account(PARTNERS[0]));
    let deals: Vec<String> = (0..4)
        .map(|number| submitted(&mut partner, &format!("named-{number}")))
        .collect();
    let account = PARTNERS[0];
    let [one, two, three] = PARTNERS;
    let referral = json!({"catalog": "Sandbox", "receivers": [{"account": one}], "message": "x", "opportunity": draft("named")});
    let interaction = json!({"SourceType": "Event", "SourceId": "1", "SourceName": "Fair", "CustomerAction": "Asked",
        "InteractionDate": "2026-01-01T00:00:00Z", "Contact": {"BusinessTitle": "CIO", "Email": "c@example.com",
        "FirstName": "C", "LastName": "D"}});
    let lead = json!({"catalog": "Sandbox", "receivers": [{"account": one}], "title": "x", "message": "x",
        "lead": {"Customer": {"CompanyName": "Ovens", "Industry": "Retail", "Address": {"CountryCode": "US"}}, "Interactions": [interaction]}});
    let event = operator.get("/events?limit=1")["items"][0]["event"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut done = BTreeSet::from(["createAccount".to_owned()]);
    let reader = operator.token("read");
    let mut reader = operator.with(reader["token"].as_str().unwrap());
    done.insert("createToken".to_owned());
    let mut denied = BTreeSet::new();
    let paths = document["paths"].as_object().unwrap();
    let mut act = |id: &str, path: &str, body: Value| -> Value {
        let method = paths
            .values()
            .flat_map(|methods| methods.as_object().unwrap())
            .find(|(_, operation)| operation["operationId"] == id)
            .unwrap_or_else(|| panic!("no operation {id}"))
            .0
            .to_uppercase();
        let body = Some(&body).filter(|body| !body.is_null());
        refused(&reader.send(&method, path, body), 403, "missing-scope");
        denied.insert(id.to_owned());
        // Denied calls are noted up to a number each second.
        std::thread::sleep(std::time::Duration::from_millis(60));
        let answer = operator.send(&method, path, body);
        assert!(answer.status < 300, "{id}: {answer}");
        done.insert(id.to_owned());
        serde_json::from_slice(&answer.body).unwrap_or_default()
    };
    let review = |number: usize, verb: &str| format!("/reviews/{}/{verb}", deals[number]);
    act("takeInReview", &review(0, "take"), Value::Null);
    act("approveOpportunity", &review(1, "approve"), json!({}));
    act("rejectOpportunity", &review(2, "reject"), json!({"reason": "x"}));
    act(
        "askForAction",
        &review(3, "action-required"),
        json!({"reason": "x"}),
    );
    let deal = format!("/aws-opportunities/{}", deals[1]);
    act("updateAwsOpportunity", &deal, json!({"nextSteps": "x"}));
    let made = act("createReferral", "/referrals", referral);
    let invitation = made["items"][0]["invitationId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    act("inviteToLead", "/leads", lead);
    act(
        "withdrawInvitation",
        &format!("/invitations/{invitation}/withdraw"),
        Value::Null,
    );
    act(
        "createUser",
        &format!("/accounts/{account}/users"),
        json!({"email": "a@b.example", "firstName": "A", "lastName": "B"}),
    );
    let user = format!("/accounts/{account}/users/a@b.example");
    act("updateUser", &user, json!({"firstName": "C"}));
    act("deleteUser", &user, Value::Null);
    let key = act(
        "createAccessKey",
        &format!("/accounts/{account}/keys"),
        Value::Null,
    );
    let key = key["accessKeyId"].as_str().unwrap();
    act(
        "revokeAccessKey",
        &format!("/accounts/{account}/keys/{key}"),
        Value::Null,
    );
    act(
        "createSolution",
        &format!("/accounts/{account}/solutions"),
        json!({"catalog": "AWS", "id": "S-7", "name": "x", "category": "Software Product"}),
    );
    act(
        "updateSolution",
        &format!("/accounts/{account}/solutions/S-7?catalog=AWS"),
        json!({"status": "Inactive"}),
    );
    act(
        "createOffer",
        &format!("/accounts/{account}/offers"),
        json!({"catalog": "AWS", "id": "offer-x", "name": "x"}),
    );
    act(
        "deleteOffer",
        &format!("/accounts/{account}/offers/offer-x?catalog=AWS"),
        Value::Null,
    );
    act(
        "updateAccount",
        &format!("/accounts/{account}"),
        json!({"companyName": "Renamed"}),
    );
    act(
        "createConnection",
        "/connections",
        json!({"one": two, "other": three}),
    );
    act(
        "deleteConnection",
        &format!("/connections/{two}/{three}"),
        Value::Null,
    );
    let webhook = json!({"sink": {"kind": "webhook", "url": "http://127.0.0.1:9/x"}});
    let mut target = webhook.clone();
    target["id"] = "t".into();
    act("createEventTarget", "/event-targets", target);
    act("updateEventTarget", "/event-targets/t", webhook);
    for (id, verb, body) in [
        ("pauseEventTarget", "pause", json!({})),
        ("testEventTarget", "test", Value::Null),
        ("rotateEventTargetSecret", "rotate-secret", json!({})),
        ("dropOldEventTargetSecret", "old-secret", Value::Null),
        ("redeliverDeadLetters", "redeliver", json!({})),
        ("replayEvents", "replay", json!({"from": "2020-01-01T00:00:00Z"})),
        ("resumeEventTarget", "resume", Value::Null),
    ] {
        act(id, &format!("/event-targets/t/{verb}"), body);
    }
    act(
        "redeliverEvent",
        &format!("/events/{event}/redeliver"),
        json!({"target": "t"}),
    );
    let rule = json!({"pattern": {"source": ["x"]}, "targets": ["t"]});
    let mut named = rule.clone();
    named["name"] = "r".into();
    act("createEventRule", "/event-rules", named);
    act("updateEventRule", "/event-rules/r", rule);
    act("deleteEventRule", "/event-rules/r", Value::Null);
    act("deleteEventTarget", "/event-targets/t", Value::Null);
    let player = format!("/autopilot?account={account}&catalog=AWS");
    act("setAutopilot", &player, json!({"name": "picky"}));
    act("removeAutopilot", &player, Value::Null);
    act("freezeClock", "/clock/freeze", Value::Null);
    act("advanceClock", "/clock/advance", json!({"by": "1h"}));
    act("setClock", "/clock/set", json!({"to": "2030-01-01T00:00:00Z"}));
    act("resumeClock", "/clock/resume", Value::Null);
    act("resetClock", "/clock/reset", Value::Null);
    let rule = json!({"effect": "throttle", "accounts": [three]});
    let fault = act("createFault", "/faults", rule.clone());
    let fault = fault["id"].as_str().unwrap_or_default().to_owned();
    act("deleteFault", &format!("/faults/{fault}"), Value::Null);
    act("createFault", "/faults", rule);
    act("clearFaults", "/faults", Value::Null);
    let token = act("createToken", "/tokens", json!({"name": "x", "scope": "read"}));
    act(
        "revokeToken",
        &format!("/tokens/{}", token["id"].as_str().unwrap()),
        Value::Null,
    );
    act(
        "createAccount",
        "/accounts",
        json!({"accountId": "620000000309", "companyName": "x"}),
    );
    act(
        "seedState",
        "/state/seed",
        json!({"pack": "large", "accounts": [account], "count": 1}),
    );
    act("resetState", "/state/reset", json!({"account": account}));

    let capital = |id: &str| id[..1].to_uppercase() + &id[1..];
    let all = found(&mut operator, "");
    for (wanted, refused) in [(&done, false), (&denied, true)] {
        let named: BTreeSet<&str> = all
            .iter()
            .filter(|entry| entry["actor"]["type"] == "operator" && entry["error"].is_string() == refused)
            .filter_map(|entry| entry["action"].as_str())
            // The end of a movement of the clock, which nobody asks for.
            .filter(|action| *action != "ArriveWithClock")
            .collect();
        let wanted: BTreeSet<String> = wanted.iter().map(|id| capital(id)).collect();
        assert_eq!(
            named,
            wanted.iter().map(String::as_str).collect(),
            "denied: {refused}"
        );
    }
    // Whatever changes something is tried here or named above.
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            let asks_only = method == "get" || operation["security"][0]["operatorToken"][0] == "read";
            assert!(
                asks_only || done.contains(id) || ELSEWHERE.contains(&id),
                "{path}: {id}"
            );
        }
    }
}
