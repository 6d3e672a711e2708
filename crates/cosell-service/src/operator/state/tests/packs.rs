//! What packs and stories make.

use super::*;

#[tokio::test]
async fn the_starter_is_forty_opportunities_over_all_stages_and_reviews() {
    let world = world().await;
    let story = world.service.seed_story(&by(), &starter()).await.unwrap();
    assert_eq!(story.opportunities, 40);
    let mut rows = opportunities(&world, ONE).await;
    assert_eq!(rows.len(), 34);
    rows.extend(opportunities(&world, TWO).await);
    assert_eq!(rows.len(), 40);
    assert_eq!(
        counted(&rows, "/LifeCycle/ReviewStatus"),
        counts([
            ("Action Required", 3),
            ("Approved", 19),
            ("In review", 4),
            ("Pending Submission", 6),
            ("Rejected", 3),
            ("Submitted", 5),
        ])
    );
    assert_eq!(
        counted(&rows, "/LifeCycle/Stage"),
        counts([
            ("Business Validation", 3),
            ("Closed Lost", 3),
            ("Committed", 3),
            ("Launched", 2),
            ("Prospect", 12),
            ("Qualified", 11),
            ("Technical Validation", 6),
        ])
    );
    assert!(counted(&rows, "/Customer/Account/Industry").len() > 15);
    assert!(counted(&rows, "/Customer/Account/Address/CountryCode").len() > 8);
    assert_eq!(
        counted(&rows, "/LifeCycle/ClosedLostReason").len(),
        4,
        "three reasons and none"
    );

    // Nothing lies in the future, and histories go back by months.
    let now = second(0).to_string();
    for row in &rows {
        assert!(row["LastModifiedDate"].as_str().unwrap() <= now.as_str(), "{row}");
    }
    let mut oldest = now.clone();
    let mut longest = 0;
    for (account, ids) in [(ONE, &rows[..34]), (TWO, &rows[34..])] {
        for row in ids {
            let body = json!({"Identifier": row["Id"]});
            let read = Box::pin(world.call(account, Op::GetOpportunity, body))
                .await
                .unwrap();
            let history = read["LifeCycle"]["NextStepsHistory"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            longest = longest.max(history.len());
            for entry in history {
                oldest = oldest.min(entry["Time"].as_str().unwrap().to_owned());
            }
        }
    }
    assert!(longest >= 4, "{longest}");
    assert!(oldest < second(-150 * 24 * 3600).to_string(), "{oldest}");

    // Invitations of every status, engagements, tasks, snapshots.
    let mut received = Vec::new();
    for account in [ONE, TWO] {
        let body = json!({"ParticipantType": "RECEIVER"});
        let listed = world.pages(
            account,
            Op::ListEngagementInvitations,
            "EngagementInvitationSummaries",
            body,
            3,
        );
        received.extend(listed.await);
    }
    let statuses: Vec<String> = counted(&received, "/Status").into_keys().collect();
    assert_eq!(statuses, ["ACCEPTED", "EXPIRED", "PENDING", "REJECTED"]);
    let engagements = world.pages(ONE, Op::ListEngagements, "EngagementSummaryList", json!({}), 10);
    let engagements = engagements.await;
    assert!(engagements.len() > 20);
    for (operation, member) in [
        (Op::ListEngagementFromOpportunityTasks, "TaskSummaries"),
        (Op::ListEngagementByAcceptingInvitationTasks, "TaskSummaries"),
        (Op::ListOpportunityFromEngagementTasks, "TaskSummaries"),
    ] {
        let tasks = world.pages(ONE, operation, member, json!({}), 10).await;
        assert!(!tasks.is_empty(), "{operation:?}");
    }
    let mut snapshots = 0;
    for engagement in &engagements {
        let body = json!({"EngagementIdentifier": engagement["Id"]});
        let listed = world.pages(
            ONE,
            Op::ListResourceSnapshots,
            "ResourceSnapshotSummaries",
            body,
            10,
        );
        snapshots += listed.await.len();
    }
    assert!(snapshots > 20, "{snapshots}");
    assert!(world.store.check(silent()).await.unwrap().is_sound());
    // What was due on the way is done; what is left lies ahead.
    assert_eq!(world.service.run_due_jobs().await.unwrap(), 0);
}

#[tokio::test]
async fn the_same_story_at_the_same_time_makes_the_same_bytes_and_a_second_one_is_another() {
    let (first, second) = (world().await, world().await);
    for world in [&first, &second] {
        world.service.seed_story(&by(), &starter()).await.unwrap();
    }
    assert!(saved(&first).await == saved(&second).await);
    let alone = Starter {
        accounts: vec![TWO.to_owned()],
        catalog: Catalog::Sandbox,
        document: None,
    };
    // With one partner alone the other's part does not happen.
    let story = first.service.seed_story(&by(), &alone).await.unwrap();
    assert_eq!(story.opportunities, 34);
    let again = first.service.seed_story(&by(), &starter()).await.unwrap();
    assert_eq!(again.opportunities, 40);
    assert_eq!(opportunities(&first, ONE).await.len(), 68);
}

#[tokio::test]
async fn a_story_that_cannot_be_is_refused_with_its_place() {
    let world = world().await;
    let deal = |ago: u32, then: Value| {
        json!({"deals": [{"ago": ago, "company": "A", "industry": "Retail", "country": "DE", "postalCode": "10115",
            "city": "Berlin", "title": "T", "problem": "A problem that is long enough to be told", "useCase": "SAP",
            "amount": "10.00", "stage": "Prospect", "opportunityType": "Net New Business", "then": then}]})
    };
    for (document, word) in [
        (json!({"deal": []}), "unknown field"),
        (deal(0, json!([])), "days ago"),
        (deal(3, json!([{"day": 3, "do": "take"}])), "today"),
        (
            deal(3, json!([{"day": 1, "do": "fly"}])),
            "document.deals[0].then[0].do: unknown variant",
        ),
        (json!({"deals": [{"ago": 3}]}), "document.deals[0]: missing field"),
        // A rule of AWS's, not of the form.
        (deal(3, json!([{"day": 1, "do": "approve"}])), "The deal with A"),
    ] {
        let wanted = Starter {
            document: Some(document.clone()),
            ..starter()
        };
        let error = world.service.seed_story(&by(), &wanted).await.unwrap_err();
        let said = format!("{error:?}");
        assert!(said.contains(word), "{document}: {said}");
    }
}

#[tokio::test]
async fn large_makes_what_the_operations_would_have_written_and_later_ids_lie_beyond_it() {
    let (first, second) = (world().await, world().await);
    let large = |count| Large {
        account: ONE.to_owned(),
        catalog: Catalog::Sandbox,
        count,
        seed: 7,
    };
    for world in [&first, &second] {
        let grown = world
            .service
            .seed_large(&by(), &large(400), silent())
            .await
            .unwrap();
        assert_eq!(grown.opportunities, 400);
        assert_eq!(
            (grown.first_id.as_str(), grown.last_id.as_str()),
            ("O10000001", "O10000400")
        );
    }
    assert!(saved(&first).await == saved(&second).await);
    let rows = opportunities(&first, ONE).await;
    assert_eq!(rows.len(), 400);
    assert_eq!(counted(&rows, "/LifeCycle/ReviewStatus").len(), 6);
    assert_eq!(counted(&rows, "/LifeCycle/Stage").len(), 7);
    let filter = json!({"LifeCycleReviewStatus": ["Approved"], "Sort": {"SortBy": "CustomerCompanyName", "SortOrder": "ASCENDING"}});
    let approved = first
        .pages(ONE, Op::ListOpportunities, "OpportunitySummaries", filter, 50)
        .await;
    assert!(approved.len() > 150);
    let queue = first
        .service
        .list_deals(
            Catalog::Sandbox,
            &crate::operator::deals::DealFilter::default(),
            1000,
            None,
        )
        .await
        .unwrap();
    let drafts = counted(&rows, "/LifeCycle/ReviewStatus")["Pending Submission"];
    assert_eq!(queue.items.len(), 400 - drafts);
    assert!(first.store.check(silent()).await.unwrap().is_sound());
    // A row is one that an operation can go on with.
    for row in rows.iter().take(100) {
        let body = json!({"Identifier": row["Id"]});
        Box::pin(first.call(ONE, Op::GetOpportunity, body)).await.unwrap();
    }
    let made = first.service.seed_story(&by(), &starter()).await.unwrap();
    assert_eq!(made.opportunities, 40);
    let refused = Large {
        account: STRANGER.to_owned(),
        ..large(1)
    };
    assert!(first.service.seed_large(&by(), &refused, silent()).await.is_err());
}

#[tokio::test]
async fn a_story_is_told_by_events_at_its_own_times() {
    let world = world().await;
    world.service.seed_story(&by(), &starter()).await.unwrap();
    let mut events = Vec::new();
    while let Some(page) = Some(world.store.events_after(events.len() as u64, 1000).await.unwrap())
        .filter(|page| !page.is_empty())
    {
        events.extend(page);
    }
    let created = events
        .iter()
        .filter(|one| one.event.detail_type == "Opportunity Created");
    let there = opportunities(&world, ONE).await.len() + opportunities(&world, TWO).await.len();
    assert_eq!(created.count(), there);
    assert!(events.iter().all(|one| one.event.time <= second(0)));
    assert!(
        events.is_sorted_by_key(|one| one.event.time),
        "in the order in which it happened"
    );
}

#[tokio::test]
async fn a_story_that_breaks_off_says_what_stays_and_how_to_be_rid_of_it() {
    let world = world().await;
    let mut document: Value = serde_json::from_str(include_str!("../starter.json")).unwrap();
    let deals = document["deals"].as_array_mut().unwrap();
    // The newest deal goes wrong, when all others are told.
    let last = deals.iter_mut().min_by_key(|deal| deal["ago"].as_u64()).unwrap();
    last["amount"] = "no amount".into();
    let broken = Starter {
        document: Some(document),
        ..starter()
    };
    let error = world.service.seed_story(&by(), &broken).await.unwrap_err();
    let made = opportunities(&world, ONE).await.len();
    assert!(made > 0, "nothing was made: {}", error.message);
    for account in [ONE, TWO] {
        let way = format!("`cosell state reset --account {account} --catalog Sandbox`");
        assert!(error.message.contains(&way), "{}", error.message);
    }
}
