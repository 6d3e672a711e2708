//! Lists through the SDK's own paginators.

use std::collections::BTreeSet;

use aws_sdk_partnercentralselling::types::{OpportunitySort, OpportunitySortName, SortOrder, Stage};

use crate::harness::{ONE, SANDBOX, Server, create};

#[tokio::test(flavor = "multi_thread")]
async fn the_paginator_finds_every_one_of_more_than_one_hundred_rows_once() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let mut made = Vec::new();
    for number in 0..105 {
        made.push(create(&client, &format!("Deal {number}")).await);
    }
    made.reverse();
    for size in [100, 33] {
        let paginator = client.list_opportunities().catalog(SANDBOX).into_paginator();
        let mut rows = paginator.page_size(size).items().send();
        let mut found = Vec::new();
        while let Some(row) = rows.next().await {
            found.push(row.unwrap().id().unwrap().to_owned());
        }
        assert_eq!(found, made);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_sorted() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let mut made = Vec::new();
    for number in 0..5 {
        made.push(create(&client, &format!("Deal {number}")).await);
    }
    let sort = OpportunitySort::builder()
        .sort_by(OpportunitySortName::CreatedDate)
        .sort_order(SortOrder::Ascending)
        .build()
        .unwrap();
    let request = client
        .list_opportunities()
        .catalog(SANDBOX)
        .life_cycle_stage(Stage::Qualified)
        .sort(sort);
    let listed = request.clone().send().await.unwrap();
    let ids: Vec<_> = listed
        .opportunity_summaries()
        .iter()
        .filter_map(|row| row.id())
        .collect();
    assert_eq!(ids, made);
    let one = request.identifier(&made[3]).send().await.unwrap();
    assert_eq!(one.opportunity_summaries().len(), 1);
    let none = client
        .list_opportunities()
        .catalog(SANDBOX)
        .life_cycle_stage(Stage::Launched);
    assert!(none.send().await.unwrap().opportunity_summaries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn solutions_are_listed_in_pages() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let paginator = client.list_solutions().catalog(SANDBOX).into_paginator();
    let mut rows = paginator.page_size(1).items().send();
    let mut found = BTreeSet::new();
    while let Some(row) = rows.next().await {
        assert!(found.insert(row.unwrap().id().to_owned()));
    }
    assert!(found.contains("S-1234567") && found.len() >= 3, "{found:?}");
}
