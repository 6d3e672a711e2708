//! A reset of one account, and those who had something in common with it: they go on with what is left.

use serde_json::{Value, json};

use super::offers::referral;
use crate::harness::engagement::{add, create, lead, named};
use crate::harness::flows::{by_accepting, deal_on, invitation_status, invite, prepared};
use crate::harness::{Key, Operator, Server};

fn reset(admin: &mut Operator, account: &str) {
    let body = json!({"account": account});
    let erased = admin.post("/state/reset", &body);
    assert!(erased["records"].as_u64().unwrap() > 0, "{erased}");
}

#[test]
fn invitations_of_an_account_that_was_reset_can_be_withdrawn_and_answered_and_they_expire() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    let (mut one, mut two) = (server.caller(Key::first()), server.caller(Key::second()));
    admin.post("/clock/freeze", &Value::Null);
    let refer = |admin: &mut Operator| {
        let mut body = referral(&["111122223333"], "from AWS");
        body["catalog"] = "Sandbox".into();
        admin.post("/referrals", &body)["items"][0]["invitationId"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (taken_back, left) = (refer(&mut admin), refer(&mut admin));
    let room = create(&mut two, "room", json!([]));
    let to_one = invite(&mut two, &room["Id"], "111122223333", "join");
    let room = create(&mut one, "other room", json!([]));
    let from_one = invite(&mut one, &room["Id"], "444455556666", "come");
    let room = create(&mut one, "third room", json!([]));
    let due = invite(&mut one, &room["Id"], "444455556666", "come too");
    reset(&mut admin, "111122223333");

    let withdrawn = admin.post(
        &format!("/invitations/{taken_back}/withdraw?catalog=Sandbox"),
        &Value::Null,
    );
    assert_eq!(withdrawn["Status"], "EXPIRED", "{withdrawn}");
    two.call("RejectEngagementInvitation", &named(&from_one)).ok();
    let moved = admin.post("/clock/advance", &json!({"by": "16d"}));
    assert!(moved["jobs"].as_u64().unwrap() >= 2, "{moved}");
    for invitation in [&to_one, &due] {
        assert_eq!(invitation_status(&mut two, invitation), "EXPIRED");
    }
    let seen = admin.get(&format!("/invitations/{left}?catalog=Sandbox"));
    assert_eq!(seen["Status"], "EXPIRED", "{seen}");
}

#[test]
fn members_of_an_engagement_go_on_without_one_that_was_reset() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    let (mut one, mut two) = (server.caller(Key::first()), server.caller(Key::second()));
    let room = create(&mut one, "room", json!([]));
    let invitation = invite(&mut one, &room["Id"], "444455556666", "join");
    two.call("AcceptEngagementInvitation", &named(&invitation)).ok();
    reset(&mut admin, "111122223333");
    add(&mut two, &room["Id"], "lead", "Lead", lead()).ok();

    let shared = deal_on(&server, "111122223333", "deal");
    let invitation = invite(&mut one, &shared.engagement, "444455556666", "deal");
    reset(&mut admin, "111122223333");
    let late = by_accepting(&mut two, &invitation, "late");
    assert!(late.status < 500, "{late}");
    // And the account begins anew.
    let mut again = server.caller(Key::first());
    prepared(&mut again, "again");
}
