//! Events: which account hears what of a change, in the shapes that were recorded or published.

use std::collections::BTreeSet;

use cosell_domain::engagement::invitation::{Invitation, answer};
use cosell_domain::engagement::{Engagement, Profile};
use cosell_domain::event::envelope::{SOURCE, VERSION};
use cosell_domain::event::realistic::Mood;
use cosell_domain::event::{self, Became, Change, DetailType, Envelope, Happening};
use cosell_domain::opportunity::Opportunity;
use cosell_domain::snapshot::{Context, Snapshot, Template, take};
use cosell_domain::{Catalog, arn};
use cosell_model::enums::OpportunityOrigin;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::engagement::support::{
    ANN, AWS, BOB, CAT, ENGAGEMENT, INVITATION, accepted, add_context, create_by, customer_project, day,
    engagement, invited, lead, lead_invitation, opportunity_invitation, profile,
};
use crate::support::{ID, draft, edit, minute, noon, submitted};

/// Nothing happened, in that catalog.
fn nothing<'a>(catalog: Catalog) -> Change<'a> {
    Change {
        catalog,
        opportunities: Vec::new(),
        engagements: Vec::new(),
        invitations: Vec::new(),
        snapshots: Vec::new(),
    }
}

/// Whose ears, what type, which detail.
fn told(change: &Change<'_>) -> Vec<(String, &'static str, Value)> {
    let told = |one: Happening<'_>| {
        let detail = serde_json::to_value(&one.detail).unwrap();
        (one.account.to_owned(), one.detail_type.as_str(), detail)
    };
    event::of(change).into_iter().map(told).collect()
}

/// The same without the details.
fn heard<'a>(change: &Change<'a>) -> Vec<(&'a str, &'static str)> {
    let happenings = event::of(change);
    happenings
        .iter()
        .map(|one| (one.account, one.detail_type.as_str()))
        .collect()
}

fn of_invitation<'a>(before: Option<&'a Invitation>, next: &'a Invitation) -> Change<'a> {
    Change {
        invitations: vec![Became { before, next }],
        ..nothing(Catalog::Sandbox)
    }
}

fn of_engagement<'a>(before: Option<&'a Engagement>, next: &'a Engagement) -> Change<'a> {
    Change {
        engagements: vec![Became { before, next }],
        ..nothing(Catalog::Sandbox)
    }
}

fn room_of(accounts: &[&str]) -> Engagement {
    accounts.iter().fold(engagement(json!([])), |room, account| {
        let profile: Profile = profile(account);
        room.add_member(&profile, minute(1)).unwrap().unwrap_or(room)
    })
}

fn shot(opportunity: &Opportunity, template: Template, members: &[&str]) -> Snapshot {
    let members: Vec<String> = members.iter().map(|one| (*one).to_owned()).collect();
    let context = Context {
        region: arn::DEFAULT_REGION,
        catalog: Catalog::Sandbox,
        engagement: ENGAGEMENT,
        owner: ANN,
        aws: AWS,
        members: &members,
        now: noon(),
    };
    take(None, opportunity, template, context).unwrap()
}

#[test]
fn the_names_of_the_ten_types_are_the_published_ones() {
    let names: BTreeSet<&str> = DetailType::ALL.iter().map(|one| one.as_str()).collect();
    let published = [
        "Opportunity Created",
        "Opportunity Updated",
        "Engagement Invitation Created",
        "Engagement Invitation Accepted",
        "Engagement Invitation Rejected",
        "Engagement Invitation Expired",
        "Engagement Member Added",
        "Engagement Resource Snapshot Created",
        "Engagement Created",
        "Engagement Updated",
    ];
    assert_eq!(names, BTreeSet::from(published));
}

#[test]
fn an_opportunitys_event_reads_as_recorded_to_the_byte() {
    let made = draft();
    let happenings = event::of_opportunity(Catalog::Sandbox, ANN, None, &made);
    let [one] = &happenings[..] else {
        panic!("{happenings:?}")
    };
    let envelope = Envelope {
        version: VERSION,
        id: "c2c5ea82-cad0-3624-9c54-516b91fc8dcf",
        detail_type: "Opportunity Updated",
        source: SOURCE,
        account: "691709974417",
        time: cosell_model::Timestamp::parse("2025-02-19T04:20:25.987Z").unwrap(),
        region: "us-east-1",
        resources: one.resource.into_iter().collect(),
        detail: &one.detail,
    };
    assert_eq!(
        serde_json::to_string(&envelope).unwrap(),
        r#"{"version":"0","id":"c2c5ea82-cad0-3624-9c54-516b91fc8dcf","detail-type":"Opportunity Updated","source":"aws.partnercentral-selling","account":"691709974417","time":"2025-02-19T04:20:25Z","region":"us-east-1","resources":[],"detail":{"schemaVersion":"1","catalog":"Sandbox","opportunity":{"identifier":"O5465588"}}}"#
    );
}

#[test]
fn what_is_written_is_read_back_with_everything_but_the_fraction_of_its_second() {
    let envelope = Envelope {
        version: VERSION,
        id: "a",
        detail_type: "Engagement Created",
        source: SOURCE,
        account: ANN,
        time: noon().plus_millis(999),
        region: "us-east-1",
        resources: vec!["arn:aws:x"],
        detail: 7,
    };
    let text = serde_json::to_string(&envelope).unwrap();
    let read: Envelope<'_, i32> = serde_json::from_str(&text).unwrap();
    assert_eq!(
        read,
        Envelope {
            time: noon(),
            ..envelope
        }
    );
}

#[test]
fn an_opportunity_is_told_by_what_its_owner_can_read_otherwise() {
    let before = draft();
    let types = |before: Option<&Opportunity>, next: &Opportunity| -> Vec<&str> {
        let happenings = event::of_opportunity(Catalog::Sandbox, ANN, before, next);
        assert!(
            happenings
                .iter()
                .all(|one| one.account == ANN && one.resource.is_none())
        );
        assert!(happenings.iter().all(|one| one.opportunity() == Some(ID)));
        happenings.iter().map(|one| one.detail_type.as_str()).collect()
    };
    assert_eq!(types(None, &before), ["Opportunity Created"]);
    let edited = edit(&before, &[("LifeCycle.NextSteps", json!("Call"))]).unwrap();
    assert_eq!(types(Some(&before), &edited), ["Opportunity Updated"]);
    assert_eq!(types(Some(&before), &submitted(&before)), ["Opportunity Updated"]);
    // Tags and what the server notes for itself are read nowhere.
    let mut silent = before.clone();
    silent.private.tags.insert("a".into(), "b".into());
    silent.private.shared = true;
    silent.private.listed = true;
    assert_eq!(types(Some(&before), &silent), [""; 0]);
    // What comes to light by an acceptance is told by both.
    let both = ["Opportunity Created", "Opportunity Updated"];
    let mut opened = before.clone();
    opened.private.copy = true;
    assert_eq!(types(None, &opened), both);
    let mut referred = before.clone();
    referred.private.origin = OpportunityOrigin::AWSReferral;
    assert_eq!(types(None, &referred), both);
    assert_eq!(types(Some(&referred), &referred), [""; 0]);
    assert!(event::of_opportunity(Catalog::Sandbox, AWS, None, &before).is_empty());
}

#[test]
fn an_invitations_events_read_as_recorded_on_both_sides() {
    let sent = invited(
        &engagement(json!([customer_project()])),
        &opportunity_invitation(BOB),
    );
    let created = |side: &str| {
        json!({"catalog": "Sandbox", "schemaVersion": "1.0", "engagementInvitation": {
            "arn": "arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement-invitation/engi-dansn8enotil9",
            "id": INVITATION, "engagementId": ENGAGEMENT, "senderAccountId": ANN, "receiverAccountId": BOB,
            "senderCompanyName": format!("Company {ANN}"), "expirationDate": day(15),
            "participantType": side, "payloadType": "OpportunityInvitation"}})
    };
    let name = "Engagement Invitation Created";
    assert_eq!(
        told(&of_invitation(None, &sent)),
        [
            (ANN.into(), name, created("SENDER")),
            (BOB.into(), name, created("RECEIVER"))
        ]
    );
    let room = engagement(json!([]));
    let ends = [
        ("Accepted", accepted(&sent, &room, BOB).0),
        ("Rejected", answer::reject(&sent, BOB, None, minute(1)).unwrap()),
        ("Expired", answer::expire(&sent, day(15)).unwrap()),
    ];
    for (end, next) in ends {
        let name = format!("Engagement Invitation {end}");
        let detail = |side: &str| {
            json!({"catalog": "Sandbox", "engagementInvitation": {"arn": sent.arn, "id": INVITATION,
                "engagementId": ENGAGEMENT, "participantType": side, "senderAccountId": ANN,
                "receiverAccountId": BOB, "payloadType": "OpportunityInvitation"}})
        };
        assert_eq!(
            told(&of_invitation(Some(&sent), &next)),
            [
                (ANN.into(), name.as_str(), detail("SENDER")),
                (BOB.into(), name.as_str(), detail("RECEIVER"))
            ]
        );
        assert!(
            event::of(&of_invitation(Some(&sent), &next))
                .iter()
                .all(|one| one.resource == Some(sent.arn.as_str()))
        );
        // What an answered invitation remembers besides is nobody's business.
        let mut opened = next.clone();
        opened.opportunity_id = Some(ID.into());
        assert_eq!(told(&of_invitation(Some(&next), &opened)), []);
    }
    let of_lead = invited(&engagement(json!([lead()])), &lead_invitation(BOB));
    let payload = &told(&of_invitation(None, &of_lead))[1].2["engagementInvitation"]["payloadType"];
    assert_eq!(payload, "LeadInvitation");
}

#[test]
fn aws_hears_nothing_in_either_catalog() {
    let mut sent = invited(&engagement(json!([])), &opportunity_invitation(BOB));
    for (catalog, aws) in [(Catalog::Sandbox, AWS), (Catalog::Aws, "aws")] {
        sent.receiver.account_id = aws.to_owned();
        let change = Change {
            invitations: vec![Became {
                before: None,
                next: &sent,
            }],
            ..nothing(catalog)
        };
        assert_eq!(heard(&change), [(ANN, "Engagement Invitation Created")]);
    }
    let by_aws = create_by(AWS, json!([lead()])).unwrap();
    assert_eq!(heard(&of_engagement(None, &by_aws)), []);
}

#[test]
fn an_engagements_events_read_as_published_with_their_mixed_case() {
    let made = engagement(json!([lead()]));
    let arn = "arn:aws:partnercentral:us-east-1::catalog/Sandbox/engagement/eng-xjn5vr10vyjm1t";
    assert_eq!(
        told(&of_engagement(None, &made)),
        [(
            ANN.to_owned(),
            "Engagement Created",
            json!({"catalog": "Sandbox", "engagement": {"engagementArn": arn, "engagementId": ENGAGEMENT,
                "CreatedAt": noon(), "CreatedBy": ANN, "ContextTypes": ["Lead"]}})
        )]
    );
    let (next, _) = add_context(&made, ANN, &customer_project(), minute(1)).unwrap();
    let updated = json!({"catalog": "Sandbox", "engagement": {"engagementArn": arn, "engagementId": ENGAGEMENT,
        "LastModifiedAt": minute(1), "LastModifiedBy": ANN, "ContextTypes": ["Lead", "CustomerProject"]}});
    assert_eq!(
        told(&of_engagement(Some(&made), &next)),
        [(ANN.to_owned(), "Engagement Updated", updated)]
    );
    // A type that is there twice is named once.
    let (third, _) = add_context(&next, ANN, &lead(), minute(2)).unwrap();
    assert_eq!(
        told(&of_engagement(Some(&next), &third))[0].2["engagement"]["ContextTypes"],
        json!(["Lead", "CustomerProject"])
    );
    assert_eq!(told(&of_engagement(Some(&made), &made)), []);
    assert_eq!(event::of(&of_engagement(None, &made))[0].resource, Some(arn));
}

#[test]
fn everybody_who_is_in_hears_who_joined_and_whoever_joined_hears_it_too() {
    let (two, three) = (room_of(&[BOB]), room_of(&[BOB, CAT, AWS]));
    let member = |account: &str, company: &str| {
        json!({"catalog": "Sandbox", "engagement": {"id": ENGAGEMENT},
            "engagementMember": {"accountId": account, "companyName": company}})
    };
    let name = "Engagement Member Added";
    let mut expected = Vec::new();
    for joined in [member(CAT, "Company 333344445555"), member(AWS, "AWS")] {
        expected.extend([ANN, BOB, CAT].map(|hears| (hears.to_owned(), name, joined.clone())));
    }
    assert_eq!(told(&of_engagement(Some(&two), &three)), expected);
}

#[test]
fn a_snapshot_reads_as_recorded_and_is_told_to_those_who_may_read_it() {
    let opportunity = submitted(&draft());
    let room = room_of(&[BOB, AWS]);
    let view = shot(&opportunity, Template::OpportunitySummaryView, &[ANN, BOB, AWS]);
    let full = shot(
        &opportunity,
        Template::AwsOpportunitySummaryFullView,
        &[ANN, BOB, AWS],
    );
    let change = Change {
        snapshots: vec![(&room.arn, &view), (&room.arn, &full)],
        ..nothing(Catalog::Sandbox)
    };
    let detail = |template: &str, by: &str, targets: &[&str]| {
        json!({"schemaVersion": "1", "catalog": "Sandbox", "resourceSnapshot": {
            "arn": format!("{}/resource/Opportunity/{ID}/template/{template}/snapshot/1", room.arn),
            "engagementId": ENGAGEMENT, "resourceId": ID, "resourceType": "Opportunity", "createdBy": by,
            "targetMemberAccounts": targets, "resourceSnapshotTemplateName": template}})
    };
    let name = "Engagement Resource Snapshot Created";
    let shown = detail("OpportunitySummaryView", ANN, &[ANN, BOB, AWS]);
    assert_eq!(
        told(&change),
        [
            (ANN.into(), name, shown.clone()),
            (BOB.into(), name, shown),
            (
                ANN.into(),
                name,
                detail("AwsOpportunitySummaryFullView", AWS, &[ANN])
            ),
        ]
    );
    assert!(
        event::of(&change)
            .iter()
            .all(|one| one.resource == Some(room.arn.as_str()))
    );
}

#[test]
fn a_change_is_told_in_the_order_of_the_published_table() {
    let before = draft();
    let next = submitted(&before);
    let room = engagement(json!([customer_project()]));
    let invitation = {
        let mut sent = invited(&room, &opportunity_invitation(BOB));
        sent.receiver.account_id = AWS.into();
        sent
    };
    let view = shot(&next, Template::OpportunitySummaryView, &[ANN]);
    let start = Change {
        opportunities: vec![(
            ANN,
            Became {
                before: Some(&before),
                next: &next,
            },
        )],
        engagements: vec![Became {
            before: None,
            next: &room,
        }],
        invitations: vec![Became {
            before: None,
            next: &invitation,
        }],
        snapshots: vec![(&room.arn, &view)],
        ..nothing(Catalog::Sandbox)
    };
    let expected = [
        "Opportunity Updated",
        "Engagement Created",
        "Engagement Resource Snapshot Created",
        "Engagement Member Added",
        "Engagement Invitation Created",
    ];
    assert_eq!(heard(&start), expected.map(|name| (ANN, name)));

    // A partner's acceptance: the sender hears nothing of the first snapshot of the copy.
    let sent = invited(&room, &opportunity_invitation(BOB));
    let (done, joined) = accepted(&sent, &room, BOB);
    let mut copy = draft();
    copy.private.copy = true;
    let mut view = shot(&copy, Template::OpportunitySummaryView, &[ANN, BOB]);
    view.document.created_by = Some(BOB.into());
    let accept = Change {
        opportunities: vec![(
            BOB,
            Became {
                before: None,
                next: &copy,
            },
        )],
        engagements: vec![Became {
            before: Some(&room),
            next: &joined,
        }],
        invitations: vec![Became {
            before: Some(&sent),
            next: &done,
        }],
        snapshots: vec![(&room.arn, &view)],
        ..nothing(Catalog::Sandbox)
    };
    assert_eq!(
        heard(&accept),
        [
            (ANN, "Engagement Invitation Accepted"),
            (BOB, "Engagement Invitation Accepted"),
            (ANN, "Engagement Member Added"),
            (BOB, "Engagement Member Added"),
            (BOB, "Opportunity Created"),
            (BOB, "Opportunity Updated"),
            (BOB, "Engagement Resource Snapshot Created"),
        ]
    );
}

proptest! {
    #[test]
    fn a_mood_always_decides_alike_and_within_the_recorded_delays(name in ".{0,12}", place in 0..50_usize) {
        let mood = Mood::new(name.clone());
        for kind in DetailType::ALL {
            let after = mood.repeats_after(place, kind);
            prop_assert_eq!(after, Mood::new(name.clone()).repeats_after(place, kind));
            let bounds = match kind {
                DetailType::OpportunityCreated => 1_000..=15_000,
                DetailType::OpportunityUpdated => 0..=2_000,
                _ => {
                    prop_assert_eq!(after, None);
                    continue;
                }
            };
            prop_assert!(after.is_none_or(|after| bounds.contains(&after)));
        }
    }

    #[test]
    fn a_mood_never_loses_an_event_and_moves_only_snapshots_before_their_updates(name in ".{0,12}") {
        let before = draft();
        let next = submitted(&before);
        let view = shot(&next, Template::OpportunitySummaryView, &[ANN, BOB]);
        let room = engagement(json!([]));
        let change = Change {
            opportunities: vec![(ANN, Became { before: Some(&before), next: &next })],
            snapshots: vec![(&room.arn, &view)],
            ..nothing(Catalog::Sandbox)
        };
        let mut happenings = event::of(&change);
        Mood::new(name).reorder(&mut happenings);
        let order: Vec<_> = happenings.iter().map(|one| (one.account, one.detail_type)).collect();
        let (updated, shown) = (DetailType::OpportunityUpdated, DetailType::SnapshotCreated);
        let plain = [(ANN, updated), (ANN, shown), (BOB, shown)];
        let swapped = [(ANN, shown), (ANN, updated), (BOB, shown)];
        prop_assert!(order == plain || order == swapped, "{order:?}");
    }
}

#[test]
fn repetitions_and_swaps_are_as_frequent_as_recorded() {
    let before = draft();
    let next = submitted(&before);
    let view = shot(&next, Template::OpportunitySummaryView, &[ANN]);
    let room = engagement(json!([]));
    let (mut created, mut updated, mut swapped) = (0, 0, 0);
    for number in 0..10_000 {
        let mood = Mood::new(number.to_string());
        created += u32::from(mood.repeats_after(0, DetailType::OpportunityCreated).is_some());
        updated += u32::from(mood.repeats_after(0, DetailType::OpportunityUpdated).is_some());
        let change = Change {
            opportunities: vec![(
                ANN,
                Became {
                    before: Some(&before),
                    next: &next,
                },
            )],
            snapshots: vec![(&room.arn, &view)],
            ..nothing(Catalog::Sandbox)
        };
        let mut happenings = event::of(&change);
        mood.reorder(&mut happenings);
        swapped += u32::from(happenings[0].detail_type == DetailType::SnapshotCreated);
    }
    assert!((7_800..8_200).contains(&created), "{created}");
    assert!((6_467..6_867).contains(&updated), "{updated}");
    assert!((2_300..2_700).contains(&swapped), "{swapped}");
}
