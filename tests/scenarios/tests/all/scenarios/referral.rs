//! AWS's referrals as the sandbox plays them: creating one makes AWS invite the account, and only accepting that brings
//! the opportunity to light.

use serde_json::{Value, json};

use crate::harness::deal::{draft, get, list_all};
use crate::harness::engagement::named;
use crate::harness::flows::{
    AWS, BY_ACCEPTING, VIEW, by_accepting, column, complete, failed, job_named, registered, revisions, rows,
    snapshot,
};
use crate::harness::{Answer, Caller};

const TITLE: &str = "Marzipan on demand for every bakery between the two rivers";
const MESSAGE: &str = "This invite is for an AWS originated referral. Accepting this invitation will create an AWS originated opportunity in your pipeline.";
const NOT_FOUND: &str = "ResourceNotFoundException";
const FIFTEEN_DAYS: i64 = 15 * 24 * 60 * 60 * 1000;

fn referral(token: &str) -> Value {
    let mut body = draft(token);
    body["Origin"] = "AWS Referral".into();
    body["Project"]["Title"] = TITLE.into();
    body["OpportunityTeam"] = json!([{"Email": "rep@partner.example.com", "FirstName": "Rita", "LastName": "Epp",
        "BusinessTitle": "PartnerAccountManager"}]);
    body
}

/// Creates a referral; what was answered, and the invitation that came of it.
#[track_caller]
fn refer(caller: &mut Caller, token: &str) -> (Answer, Value) {
    let made = caller.call("CreateOpportunity", &referral(token));
    made.ok();
    let received = json!({"ParticipantType": "RECEIVER", "Status": ["PENDING"]});
    let found = rows(caller, "ListEngagementInvitations", received);
    assert_eq!(found.len(), 1, "{found:?}");
    (made, found[0].clone())
}

#[track_caller]
fn millis(time: &Value) -> i64 {
    let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
    time.as_millisecond()
}

#[track_caller]
fn assert_hidden(caller: &mut Caller, id: &Value) {
    for (operation, member) in [
        ("GetOpportunity", "Identifier"),
        ("GetAwsOpportunitySummary", "RelatedOpportunityIdentifier"),
    ] {
        caller
            .call(operation, &json!({"Catalog": "Sandbox", member: id}))
            .is(NOT_FOUND);
    }
    let listed = list_all(caller, &json!({"Catalog": "Sandbox"}));
    assert_eq!(listed, Vec::<Value>::new());
}

#[test]
fn a_referral_is_an_invitation_of_aws_with_the_recorded_fields_and_no_opportunity_yet() {
    let account = "610000000401";
    let mut one = registered(account);
    let (made, listed) = refer(&mut one, "recorded");
    let answered = made.json();
    let mut members: Vec<&str> = answered.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(
        members,
        ["Id", "LastModifiedDate", "PartnerOpportunityIdentifier"],
        "like any creation"
    );
    assert_eq!(answered["PartnerOpportunityIdentifier"], "crm-recorded");
    assert_hidden(&mut one, &answered["Id"]);

    let read = one.call("GetEngagementInvitation", &named(&listed["Id"])).ok();
    let sent = referral("recorded");
    for (path, value) in [
        ("/Status", json!("PENDING")),
        ("/PayloadType", json!("OpportunityInvitation")),
        ("/SenderAwsAccountId", json!(AWS)),
        ("/SenderCompanyName", json!("AWS")),
        ("/Receiver/Account/AwsAccountId", json!(account)),
        ("/InvitationMessage", json!(MESSAGE)),
        ("/EngagementTitle", json!(&TITLE[..40])),
        (
            "/EngagementDescription",
            sent["Project"]["CustomerBusinessProblem"].clone(),
        ),
        (
            "/ExistingMembers",
            json!([{"CompanyName": "AWS", "WebsiteUrl": "www.aws.com"}]),
        ),
        (
            "/Payload/OpportunityInvitation/ReceiverResponsibilities",
            json!(["Services Partner", "Software Partner"]),
        ),
        (
            "/Payload/OpportunityInvitation/SenderContacts/0/BusinessTitle",
            json!("PDM"),
        ),
        ("/Payload/OpportunityInvitation/Project/Title", json!(TITLE)),
        (
            "/Payload/OpportunityInvitation/Project/TargetCompletionDate",
            sent["LifeCycle"]["TargetCloseDate"].clone(),
        ),
        (
            "/Payload/OpportunityInvitation/Customer",
            json!({"CompanyName": "Northwind Marzipan", "Industry": "Retail",
                "WebsiteUrl": "https://northwind.example.com", "CountryCode": "US"}),
        ),
    ] {
        assert_eq!(read.pointer(path), Some(&value), "{path}");
    }
    let contacts = &read["Payload"]["OpportunityInvitation"]["SenderContacts"];
    assert_eq!(contacts.as_array().unwrap().len(), 1);
    let lasts = millis(&read["ExpirationDate"]) - millis(&read["InvitationDate"]);
    assert_eq!(lasts, FIFTEEN_DAYS);
    for hidden in [
        "Pier Road",
        "Seattle",
        "Wilhelmina",
        "123456789012",
        answered["Id"].as_str().unwrap(),
    ] {
        assert!(!read.to_string().contains(hidden), "{hidden}");
    }
    for member in [
        "Id",
        "Arn",
        "EngagementId",
        "EngagementTitle",
        "InvitationDate",
        "ExpirationDate",
    ] {
        assert_eq!(listed[member], read[member], "{member}");
    }
    assert_eq!(listed["ParticipantType"], "RECEIVER");
    one.call("GetEngagement", &named(&read["EngagementId"]))
        .is(NOT_FOUND);
}

#[test]
fn an_accepted_referral_is_an_approved_opportunity_of_the_day_it_was_created() {
    let account = "610000000411";
    let mut one = registered(account);
    let (made, listed) = refer(&mut one, "accepted");
    let task = complete(&by_accepting(&mut one, &listed["Id"], "accept"), BY_ACCEPTING);
    let made = made.json();
    assert_eq!(task["OpportunityId"], made["Id"]);
    assert_eq!(task["EngagementInvitationId"], listed["Id"]);
    let id = made["Id"].as_str().unwrap();
    let read = get(&mut one, id);
    assert_eq!(read["LifeCycle"]["ReviewStatus"], "Approved");
    assert_eq!(read["LifeCycle"]["Stage"], "Prospect");
    assert_eq!(read["CreatedDate"], made["LastModifiedDate"]);
    assert!(millis(&read["LastModifiedDate"]) > millis(&read["CreatedDate"]));
    let sent = referral("accepted");
    for member in ["Customer", "OpportunityType", "PrimaryNeedsFromAws", "Marketing"] {
        assert_eq!(read[member], sent[member], "{member}");
    }
    assert_eq!(read["Project"]["Title"], TITLE);
    // The first of the account's people leads its alliances; what was sent follows as it was.
    let owner = json!({"Email": "ana.carolina@partner.example.com", "FirstName": "Ana", "LastName": "Carolina",
        "BusinessTitle": "OpportunityOwner"});
    assert_eq!(
        read["OpportunityTeam"],
        json!([owner, sent["OpportunityTeam"][0]])
    );

    let rows_now = list_all(&mut one, &json!({"Catalog": "Sandbox"}));
    assert_eq!(column(&rows_now, "Id"), [made["Id"].clone()]);
    let summary = json!({"Catalog": "Sandbox", "RelatedOpportunityIdentifier": id});
    let summary = one.call("GetAwsOpportunitySummary", &summary).ok();
    assert_eq!(
        [&summary["Origin"], &summary["InvolvementType"]],
        ["AWS Referral", "Co-Sell"]
    );
    let engagement = &listed["EngagementId"];
    let members = rows(
        &mut one,
        "ListEngagementMembers",
        json!({"Identifier": engagement}),
    );
    assert_eq!(column(&members, "AccountId"), [AWS, account]);
    let accepted = json!({"ParticipantType": "RECEIVER", "Status": ["ACCEPTED"]});
    let accepted = rows(&mut one, "ListEngagementInvitations", accepted);
    assert_eq!(column(&accepted, "Id"), [listed["Id"].clone()]);
    assert!(
        accepted[0].get("ExpirationDate").is_none(),
        "nothing is left to run out"
    );
    let job = one
        .call(
            "GetResourceSnapshotJob",
            &job_named(&task["ResourceSnapshotJobId"]),
        )
        .ok();
    assert_eq!([&job["Status"], &job["ResourceId"]], ["Running", id]);
    assert_eq!(revisions(&mut one, engagement, id), [1]);
    let shown = snapshot(&mut one, engagement, id, VIEW, None).ok();
    assert_eq!(
        shown["Payload"]["OpportunitySummary"]["Lifecycle"]["ReviewStatus"],
        "Approved"
    );
}

#[test]
fn a_rejected_referral_never_comes_to_light() {
    let mut one = registered("610000000421");
    let (made, listed) = refer(&mut one, "rejected");
    let id = made.json()["Id"].clone();
    let mut body = named(&listed["Id"]);
    body["RejectionReason"] = "Unable to support".into();
    one.call("RejectEngagementInvitation", &body).ok();
    assert_hidden(&mut one, &id);
    // All that is left of it is that there was one.
    one.call("GetEngagementInvitation", &named(&listed["Id"]))
        .is(NOT_FOUND);
    let left = rows(
        &mut one,
        "ListEngagementInvitations",
        json!({"ParticipantType": "RECEIVER"}),
    );
    assert_eq!(column(&left, "Status"), ["REJECTED"]);
    assert!(!left[0].to_string().contains("Marzipan"));
    let late = by_accepting(&mut one, &listed["Id"], "too-late");
    failed(&late, BY_ACCEPTING, "InvitationValidationFailed");
    assert_hidden(&mut one, &id);
    assert_eq!(rows(&mut one, "ListEngagements", json!({})), Vec::<Value>::new());
}

#[test]
fn only_the_sandbox_plays_aws() {
    let mut one = registered("610000000431");
    let mut body = referral("for-real");
    body["Catalog"] = "AWS".into();
    let found = one
        .call("CreateOpportunity", &body)
        .violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(found, [("origin".to_owned(), "ACTION_NOT_PERMITTED".to_owned())]);
    for catalog in ["AWS", "Sandbox"] {
        let all = json!({"Catalog": catalog, "ParticipantType": "RECEIVER"});
        let page = one.call("ListEngagementInvitations", &all).ok();
        assert_eq!(page["EngagementInvitationSummaries"], json!([]), "{catalog}");
    }
}

#[test]
fn a_referral_needs_what_its_invitation_shows() {
    let mut one = registered("610000000441");
    let mut body = referral("bare");
    body["Project"]
        .as_object_mut()
        .unwrap()
        .remove("CustomerBusinessProblem");
    let found = one
        .call("CreateOpportunity", &body)
        .violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(
        found,
        [(
            "project.customerBusinessProblem".to_owned(),
            "REQUIRED_FIELD_MISSING".to_owned()
        )]
    );
    let received = json!({"ParticipantType": "RECEIVER"});
    assert_eq!(
        rows(&mut one, "ListEngagementInvitations", received),
        Vec::<Value>::new()
    );
}

#[test]
fn a_token_makes_one_referral_however_often_it_is_sent() {
    let mut one = registered("610000000451");
    let (made, listed) = refer(&mut one, "once");
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|_| {
                let mut caller = one.again();
                scope.spawn(move || caller.call("CreateOpportunity", &referral("once")))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(answers.iter().all(|answer| answer.body == made.body));
    let received = json!({"ParticipantType": "RECEIVER"});
    let found = rows(&mut one, "ListEngagementInvitations", received);
    assert_eq!(column(&found, "Id"), [listed["Id"].clone()]);
    // The answer stays what it was, whatever has become of the deal.
    complete(&by_accepting(&mut one, &listed["Id"], "accept"), BY_ACCEPTING);
    let again = one.call("CreateOpportunity", &referral("once"));
    assert_eq!(again.body, made.body);
}

#[test]
fn a_referral_belongs_to_the_account_that_created_it() {
    let mut one = registered("610000000461");
    let mut two = registered("610000000462");
    let (made, listed) = refer(&mut one, "mine");
    by_accepting(&mut two, &listed["Id"], "theirs").is(NOT_FOUND);
    two.call("GetEngagementInvitation", &named(&listed["Id"]))
        .is(NOT_FOUND);
    let id = json!({"Catalog": "Sandbox", "Identifier": made.json()["Id"]});
    complete(&by_accepting(&mut one, &listed["Id"], "mine"), BY_ACCEPTING);
    two.call("GetOpportunity", &id).is(NOT_FOUND);
}
