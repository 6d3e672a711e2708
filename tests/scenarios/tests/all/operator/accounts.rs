//! Accounts, users, keys and solutions over HTTP: a partner made so can work at once.

use serde_json::{Value, json};

use crate::harness::deal::{create, draft};
use crate::harness::engagement::invitation;
use crate::harness::flows::deal_on;
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

#[test]
fn what_is_registered_can_be_changed_and_removed_and_documents_keep_what_they_say() {
    let server = Server::dev(&["--offers", "required"]);
    let mut admin = server.operator();
    let account = "111122223333";
    let deal = deal_on(&server, account, "changing");
    let mut owner = deal.owner;
    let of = format!("/accounts/{account}");
    let path = |rest: &str| format!("{of}/{rest}");
    let named = json!({"Catalog": "Sandbox", "Identifier": deal.opportunity});

    // A company's name: from now on.
    let body = invitation(&deal.engagement, "444455556666", "before");
    let before = owner.call("CreateEngagementInvitation", &body).ok();
    let about = |id: &Value| json!({"Catalog": "Sandbox", "Identifier": id});
    let mut receiver = server.caller(Key::account("444455556666"));
    let name_in = |receiver: &mut crate::harness::Caller, id: &Value| {
        receiver.call("GetEngagementInvitation", &about(id)).ok()["SenderCompanyName"].clone()
    };
    let old = name_in(&mut receiver, &before["Id"]);
    let sent = json!({"companyName": "Renamed", "websiteUrl": null});
    let changed = admin.send("PATCH", &of, Some(&sent)).json();
    assert_eq!(
        (&changed["companyName"], &changed["websiteUrl"]),
        (&json!("Renamed"), &Value::Null)
    );
    assert_eq!(admin.get(&of), changed);
    assert_eq!(name_in(&mut receiver, &before["Id"]), old);
    for wrong in [json!({"companyName": null}), json!({"accountId": "1"})] {
        refused(&admin.send("PATCH", &of, Some(&wrong)), 400, "invalid");
    }
    let empty = json!({"companyName": ""});
    refused(&admin.send("PATCH", &of, Some(&empty)), 422, "refused");
    // What changes nothing is no deed.
    assert_eq!(admin.send("PATCH", &of, Some(&sent)).json(), changed);
    assert_eq!(admin.all("/audit?action=UpdateAccount", 10).len(), 1);

    // A user: its deals keep it, and it gets no more.
    let user = json!({"email": "Sal@example.com", "firstName": "Sal", "lastName": "Es"});
    admin.post(&path("users"), &user);
    let mut assignment = named.clone();
    assignment["Assignee"] = json!({"Email": "sal@example.com", "FirstName": "Sal", "LastName": "Es", "BusinessTitle": "OpportunityOwner"});
    owner.call("AssignOpportunity", &assignment).ok();
    let sal = path("users/SAL%40example.com");
    let changed = admin
        .send("PATCH", &sal, Some(&json!({"lastName": "Alt"})))
        .json();
    assert_eq!(
        changed,
        json!({"email": "Sal@example.com", "firstName": "Sal", "lastName": "Alt"})
    );
    assert_eq!(admin.send("DELETE", &sal, None).status, 204);
    refused(&admin.send("DELETE", &sal, None), 404, "not-found");
    refused(&admin.send("PATCH", &sal, Some(&json!({}))), 404, "not-found");
    owner
        .call("AssignOpportunity", &assignment)
        .is("ValidationException");
    let team = owner.call("GetOpportunity", &named).ok()["OpportunityTeam"].to_string();
    assert!(team.contains("Sal@example.com") && team.contains("Es"), "{team}");

    // A solution: what is associated stays so, and an Inactive one cannot be associated again.
    let new =
        json!({"catalog": "Sandbox", "id": "S-0000777", "name": "Ovens", "category": "Software Product"});
    admin.post(&path("solutions"), &new);
    let mut link = json!({
        "Catalog": "Sandbox", "OpportunityIdentifier": deal.opportunity,
        "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-0000777",
    });
    owner.call("AssociateOpportunity", &link).ok();
    let solution = path("solutions/S-0000777");
    let place = format!("{solution}?catalog=Sandbox");
    let change = json!({"status": "Inactive", "name": "Old ovens"});
    let changed = admin.send("PATCH", &place, Some(&change)).json();
    assert_eq!(
        (&changed["status"], &changed["name"]),
        (&json!("Inactive"), &json!("Old ovens"))
    );
    let listed = owner
        .call(
            "ListSolutions",
            &json!({"Catalog": "Sandbox", "Status": ["Inactive"]}),
        )
        .ok();
    assert_eq!(listed["SolutionSummaries"][0]["Name"], "Old ovens");
    let linked = |owner: &mut crate::harness::Caller| {
        owner.call("GetOpportunity", &named).ok()["RelatedEntityIdentifiers"].to_string()
    };
    assert!(linked(&mut owner).contains("S-0000777"));
    let other = deal_on(&server, account, "another").opportunity;
    link["OpportunityIdentifier"] = other.into();
    owner
        .call("AssociateOpportunity", &link)
        .is("ValidationException");
    refused(&admin.send("PATCH", &solution, Some(&change)), 400, "invalid");
    let elsewhere = format!("{solution}?catalog=AWS");
    refused(&admin.send("PATCH", &elsewhere, Some(&change)), 404, "not-found");
    let odd = json!({"category": "No such"});
    refused(&admin.send("PATCH", &place, Some(&odd)), 422, "refused");
    refused(&admin.send("DELETE", &place, None), 405, "method-not-allowed");

    // An offer: the same.
    let new = json!({"catalog": "Sandbox", "id": "offer-cakes1", "name": "Cakes"});
    admin.post(&path("offers"), &new);
    link["OpportunityIdentifier"] = deal.opportunity.clone().into();
    link["RelatedEntityType"] = "AwsMarketplaceOffers".into();
    link["RelatedEntityIdentifier"] =
        format!("arn:aws:aws-marketplace:us-east-1:{account}:AWSMarketplace/Offer/offer-cakes1").into();
    owner.call("AssociateOpportunity", &link).ok();
    let offer = path("offers/offer-cakes1?catalog=Sandbox");
    assert_eq!(admin.send("DELETE", &offer, None).status, 204);
    refused(&admin.send("DELETE", &offer, None), 404, "not-found");
    assert!(linked(&mut owner).contains("offer-cakes1"));
    link["OpportunityIdentifier"] = deal_on(&server, account, "third").opportunity.into();
    owner
        .call("AssociateOpportunity", &link)
        .is("ValidationException");

    for action in ["UpdateUser", "DeleteUser", "UpdateSolution", "DeleteOffer"] {
        let entries = admin.all(&format!("/audit?account={account}&action={action}"), 10);
        assert_eq!(entries.len(), 1, "{action}");
    }
}
