//! Errors as the SDK types them.

use std::collections::BTreeMap;

use aws_sdk_partnercentralselling::config::retry::RetryConfig;
use aws_sdk_partnercentralselling::error::ProvideErrorMetadata as _;
use aws_sdk_partnercentralselling::operation::RequestId as _;
use aws_sdk_partnercentralselling::types::{
    OpportunityType, ValidationExceptionErrorCode as Code, ValidationExceptionReason,
};

use crate::harness::{ONE, SANDBOX, Server, draft, echo, get};

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_exception_carries_its_reason_and_error_list() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let request = draft(&client, "Wrong")
        .opportunity_type(OpportunityType::from("Nonsense"))
        .partner_opportunity_identifier("x".repeat(65));
    let refused = request.send().await.unwrap_err().into_service_error();
    assert!(refused.request_id().is_some_and(|id| id.len() == 36));
    let create_error = refused;
    let aws_sdk_partnercentralselling::operation::create_opportunity::CreateOpportunityError::ValidationException(
        refused,
    ) = create_error
    else {
        panic!("{create_error:?}");
    };
    assert_eq!(
        *refused.reason(),
        ValidationExceptionReason::RequestValidationFailed
    );
    assert!(!refused.message().is_empty());
    let found: BTreeMap<_, _> = refused
        .error_list()
        .iter()
        .map(|error| (error.field_name().unwrap_or_default(), error.code().clone()))
        .collect();
    let expected = BTreeMap::from([
        ("opportunityType", Code::InvalidEnumValue),
        ("partnerOpportunityIdentifier", Code::InvalidStringFormat),
    ]);
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_lock_is_a_conflict_exception() {
    let server = Server::start(&[]);
    let client = server.client(ONE);
    let id = draft(&client, "Lock").send().await.unwrap().id;
    let found = get(&client, &id).await;
    echo(&client, &found).send().await.unwrap();
    let refused = echo(&client, &found).send().await.unwrap_err();
    assert_eq!(
        refused.raw_response().map(|answer| answer.status().as_u16()),
        Some(400)
    );
    assert!(refused.into_service_error().is_conflict_exception());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_credentials_are_named() {
    let server = Server::start(&[]);
    for (key, secret, name) in [
        (ONE.0, "wrong", "InvalidSignatureException"),
        ("AKIAUNKNOWNEXAMPLE00", ONE.1, "UnrecognizedClientException"),
    ] {
        let stranger = server.client((key, secret));
        let refused = stranger
            .list_opportunities()
            .catalog(SANDBOX)
            .send()
            .await
            .unwrap_err();
        assert_eq!(refused.code(), Some(name));
        assert!(refused.message().is_some_and(|message| !message.is_empty()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_quotas_throttle_and_the_sdk_retries_by_name() {
    let server = Server::start(&["--throttle", "aws"]);
    let hasty = server.client_with(ONE.0, ONE.1, |config| {
        config.retry_config(RetryConfig::disabled())
    });
    let mut throttled = 0;
    for number in 0..5 {
        if let Err(refused) = draft(&hasty, &format!("Hasty {number}")).send().await {
            assert!(refused.into_service_error().is_throttling_exception());
            throttled += 1;
        }
    }
    assert!(throttled > 0);
    let patient = server.client_with(ONE.0, ONE.1, |config| {
        config.retry_config(RetryConfig::standard().with_max_attempts(10))
    });
    for number in 0..3 {
        draft(&patient, &format!("Patient {number}"))
            .send()
            .await
            .unwrap();
    }
}
