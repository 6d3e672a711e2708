//! Connections and offers where the server asks for them.

use serde_json::json;

use crate::harness::Server;
use crate::harness::engagement::invitation;
use crate::harness::flows::deal_on;
use crate::harness::operator::refused;

#[test]
fn partners_invite_each_other_only_while_they_are_connected_where_that_is_required() {
    let server = Server::dev(&["--connections", "required"]);
    let mut admin = server.operator();
    let (first, second) = ("111122223333", "444455556666");
    let mut deal = deal_on(&server, first, "connected");
    let body = invitation(&deal.engagement, second, "unconnected");
    let refusal = deal.owner.call("CreateEngagementInvitation", &body);
    refusal.is("ValidationException");
    let pair = json!({"one": second, "other": first});
    let made = admin.post("/connections", &pair);
    assert_eq!([&made["one"], &made["other"]], [first, second]);
    refused(&admin.send("POST", "/connections", Some(&pair)), 409, "conflict");
    assert_eq!(admin.get("/connections")["items"], json!([made]));
    let body = invitation(&deal.engagement, second, "connected");
    let sent = deal.owner.call("CreateEngagementInvitation", &body).ok();
    let path = format!("/connections/{first}/{second}");
    assert_eq!(admin.send("DELETE", &path, None).status, 204);
    refused(&admin.send("DELETE", &path, None), 404, "not-found");
    let entries = admin.all(&format!("/audit?account={first}&resource={first}%2F{second}"), 10);
    let actions: Vec<&str> = entries
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["DeleteConnection", "CreateConnection"]);
    // What was sent can still be accepted, and AWS needs no connection.
    let name = json!({"Catalog": "Sandbox", "Identifier": sent["Id"]});
    server
        .caller(crate::harness::Key::new(second, "any"))
        .call("AcceptEngagementInvitation", &name)
        .ok();
}

#[test]
fn only_registered_offers_can_be_associated_where_that_is_required() {
    let server = Server::dev(&["--offers", "required"]);
    let mut admin = server.operator();
    let account = "111122223333";
    let deal = deal_on(&server, account, "offered");
    let mut owner = deal.owner;
    let offer = json!({
        "Catalog": "Sandbox", "OpportunityIdentifier": deal.opportunity,
        "RelatedEntityType": "AwsMarketplaceOffers",
        "RelatedEntityIdentifier": format!("arn:aws:aws-marketplace:us-east-1:{account}:AWSMarketplace/Offer/offer-cakes1"),
    });
    owner
        .call("AssociateOpportunity", &offer)
        .is("ValidationException");
    let new = json!({"catalog": "Sandbox", "id": "offer-cakes1", "name": "Cakes"});
    let path = format!("/accounts/{account}/offers");
    let made = admin.post(&path, &new);
    assert_eq!(made["name"], "Cakes");
    let entries = admin.all(&format!("/audit?account={account}&resource=offer-cakes1"), 10);
    assert_eq!(entries[0]["action"], "CreateOffer");
    refused(&admin.send("POST", &path, Some(&new)), 409, "conflict");
    assert_eq!(
        admin.get(&format!("{path}?catalog=Sandbox"))["items"],
        json!([made])
    );
    assert_eq!(admin.get(&format!("{path}?catalog=AWS"))["items"], json!([]));
    owner.call("AssociateOpportunity", &offer).ok();
}
