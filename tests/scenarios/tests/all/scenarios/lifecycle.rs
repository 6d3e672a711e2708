//! One opportunity from draft to launch, and the states that lock it.

use serde_json::json;

use crate::harness::deal::{self, associate, create, draft, get, review, submit, update};
use crate::harness::{Key, Server};

#[test]
fn an_opportunity_goes_from_draft_through_review_to_launch() {
    let mut caller = Server::shared().caller(Key::account("100000000001"));
    let id = create(&mut caller, &draft("life"));
    let read = get(&mut caller, &id);
    assert_eq!(read["LifeCycle"]["ReviewStatus"], "Pending Submission");
    assert_eq!(read["LifeCycle"]["Stage"], "Qualified");
    assert_eq!(read["CreatedDate"], read["LastModifiedDate"]);
    assert_eq!(read["Project"]["ExpectedCustomerSpend"][0]["Amount"], "2500");

    let refused = update(&mut caller, &id, |payload| {
        payload["LifeCycle"]["Stage"] = "Prospect".into()
    });
    assert_eq!(
        refused.violations("BUSINESS_VALIDATION_FAILED"),
        [("lifeCycle.stage".to_owned(), "ACTION_NOT_PERMITTED".to_owned())]
    );

    let early = submit(&mut caller, &id).violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(early.len(), 1, "{early:?}");
    assert_eq!(early[0].0, "relatedEntityIdentifiers.solutions");

    associate(&mut caller, &id);
    submit(&mut caller, &id).ok();
    assert_eq!(get(&mut caller, &id)["LifeCycle"]["ReviewStatus"], "Submitted");
    let again = submit(&mut caller, &id).violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(again[0].1, "INVALID_RESOURCE_STATE");
    let summary = caller
        .call(
            "GetAwsOpportunitySummary",
            &json!({"Catalog": "Sandbox", "RelatedOpportunityIdentifier": id}),
        )
        .ok();
    assert_eq!(summary["InvolvementType"], "Co-Sell");
    assert_eq!(summary["Visibility"], "Full");
    assert_eq!(summary["RelatedOpportunityId"], id);

    review(&mut caller, &id, "In review");
    review(&mut caller, &id, "Action Required");
    let asked = get(&mut caller, &id);
    assert_eq!(
        asked["LifeCycle"]["ReviewComments"],
        "Please say more about the ovens"
    );

    let locked = update(&mut caller, &id, |payload| {
        payload["Project"]["Title"] = "Another".into()
    });
    assert_eq!(
        locked.violations("BUSINESS_VALIDATION_FAILED"),
        [("project.title".to_owned(), "ACTION_NOT_PERMITTED".to_owned())]
    );
    update(&mut caller, &id, |payload| {
        payload["Project"]["CustomerBusinessProblem"] =
            "The ovens are planned by hand, two nights a week, by Theodor.".into();
    })
    .ok();
    assert_eq!(get(&mut caller, &id)["LifeCycle"]["ReviewStatus"], "Submitted");
    submit(&mut caller, &id).ok();

    review(&mut caller, &id, "Approved");
    for stage in [
        "Technical Validation",
        "Business Validation",
        "Committed",
        "Prospect",
        "Launched",
    ] {
        update(&mut caller, &id, |payload| {
            payload["LifeCycle"]["Stage"] = stage.into();
            payload["LifeCycle"]["NextSteps"] = format!("After {stage}").into();
        })
        .ok();
        let read = get(&mut caller, &id);
        assert_eq!(read["LifeCycle"]["Stage"], stage);
        let history = read["LifeCycle"]["NextStepsHistory"].as_array().unwrap().clone();
        assert_eq!(history.last().unwrap()["Value"], format!("After {stage}"));
    }
    let closed = update(&mut caller, &id, |payload| {
        payload["LifeCycle"]["Stage"] = "Committed".into()
    });
    assert_eq!(
        closed.violations("BUSINESS_VALIDATION_FAILED")[0].1,
        "ACTION_NOT_PERMITTED"
    );
    let listed = deal::list_all(
        &mut caller,
        &json!({"Catalog": "Sandbox", "LifeCycleStage": ["Launched"], "LifeCycleReviewStatus": ["Approved"]}),
    );
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["Id"], id);
}

#[test]
fn a_rejected_opportunity_can_be_read_and_nothing_else() {
    let mut caller = Server::shared().caller(Key::account("100000000002"));
    let id = deal::submitted(&mut caller, "rejected");
    review(&mut caller, &id, "Rejected");
    let read = get(&mut caller, &id);
    assert_eq!(read["LifeCycle"]["ReviewStatusReason"], "MoreInformation");
    let refused = update(&mut caller, &id, |payload| {
        payload["Project"]["AdditionalComments"] = "Please".into()
    });
    assert_eq!(
        refused.violations("BUSINESS_VALIDATION_FAILED")[0].1,
        "ACTION_NOT_PERMITTED"
    );
    let refused = submit(&mut caller, &id).violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(refused[0].1, "INVALID_RESOURCE_STATE");
    assert_eq!(get(&mut caller, &id), read);
}

#[test]
fn an_opportunity_under_review_is_locked() {
    let mut caller = Server::shared().caller(Key::account("100000000003"));
    let id = deal::submitted(&mut caller, "locked");
    for status in ["Submitted", "In review"] {
        if status == "In review" {
            review(&mut caller, &id, status);
        }
        let before = get(&mut caller, &id);
        let refused = update(&mut caller, &id, |payload| {
            payload["Project"]["AdditionalComments"] = "Please".into()
        });
        assert_eq!(
            refused.violations("BUSINESS_VALIDATION_FAILED")[0].1,
            "ACTION_NOT_PERMITTED"
        );
        assert_eq!(get(&mut caller, &id), before);
    }
}

#[test]
fn an_approved_opportunity_keeps_what_aws_has_validated() {
    let mut caller = Server::shared().caller(Key::account("100000000004"));
    let id = deal::submitted(&mut caller, "approved");
    review(&mut caller, &id, "Approved");
    let before = get(&mut caller, &id);
    let refused = update(&mut caller, &id, |payload| {
        payload["Project"]["Title"] = "Another".into();
        payload["Customer"]["Account"]["Address"]["PostalCode"] = "98102".into();
        payload["Customer"]["Account"]["Industry"] = "Energy - Oil and Gas".into();
        payload["PartnerOpportunityIdentifier"] = "crm-2".into();
    });
    let mut found = refused.violations("BUSINESS_VALIDATION_FAILED");
    found.sort();
    let fields: Vec<&str> = found.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "customer.account.address.postalCode",
            "customer.account.industry",
            "partnerOpportunityIdentifier",
            "project.title"
        ]
    );
    assert!(
        found.iter().all(|(_, code)| code == "ACTION_NOT_PERMITTED"),
        "{found:?}"
    );
    // Leaving a locked member out counts as clearing it.
    let refused = update(&mut caller, &id, |payload| {
        payload["Customer"]["Account"]
            .as_object_mut()
            .unwrap()
            .remove("WebsiteUrl");
    });
    let found = refused.violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(
        found.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(),
        ["customer.account.websiteUrl"]
    );
    assert_eq!(get(&mut caller, &id), before);
    let closed = update(&mut caller, &id, |payload| {
        payload["LifeCycle"]["Stage"] = "Closed Lost".into()
    });
    let found = closed.violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(
        found,
        [(
            "lifeCycle.closedLostReason".to_owned(),
            "REQUIRED_FIELD_MISSING".to_owned()
        )]
    );
    update(&mut caller, &id, |payload| {
        payload["LifeCycle"]["Stage"] = "Closed Lost".into();
        payload["LifeCycle"]["ClosedLostReason"] = "Price".into();
    })
    .ok();
    let refused = update(&mut caller, &id, |payload| {
        payload["Project"]["AdditionalComments"] = "Back".into()
    });
    assert_eq!(
        refused.violations("BUSINESS_VALIDATION_FAILED")[0].1,
        "ACTION_NOT_PERMITTED"
    );
}

#[test]
fn owner_solution_and_tags_can_be_changed_beside_the_payload() {
    let server = Server::dev(&[]);
    let mut caller = server.caller(Key::first());
    let id = create(&mut caller, &draft("beside"));
    let first = get(&mut caller, &id);
    associate(&mut caller, &id);
    let with_solution = get(&mut caller, &id);
    assert_eq!(
        with_solution["RelatedEntityIdentifiers"]["Solutions"],
        json!(["S-1234567"])
    );
    assert!(with_solution["LastModifiedDate"].as_str() > first["LastModifiedDate"].as_str());
    // A second association of the same succeeds and changes nothing.
    associate(&mut caller, &id);
    assert_eq!(get(&mut caller, &id), with_solution);

    let assignee = |email: &str| {
        json!({"Catalog": "Sandbox", "Identifier": id, "Assignee": {
            "Email": email, "FirstName": "N", "LastName": "W", "BusinessTitle": "OpportunityOwner"}})
    };
    caller
        .call("AssignOpportunity", &assignee("nikki.wolf@one.example.com"))
        .ok();
    let owner = get(&mut caller, &id)["OpportunityTeam"][0].clone();
    assert_eq!(
        (owner["FirstName"].as_str(), owner["LastName"].as_str()),
        (Some("Nikki"), Some("Wolf"))
    );
    let stranger = caller.call("AssignOpportunity", &assignee("stranger@example.com"));
    assert_eq!(stranger.violations("BUSINESS_VALIDATION_FAILED").len(), 1);

    let arn = first["Arn"].as_str().unwrap();
    caller
        .call("TagResource", &json!({"ResourceArn": arn, "Tags": [{"Key": "team", "Value": "north"}, {"Key": "kind", "Value": "bakery"}]}))
        .ok();
    caller
        .call("UntagResource", &json!({"ResourceArn": arn, "TagKeys": ["kind"]}))
        .ok();
    let tags = caller
        .call("ListTagsForResource", &json!({"ResourceArn": arn}))
        .ok();
    assert_eq!(tags["Tags"], json!([{"Key": "team", "Value": "north"}]));

    let detach = json!({"Catalog": "Sandbox", "OpportunityIdentifier": id,
        "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-1234567"});
    caller.call("DisassociateOpportunity", &detach).ok();
    assert_eq!(
        get(&mut caller, &id)["RelatedEntityIdentifiers"]["Solutions"],
        json!([])
    );
    let foreign = json!({"Catalog": "Sandbox", "OpportunityIdentifier": id,
        "RelatedEntityType": "Solutions", "RelatedEntityIdentifier": "S-7654321"});
    let refused = caller
        .call("AssociateOpportunity", &foreign)
        .violations("BUSINESS_VALIDATION_FAILED");
    assert_eq!(refused[0].1, "INVALID_VALUE");
    let solutions = caller.call("ListSolutions", &json!({"Catalog": "Sandbox"})).ok();
    assert!(
        solutions["SolutionSummaries"]
            .as_array()
            .unwrap()
            .iter()
            .any(|row| row["Id"] == "S-1234567")
    );
}
