//! The settings of the selling system: put and read per account and catalog.

use serde_json::json;

use crate::harness::{Key, Server};

const PUT: &str = "PutSellingSystemSettings";
const GET: &str = "GetSellingSystemSettings";

#[test]
fn settings_are_put_whole_per_account_and_catalog_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let (mut one, mut two) = (server.caller(Key::first()), server.caller(Key::second()));
    let sandbox = json!({"Catalog": "Sandbox"});
    assert_eq!(
        one.call(GET, &sandbox).ok(),
        sandbox,
        "nothing was put: only the catalog"
    );
    let arn = "arn:aws:iam::111122223333:role/snapshots";
    let put = json!({"Catalog": "Sandbox", "ResourceSnapshotJobRoleIdentifier": "snapshots"});
    let kept = json!({"Catalog": "Sandbox", "ResourceSnapshotJobRoleArn": arn});
    for _ in 0..2 {
        assert_eq!(one.call(PUT, &put).ok(), kept);
        assert_eq!(one.call(GET, &sandbox).ok(), kept);
    }
    // Neither the other account nor the other catalog has it.
    assert_eq!(two.call(GET, &sandbox).ok(), sandbox);
    let aws = json!({"Catalog": "AWS"});
    assert_eq!(one.call(GET, &aws).ok(), aws);

    server.kill();
    let server = Server::on(folder.path());
    let mut one = server.caller(Key::first());
    assert_eq!(one.call(GET, &sandbox).ok(), kept);
    let with_path = "arn:aws:iam::111122223333:role/co-sell/jobs";
    let named = json!({"Catalog": "Sandbox", "ResourceSnapshotJobRoleIdentifier": with_path});
    assert_eq!(
        one.call(PUT, &named).ok()["ResourceSnapshotJobRoleArn"],
        with_path
    );
    // Put whole: what is left out is gone.
    assert_eq!(one.call(PUT, &sandbox).ok(), sandbox);
    assert_eq!(one.call(GET, &sandbox).ok(), sandbox);
}

#[test]
fn a_role_of_another_account_is_refused_and_changes_nothing() {
    let mut caller = Server::shared().caller(Key::account("600000000101"));
    let mine = json!({"Catalog": "Sandbox", "ResourceSnapshotJobRoleIdentifier": "mine"});
    let kept = caller.call(PUT, &mine).ok();
    let foreign = json!({"Catalog": "Sandbox",
        "ResourceSnapshotJobRoleIdentifier": "arn:aws:iam::111122223333:role/theirs"});
    let found = caller
        .call(PUT, &foreign)
        .violations("BUSINESS_VALIDATION_FAILED");
    let field = "resourceSnapshotJobRoleIdentifier".to_owned();
    assert_eq!(found, [(field, "INVALID_VALUE".to_owned())]);
    assert_eq!(caller.call(GET, &json!({"Catalog": "Sandbox"})).ok(), kept);
}

#[test]
fn of_many_that_put_at_once_every_one_succeeds_and_one_is_kept() {
    let caller = Server::shared().caller(Key::account("600000000102"));
    let put: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|number| {
                let mut caller = caller.again();
                scope.spawn(move || {
                    let role = format!("role-{number}");
                    let body = json!({"Catalog": "Sandbox", "ResourceSnapshotJobRoleIdentifier": role});
                    caller.call(PUT, &body).ok()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let kept = caller.again().call(GET, &json!({"Catalog": "Sandbox"})).ok();
    assert!(put.contains(&kept), "{kept}");
}
