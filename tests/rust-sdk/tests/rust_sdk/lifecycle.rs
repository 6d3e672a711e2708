//! An opportunity's life, from the draft to AWS's verdict.

use aws_sdk_partnercentralselling::types::{
    AssigneeContact, RelatedEntityType, ReviewStatus, SalesInvolvementType, Stage, Tag,
};

use crate::harness::{ONE, SANDBOX, Server, TWO, create, draft, echo, get, review, submitted};

#[tokio::test(flavor = "multi_thread")]
async fn an_opportunity_goes_from_the_draft_through_approval_to_launch() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let id = submitted(&client, "Lifecycle").await;
    let found = get(&client, &id).await;
    assert_eq!(
        found.life_cycle().unwrap().review_status(),
        Some(&ReviewStatus::Submitted)
    );
    let summary = client
        .get_aws_opportunity_summary()
        .catalog(SANDBOX)
        .related_opportunity_identifier(&id);
    let summary = summary.send().await.unwrap();
    assert_eq!(summary.involvement_type(), Some(&SalesInvolvementType::CoSell));
    review(&client, &id, ReviewStatus::Approved).await;
    for stage in [Stage::Committed, Stage::Launched] {
        let found = get(&client, &id).await;
        let mut life_cycle = found.life_cycle.clone().unwrap();
        life_cycle.stage = Some(stage.clone());
        let mut customer = found.customer.clone().unwrap();
        if let Some(account) = customer.account.as_mut() {
            account.aws_account_id = Some("123456789012".to_owned());
        }
        let update = echo(&client, &found).life_cycle(life_cycle).customer(customer);
        update.send().await.unwrap();
        let found = get(&client, &id).await;
        assert_eq!(found.life_cycle().unwrap().stage(), Some(&stage));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_asks_for_action_and_rejects() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let id = submitted(&client, "Verdicts").await;
    for status in [ReviewStatus::ActionRequired, ReviewStatus::Rejected] {
        review(&client, &id, status.clone()).await;
        let found = get(&client, &id).await;
        assert_eq!(found.life_cycle().unwrap().review_status(), Some(&status));
    }
    let found = get(&client, &id).await;
    let refused = echo(&client, &found)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(refused.is_validation_exception(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_created_reads_back_and_its_text_is_of_any_script() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let title = "Żółć 数据湖 🏔️👩‍💻 \"quoted\" \\ & <b>";
    let found = get(&client, &create(&client, title).await).await;
    let project = found.project().unwrap();
    assert_eq!(project.title(), Some(title));
    assert_eq!(project.expected_customer_spend()[0].amount(), "10000");
    assert_eq!(found.partner_opportunity_identifier(), Some("crm-1"));
    assert!(
        found
            .arn()
            .unwrap()
            .ends_with(&format!("/opportunity/{}", found.id()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_users_and_tags_come_and_go() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let id = create(&client, "Around it").await;
    let associate = client
        .associate_opportunity()
        .catalog(SANDBOX)
        .opportunity_identifier(&id)
        .related_entity_type(RelatedEntityType::AwsProducts)
        .related_entity_identifier("AmazonEC2Linux");
    associate.send().await.unwrap();
    let assignee = AssigneeContact::builder()
        .email("nikki.wolf@one.example.com")
        .first_name("Nikki")
        .last_name("Wolf")
        .business_title("OpportunityOwner")
        .build()
        .unwrap();
    let assign = client
        .assign_opportunity()
        .catalog(SANDBOX)
        .identifier(&id)
        .assignee(assignee);
    assign.send().await.unwrap();
    let found = get(&client, &id).await;
    assert_eq!(
        found.related_entity_identifiers().unwrap().aws_products(),
        ["AmazonEC2Linux"]
    );
    assert_eq!(
        found.opportunity_team()[0].email(),
        Some("nikki.wolf@one.example.com")
    );
    let disassociate = client
        .disassociate_opportunity()
        .catalog(SANDBOX)
        .opportunity_identifier(&id)
        .related_entity_type(RelatedEntityType::AwsProducts)
        .related_entity_identifier("AmazonEC2Linux");
    disassociate.send().await.unwrap();
    let arn = found.arn().unwrap();
    let tag = |key: &str| Tag::builder().key(key).value("v").build().unwrap();
    let set = client
        .tag_resource()
        .resource_arn(arn)
        .tags(tag("a"))
        .tags(tag("b"));
    set.send().await.unwrap();
    client
        .untag_resource()
        .resource_arn(arn)
        .tag_keys("a")
        .send()
        .await
        .unwrap();
    let tags = client
        .list_tags_for_resource()
        .resource_arn(arn)
        .send()
        .await
        .unwrap();
    assert_eq!(tags.tags(), [tag("b")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_accounts_see_nothing_of_each_other() {
    let server = Server::start(&[]);
    let (mine, theirs) = (server.client(ONE), server.client(TWO));
    let id = create(&mine, "Mine").await;
    let call = theirs.get_opportunity().catalog(SANDBOX).identifier(&id);
    let refused = call.send().await.unwrap_err().into_service_error();
    assert!(refused.is_resource_not_found_exception(), "{refused:?}");
    let listed = theirs.list_opportunities().catalog(SANDBOX).send().await.unwrap();
    assert!(listed.opportunity_summaries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_tasks_share_one_client() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let mut tasks = Vec::new();
    for worker in 0..16 {
        let client = client.clone();
        tasks.push(tokio::spawn(async move {
            for _ in 0..5 {
                let id = create(&client, &format!("Worker {worker}")).await;
                let found = get(&client, &id).await;
                assert_eq!(
                    found.project().unwrap().title(),
                    Some(&*format!("Worker {worker}"))
                );
                echo(&client, &found).send().await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_replays_the_first_answer_and_refuses_another_body() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let request = draft(&client, "Token");
    let first = request.clone().send().await.unwrap();
    let second = request.clone().send().await.unwrap();
    assert_eq!(first.id(), second.id());
    let other = request.partner_opportunity_identifier("crm-2").send().await;
    let refused = other.unwrap_err().into_service_error();
    assert!(refused.is_conflict_exception(), "{refused:?}");
}
