//! Two partners and AWS sell together: one starts the engagement, the other joins with an opportunity of its own, AWS
//! approves, and nobody else sees any of it.

use serde_json::{Value, json};

use crate::harness::Answer;
use crate::harness::deal::{get, review, update};
use crate::harness::engagement::named;
use crate::harness::flows::{
    AWS, BY_ACCEPTING, FROM_OPPORTUNITY, VIEW, by_accepting, column, complete, deal, from_opportunity,
    invitation_status, invite, job_named, prepared, registered, revisions, rows, snapshot,
};

const NOT_FOUND: &str = "ResourceNotFoundException";
const GET_INVITATION: &str = "GetEngagementInvitation";

/// What a snapshot for all members shows of an opportunity, by what its owner reads.
fn view_of(read: &Value) -> Value {
    let of = |place: &str, members: &[&str]| -> Value {
        let present = members.iter().filter(|member| !read[place][**member].is_null());
        present
            .map(|member| ((*member).to_owned(), read[place][*member].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let mut view = json!({
        "Lifecycle": of("LifeCycle", &["TargetCloseDate", "ReviewStatus", "Stage", "NextSteps"]),
        "Project": of("Project", &["DeliveryModels", "ExpectedCustomerSpend", "ExpectedContractDuration",
            "CustomerUseCase", "SalesActivities", "OtherSolutionDescription"]),
    });
    for member in [
        "OpportunityType",
        "OpportunityTeam",
        "PrimaryNeedsFromAws",
        "Customer",
        "RelatedEntityIdentifiers",
    ] {
        if !read[member].is_null() {
            view[member] = read[member].clone();
        }
    }
    view
}

fn by_engagement(id: &Value) -> Value {
    json!({"EngagementIdentifier": id})
}

#[test]
fn an_opportunity_starts_an_engagement_and_submits_itself_in_one_answer() {
    let account = "610000000101";
    let mut one = registered(account);
    let id = prepared(&mut one, "start");
    let answer = from_opportunity(&mut one, &id, "start-task");
    let task = complete(&answer, FROM_OPPORTUNITY);
    assert_eq!(task["OpportunityId"], id);
    let again = from_opportunity(&mut one, &id, "start-task");
    assert_eq!(again.body, answer.body, "a token has one answer");

    let read = get(&mut one, &id);
    assert_eq!(read["LifeCycle"]["ReviewStatus"], "Submitted");
    let summary = json!({"Catalog": "Sandbox", "RelatedOpportunityIdentifier": id});
    let summary = one.call("GetAwsOpportunitySummary", &summary).ok();
    assert_eq!(
        [&summary["InvolvementType"], &summary["Visibility"]],
        ["Co-Sell", "Full"]
    );

    let engagement = &task["EngagementId"];
    let room = one.call("GetEngagement", &named(engagement)).ok();
    assert_eq!(room["CreatedBy"], account);
    assert_eq!(room["MemberCount"], 1, "AWS has not answered yet");
    let (company, project) = (&read["Customer"]["Account"], &read["Project"]);
    let context = json!([{"Id": "1", "Type": "CustomerProject", "Payload": {"CustomerProject": {
        "Customer": {"Industry": "Retail", "CompanyName": company["CompanyName"],
            "WebsiteUrl": company["WebsiteUrl"], "CountryCode": "US"},
        "Project": {"Title": project["Title"], "BusinessProblem": project["CustomerBusinessProblem"],
            "TargetCompletionDate": read["LifeCycle"]["TargetCloseDate"]}}}}]);
    assert_eq!(room["Contexts"], context);
    assert_eq!(rows(&mut one, "ListEngagements", json!({})).len(), 1);

    let invitation = &task["EngagementInvitationId"];
    let sent = one.call(GET_INVITATION, &named(invitation)).ok();
    for (member, value) in [
        ("Status", json!("PENDING")),
        ("PayloadType", json!("OpportunityInvitation")),
        ("EngagementId", engagement.clone()),
        ("SenderAwsAccountId", json!(account)),
        ("Receiver", json!({"Account": {"AwsAccountId": AWS}})),
    ] {
        assert_eq!(sent[member], value, "{member}");
    }
    let mine = rows(
        &mut one,
        "ListEngagementInvitations",
        json!({"ParticipantType": "SENDER"}),
    );
    assert_eq!(column(&mine, "Id"), std::slice::from_ref(invitation));
    assert_eq!(mine[0]["ParticipantType"], "SENDER");
    let received = json!({"ParticipantType": "RECEIVER"});
    assert_eq!(
        rows(&mut one, "ListEngagementInvitations", received),
        Vec::<Value>::new()
    );

    let job = &task["ResourceSnapshotJobId"];
    let watching = one.call("GetResourceSnapshotJob", &job_named(job)).ok();
    for (member, value) in [
        ("Status", json!("Running")),
        ("EngagementId", engagement.clone()),
        ("ResourceType", json!("Opportunity")),
        ("ResourceId", json!(id)),
        ("ResourceArn", read["Arn"].clone()),
        ("ResourceSnapshotTemplateName", json!(VIEW)),
        (
            "Arn",
            json!(format!(
                "arn:aws:partnercentral:us-east-1:{account}:catalog/Sandbox/resource-snapshot-job/{}",
                job.as_str().unwrap()
            )),
        ),
    ] {
        assert_eq!(watching[member], value, "{member}");
    }
    assert!(watching["CreatedAt"].is_string());
}

#[test]
fn the_first_snapshot_shows_what_the_template_names_of_the_submitted_opportunity() {
    let account = "610000000111";
    let mut deal = deal(account, "first-view");
    let (engagement, id) = (deal.engagement.clone(), deal.opportunity.clone());
    let one = &mut deal.owner;
    assert_eq!(revisions(one, &engagement, &id), [1]);
    let shown = snapshot(one, &engagement, &id, VIEW, None).ok();
    let read = get(one, &id);
    assert_eq!(shown["Payload"], json!({"OpportunitySummary": view_of(&read)}));
    let text = shown.to_string();
    for hidden in [
        "Marzipan on demand",
        "planned by hand",
        "On-Prem",
        "crm-first-view",
    ] {
        assert!(read.to_string().contains(hidden), "{hidden}");
        assert!(!text.contains(hidden), "{hidden}");
    }
    for (member, value) in [
        ("CreatedBy", json!(account)),
        ("EngagementId", engagement.clone()),
        ("ResourceType", json!("Opportunity")),
        ("ResourceId", json!(id)),
        ("ResourceSnapshotTemplateName", json!(VIEW)),
        ("Revision", json!(1)),
        ("TargetMemberAccounts", json!([account])),
        (
            "Arn",
            json!(format!(
                "arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement/{}/resource/Opportunity/{id}/template/{VIEW}/snapshot/1",
                engagement.as_str().unwrap()
            )),
        ),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    let shared = rows(
        one,
        "ListEngagementResourceAssociations",
        by_engagement(&engagement),
    );
    assert_eq!(
        shared,
        [
            json!({"Catalog": "Sandbox", "EngagementId": engagement, "ResourceType": "Opportunity",
            "ResourceId": id, "CreatedBy": account})
        ]
    );
}

#[test]
fn a_partner_joins_with_an_opportunity_of_its_own_and_the_approval_reaches_both() {
    let (first, second) = ("610000000121", "610000000122");
    let mut deal = deal(first, "together");
    let mut two = registered(second);
    let (engagement, id) = (deal.engagement.clone(), deal.opportunity.clone());
    let one = &mut deal.owner;
    let invitation = invite(one, &engagement, second, "together");

    let outline = two.call(GET_INVITATION, &named(&invitation)).ok();
    assert_eq!(outline["Status"], "PENDING");
    for hidden in [
        "Pier Road",
        "Seattle",
        "Wilhelmina",
        "123456789012",
        "S-1234567",
        id.as_str(),
    ] {
        assert!(!outline.to_string().contains(hidden), "{hidden}");
    }
    for operation in ["GetEngagement", "ListEngagementMembers"] {
        two.call(operation, &named(&engagement)).is(NOT_FOUND);
    }
    snapshot(&mut two, &engagement, &id, VIEW, None).is(NOT_FOUND);

    let answer = by_accepting(&mut two, &invitation, "join");
    let task = complete(&answer, BY_ACCEPTING);
    assert_eq!(task["EngagementInvitationId"], invitation);
    assert_eq!(invitation_status(one, &invitation), "ACCEPTED");
    let copied = task["OpportunityId"].as_str().unwrap().to_owned();
    assert_ne!(copied, id);
    let copy = get(&mut two, &copied);
    let sent = &outline["Payload"]["OpportunityInvitation"];
    assert_eq!(
        copy["Customer"],
        json!({"Contacts": [], "Account": {"CompanyName": sent["Customer"]["CompanyName"],
            "Industry": "Retail", "WebsiteUrl": sent["Customer"]["WebsiteUrl"], "Address": {"CountryCode": "US"}}})
    );
    assert_eq!(
        copy["Project"],
        json!({"Title": "Marzipan on demand", "CustomerBusinessProblem": sent["Project"]["BusinessProblem"],
            "ExpectedCustomerSpend": [{"Amount": "100", "CurrencyCode": "USD", "Frequency": "Monthly",
                "TargetCompany": "AWS"}]})
    );
    assert_eq!(
        copy["LifeCycle"],
        json!({"Stage": "Prospect", "ReviewStatus": "Submitted",
            "TargetCloseDate": sent["Project"]["TargetCompletionDate"]})
    );
    assert_eq!(
        copy["PrimaryNeedsFromAws"],
        json!(["Do Not Need Support from AWS Sales Rep"])
    );
    assert_eq!(copy["Marketing"], json!({"Source": "None"}));
    let own = two
        .call(
            "GetResourceSnapshotJob",
            &job_named(&task["ResourceSnapshotJobId"]),
        )
        .ok();
    assert_eq!(
        [&own["Status"], &own["ResourceId"], &own["EngagementId"]],
        [&json!("Running"), &json!(copied), &engagement]
    );

    // Each has its own opportunity; of the other's it sees what is shared.
    for (caller, foreign) in [(&mut *one, &copied), (&mut two, &id)] {
        let named = json!({"Catalog": "Sandbox", "Identifier": foreign});
        caller.call("GetOpportunity", &named).is(NOT_FOUND);
    }
    for caller in [&mut *one, &mut two] {
        assert_eq!(revisions(caller, &engagement, &id), [1]);
        assert_eq!(revisions(caller, &engagement, &copied), [1]);
        let shared = rows(
            caller,
            "ListEngagementResourceAssociations",
            by_engagement(&engagement),
        );
        let mut pairs: Vec<_> = column(&shared, "ResourceId")
            .into_iter()
            .zip(column(&shared, "CreatedBy"))
            .collect();
        pairs.sort_by_key(|(_, owner)| owner.to_string());
        assert_eq!(pairs, [(json!(id), json!(first)), (json!(copied), json!(second))]);
    }
    let before: Vec<Answer> = [&id, &copied]
        .map(|id| snapshot(&mut two, &engagement, id, VIEW, Some(1)))
        .into();

    review(one, &id, "Approved");
    assert_eq!(invitation_status(one, &deal.invitation), "ACCEPTED");
    let approved = get(&mut two, &copied);
    assert_eq!(approved["LifeCycle"]["ReviewStatus"], "Approved");
    assert_eq!(approved["LifeCycle"]["Stage"], "Prospect");
    for caller in [&mut *one, &mut two] {
        let members =
            caller.call("ListEngagementMembers", &named(&engagement)).ok()["EngagementMemberList"].clone();
        let accounts = column(members.as_array().unwrap(), "AccountId");
        assert_eq!(accounts, [first, second, AWS]);
        let listed = rows(caller, "ListEngagements", by_list(&engagement));
        assert_eq!(listed[0]["MemberCount"], 3);
        for id in [&id, &copied] {
            assert_eq!(revisions(caller, &engagement, id), [1, 2]);
            let newest = snapshot(caller, &engagement, id, VIEW, None).ok();
            assert_eq!(
                newest["Payload"]["OpportunitySummary"]["Lifecycle"]["ReviewStatus"],
                "Approved"
            );
        }
    }
    let after: Vec<Answer> = [&id, &copied]
        .map(|id| snapshot(&mut two, &engagement, id, VIEW, Some(1)))
        .into();
    for (before, after) in before.iter().zip(&after) {
        before.ok();
        assert_eq!(after.body, before.body, "a snapshot never changes");
    }
}

fn by_list(id: &Value) -> Value {
    json!({"EngagementIdentifier": [id]})
}

#[test]
fn a_partner_that_joins_after_the_approval_has_an_approved_opportunity_at_once() {
    let second = "610000000132";
    let mut deal = deal("610000000131", "late");
    review(&mut deal.owner, &deal.opportunity, "Approved");
    let mut two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "late");
    let answer = by_accepting(&mut two, &invitation, "late");
    let task = complete(&answer, BY_ACCEPTING);
    let copy = get(&mut two, task["OpportunityId"].as_str().unwrap());
    assert_eq!(copy["LifeCycle"]["ReviewStatus"], "Approved");
}

#[test]
fn a_rejection_by_aws_reaches_the_copy_and_lets_aws_stay_outside() {
    let second = "610000000142";
    let mut deal = deal("610000000141", "refused");
    let mut two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "refused");
    let task = complete(&by_accepting(&mut two, &invitation, "refused"), BY_ACCEPTING);
    review(&mut deal.owner, &deal.opportunity, "Rejected");
    let copy = get(&mut two, task["OpportunityId"].as_str().unwrap());
    assert_eq!(copy["LifeCycle"]["ReviewStatus"], "Rejected");
    let room = two.call("GetEngagement", &named(&deal.engagement)).ok();
    assert_eq!(room["MemberCount"], 2);
    assert_eq!(invitation_status(&mut deal.owner, &deal.invitation), "REJECTED");
}

#[test]
fn a_partner_that_rejects_stays_outside_and_gets_no_opportunity() {
    let second = "610000000152";
    let mut deal = deal("610000000151", "no-thanks");
    let mut two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "no-thanks");
    let mut body = named(&invitation);
    body["RejectionReason"] = "Unable to support".into();
    two.call("RejectEngagementInvitation", &body).ok();
    let read = deal.owner.call(GET_INVITATION, &named(&invitation)).ok();
    assert_eq!(
        [&read["Status"], &read["RejectionReason"]],
        ["REJECTED", "Unable to support"]
    );
    two.call("GetEngagement", &named(&deal.engagement)).is(NOT_FOUND);
    for operation in ["ListOpportunities", "ListEngagements", "ListResourceSnapshotJobs"] {
        assert_eq!(rows(&mut two, operation, json!({})), Vec::<Value>::new());
    }
    // Who was asked once can be asked again.
    let anew = invite(&mut deal.owner, &deal.engagement, second, "please");
    complete(&by_accepting(&mut two, &anew, "please"), BY_ACCEPTING);
}

#[test]
fn a_partners_review_of_its_own_copy_leaves_awss_invitation_to_the_others_deal_alone() {
    let second = "610000001912";
    let mut deal = deal("610000001911", "alone");
    let mut two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "alone");
    let task = complete(&by_accepting(&mut two, &invitation, "alone"), BY_ACCEPTING);
    review(&mut two, task["OpportunityId"].as_str().unwrap(), "Rejected");
    assert_eq!(invitation_status(&mut deal.owner, &deal.invitation), "PENDING");
    review(&mut deal.owner, &deal.opportunity, "Approved");
    assert_eq!(invitation_status(&mut deal.owner, &deal.invitation), "ACCEPTED");
}

#[test]
fn a_copy_that_aws_sends_back_can_be_corrected_though_it_was_never_submitted_itself() {
    let second = "610000001922";
    let mut deal = deal("610000001921", "sent-back");
    let mut two = registered(second);
    let invitation = invite(&mut deal.owner, &deal.engagement, second, "sent-back");
    let task = complete(&by_accepting(&mut two, &invitation, "sent-back"), BY_ACCEPTING);
    let copy = task["OpportunityId"].as_str().unwrap();
    review(&mut two, copy, "Action Required");
    update(&mut two, copy, |body| {
        body["Project"]["CustomerBusinessProblem"] = "Another problem, told at length".into();
    })
    .ok();
    assert_eq!(get(&mut two, copy)["LifeCycle"]["ReviewStatus"], "Submitted");
    review(&mut deal.owner, &deal.opportunity, "Approved");
    assert_eq!(get(&mut two, copy)["LifeCycle"]["ReviewStatus"], "Approved");
}

#[test]
fn a_deal_that_is_handed_in_again_goes_on_with_its_job_and_awss_invitation() {
    let mut deal = deal("610000001931", "again");
    for round in 0..3 {
        review(&mut deal.owner, &deal.opportunity, "Action Required");
        let token = format!("again-{round}");
        let answer = from_opportunity(&mut deal.owner, &deal.opportunity, &token);
        let task = complete(&answer, FROM_OPPORTUNITY);
        assert_eq!(
            [&task["ResourceSnapshotJobId"], &task["EngagementInvitationId"]],
            [&deal.job, &deal.invitation]
        );
    }
    assert_eq!(
        rows(&mut deal.owner, "ListResourceSnapshotJobs", json!({})).len(),
        1
    );
}
