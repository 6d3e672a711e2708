//! Where credentials come from, each place played by a peer or a file.

use super::*;
use crate::sink::aws::{Chain, Environment};

fn chain(variables: &[(&str, &str)]) -> Chain {
    let environment: Environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Chain::usual(environment, None, "eu-west-1".into())
}

const GIVEN: &str =
    r#"{"AccessKeyId": "ASIA1", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-11-21T08:43:19Z"}"#;

#[tokio::test]
async fn credentials_of_the_environment_come_first_and_a_container_is_asked_anew_before_they_run_out() {
    let peer = Peer::start(vec![reply(200, &[], GIVEN)]).await;
    let url = format!("{}/creds", peer.url);
    let container = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pass"),
    ];
    let environment = [("AWS_ACCESS_KEY_ID", "AKIA9"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let first = chain(&[&container[..], &environment[..]].concat());
    assert_eq!(first.credentials(at(NOW)).await.unwrap().access_key_id, "AKIA9");
    assert!(peer.asked().is_empty());
    let chain = chain(&container);
    for (minutes, asked) in [(0, 1), (30, 1), (54, 1), (56, 2)] {
        let found = chain.credentials(at(NOW + minutes * 60_000)).await.unwrap();
        assert_eq!(found.access_key_id, "ASIA1");
        assert_eq!(peer.asked().len(), asked, "after {minutes} minutes");
    }
    assert_eq!(peer.asked()[0].headers["authorization"], "pass");
    chain.forget().await;
    chain.credentials(at(NOW)).await.unwrap();
    assert_eq!(peer.asked().len(), 3);
}

#[tokio::test]
async fn an_instance_gives_the_credentials_of_its_role_for_a_token() {
    let peer = Peer::start(vec![
        reply(200, &[], "token-1"),
        reply(200, &[], "my-role\n"),
        reply(200, &[], GIVEN),
    ])
    .await;
    let chain = chain(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &peer.url)]);
    assert!(chain.credentials(at(NOW)).await.unwrap().session_token.is_some());
    let asked = peer.asked();
    assert_eq!(
        (asked[0].method.as_str(), asked[0].path.as_str()),
        ("PUT", "/latest/api/token")
    );
    assert_eq!(
        asked[2].path,
        "/latest/meta-data/iam/security-credentials/my-role"
    );
    assert_eq!(asked[2].headers["x-aws-ec2-metadata-token"], "token-1");
}

#[tokio::test]
async fn a_web_identity_is_exchanged_and_a_process_is_run() {
    let sts = json!({"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {"Credentials": {
        "AccessKeyId": "ASIA2", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": 1.795_26e9}}}});
    let peer = Peer::start(vec![reply(200, &[], &sts.to_string())]).await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "a.b=c\n").unwrap();
    let web = chain(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_ENDPOINT_URL_STS", &peer.url),
    ]);
    assert_eq!(web.credentials(at(NOW)).await.unwrap().access_key_id, "ASIA2");
    let form = String::from_utf8(peer.asked()[0].body.to_vec()).unwrap();
    assert!(
        form.contains("&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&"),
        "{form}"
    );
    assert!(form.ends_with("&WebIdentityToken=a.b%3Dc"), "{form}");

    let config = folder.path().join("config");
    std::fs::write(
        &config,
        format!("[default]\ncredential_process = echo '{GIVEN}'\n"),
    )
    .unwrap();
    let process = chain(&[("AWS_CONFIG_FILE", config.to_str().unwrap())]);
    assert_eq!(process.credentials(at(NOW)).await.unwrap().access_key_id, "ASIA1");
}

#[tokio::test]
async fn where_there_are_no_credentials_it_is_said_where_they_were_looked_for() {
    let error = chain(&[("AWS_EC2_METADATA_DISABLED", "true")])
        .credentials(at(NOW))
        .await
        .unwrap_err();
    assert!(
        error.contains("AWS_ACCESS_KEY_ID") && error.contains("disabled"),
        "{error}"
    );
}
