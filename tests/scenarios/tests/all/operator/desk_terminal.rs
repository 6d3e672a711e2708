//! The commands of the review desk and its neighbours, as a person types them.

use serde_json::{Value, json};

use crate::harness::deal::{draft, get, submitted};
use crate::harness::server::Said;
use crate::harness::{Key, Server, cosell};

/// A server on a folder of its own, and the commands for it.
struct Desk {
    folder: tempfile::TempDir,
    server: Server,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::on(folder.path());
        Self { folder, server }
    }

    fn run(&self, line: &[&str]) -> Said {
        cosell(&[line, &["--data", self.folder.path().to_str().unwrap()]].concat())
    }

    #[track_caller]
    fn says(&self, line: &[&str], words: &[&str]) {
        let said = self.run(line);
        assert!(said.success, "{line:?}: {}", said.err);
        for word in words {
            assert!(
                said.out.contains(word),
                "{line:?} does not say {word}: {}",
                said.out
            );
        }
    }

    fn json(&self, line: &[&str]) -> Value {
        self.run(&[line, &["--output", "json"]].concat()).json()
    }

    fn file(&self, name: &str, content: &Value) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content.to_string()).unwrap();
        path.display().to_string()
    }
}

const ACCOUNT: &str = "111122223333";

#[test]
fn a_person_reviews_deals_and_keeps_awss_side_of_them() {
    let desk = Desk::new();
    desk.says(&["review", "list"], &["Nothing waits"]);
    let mut partner = desk.server.caller(Key::account(ACCOUNT));
    let (first, second) = (submitted(&mut partner, "t-1"), submitted(&mut partner, "t-2"));
    desk.says(
        &["review", "list"],
        &[&first, &second, "Northwind Marzipan", "Submitted", "2500"],
    );
    assert_eq!(desk.json(&["review", "list", "--limit", "1"])[0]["id"], *first);
    desk.says(&["review", "take", &first], &["In review"]);
    desk.says(&["review", "list", "--status", "In review"], &[&first]);
    desk.says(
        &[
            "review",
            "action-required",
            &first,
            "--reason",
            "More",
            "--comments",
            "Which ovens?",
        ],
        &["Action Required", "Which ovens?"],
    );
    assert_eq!(
        get(&mut partner, &first)["LifeCycle"]["ReviewComments"],
        "Which ovens?"
    );
    desk.says(&["review", "approve", &second], &["Approved"]);
    assert_eq!(
        get(&mut partner, &second)["LifeCycle"]["ReviewStatus"],
        "Approved"
    );

    let again = desk.run(&["review", "reject", &second, "--reason", "Late"]);
    assert_eq!((again.code, again.out.as_str()), (Some(2), ""));
    assert!(again.err.contains("is in Approved"), "{}", again.err);
    // A reason is asked for before anything is sent; the catalog is Sandbox unless another is named.
    assert!(desk.run(&["review", "reject", &second]).err.contains("--reason"));
    assert_eq!(
        desk.run(&["review", "take", &second, "--catalog", "AWS"]).code,
        Some(2)
    );

    let update = [
        "aws-opportunity",
        "update",
        &second,
        "--stage",
        "Qualified",
        "--next-steps",
        "Meet them",
    ];
    desk.says(&update, &["Qualified", "Meet them"]);
    let file = desk.file(
        "edit.json",
        &json!({"insights": {"nextBestActions": "Call"}, "stage": "Engaged"}),
    );
    let update = [
        "aws-opportunity",
        "update",
        &second,
        "--file",
        &file,
        "--stage",
        "Committed",
        "--engagement-score",
        "High",
    ];
    let seen = desk.json(&update);
    let (cycle, insights) = (&seen["awsSummary"]["LifeCycle"], &seen["awsSummary"]["Insights"]);
    assert_eq!(
        (&cycle["Stage"], &insights["EngagementScore"]),
        (&json!("Committed"), &json!("High"))
    );
    assert_eq!(insights["NextBestActions"], "Call");
    desk.says(
        &["aws-opportunity", "show", &second],
        &["Committed", "Meet them", "Call"],
    );
    let nothing = desk.run(&["aws-opportunity", "update", &second]);
    assert!(
        nothing.code == Some(1) && nothing.err.contains("--stage"),
        "{}",
        nothing.err
    );
    let wrong = desk.run(&["aws-opportunity", "update", &second, "--stage", "Somewhere"]);
    assert!(
        wrong.code == Some(2) && wrong.err.contains("stage"),
        "{}",
        wrong.err
    );
}

#[test]
fn refusals_speak_of_what_was_typed_and_not_of_requests() {
    let desk = Desk::new();
    for (line, words) in [
        (&["clock", "advance", "1x"][..], "by: must be"),
        (&["fault", "remove", "fault-9"], "see `cosell fault list`"),
        (
            &["fault", "add", "--operation", "Bogus", "--drop"],
            "operations[0]: \"Bogus\"",
        ),
        (
            &["invitation", "withdraw", "engi-0000000000001"],
            "AWS has neither sent nor received",
        ),
        (&["state", "save", "/nowhere/x"], "cannot write /nowhere/x"),
    ] {
        let said = desk.run(line);
        assert!(
            !said.success && said.err.contains(words),
            "{line:?}: {}",
            said.err
        );
        for foreign in ["cosell: /", "GET ", "PUT ", "expected struct"] {
            assert!(!said.err.contains(foreign), "{line:?}: {}", said.err);
        }
    }
    // A file goes as it is written, and what is wrong with it is told.
    let call = [
        "operator",
        "call",
        "post",
        "accounts",
        r#"{"companyName":"a","companyName":"b"}"#,
    ];
    assert!(desk.run(&call).err.contains("companyName is there twice"));
}

#[test]
fn a_person_refers_deals_and_offers_leads_from_templates_and_files() {
    let desk = Desk::new();
    let mut partner = desk.server.caller(Key::account(ACCOUNT));
    for name in cosell(&["referral", "template", "--output", "json"])
        .json()
        .as_array()
        .unwrap()
    {
        let name = name.as_str().unwrap();
        let line = [
            "referral",
            "create",
            "--template",
            name,
            "--account",
            ACCOUNT,
            "--catalog",
            "AWS",
        ];
        let made = desk.json(&line)[0].clone();
        let id = made["invitationId"].as_str().unwrap();
        let accept = json!({"Catalog": "AWS", "ClientToken": name, "Identifier": id});
        let task = partner
            .call("StartEngagementByAcceptingInvitationTask", &accept)
            .ok();
        assert_eq!(task["OpportunityId"], made["opportunityId"], "{task}");
    }
    let mut edited = cosell(&["referral", "template", "migration"]).json();
    edited["opportunity"]["Project"]["Title"] = "Ours".into();
    edited["receivers"] = json!([{"account": ACCOUNT}, {"account": "444455556666"}]);
    let file = desk.file("referral.json", &edited);
    assert_eq!(
        desk.json(&["referral", "create", "--file", &file])
            .as_array()
            .unwrap()
            .len(),
        2
    );
    desk.says(&["invitation", "list"], &["Ours", "PENDING", "444455556666"]);

    let lead = desk.json(&["lead", "invite", "--template", "event", "--account", ACCOUNT])[0].clone();
    let id = lead["invitationId"].as_str().unwrap();
    desk.says(&["invitation", "show", id], &["LeadInvitation", "PENDING"]);
    desk.says(&["invitation", "withdraw", id], &["EXPIRED"]);
    let gone = desk.run(&["invitation", "withdraw", id]);
    assert_eq!(gone.code, Some(2), "{}", gone.err);
    assert!(cosell(&["lead", "template"]).out.contains("event"));

    let nobody = desk.run(&["referral", "create", "--template", "migration"]);
    assert!(
        nobody.code == Some(1) && nobody.err.contains("--account"),
        "{}",
        nobody.err
    );
    let unknown = desk.run(&["lead", "invite", "--template", "nothing", "--account", ACCOUNT]);
    assert!(unknown.err.contains("event"), "{}", unknown.err);
    let stranger = desk.run(&[
        "referral",
        "create",
        "--template",
        "migration",
        "--account",
        "999999999999",
    ]);
    assert!(
        stranger.code == Some(2) && stranger.err.contains("999999999999"),
        "{}",
        stranger.err
    );
}

#[test]
fn a_person_searches_previews_and_reads_the_audit_log() {
    let desk = Desk::new();
    let mut partner = desk.server.caller(Key::account(ACCOUNT));
    let id = submitted(&mut partner, "search");
    desk.says(
        &["opportunity", "search", "marzipan", "search"],
        &[&id, "Submitted"],
    );
    desk.says(
        &["opportunity", "search", "nothing-like-it"],
        &["Nothing was found"],
    );
    desk.says(
        &["opportunity", "search", "--partner-identifier", "crm-search"],
        &[&id],
    );
    desk.says(&["opportunity", "show", &id], &[&id, "Northwind Marzipan"]);

    let good = desk.file("good.json", &draft("good"));
    desk.says(
        &[
            "opportunity",
            "preview",
            "create",
            "--account",
            ACCOUNT,
            "--file",
            &good,
        ],
        &["would be accepted"],
    );
    let mut bad = draft("bad");
    bad["LifeCycle"]["TargetCloseDate"] = "2020-01-01".into();
    let bad = desk.file("bad.json", &bad);
    let ask = [
        "opportunity",
        "preview",
        "create",
        "--account",
        ACCOUNT,
        "--file",
        &bad,
    ];
    let refused = desk.run(&ask);
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(
        refused.out.contains("would be refused") && refused.out.contains("lifeCycle.targetCloseDate"),
        "{}",
        refused.out
    );
    let refused = desk.run(&[&ask[..], &["--output", "json"]].concat());
    let told: Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!((refused.code, &told["accepted"]), (Some(2), &json!(false)));

    desk.says(&["review", "approve", &id], &["Approved"]);
    desk.says(
        &["audit", "list", "--resource", &id],
        &["ApproveOpportunity", "SubmitOpportunity", ACCOUNT],
    );
    let entries = desk.json(&["audit", "list", "--resource", &id]);
    assert_eq!(entries[0]["action"], "ApproveOpportunity");
    let key = desk.json(&["key", "create", "--account", ACCOUNT]);
    let key = key["accessKeyId"].as_str().unwrap();
    let made = desk.json(&["audit", "list", "--resource", key]);
    assert_eq!(
        (&made[0]["action"], &made[0]["actor"]["type"]),
        (&json!("CreateAccessKey"), &json!("operator"))
    );

    let export = desk.run(&["audit", "export", "--resource", &id]);
    let records: Vec<Value> = export
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(records.len(), entries.as_array().unwrap().len());
    assert_eq!(records[0]["eventName"], "CreateOpportunity");
    let file = desk.folder.path().join("trail.jsonl").display().to_string();
    desk.says(&["audit", "export", "--to-file", &file], &["records in"]);
    assert!(std::fs::read_to_string(&file).unwrap().lines().count() > records.len());
    assert!(
        desk.run(&["audit", "export", "--to-file", &file])
            .err
            .contains("cannot write")
    );
}
