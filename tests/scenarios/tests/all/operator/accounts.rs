//! Accounts, users, keys and solutions over HTTP: a partner made so can work at once.

use serde_json::{Value, json};

use crate::harness::deal::{create, draft};
use crate::harness::operator::refused;
use crate::harness::{Key, Server};

#[test]
fn a_partner_made_over_http_works_until_its_key_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::on(folder.path());
    let mut admin = server.operator();
    let account = json!({"accountId": "123456789012", "companyName": "Bäcker & Co", "websiteUrl": "https://b.example.com"});
    let answer = admin.send("POST", "/accounts", Some(&account));
    assert_eq!(
        (answer.status, answer.header("location")),
        (201, Some("/operator/v1/accounts/123456789012"))
    );
    let made = answer.json();
    assert_eq!(made["companyName"], "Bäcker & Co");
    assert_eq!(admin.get("/accounts/123456789012"), made);
    assert!(admin.all("/accounts", 1).contains(&made));
    refused(&admin.send("POST", "/accounts", Some(&account)), 409, "conflict");
    refused(
        &admin.send("GET", "/accounts/999999999999", None),
        404,
        "not-found",
    );

    let user = json!({"email": "Sal@example.com", "firstName": "Sal", "lastName": "Es"});
    assert_eq!(admin.post("/accounts/123456789012/users", &user), user);
    refused(
        &admin.send("POST", "/accounts/123456789012/users", Some(&user)),
        409,
        "conflict",
    );
    let nowhere = json!({"email": "nobody", "firstName": "a", "lastName": "b"});
    refused(
        &admin.send("POST", "/accounts/123456789012/users", Some(&nowhere)),
        422,
        "refused",
    );
    assert_eq!(admin.get("/accounts/123456789012/users")["items"], json!([user]));

    let new = json!({"catalog": "AWS", "id": "S-0000777", "name": "Ovens", "category": "Software Product"});
    let solution = admin.post("/accounts/123456789012/solutions", &new);
    assert_eq!(
        (&solution["status"], &solution["catalog"]),
        (&json!("Active"), &json!("AWS"))
    );
    let listed = |admin: &mut crate::harness::Operator, catalog: &str| {
        admin.all(&format!("/accounts/123456789012/solutions?catalog={catalog}"), 10)
    };
    assert_eq!(listed(&mut admin, "AWS"), [solution]);
    assert_eq!(
        listed(&mut admin, "Sandbox").len(),
        1,
        "the default solution of the sandbox"
    );
    let wrong = json!({"catalog": "AWS", "name": "x", "category": "No such"});
    refused(
        &admin.send("POST", "/accounts/123456789012/solutions", Some(&wrong)),
        422,
        "refused",
    );

    let key = admin.post("/accounts/123456789012/keys", &Value::Null);
    let (id, secret) = (
        key["accessKeyId"].as_str().unwrap(),
        key["secretAccessKey"].as_str().unwrap(),
    );
    let mut caller = server.caller(Key::new(id, secret));
    let mut body = draft("by http");
    body["Catalog"] = "AWS".into();
    create(&mut caller, &body);
    let shown = admin.get("/accounts/123456789012/keys").to_string();
    assert!(shown.contains(id) && !shown.contains(secret));
    // Not through another account.
    refused(
        &admin.send("DELETE", &format!("/accounts/111122223333/keys/{id}"), None),
        404,
        "not-found",
    );
    let path = format!("/accounts/123456789012/keys/{id}");
    assert_eq!(admin.delete(&path)["status"], "revoked");
    assert_eq!(admin.delete(&path)["status"], "revoked");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    caller
        .call("ListOpportunities", &json!({"Catalog": "AWS"}))
        .is("UnrecognizedClientException");
}

#[test]
fn pages_of_a_list_hold_everything_once_and_a_cursor_belongs_to_its_list() {
    let server = Server::dev(&[]);
    let mut admin = server.operator();
    for (account, users) in [("500000000001", 7), ("500000000002", 3)] {
        admin.post("/accounts", &json!({"accountId": account, "companyName": "x"}));
        for number in 0..users {
            let user = json!({"email": format!("u{number}@example.com"), "firstName": "a", "lastName": "b"});
            admin.post(&format!("/accounts/{account}/users"), &user);
        }
    }
    let whole = admin.all("/accounts/500000000001/users", 100);
    assert_eq!(whole.len(), 7);
    for limit in 1..=8 {
        assert_eq!(admin.all("/accounts/500000000001/users", limit), whole);
    }
    let next = admin.get("/accounts/500000000001/users?limit=2")["next"]
        .as_str()
        .unwrap()
        .to_owned();
    // Another size goes on; another list does not.
    let page = admin.get(&format!("/accounts/500000000001/users?limit=100&cursor={next}"));
    assert_eq!(page["items"].as_array().unwrap().as_slice(), &whole[2..]);
    for other in [
        "/accounts/500000000002/users",
        "/accounts",
        "/accounts/500000000001/keys",
    ] {
        refused(
            &admin.send("GET", &format!("{other}?cursor={next}"), None),
            400,
            "invalid",
        );
    }
}
