//! The SDK keeps nanoseconds; what it parsed must open the lock again.

use aws_sdk_partnercentralselling::primitives::{DateTime, DateTimeFormat};

use crate::harness::{ONE, SANDBOX, Server, create, echo, get};

#[tokio::test(flavor = "multi_thread")]
async fn the_parsed_last_modified_date_opens_the_lock_again_and_again() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let id = create(&client, "Lock").await;
    for _ in 0..10 {
        let found = get(&client, &id).await;
        let answer = echo(&client, &found).send().await.unwrap();
        assert!(answer.last_modified_date() > found.last_modified_date());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_below_the_millisecond_do_not_matter_and_those_above_do() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let id = create(&client, "Nanoseconds").await;
    let found = get(&client, &id).await;
    let lock = found.last_modified_date();
    assert_eq!(lock.subsec_nanos() % 1_000_000, 0);
    let finer = DateTime::from_secs_and_nanos(lock.secs(), lock.subsec_nanos() + 123_456);
    echo(&client, &found)
        .last_modified_date(finer)
        .send()
        .await
        .unwrap();
    let found = get(&client, &id).await;
    let earlier = DateTime::from_millis(found.last_modified_date().to_millis().unwrap() - 1);
    let refused = echo(&client, &found).last_modified_date(earlier).send().await;
    assert!(refused.unwrap_err().into_service_error().is_conflict_exception());
}

#[tokio::test(flavor = "multi_thread")]
async fn timestamps_of_lists_are_those_of_the_documents() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let id = create(&client, "Listed").await;
    let found = get(&client, &id).await;
    let listed = client.list_opportunities().catalog(SANDBOX).send().await.unwrap();
    let row = &listed.opportunity_summaries()[0];
    assert_eq!(row.last_modified_date(), Some(found.last_modified_date()));
    assert_eq!(row.created_date(), Some(found.created_date()));
    let text = found.created_date().fmt(DateTimeFormat::DateTime).unwrap();
    assert!(text.ends_with('Z'), "{text}");
}
