//! Snapshots and associations as members, strangers and the one account that a snapshot is meant for see them.

use cosell_domain::Catalog;
use cosell_domain::engagement::party;
use cosell_domain::opportunity::{AwsSide, Opportunity};
use cosell_domain::snapshot::{Context, Head, Snapshot, Template, association, take};
use cosell_model::{ErrorKind, Operation as Op};
use cosell_store::Write;
use serde_json::{Value, json};

use super::record;
use crate::testing::*;

const ENGAGEMENT: &str = "eng-00000000000001";
const ELSEWHERE: &str = "eng-00000000000002";
const SUMMARY: Template = Template::OpportunitySummaryView;
const AWS_VIEW: Template = Template::AwsOpportunitySummaryFullView;

fn opportunity(catalog: Catalog, id: &str) -> Opportunity {
    let document = json!({"Catalog": catalog.as_str(), "Id": id, "CreatedDate": second(0),
        "LastModifiedDate": second(0), "RelatedEntityIdentifiers": {}});
    let mut made = Opportunity {
        document: serde_json::from_value(document).unwrap(),
        private: serde_json::from_value(json!({"origin": "Partner Referral"})).unwrap(),
    };
    made.private.aws = Some(AwsSide::opened(None));
    made
}

struct Shared<'a> {
    catalog: Catalog,
    engagement: &'a str,
    owner: &'a str,
    opportunity: &'a str,
    template: Template,
}

impl Shared<'_> {
    /// That revision, as the operations that take snapshots will write it.
    async fn put(&self, world: &World, revision: i32) -> Snapshot {
        let before = Head {
            revision: revision - 1,
            hash: String::new(),
        };
        let context = Context {
            region: REGION,
            catalog: self.catalog,
            engagement: self.engagement,
            owner: self.owner,
            aws: party::aws_account(self.catalog),
            members: &[ONE.to_owned(), TWO.to_owned()],
            now: second(revision.into()),
        };
        let opportunity = opportunity(self.catalog, self.opportunity);
        let snapshot = take(Some(&before), &opportunity, self.template, context).unwrap();
        let version = u64::try_from(revision).unwrap();
        let head = record::head(&snapshot, version).unwrap();
        let head = match version {
            1 => Write::Insert(head),
            _ => Write::Replace {
                record: head,
                expected: version - 1,
            },
        };
        let new = record::snapshot(&snapshot).unwrap();
        world.write(vec![Write::Insert(new), head]).await;
        snapshot
    }
}

const IN_SANDBOX: Shared<'_> = Shared {
    catalog: Catalog::Sandbox,
    engagement: ENGAGEMENT,
    owner: ONE,
    opportunity: "O1",
    template: SUMMARY,
};

/// ONE shares O1 (twice) and O12, TWO shares O2; AWS tells ONE and TWO what it thinks of theirs. One more elsewhere.
async fn world() -> World {
    let world = World::new();
    world.engagement(Catalog::Sandbox, ENGAGEMENT, &[ONE, TWO]).await;
    world.engagement(Catalog::Sandbox, ELSEWHERE, &[TWO]).await;
    for (owner, opportunity, template, revisions) in [
        (ONE, "O1", SUMMARY, 2),
        (ONE, "O1", AWS_VIEW, 1),
        (ONE, "O12", SUMMARY, 1),
        (TWO, "O2", SUMMARY, 1),
        (TWO, "O2", AWS_VIEW, 1),
    ] {
        for revision in 1..=revisions {
            let shared = Shared {
                owner,
                opportunity,
                template,
                ..IN_SANDBOX
            };
            shared.put(&world, revision).await;
        }
    }
    let shared = Shared {
        engagement: ELSEWHERE,
        owner: TWO,
        ..IN_SANDBOX
    };
    shared.put(&world, 1).await;
    world
}

fn name(opportunity: &str, template: Template) -> Value {
    json!({"EngagementIdentifier": ENGAGEMENT, "ResourceType": "Opportunity",
        "ResourceIdentifier": opportunity, "ResourceSnapshotTemplateIdentifier": template.as_str()})
}

fn numbered(mut name: Value, revision: i32) -> Value {
    name["Revision"] = revision.into();
    name
}

/// `opportunity/template's first letter/revision` of each row.
async fn list(world: &World, account: &str, mut filter: Value) -> Vec<String> {
    if filter.get("EngagementIdentifier").is_none() {
        filter["EngagementIdentifier"] = ENGAGEMENT.into();
    }
    let rows = world
        .rows(
            account,
            Op::ListResourceSnapshots,
            "ResourceSnapshotSummaries",
            filter,
        )
        .await;
    let text = |row: &Value| {
        let template = row["ResourceSnapshotTemplateName"].as_str().unwrap();
        let id = row["ResourceId"].as_str().unwrap();
        format!("{id}/{}/{}", &template[..1], row["Revision"])
    };
    rows.iter().map(text).collect()
}

#[tokio::test]
async fn members_read_any_revision_byte_for_byte_and_the_newest_where_none_is_named() {
    let world = world().await;
    let taken = IN_SANDBOX.put(&world, 3).await;
    for account in [ONE, TWO] {
        let newest = world
            .call(account, Op::GetResourceSnapshot, name("O1", SUMMARY))
            .await;
        assert_eq!(newest.unwrap(), serde_json::to_value(&taken.document).unwrap());
        for revision in 1..=3 {
            let body = numbered(name("O1", SUMMARY), revision);
            let read = world.call(account, Op::GetResourceSnapshot, body).await.unwrap();
            assert_eq!(read["Revision"], revision);
            assert_eq!(read["CreatedAt"], second(revision.into()).to_string());
        }
    }
    let caller = crate::Caller::of(TWO);
    let mut body = name("O1", SUMMARY);
    body["Catalog"] = "Sandbox".into();
    let answer = world
        .service
        .call(Op::GetResourceSnapshot, &caller, body.to_string().as_bytes())
        .await;
    assert_eq!(answer.unwrap(), crate::answer::encode(&taken.document).unwrap());
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_for_the_caller_are_refused_alike() {
    let world = world().await;
    let mut other_catalog = name("O1", SUMMARY);
    other_catalog["Catalog"] = "AWS".into();
    let mut other_engagement = name("O1", SUMMARY);
    other_engagement["EngagementIdentifier"] = ELSEWHERE.into();
    let mut no_engagement = name("O1", SUMMARY);
    no_engagement["EngagementIdentifier"] = "eng-0000000000000z".into();
    for (account, body) in [
        (STRANGER, name("O1", SUMMARY)),
        (STRANGER, numbered(name("O1", SUMMARY), 1)),
        (ONE, numbered(name("O1", SUMMARY), 3)),
        (ONE, name("O3", SUMMARY)),
        (ONE, name("O12", AWS_VIEW)),
        (ONE, other_catalog),
        (ONE, other_engagement),
        (ONE, no_engagement),
        (TWO, name("O1", AWS_VIEW)),
        (TWO, numbered(name("O1", AWS_VIEW), 1)),
        (ONE, name("O2", AWS_VIEW)),
    ] {
        let kind = world
            .refusal(account, Op::GetResourceSnapshot, body.clone())
            .await;
        assert_eq!(kind, ErrorKind::ResourceNotFound, "{account} {body}");
    }
    for body in [
        json!({"EngagementIdentifier": ELSEWHERE}),
        json!({"EngagementIdentifier": ENGAGEMENT, "Catalog": "AWS"}),
    ] {
        let kind = world.refusal(ONE, Op::ListResourceSnapshots, body).await;
        assert_eq!(kind, ErrorKind::ResourceNotFound);
    }
    let absent = world
        .call(TWO, Op::GetResourceSnapshot, numbered(name("O3", AWS_VIEW), 1))
        .await;
    let hidden = world
        .call(TWO, Op::GetResourceSnapshot, numbered(name("O1", AWS_VIEW), 1))
        .await;
    assert_eq!(
        absent.unwrap_err().message.replace("O3", "O1"),
        hidden.unwrap_err().message,
        "the texts tell nothing either"
    );
}

#[tokio::test]
async fn awss_view_of_a_deal_is_seen_by_its_owner_alone() {
    let world = world().await;
    let read = world
        .call(ONE, Op::GetResourceSnapshot, name("O1", AWS_VIEW))
        .await
        .unwrap();
    assert_eq!(read["CreatedBy"], "390403897881");
    assert_eq!(read["TargetMemberAccounts"], json!([ONE]));
    let common = ["O1/O/1", "O1/O/2", "O12/O/1", "O2/O/1"];
    let seen_by = async |account| {
        let mut seen = list(&world, account, json!({})).await;
        seen.retain(|row| !common.contains(&row.as_str()));
        seen
    };
    assert_eq!(seen_by(ONE).await, ["O1/A/1"]);
    assert_eq!(seen_by(TWO).await, ["O2/A/1"]);
    let kind = world
        .refusal(
            STRANGER,
            Op::ListResourceSnapshots,
            json!({"EngagementIdentifier": ENGAGEMENT}),
        )
        .await;
    assert_eq!(kind, ErrorKind::ResourceNotFound);
}

#[tokio::test]
async fn snapshots_are_listed_by_every_filter_and_all_of_them_together() {
    let world = world().await;
    let summary = SUMMARY.as_str();
    let kind = "Opportunity";
    for (filter, expected) in [
        (
            json!({}),
            &["O1/A/1", "O1/O/1", "O1/O/2", "O12/O/1", "O2/O/1"][..],
        ),
        (
            json!({"ResourceType": kind}),
            &["O1/A/1", "O1/O/1", "O1/O/2", "O12/O/1", "O2/O/1"],
        ),
        (
            json!({"ResourceIdentifier": "O1"}),
            &["O1/A/1", "O1/O/1", "O1/O/2"],
        ),
        (
            json!({"ResourceType": kind, "ResourceIdentifier": "O1"}),
            &["O1/A/1", "O1/O/1", "O1/O/2"],
        ),
        (
            json!({"ResourceSnapshotTemplateIdentifier": summary}),
            &["O1/O/1", "O1/O/2", "O12/O/1", "O2/O/1"],
        ),
        (
            json!({"ResourceType": kind, "ResourceSnapshotTemplateIdentifier": summary}),
            &["O1/O/1", "O1/O/2", "O12/O/1", "O2/O/1"],
        ),
        (json!({"CreatedBy": TWO}), &["O2/O/1"]),
        (json!({"CreatedBy": "aws"}), &["O1/A/1"]),
        (json!({"CreatedBy": "390403897881"}), &["O1/A/1"]),
        (json!({"CreatedBy": STRANGER}), &[]),
        (
            json!({"ResourceType": kind, "ResourceIdentifier": "O1", "CreatedBy": ONE,
                "ResourceSnapshotTemplateIdentifier": summary}),
            &["O1/O/1", "O1/O/2"],
        ),
        (
            json!({"ResourceIdentifier": "O1", "ResourceSnapshotTemplateIdentifier": "Opportunity"}),
            &[],
        ),
    ] {
        assert_eq!(list(&world, ONE, filter.clone()).await, expected, "{filter}");
    }
    let elsewhere = json!({"EngagementIdentifier": ELSEWHERE});
    assert_eq!(list(&world, TWO, elsewhere).await, ["O1/O/1"]);
}

#[tokio::test]
async fn revisions_are_listed_in_the_order_of_their_numbers() {
    let world = World::new();
    world.engagement(Catalog::Sandbox, ENGAGEMENT, &[ONE]).await;
    for revision in 1..=11 {
        IN_SANDBOX.put(&world, revision).await;
    }
    let expected: Vec<_> = (1..=11).map(|number| format!("O1/O/{number}")).collect();
    assert_eq!(list(&world, ONE, json!({})).await, expected);
}

#[tokio::test]
async fn a_token_continues_only_the_list_it_was_given_for() {
    let world = world().await;
    let body = json!({"EngagementIdentifier": ENGAGEMENT, "MaxResults": 1});
    let page = world
        .call(ONE, Op::ListResourceSnapshots, body.clone())
        .await
        .unwrap();
    let with = |more: &str, value: Value| {
        let mut next = body.clone();
        next["NextToken"] = page["NextToken"].clone();
        next[more] = value;
        next
    };
    let continued = with("MaxResults", 1.into());
    world
        .call(ONE, Op::ListResourceSnapshots, continued.clone())
        .await
        .unwrap();
    for (account, body) in [
        (TWO, continued),
        (ONE, with("CreatedBy", ONE.into())),
        (ONE, with("MaxResults", 2.into())),
    ] {
        let kind = world.refusal(account, Op::ListResourceSnapshots, body).await;
        assert_eq!(kind, ErrorKind::Validation);
    }
}

/// `engagement's last letter/opportunity/owner` of each row.
async fn shared(world: &World, account: &str, filter: Value) -> Vec<String> {
    let member = "EngagementResourceAssociationSummaries";
    let rows = world
        .rows(account, Op::ListEngagementResourceAssociations, member, filter)
        .await;
    let text = |row: &Value| {
        let part = |name: &str| row[name].as_str().unwrap().to_owned();
        let owner = part("CreatedBy");
        let engagement = part("EngagementId");
        format!("{}/{}/{owner}", &engagement[17..], part("ResourceId"))
    };
    rows.iter().map(text).collect()
}

#[tokio::test]
async fn each_member_lists_what_its_engagements_share_by_every_filter() {
    let world = World::new();
    let aws = party::aws_account(Catalog::Sandbox);
    let row = |catalog, member, engagement, opportunity, owner| {
        record::association(member, &association(catalog, engagement, opportunity, owner)).unwrap()
    };
    let here = |member, engagement, opportunity, owner| {
        row(Catalog::Sandbox, member, engagement, opportunity, owner)
    };
    world
        .insert([
            here(ONE, ENGAGEMENT, "O1", ONE),
            here(ONE, ENGAGEMENT, "O12", ONE),
            here(ONE, ENGAGEMENT, "O2", TWO),
            here(ONE, ELSEWHERE, "O1", ONE),
            here(ONE, ELSEWHERE, "O9", aws),
            here(TWO, ENGAGEMENT, "O1", ONE),
            row(Catalog::Aws, ONE, ENGAGEMENT, "O7", ONE),
        ])
        .await;
    let (one, two) = (format!("/{ONE}"), format!("/{TWO}"));
    let own = |names: &[&str]| -> Vec<String> { names.iter().map(|name| format!("{name}{one}")).collect() };
    let first = [own(&["1/O1", "1/O12"]), vec![format!("1/O2{two}")]].concat();
    let last = format!("2/O9/{aws}");
    let all = [first.clone(), own(&["2/O1"]), vec![last.clone()]].concat();
    let kind = "Opportunity";
    for (filter, expected) in [
        (json!({}), all.clone()),
        (json!({"ResourceType": kind}), all),
        (json!({"EngagementIdentifier": ENGAGEMENT}), first.clone()),
        (
            json!({"EngagementIdentifier": ENGAGEMENT, "ResourceType": kind}),
            first,
        ),
        (json!({"ResourceIdentifier": "O1"}), own(&["1/O1", "2/O1"])),
        (
            json!({"EngagementIdentifier": ENGAGEMENT, "ResourceIdentifier": "O1"}),
            own(&["1/O1"]),
        ),
        (
            json!({"EngagementIdentifier": ELSEWHERE, "ResourceType": kind, "ResourceIdentifier": "O1"}),
            own(&["2/O1"]),
        ),
        (json!({"CreatedBy": TWO}), vec![format!("1/O2{two}")]),
        (json!({"CreatedBy": "aws"}), vec![last]),
        (json!({"Catalog": "AWS"}), own(&["1/O7"])),
        (json!({"Catalog": "AWS", "CreatedBy": "aws"}), Vec::new()),
    ] {
        assert_eq!(shared(&world, ONE, filter.clone()).await, expected, "{filter}");
    }
    assert_eq!(shared(&world, TWO, json!({})).await, own(&["1/O1"]));
    let nothing: [&str; 0] = [];
    let foreign = json!({"EngagementIdentifier": ENGAGEMENT});
    assert_eq!(shared(&world, STRANGER, foreign).await, nothing);
}
