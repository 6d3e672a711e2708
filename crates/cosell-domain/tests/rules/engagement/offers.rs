//! What AWS offers partners by an operator's hand: referrals and leads in either catalog, to one partner or several, and
//! their withdrawal.

use cosell_domain::engagement::invitation::lead::{self, Lead, Offered};
use cosell_domain::engagement::invitation::recipients::{self, Ids, Recipient};
use cosell_domain::engagement::invitation::referral::{self, Referred, Terms};
use cosell_domain::engagement::invitation::{Invitation, answer, view};
use cosell_domain::engagement::{Refusal, receiver};
use cosell_domain::opportunity::spend::Estimates;
use cosell_domain::{Catalog, arn};
use cosell_model::Check;
use cosell_model::enums::{InvitationStatus, OpportunityOrigin, ReceiverResponsibility};
use serde_json::{Value, json};

use super::support::*;
use crate::support::whole_input;

fn to(accounts: &[&str]) -> Vec<(Recipient, Ids)> {
    let ids = |n: usize| Ids {
        opportunity: format!("O700000{n}"),
        engagement: format!("eng-xjn5vr10vyjm1{n}"),
        invitation: format!("engi-dansn8enotil{n}"),
    };
    accounts
        .iter()
        .enumerate()
        .map(|(n, account)| {
            let recipient = Recipient {
                profile: profile(account),
                alias: Some(format!("partner {n}")),
            };
            (recipient, ids(n))
        })
        .collect()
}

fn in_catalog<T>(catalog: Catalog, decide: impl FnOnce(recipients::Context<'_>) -> T) -> T {
    decide(recipients::Context {
        catalog,
        region: arn::DEFAULT_REGION,
        now: noon(),
        estimates: &Estimates::default(),
    })
}

fn refer(catalog: Catalog, body: &Value, terms: &Terms, accounts: &[&str]) -> Result<Vec<Referred>, Refusal> {
    let input = serde_json::from_value(body.clone()).unwrap();
    in_catalog(catalog, |known| {
        referral::refer_to(&input, terms, &to(accounts), known)
    })
}

fn a_lead() -> Lead {
    Lead {
        title: "Fish online".to_owned(),
        description: Some("A fishmonger asks".to_owned()),
        message: "Please call them".to_owned(),
        lead: serde_json::from_value(lead()["Payload"]["Lead"].clone()).unwrap(),
    }
}

fn offer(catalog: Catalog, lead: &Lead, accounts: &[&str]) -> Result<Vec<Offered>, Refusal> {
    in_catalog(catalog, |known| lead::offer(lead, &to(accounts), known))
}

#[test]
fn a_referral_goes_to_every_partner_by_itself_in_either_catalog() {
    for (catalog, aws) in [(Catalog::Aws, "aws"), (Catalog::Sandbox, AWS)] {
        let referred = refer(catalog, &whole_input(), &Terms::default(), &[ANN, BOB, CAT]).unwrap();
        for (n, (one, account)) in referred.iter().zip([ANN, BOB, CAT]).enumerate() {
            assert_eq!(one.engagement.created_by, aws);
            assert_eq!(one.engagement.members.len(), 1, "nobody sees the others");
            assert_eq!(one.invitation.engagement_id, one.engagement.id);
            assert_eq!(one.invitation.receiver.account_id, account);
            assert_eq!(
                one.invitation.receiver.alias.as_deref(),
                Some(&*format!("partner {n}"))
            );
            assert_eq!(one.invitation.catalog, catalog.as_str());
            assert_eq!(one.opportunity.document.catalog, catalog.as_str());
            assert_eq!(one.opportunity.document.id, format!("O700000{n}"));
            assert!(one.opportunity.document.arn.as_ref().unwrap().contains(account));
            assert_eq!(one.opportunity.private.origin, OpportunityOrigin::AWSReferral);
            assert!(view::answer(&one.invitation, account, minute(1)).unwrap().check());
        }
        let engagements: Vec<_> = referred.iter().map(|one| &one.engagement.id).collect();
        assert!(engagements[0] != engagements[1] && engagements[1] != engagements[2]);
    }
}

#[test]
fn an_operators_referral_is_accepted_as_the_sandboxs_is() {
    let one = refer(Catalog::Aws, &whole_input(), &Terms::default(), &[ANN])
        .unwrap()
        .remove(0);
    let (invitation, room) =
        answer::accept(&one.invitation, &one.engagement, &profile(ANN), minute(5)).unwrap();
    assert_eq!(room.members.len(), 2);
    let known = receiver::Context {
        catalog: Catalog::Aws,
        region: arn::DEFAULT_REGION,
        id: "O1",
        sender_status: None,
        lead: None,
        now: minute(5),
    };
    let (opportunity, _) = receiver::open(&invitation, known).unwrap();
    assert_eq!(opportunity.document.id, "O7000000");
    assert_eq!(crate::support::status_of(&opportunity), "Approved");
}

#[test]
fn a_referral_carries_the_operators_own_terms() {
    let terms = Terms {
        message: "Only you can do this".to_owned(),
        contacts: serde_json::from_value(json!([{"Email": "rae@aws.example", "FirstName": "Rae"}])).unwrap(),
        responsibilities: vec![ReceiverResponsibility::Distributor],
    };
    let one = refer(Catalog::Aws, &whole_input(), &terms, &[ANN])
        .unwrap()
        .remove(0);
    let read = serde_json::to_value(view::answer(&one.invitation, ANN, minute(1)).unwrap()).unwrap();
    assert_eq!(read["InvitationMessage"], "Only you can do this");
    let outline = &read["Payload"]["OpportunityInvitation"];
    assert_eq!(
        outline["SenderContacts"],
        json!([{"Email": "rae@aws.example", "FirstName": "Rae"}])
    );
    assert_eq!(outline["ReceiverResponsibilities"], json!(["Distributor"]));
}

#[test]
fn an_operators_document_is_held_to_the_contract_and_the_rules_of_drafts() {
    let terms = Terms::default();
    let refused = |body: &Value| faults(refer(Catalog::Aws, body, &terms, &[ANN]));
    for (place, value, field, code) in [
        (
            "Project.Title",
            json!("x".repeat(256)),
            "project.title",
            "INVALID_STRING_FORMAT",
        ),
        (
            "LifeCycle.Stage",
            json!("Won"),
            "lifeCycle.stage",
            "INVALID_ENUM_VALUE",
        ),
        (
            "LifeCycle.TargetCloseDate",
            json!("2026-11-21"),
            "lifeCycle.targetCloseDate",
            "INVALID_VALUE",
        ),
        (
            "Project.Title",
            Value::Null,
            "project.title",
            "REQUIRED_FIELD_MISSING",
        ),
    ] {
        let body = with(whole_input(), &[(place, value)]);
        assert_eq!(refused(&body), [pair(field, code)], "{place}");
    }
    // What a caller of the API must say is known here.
    let bare = with(
        whole_input(),
        &[
            ("Catalog", json!("Sandbox")),
            ("ClientToken", json!("")),
            ("Origin", Value::Null),
        ],
    );
    assert!(refer(Catalog::Aws, &bare, &terms, &[ANN]).is_ok());
}

#[test]
fn terms_are_bounded_and_told_all_at_once() {
    let terms = Terms {
        message: String::new(),
        contacts: Vec::new(),
        responsibilities: vec!["Friend".into()],
    };
    assert_eq!(
        faults(refer(Catalog::Aws, &whole_input(), &terms, &[])),
        [
            pair("receivers", "REQUIRED_FIELD_MISSING"),
            pair("message", "REQUIRED_FIELD_MISSING"),
            pair("contacts", "INVALID_VALUE"),
            pair("responsibilities", "INVALID_VALUE"),
        ]
    );
    let four = json!([{"Email": "a@b.example"}, {"Email": "a@b.example"}, {"Email": "a@b.example"}, {"Email": "a@b.example"}]);
    for (contacts, message) in [
        (four, "x".repeat(255)),
        (json!([{"Email": "Nobody"}]), "x".to_owned()),
    ] {
        let terms = Terms {
            message,
            contacts: serde_json::from_value(contacts).unwrap(),
            ..Terms::default()
        };
        assert_eq!(
            faults(refer(Catalog::Aws, &whole_input(), &terms, &[ANN])),
            [pair("contacts", "INVALID_VALUE")]
        );
    }
}

#[test]
fn the_list_of_receivers_names_each_partner_once_and_never_aws() {
    let many: Vec<String> = (0..21).map(|n| format!("5555666677{n:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (catalog, accounts, code) in [
        (Catalog::Aws, vec![], "REQUIRED_FIELD_MISSING"),
        (Catalog::Aws, vec![ANN, BOB, ANN], "DUPLICATE_KEY_VALUE"),
        (Catalog::Sandbox, vec![AWS], "INVALID_VALUE"),
        (Catalog::Aws, many.clone(), "TOO_MANY_VALUES"),
    ] {
        assert_eq!(
            faults(offer(catalog, &a_lead(), &accounts)),
            [pair("receivers", code)],
            "{accounts:?}"
        );
    }
    assert_eq!(offer(Catalog::Aws, &a_lead(), &many[..20]).unwrap().len(), 20);
}

#[test]
fn a_lead_goes_to_every_partner_by_itself_and_shows_no_contact() {
    for (catalog, aws) in [(Catalog::Aws, "aws"), (Catalog::Sandbox, AWS)] {
        let offered = offer(catalog, &a_lead(), &[ANN, BOB]).unwrap();
        assert_eq!(offered.len(), 2);
        for (one, account) in offered.iter().zip([ANN, BOB]) {
            assert_eq!(one.engagement.created_by, aws);
            assert_eq!(one.engagement.title.as_deref(), Some("Fish online"));
            let read = view::answer(&one.invitation, account, minute(1)).unwrap();
            assert!(read.check());
            let read = serde_json::to_value(read).unwrap();
            assert_eq!(read["PayloadType"], "LeadInvitation");
            assert_eq!(read["SenderAwsAccountId"], aws);
            assert_eq!(read["InvitationMessage"], "Please call them");
            assert_eq!(
                read.pointer("/Payload/LeadInvitation/Interaction/ContactBusinessTitle"),
                Some(&json!("CTO"))
            );
            for hidden in ["Kai", "Moe", "kai@fjord.example", "+4711111111"] {
                assert!(!read.to_string().contains(hidden), "{hidden}");
            }
            let (_, room) =
                answer::accept(&one.invitation, &one.engagement, &profile(account), minute(5)).unwrap();
            assert_eq!(room.members.len(), 2);
        }
    }
}

#[test]
fn a_lead_is_held_to_the_contract() {
    type Spoil = fn(&mut Lead);
    let table: [(Spoil, (&str, &str)); 6] = [
        (|lead| lead.title.clear(), ("title", "REQUIRED_FIELD_MISSING")),
        (|lead| lead.title = "x".repeat(41), ("title", "INVALID_VALUE")),
        (
            |lead| lead.description = Some("x".repeat(256)),
            ("description", "INVALID_VALUE"),
        ),
        (
            |lead| lead.message = "x".repeat(256),
            ("message", "INVALID_VALUE"),
        ),
        (
            |lead| lead.lead.interactions.clear(),
            ("interactions", "NOT_ENOUGH_VALUES"),
        ),
        (
            |lead| lead.lead.customer.company_name.clear(),
            ("customer.companyName", "INVALID_STRING_FORMAT"),
        ),
    ];
    for (spoil, (field, code)) in table {
        let mut lead = a_lead();
        spoil(&mut lead);
        assert_eq!(faults(offer(Catalog::Aws, &lead, &[ANN])), [pair(field, code)]);
    }
}

fn awss_invitations() -> Vec<Invitation> {
    let referred = refer(Catalog::Sandbox, &whole_input(), &Terms::default(), &[ANN]).unwrap();
    let offered = offer(Catalog::Sandbox, &a_lead(), &[ANN]).unwrap();
    vec![referred[0].invitation.clone(), offered[0].invitation.clone()]
}

#[test]
fn a_withdrawn_invitation_expires_at_once_and_for_good() {
    for stored in awss_invitations() {
        let gone = answer::withdraw(&stored, minute(7)).unwrap();
        assert_eq!(gone.status, InvitationStatus::Expired);
        assert_eq!(gone.status_at(noon()), InvitationStatus::Expired);
        assert_eq!((gone.expires_at, gone.answered_at), (minute(7), Some(minute(7))));
        assert_eq!(gone.referral, None, "nothing can bring the deal to light");
        let read = view::answer(&gone, ANN, minute(8)).unwrap();
        assert_eq!(read.status, Some(InvitationStatus::Expired));
        assert_eq!(read.expiration_date, Some(minute(7)));
        assert_eq!(
            answer::expire(&gone, day(16)),
            None,
            "the clock has nothing to add"
        );
        assert_eq!(refusal(&answer::reject(&gone, ANN, None, minute(8))), "conflict");
        assert_eq!(refusal(&answer::withdraw(&gone, minute(8))), "conflict");
    }
}

#[test]
fn only_awss_own_pending_invitations_can_be_withdrawn() {
    for stored in awss_invitations() {
        let rejected = answer::reject(&stored, ANN, None, minute(1)).unwrap();
        let mut accepted = stored.clone();
        accepted.status = InvitationStatus::Accepted;
        for (case, invitation, at) in [
            ("REJECTED", &rejected, minute(2)),
            ("ACCEPTED", &accepted, minute(2)),
            ("EXPIRED", &stored, day(15)),
        ] {
            let Err(Refusal::Conflict(message)) = answer::withdraw(invitation, at) else {
                panic!("{case} was withdrawn");
            };
            assert!(message.contains(case), "{message}");
        }
    }
    let partners = invited(
        &engagement(json!([customer_project()])),
        &opportunity_invitation(BOB),
    );
    let Err(Refusal::Conflict(message)) = answer::withdraw(&partners, minute(1)) else {
        panic!("a partner's invitation was withdrawn");
    };
    assert!(message.contains(ANN), "{message}");
}
