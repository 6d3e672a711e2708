//! Referrals, leads and invitations over HTTP, in catalog AWS, where nobody else plays AWS.

use serde_json::{Value, json};

use crate::harness::deal::draft;
use crate::harness::operator::refused;
use crate::harness::{Caller, Key, Server};

fn partner(account: &str) -> Caller {
    let mut caller = Server::shared().caller(Key::account(account));
    caller.call("ListSolutions", &json!({"Catalog": "AWS"})).ok();
    caller
}

/// The deal of a referral: what CreateOpportunity takes, without what AWS fills in.
fn deal(title: &str) -> Value {
    let mut body = draft(title);
    let members = body.as_object_mut().unwrap();
    for gone in ["Catalog", "ClientToken", "PartnerOpportunityIdentifier", "Origin"] {
        members.remove(gone);
    }
    body
}

/// AWS's offer of a deal to these partners.
pub(super) fn referral(accounts: &[&str], title: &str) -> Value {
    let receivers: Vec<Value> = accounts
        .iter()
        .map(|account| json!({"account": account}))
        .collect();
    json!({"catalog": "AWS", "receivers": receivers, "opportunity": deal(title), "message": "Would you?",
        "contacts": [{"Email": "pdm@aws.example", "FirstName": "Ada", "LastName": "Oven", "BusinessTitle": "PDM"}],
        "responsibilities": ["Distributor"]})
}

fn received(caller: &mut Caller) -> Vec<Value> {
    let body = json!({"Catalog": "AWS", "ParticipantType": "RECEIVER"});
    let page = caller.call("ListEngagementInvitations", &body).ok();
    page["EngagementInvitationSummaries"].as_array().unwrap().clone()
}

#[test]
fn a_referral_to_two_partners_is_two_deals_that_know_nothing_of_each_other() {
    let (first, second) = ("620000000101", "620000000102");
    let (mut one, mut two) = (partner(first), partner(second));
    let mut operator = Server::shared().operator();
    let made = operator.post("/referrals", &referral(&[first, second], "two"));
    let items = made["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["account"], &items[1]["account"]),
        (2, &json!(first), &json!(second))
    );
    assert_ne!(items[0]["engagementId"], items[1]["engagementId"]);
    let id = items[0]["opportunityId"].clone();
    let hidden = json!({"Catalog": "AWS", "Identifier": id});
    one.call("GetOpportunity", &hidden)
        .is("ResourceNotFoundException");

    let invitations = received(&mut one);
    assert_eq!(invitations.len(), 1);
    assert_eq!(invitations[0]["SenderAwsAccountId"], "aws");
    let invitation = json!({"Catalog": "AWS", "Identifier": invitations[0]["Id"]});
    let read = one.call("GetEngagementInvitation", &invitation).ok();
    assert_eq!(read["InvitationMessage"], "Would you?");
    assert!(read["Payload"].to_string().contains("Distributor"), "{read}");
    assert!(!read.to_string().contains(second), "{read}");

    let accept = json!({"Catalog": "AWS", "ClientToken": "accept-two", "Identifier": invitations[0]["Id"]});
    let task = one.call("StartEngagementByAcceptingInvitationTask", &accept).ok();
    assert_eq!(task["OpportunityId"], id);
    let opened = one.call("GetOpportunity", &hidden).ok();
    assert_eq!(opened["LifeCycle"]["ReviewStatus"], "Approved");
    assert_eq!(
        operator.get(&format!("/opportunities/{}?catalog=AWS", id.as_str().unwrap()))["deal"]["origin"],
        "AWS Referral"
    );

    // The other one waits, and is taken back.
    let other = items[1]["invitationId"].as_str().unwrap();
    let listed = operator.all("/invitations?catalog=AWS&status=PENDING", 100);
    assert!(listed.iter().any(|one| one["Id"] == other), "{listed:?}");
    let withdrawn = operator.post(
        &format!("/invitations/{other}/withdraw?catalog=AWS"),
        &Value::Null,
    );
    assert_eq!(withdrawn["Status"], "EXPIRED");
    assert_eq!(received(&mut two)[0]["Status"], "EXPIRED");
    let accept = json!({"Catalog": "AWS", "ClientToken": "late", "Identifier": other});
    let late = two.call("StartEngagementByAcceptingInvitationTask", &accept);
    assert_ne!(late.json()["TaskStatus"], "COMPLETE", "{late}");
    let again = operator.send(
        "POST",
        &format!("/invitations/{other}/withdraw?catalog=AWS"),
        None,
    );
    refused(&again, 409, "conflict");
}

#[test]
fn a_lead_is_accepted_and_becomes_an_opportunity_of_the_partner() {
    let account = "620000000103";
    let mut one = partner(account);
    let mut operator = Server::shared().operator();
    let lead = json!({"catalog": "AWS", "receivers": [{"account": account, "alias": "Oven makers"}], "title": "A fair",
        "message": "Follow up?", "lead": {"Customer": {"CompanyName": "Northwind Marzipan", "Industry": "Retail",
            "WebsiteUrl": "https://northwind.example.com", "Address": {"CountryCode": "US"}},
            "Interactions": [{"SourceType": "Event", "SourceName": "Fair", "Contact": {"BusinessTitle": "CIO",
                "FirstName": "Wilhelmina", "LastName": "Quartz", "Email": "w@northwind.example.com"}}]}});
    let made = operator.post("/leads", &lead)["items"][0].clone();
    assert_eq!(made.get("opportunityId"), None);
    let invitation = json!({"Catalog": "AWS", "Identifier": made["invitationId"]});
    one.call("AcceptEngagementInvitation", &invitation).ok();
    let start = json!({"Catalog": "AWS", "ClientToken": "of-lead", "Identifier": made["engagementId"],
        "ContextIdentifier": "1"});
    let task = one.call("StartOpportunityFromEngagementTask", &start).ok();
    assert_eq!(task["TaskStatus"], "COMPLETE", "{task}");
    let opportunity = json!({"Catalog": "AWS", "Identifier": task["OpportunityId"]});
    let read = one.call("GetOpportunity", &opportunity).ok();
    assert_eq!(read["Customer"]["Account"]["CompanyName"], "Northwind Marzipan");
    let shown = operator.get(&format!(
        "/invitations/{}?catalog=AWS",
        made["invitationId"].as_str().unwrap()
    ));
    assert_eq!(
        (&shown["Status"], &shown["Receiver"]["Account"]["Alias"]),
        (&json!("ACCEPTED"), &json!("Oven makers"))
    );
}

#[test]
fn an_offer_that_is_wrong_in_anything_reaches_nobody() {
    let account = "620000000104";
    let mut one = partner(account);
    let mut operator = Server::shared().operator();
    let sent = |change: &dyn Fn(&mut Value)| {
        let mut body = referral(&[account], "wrong");
        change(&mut body);
        body
    };
    for (body, pointer) in [
        (
            sent(&|body| body["opportunity"]["Custommer"] = json!({})),
            "/opportunity/Custommer",
        ),
        (
            sent(&|body| body["opportunity"]["Project"]["Titel"] = json!("x")),
            "/opportunity/Project/Titel",
        ),
        (
            sent(&|body| body["opportunity"]["Catalog"] = json!("Sandbox")),
            "/opportunity/Catalog",
        ),
        (
            sent(&|body| body["responsibilities"] = json!(["Baker"])),
            "/responsibilities/0",
        ),
        (
            sent(&|body| body["contacts"][0]["Mail"] = json!("x")),
            "/contacts/0/Mail",
        ),
        (sent(&|body| body["catalog"] = json!("aws")), "/catalog"),
        (sent(&|body| body["colour"] = json!("red")), "/colour"),
    ] {
        let answer = operator.send("POST", "/referrals", Some(&body));
        refused(&answer, 400, "invalid");
        assert_eq!(answer.json()["errors"][0]["pointer"], pointer, "{answer}");
    }
    for (body, field) in [
        (sent(&|body| body["receivers"] = json!([])), "receivers"),
        (
            sent(&|body| body["receivers"] = json!([{"account": account}, {"account": account}])),
            "receivers",
        ),
        (
            sent(&|body| body["opportunity"]["Customer"]["Account"]["WebsiteUrl"] = Value::Null),
            "customer.account.websiteUrl",
        ),
        (sent(&|body| body["message"] = json!("x".repeat(256))), "message"),
        (
            sent(&|body| body["opportunity"]["LifeCycle"]["TargetCloseDate"] = json!("2020-01-01")),
            "lifeCycle.targetCloseDate",
        ),
    ] {
        let answer = operator.send("POST", "/referrals", Some(&body));
        refused(&answer, 422, "refused");
        let list = answer.json()["ErrorList"].clone();
        assert!(
            list.as_array()
                .unwrap()
                .iter()
                .any(|one| one["FieldName"] == field),
            "{field}: {answer}"
        );
    }
    let unknown =
        sent(&|body| body["receivers"] = json!([{"account": account}, {"account": "629999999999"}]));
    refused(
        &operator.send("POST", "/referrals", Some(&unknown)),
        404,
        "not-found",
    );
    assert_eq!(received(&mut one), Vec::<Value>::new());
}

#[test]
fn aws_answers_the_invitations_that_partners_send_it_by_hand() {
    let mut one = partner("620000000105");
    let mut operator = Server::shared().operator();
    let mut rooms = Vec::new();
    for token in ["join", "decline"] {
        let mut body = draft(&format!("hand-{token}"));
        body["Catalog"] = "AWS".into();
        let id = one.call("CreateOpportunity", &body).ok()["Id"].clone();
        let solution = json!({"Catalog": "AWS", "OpportunityIdentifier": id,
            "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-0000101"});
        one.call("AssociateOpportunity", &solution).ok();
        let start = json!({"Catalog": "AWS", "ClientToken": token, "Identifier": id,
            "AwsSubmission": {"InvolvementType": "Co-Sell", "Visibility": "Full"}});
        rooms.push(one.call("StartEngagementFromOpportunityTask", &start).ok()["EngagementId"].clone());
    }
    let listed = operator.all("/invitations?catalog=AWS&side=received&status=PENDING", 3);
    let of = |room: &Value| {
        let found = listed
            .iter()
            .find(|one| one["EngagementId"] == *room)
            .expect("an invitation");
        found["Id"].as_str().unwrap().to_owned()
    };
    let joined = operator.post(
        &format!("/invitations/{}/accept?catalog=AWS", of(&rooms[0])),
        &Value::Null,
    );
    assert_eq!(joined["Status"], "ACCEPTED");
    let members = one
        .call(
            "ListEngagementMembers",
            &json!({"Catalog": "AWS", "Identifier": rooms[0]}),
        )
        .ok();
    assert!(members.to_string().contains("\"aws\""), "{members}");
    let path = format!("/invitations/{}/reject?catalog=AWS", of(&rooms[1]));
    refused(
        &operator.send("POST", &path, Some(&json!({"reason": "x".repeat(81)}))),
        422,
        "refused",
    );
    assert_eq!(
        operator.post(&path, &json!({"reason": "No capacity"}))["Status"],
        "REJECTED"
    );
    let sent = json!({"Catalog": "AWS", "Identifier": of(&rooms[1])});
    let read = one.call("GetEngagementInvitation", &sent).ok();
    assert_eq!(
        (&read["Status"], &read["RejectionReason"]),
        (&json!("REJECTED"), &json!("No capacity"))
    );
    refused(&operator.send("POST", &path, Some(&json!({}))), 409, "conflict");
    refused(
        &operator.send("GET", "/invitations/engi-0000000000000?catalog=AWS", None),
        404,
        "not-found",
    );
}
