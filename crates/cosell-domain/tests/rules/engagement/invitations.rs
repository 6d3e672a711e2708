//! Creating, showing and answering invitations.

use cosell_domain::engagement::invitation::{Invitation, Receiver, Side, answer, create as invite, view};
use cosell_domain::engagement::{Engagement, Refusal, context};
use cosell_domain::opportunity::spend::Estimates;
use cosell_domain::{Catalog, arn};
use cosell_model::enums::InvitationStatus as Status;
use cosell_model::{Check, Timestamp};
use serde_json::{Value, json};

use super::support::*;
use crate::support::{draft, edit};

fn shown(stored: &Invitation, account: &str, at: Timestamp) -> Value {
    let answer = view::answer(stored, account, at).unwrap();
    assert!(answer.check(), "it obeys the contract");
    serde_json::to_value(answer).unwrap()
}

fn listed(stored: &Invitation, side: Side, at: Timestamp) -> Value {
    let entry = view::summary(stored, side, at);
    assert!(entry.check(), "it obeys the contract");
    serde_json::to_value(entry).unwrap()
}

fn room() -> Engagement {
    engagement(json!([]))
}

fn from_aws(kind: fn(&str) -> Value) -> (Engagement, Invitation) {
    let room = create_by(AWS, json!([lead(), customer_project()])).unwrap();
    let stored = invite_with(&room, AWS, &kind(BOB), true, &[], noon()).unwrap();
    (room, stored)
}

#[test]
fn both_sides_see_the_whole_invitation_before_acceptance() {
    let stored = invited(&room(), &opportunity_invitation(BOB));
    let receiver = shown(&stored, BOB, minute(1));
    assert_eq!(receiver, shown(&stored, ANN, minute(1)));
    for (path, value) in [
        ("/Id", json!(INVITATION)),
        (
            "/Arn",
            json!(
                "arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-invitation/engi-dansn8enotil9"
            ),
        ),
        ("/Catalog", json!("Sandbox")),
        ("/Status", json!("PENDING")),
        ("/PayloadType", json!("OpportunityInvitation")),
        ("/EngagementId", json!(ENGAGEMENT)),
        ("/EngagementTitle", json!("Fish")),
        ("/EngagementDescription", json!("All of it")),
        ("/InvitationDate", json!("2026-11-21T12:00:00.000Z")),
        ("/ExpirationDate", json!("2026-12-06T12:00:00.000Z")),
        ("/InvitationMessage", json!("Come along")),
        ("/SenderAwsAccountId", json!(ANN)),
        ("/SenderCompanyName", json!("Company 111122223333")),
        ("/Receiver/Account/AwsAccountId", json!(BOB)),
        ("/Receiver/Account/Alias", json!("friend")),
        (
            "/ExistingMembers",
            json!([{"CompanyName": "Company 111122223333", "WebsiteUrl": "www.c111122223333.example"}]),
        ),
        (
            "/Payload/OpportunityInvitation/Customer/CompanyName",
            json!("Fjord Fish"),
        ),
        (
            "/Payload/OpportunityInvitation/SenderContacts/0/Email",
            json!("ann@one.example"),
        ),
        (
            "/Payload/OpportunityInvitation/Project/ExpectedCustomerSpend/0/Amount",
            json!("2500"),
        ),
    ] {
        assert_eq!(receiver.pointer(path), Some(&value), "{path}");
    }
    assert_eq!(receiver.get("EnrichmentContext"), None);
    assert_eq!(receiver.get("RejectionReason"), None);
    assert_eq!(listed(&stored, Side::Sender, noon())["ParticipantType"], "SENDER");
    assert_eq!(
        listed(&stored, Side::Receiver, noon())["ParticipantType"],
        "RECEIVER"
    );
    let kept = serde_json::to_vec(&stored).unwrap();
    assert_eq!(serde_json::from_slice::<Invitation>(&kept).unwrap(), stored);
}

#[test]
fn strangers_see_nothing_and_can_answer_nothing() {
    let room = room();
    let stored = invited(&room, &opportunity_invitation(BOB));
    assert_eq!(refusal(&view::answer(&stored, CAT, noon())), "not found");
    let accepted = answer::accept(&stored, &room, &profile(CAT), minute(1));
    assert_eq!(refusal(&accepted), "not found");
    assert_eq!(
        refusal(&answer::reject(&stored, CAT, None, minute(1))),
        "not found"
    );
}

#[test]
fn only_members_invite() {
    let result = invite_with(&room(), BOB, &opportunity_invitation(CAT), true, &[], noon());
    assert_eq!(refusal(&result), "not found");
}

#[test]
fn a_receiver_is_another_connected_account_or_aws() {
    let path = "invitation.receiver.account.awsAccountId";
    let own = invite_with(&room(), ANN, &opportunity_invitation(ANN), true, &[], noon());
    assert_eq!(faults(own), [pair(path, "INVALID_VALUE")]);
    let unknown = invite_with(&room(), ANN, &opportunity_invitation(BOB), false, &[], noon());
    assert_eq!(faults(unknown), [pair(path, "INVALID_VALUE")]);
    for aws in ["aws", AWS] {
        let stored = invite_with(&room(), ANN, &opportunity_invitation(aws), false, &[], noon()).unwrap();
        assert_eq!(stored.receiver.account_id, AWS, "{aws}");
    }
}

#[test]
fn nobody_is_invited_twice_at_a_time_nor_when_inside() {
    let room = room();
    let first = invited(&room, &opportunity_invitation(BOB));
    let again = |earlier: &[Invitation], room: &Engagement, at| {
        invite_with(room, ANN, &opportunity_invitation(BOB), true, earlier, at)
    };
    let pending = [first.clone()];
    assert_eq!(refusal(&again(&pending, &room, minute(5))), "conflict");
    assert_eq!(refusal(&again(&pending, &room, day(15))), "", "it has run out");
    let rejected = answer::reject(&first, BOB, None, minute(1)).unwrap();
    assert_eq!(refusal(&again(&[rejected], &room, minute(5))), "");
    let (done, inside) = accepted(&first, &room, BOB);
    assert_eq!(refusal(&again(&[done], &inside, minute(5))), "conflict");
    let mut elsewhere = first;
    elsewhere.engagement_id = "eng-otherotherothe".to_owned();
    assert_eq!(refusal(&again(&[elsewhere], &room, minute(5))), "");
}

#[test]
fn a_full_engagement_invites_nobody() {
    let mut room = room();
    for n in 1..10 {
        let joined = room.add_member(&profile(&format!("{n:012}")), noon()).unwrap();
        room = joined.unwrap();
    }
    let result = invite_with(&room, ANN, &opportunity_invitation(BOB), true, &[], noon());
    assert_eq!(refusal(&result), "quota");
}

#[test]
fn the_outline_obeys_the_rules_of_dates_and_spend() {
    let at = "Payload.OpportunityInvitation.Project";
    let path = "invitation.payload.opportunityInvitation.project";
    let spend = |company: &str, currency: &str, frequency: &str| json!([{"Amount": "9.50", "CurrencyCode": currency, "Frequency": frequency, "TargetCompany": company}]);
    let table = [
        (
            "TargetCompletionDate",
            json!("2027-02-29"),
            "targetCompletionDate",
            "INVALID_VALUE",
        ),
        (
            "TargetCompletionDate",
            json!("2026-11-21"),
            "targetCompletionDate",
            "INVALID_VALUE",
        ),
        (
            "ExpectedCustomerSpend",
            spend("AWS", "NOK", "Monthly"),
            "expectedCustomerSpend.currencyCode",
            "INVALID_VALUE",
        ),
        (
            "ExpectedCustomerSpend",
            spend("AWS", "USD", "None"),
            "expectedCustomerSpend.frequency",
            "INVALID_ENUM_VALUE",
        ),
    ];
    for (member, value, field, code) in table {
        let place = format!("{at}.{member}");
        let body = with(opportunity_invitation(BOB), &[(&place, value.clone())]);
        let result = invite_with(&room(), ANN, &body, true, &[], noon());
        assert_eq!(
            faults(result),
            [pair(&format!("{path}.{field}"), code)],
            "{value}"
        );
    }
    let place = format!("{at}.ExpectedCustomerSpend");
    for taken in [json!([]), spend("Self", "USD", "None")] {
        let body = with(opportunity_invitation(BOB), &[(&place, taken.clone())]);
        let stored = invite_with(&room(), ANN, &body, true, &[], noon()).unwrap();
        let payload = stored.payload.unwrap().opportunity_invitation.unwrap();
        let kept = payload.project.expected_customer_spend;
        assert_eq!(serde_json::to_value(kept).unwrap(), taken, "it is shown as sent");
    }
}

#[test]
fn an_invitation_needs_a_payload() {
    let body = with(opportunity_invitation(BOB), &[("Payload", json!({}))]);
    let result = invite_with(&room(), ANN, &body, true, &[], noon());
    assert_eq!(
        faults(result),
        [pair("invitation.payload", "REQUIRED_FIELD_MISSING")]
    );
}

#[test]
fn a_lead_can_be_given_by_its_owner_and_is_shown_with_awss_scores() {
    let room = engagement(json!([lead()]));
    let result = serde_json::from_value(
        json!({"Aws": {"TaskName": "secret name", "Insights": {"MarketplaceEngagementScore": "High"},
            "Customer": {"AccountName": "Fjord Fish"}}}),
    )
    .unwrap();
    let room = context::put_prospecting_result(&room, "ctx-aaaaaaaaaaaaaa", result, AWS, minute(1)).unwrap();
    let stored = invited(&room, &lead_invitation(BOB));
    let read = shown(&stored, BOB, minute(1));
    assert_eq!(read["PayloadType"], "LeadInvitation");
    assert_eq!(
        read["EnrichmentContext"],
        json!({"ProspectingResultAws": {"Customer": {"AccountName": "Fjord Fish"},
            "Insights": {"MarketplaceEngagementScore": "High"}},
            "LeadInsights": {"LeadReadinessScore": "Contact Ready"}})
    );
    let text = read.to_string();
    for hidden in ["Kai", "Moe", "kai@fjord", "+4711111111", "secret name", "Oslo"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[test]
fn a_lead_invitation_needs_a_lead_and_its_owner() {
    let path = "invitation.payload.leadInvitation";
    let result = invite_with(&room(), ANN, &lead_invitation(BOB), true, &[], noon());
    assert_eq!(faults(result), [pair(path, "ACTION_NOT_PERMITTED")]);
    let room = engagement(json!([lead()]));
    let room = room.add_member(&profile(BOB), noon()).unwrap().unwrap();
    let result = invite_with(&room, BOB, &lead_invitation(CAT), true, &[], noon());
    assert_eq!(faults(result), [pair(path, "ACTION_NOT_PERMITTED")]);
}

#[test]
fn other_partners_come_to_a_lead_only_when_it_is_an_opportunity() {
    let room = engagement(json!([lead()]));
    let result = invite_with(&room, ANN, &opportunity_invitation(BOB), true, &[], noon());
    assert_eq!(
        faults(result),
        [pair(
            "invitation.payload.opportunityInvitation",
            "ACTION_NOT_PERMITTED"
        )]
    );
    let aws = invite_with(&room, ANN, &opportunity_invitation("aws"), true, &[], noon());
    assert_eq!(refusal(&aws), "", "AWS is no other partner");
    let (room, _) = add_context(&room, ANN, &customer_project(), minute(1)).unwrap();
    let result = invite_with(&room, ANN, &opportunity_invitation(BOB), true, &[], noon());
    assert_eq!(refusal(&result), "");
}

#[test]
fn acceptance_joins_and_ends_the_deadline() {
    let room = room();
    let stored = invited(&room, &opportunity_invitation(BOB));
    let (next, inside) = accepted(&stored, &room, BOB);
    assert!(inside.is_member(BOB));
    assert_eq!(inside.members[1].joined_at, minute(1));
    for (side, account) in [(Side::Sender, ANN), (Side::Receiver, BOB)] {
        let entry = listed(&next, side, day(20));
        assert_eq!(entry["Status"], "ACCEPTED");
        assert_eq!(entry.get("ExpirationDate"), None);
        assert_eq!(shown(&next, account, day(20)).get("ExpirationDate"), None);
    }
}

#[test]
fn a_pending_invitation_is_answered_once_and_by_its_receiver() {
    let room = room();
    let stored = invited(&room, &opportunity_invitation(BOB));
    let by_sender = answer::accept(&stored, &room, &profile(ANN), minute(1));
    assert_eq!(faults(by_sender), [pair("identifier", "ACTION_NOT_PERMITTED")]);
    let by_sender = answer::reject(&stored, ANN, None, minute(1));
    assert_eq!(faults(by_sender), [pair("identifier", "ACTION_NOT_PERMITTED")]);

    let ended = [
        accepted(&stored, &room, BOB).0,
        answer::reject(&stored, BOB, Some("Other".to_owned()), minute(1)).unwrap(),
        answer::expire(&stored, day(15)).unwrap(),
    ];
    for done in &ended {
        let status = done.status.as_str();
        let again = answer::accept(done, &room, &profile(BOB), minute(2));
        assert_eq!(refusal(&again), "conflict", "{status}");
        assert_eq!(
            refusal(&answer::reject(done, BOB, None, minute(2))),
            "conflict",
            "{status}"
        );
        assert_eq!(answer::expire(done, day(30)), None, "{status}");
    }
}

#[test]
fn a_full_engagement_leaves_the_invitation_open() {
    let mut full = room();
    let stored = invited(&full, &opportunity_invitation(BOB));
    for n in 1..10 {
        let joined = full.add_member(&profile(&format!("{n:012}")), noon()).unwrap();
        full = joined.unwrap();
    }
    let result = answer::accept(&stored, &full, &profile(BOB), minute(1));
    assert_eq!(refusal(&result), "quota");
}

#[test]
fn an_invitation_expires_by_the_clock_before_anybody_notes_it() {
    let room = room();
    let stored = invited(&room, &opportunity_invitation(BOB));
    let last = day(15).plus_millis(-1);
    assert_eq!(stored.status_at(last), Status::Pending);
    assert_eq!(answer::expire(&stored, last), None);
    assert!(answer::accept(&stored, &room, &profile(BOB), last).is_ok());

    assert_eq!(stored.status, Status::Pending, "nobody has noted it");
    assert_eq!(listed(&stored, Side::Sender, day(15))["Status"], "EXPIRED");
    assert_eq!(shown(&stored, BOB, day(15))["Status"], "EXPIRED");
    let late = answer::accept(&stored, &room, &profile(BOB), day(15));
    assert_eq!(refusal(&late), "conflict");
    let late = answer::reject(&stored, BOB, None, day(15));
    assert_eq!(refusal(&late), "conflict");

    let noted = answer::expire(&stored, day(16)).unwrap();
    assert_eq!(noted.status, Status::Expired);
    assert_eq!(
        listed(&noted, Side::Receiver, day(17))["ExpirationDate"],
        "2026-12-06T12:00:00.000Z"
    );
}

#[test]
fn both_sides_read_why_a_partners_invitation_was_rejected() {
    let stored = invited(&room(), &opportunity_invitation(BOB));
    let next = answer::reject(&stored, BOB, Some("Next steps unclear".to_owned()), minute(1)).unwrap();
    for account in [ANN, BOB] {
        let read = shown(&next, account, minute(2));
        assert_eq!(read["Status"], "REJECTED");
        assert_eq!(read["RejectionReason"], "Next steps unclear");
        assert_eq!(read["EngagementTitle"], "Fish");
    }
}

#[test]
fn aws_takes_its_data_back_from_a_partner_who_rejects() {
    for kind in [opportunity_invitation as fn(&str) -> Value, lead_invitation] {
        let (_, stored) = from_aws(kind);
        assert_eq!(shown(&stored, BOB, minute(1))["EngagementTitle"], "Fish");
        let next = answer::reject(&stored, BOB, None, minute(1)).unwrap();
        assert_eq!(refusal(&view::answer(&next, BOB, minute(2))), "not found");
        let entry = listed(&next, Side::Receiver, minute(2));
        assert_eq!(entry["Status"], "REJECTED", "it stays listed");
        assert_eq!(entry.get("EngagementTitle"), None);
        assert_eq!(shown(&next, AWS, minute(2))["Status"], "REJECTED");
    }
}

fn invite_context<'a>(
    room: &'a Engagement,
    sender: &'a cosell_domain::engagement::Profile,
    receiver: Option<&'a cosell_domain::engagement::Profile>,
    estimates: &'a Estimates,
) -> invite::Context<'a> {
    invite::Context {
        engagement: room,
        sender,
        receiver,
        earlier: &[],
        catalog: Catalog::Sandbox,
        region: arn::DEFAULT_REGION,
        id: INVITATION,
        now: noon(),
        estimates,
    }
}

#[test]
fn aws_is_invited_with_the_outline_of_the_opportunity() {
    let (room, ann, estimates) = (room(), profile(ANN), Estimates::default());
    let known = invite_context(&room, &ann, None, &estimates);
    let stored = invite::invite_aws(&draft().document, "Please review", known).unwrap();
    let read = shown(&stored, ANN, minute(1));
    assert_eq!(read["Receiver"]["Account"]["AwsAccountId"], AWS);
    let outline = &read["Payload"]["OpportunityInvitation"];
    assert_eq!(outline["Customer"]["CompanyName"], "Fjord Fish");
    assert_eq!(outline["Project"]["TargetCompletionDate"], "2027-03-31");
    assert_eq!(outline.get("SenderContacts"), None, "the deal has no team");
    let text = read.to_string();
    for hidden in [
        "1 Pike St",
        "Seattle",
        "98101",
        "ann@fjord.example",
        "444455556666",
    ] {
        assert!(!text.contains(hidden), "{hidden}");
    }
}

#[test]
fn aws_is_invited_to_a_deal_whose_outline_cannot_be_told() {
    let (room, ann, estimates) = (room(), profile(ANN), Estimates::default());
    let known = invite_context(&room, &ann, None, &estimates);
    let secret = edit(&draft(), &[("Customer.Account.WebsiteUrl", Value::Null)]).unwrap();
    let stored = invite::invite_aws(&secret.document, "Please review", known).unwrap();
    assert_eq!(shown(&stored, ANN, minute(1)).get("Payload"), None);
}

#[test]
fn a_contract_value_is_part_of_the_outline() {
    let spend =
        json!([{"Amount": "36000", "CurrencyCode": "USD", "Frequency": "None", "TargetCompany": "Self"}]);
    let stored = edit(
        &draft(),
        &[
            ("Project.ExpectedCustomerSpend", spend),
            (
                "Project.ExpectedContractDuration",
                json!({"Term": "Months", "Value": "36"}),
            ),
        ],
    )
    .unwrap();
    let (room, ann, estimates) = (room(), profile(ANN), Estimates::default());
    let known = invite_context(&room, &ann, None, &estimates);
    let stored = invite::invite_aws(&stored.document, "Please review", known).unwrap();
    let read = shown(&stored, ANN, minute(1));
    let entries = &read["Payload"]["OpportunityInvitation"]["Project"]["ExpectedCustomerSpend"];
    assert_eq!(entries.as_array().unwrap().len(), 2);
}

#[test]
fn aws_invites_to_a_lead_without_telling_the_contact() {
    let aws = profile(AWS);
    let bob = profile(BOB);
    let estimates = Estimates::default();
    let room = create_by(AWS, json!([lead()])).unwrap();
    let receiver = || Receiver {
        account_id: BOB.to_owned(),
        alias: None,
    };
    let known = invite_context(&room, &aws, Some(&bob), &estimates);
    let stored = invite::invite_to_lead(receiver(), "1", "A lead for you", known).unwrap();
    let read = shown(&stored, BOB, minute(1));
    let outline = &read["Payload"]["LeadInvitation"];
    assert_eq!(outline["Interaction"]["ContactBusinessTitle"], "CTO");
    assert_eq!(outline["Customer"]["CountryCode"], "NO");
    assert_eq!(outline["Customer"]["MarketSegment"], "Small");
    for hidden in ["Kai", "kai@fjord", "+4711111111", "Oslo", "0150"] {
        assert!(!read.to_string().contains(hidden), "{hidden}");
    }
    let absent: Result<_, Refusal> = invite::invite_to_lead(receiver(), "2", "?", known);
    assert_eq!(refusal(&absent), "not found");
}
