//! Invitations over the wire: sent, listed on both sides, answered, and unknown to everybody else.

use serde_json::{Value, json};

use crate::harness::engagement::{caller, create, invitation, named};

const CREATE: &str = "CreateEngagementInvitation";
const GET: &str = "GetEngagementInvitation";
const LIST: &str = "ListEngagementInvitations";
const ACCEPT: &str = "AcceptEngagementInvitation";
const REJECT: &str = "RejectEngagementInvitation";

fn listed(side: &str) -> Value {
    json!({"Catalog": "Sandbox", "ParticipantType": side})
}

#[test]
fn an_invitation_is_seen_by_its_two_sides_only_and_acceptance_opens_the_engagement() {
    let (mut one, mut two) = (caller("600000000301"), caller("600000000302"));
    let mut stranger = caller("600000000303");
    // Whoever has called once is registered.
    assert_eq!(
        two.call(LIST, &listed("RECEIVER")).ok()["EngagementInvitationSummaries"],
        json!([])
    );
    let engagement = create(&mut one, "invite", json!([]))["Id"].clone();
    let body = invitation(&engagement, "600000000302", "first");
    let made = one.call(CREATE, &body).ok();
    assert_eq!(one.call(CREATE, &body).ok(), made, "one token, one invitation");
    let read = two.call(GET, &named(&made["Arn"])).ok();
    assert_eq!(read["Status"], "PENDING");
    assert_eq!(read["EngagementId"], engagement);
    assert_eq!(read["SenderAwsAccountId"], "600000000301");
    assert_eq!(read["Receiver"]["Account"]["Alias"], "Oven makers");
    let theirs = two.call(LIST, &listed("RECEIVER")).ok();
    assert_eq!(theirs["EngagementInvitationSummaries"][0]["Id"], made["Id"]);
    let mine = one.call(LIST, &listed("SENDER")).ok();
    assert_eq!(
        mine["EngagementInvitationSummaries"][0]["ParticipantType"],
        "SENDER"
    );
    assert_eq!(
        two.call("GetEngagement", &named(&engagement)).error(),
        "ResourceNotFoundException"
    );
    for operation in [GET, ACCEPT, REJECT] {
        let answer = stranger.call(operation, &named(&made["Id"]));
        assert_eq!(answer.error(), "ResourceNotFoundException", "{operation}");
    }
    assert_eq!(
        one.call(ACCEPT, &named(&made["Id"])).error(),
        "ValidationException"
    );

    assert_eq!(two.call(ACCEPT, &named(&made["Arn"])).status, 200);
    assert_eq!(two.call(ACCEPT, &named(&made["Id"])).error(), "ConflictException");
    assert_eq!(
        two.call("GetEngagement", &named(&engagement)).ok()["MemberCount"],
        2
    );
    assert_eq!(one.call(GET, &named(&made["Id"])).ok()["Status"], "ACCEPTED");
}

#[test]
fn aws_and_registered_accounts_can_be_invited_and_nobody_else() {
    let (mut one, mut two) = (caller("600000000311"), caller("600000000312"));
    two.call(LIST, &listed("RECEIVER")).ok();
    let engagement = create(&mut one, "whom", json!([]))["Id"].clone();
    let aws = one.call(CREATE, &invitation(&engagement, "aws", "aws")).ok();
    let read = one.call(GET, &named(&aws["Id"])).ok();
    assert_eq!(read["Receiver"]["Account"]["AwsAccountId"], "390403897881");
    for absent in ["699999999999", "600000000311"] {
        let body = invitation(&engagement, absent, absent);
        let found = one.call(CREATE, &body).violations("BUSINESS_VALIDATION_FAILED");
        let field = "invitation.receiver.account.awsAccountId".to_owned();
        assert_eq!(found, [(field, "INVALID_VALUE".to_owned())]);
    }
    let made = one
        .call(CREATE, &invitation(&engagement, "600000000312", "two"))
        .ok();
    let mut body = named(&made["Id"]);
    body["RejectionReason"] = "No capacity".into();
    assert_eq!(two.call(REJECT, &body).status, 200);
    let mut pending = listed("SENDER");
    pending["Status"] = json!(["REJECTED"]);
    let rows = one.call(LIST, &pending).ok()["EngagementInvitationSummaries"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["Id"], made["Id"]);
    assert_eq!(
        one.call(GET, &named(&made["Id"])).ok()["RejectionReason"],
        "No capacity"
    );
}
