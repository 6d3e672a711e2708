//! What the log says, even at its most talkative.

use serde_json::json;

use crate::harness::deal::{associate, create, draft, get, list_all, review, submit, update};
use crate::harness::{Key, Server};

#[test]
fn the_log_holds_no_secret_and_no_customer_even_at_debug_level() {
    for format in ["text", "json"] {
        let server = Server::dev(&["--log", "debug", "--log-format", format]);
        let key = Key::first();
        let mut caller = server.caller(key.clone());
        let id = create(&mut caller, &draft("token-that-nobody-needs-to-know"));
        associate(&mut caller, &id);
        submit(&mut caller, &id).ok();
        review(&mut caller, &id, "Approved");
        list_all(
            &mut caller,
            &json!({"Catalog": "Sandbox", "CustomerCompanyName": ["Northwind Marzipan"]}),
        );
        let assignee = json!({"Catalog": "Sandbox", "Identifier": id, "Assignee": {
            "Email": "ana.carolina@one.example.com", "FirstName": "Ana", "LastName": "Carolina",
            "BusinessTitle": "OpportunityOwner"}});
        caller.call("AssignOpportunity", &assignee).ok();
        // Errors are where things slip out: wrong shapes, wrong rules, stale locks, repeated tokens, broken bodies.
        let mut wrong = draft("token-that-nobody-needs-to-know");
        wrong["Customer"]["Account"]["Duns"] = "Northwind Marzipan".into();
        wrong["LifeCycle"]["TargetCloseDate"] = "2020-01-01".into();
        caller.call("CreateOpportunity", &wrong).is("ValidationException");
        wrong["Customer"]["Account"]["Duns"] = "123456789".into();
        wrong["ClientToken"] = "another-token-that-nobody-needs-to-know".into();
        caller.call("CreateOpportunity", &wrong).is("ValidationException");
        let other = json!({"Project": {"Title": "Another title"}});
        let mut repeated = draft("token-that-nobody-needs-to-know");
        repeated["Project"]["Title"] = other["Project"]["Title"].clone();
        caller
            .call("CreateOpportunity", &repeated)
            .is("ConflictException");
        caller
            .raw(
                "CreateOpportunity",
                b"{\"Customer\": {\"Account\": \"Northwind Marzipan\"",
            )
            .is("SerializationException");
        caller
            .raw("CreateOpportunity", br#"{"Customer": "Northwind Marzipan"}"#)
            .is("SerializationException");
        update(&mut caller, &id, |payload| {
            payload["LastModifiedDate"] = "2020-01-01T00:00:00Z".into()
        })
        .is("ConflictException");
        let mut stranger = server.caller(Key::new(&key.id, "wrong-secret-of-somebody"));
        stranger
            .call("GetOpportunity", &json!({}))
            .is("InvalidSignatureException");
        get(&mut caller, &id);

        server.terminate();
        // What was logged reaches this process a little later where the machine is busy.
        for _ in 0..100 {
            if server.log().lines().count() >= 15 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        let log = server.log();
        assert!(
            log.lines().count() >= 15 && log.contains("CreateOpportunity"),
            "the log says nothing: {log}"
        );
        for private in [
            key.secret.as_str(),
            "wrong-secret",
            "Signature=",
            "Northwind",
            "Marzipan",
            "Wilhelmina",
            "Quartz",
            "example.com",
            "Pier Road",
            "+1206555",
            "123456789",
            "ovens",
            "bakers",
            "Carolina",
            "token-that-nobody",
        ] {
            let line = log.lines().find(|line| line.contains(private));
            assert_eq!(line, None, "{private:?} is in the log");
        }
        assert!(server.wait());
    }
}
