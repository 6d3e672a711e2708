//! Tokens over a store: what is kept of them, who is let in, and what a revocation does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use cosell_model::Timestamp;
use cosell_operator::Scope;
use cosell_operator::tokens::{self, Created, NewToken, Presented, Refusal, Token};
use cosell_service::audit::Author;
use cosell_service::identity::AdminError;
use cosell_store::{Key, Kind, Store};
use cosell_store_sqlite::{Options, SqliteStore};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const MINUTE: i64 = 60_000;

fn store() -> SqliteStore {
    SqliteStore::open_ephemeral(Options::default()).unwrap()
}

async fn create(store: &dyn Store, name: &str, expires: Option<Timestamp>) -> Result<Created, AdminError> {
    let new = NewToken {
        name: name.to_owned(),
        scope: Scope::Review,
        expires_date: expires.map(Into::into),
    };
    tokens::create(store, &Author::command(), new, START).await
}

async fn verify(store: &dyn Store, text: &str, now: Timestamp) -> Result<Token, Refusal> {
    tokens::verify(store, Presented::parse(text).unwrap(), now)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_token_lets_in_and_the_store_does_not_know_its_secret() {
    let store = store();
    let created = create(&store, "nightly build", None).await.unwrap();
    let text = created.secret.as_str();
    let token = verify(&store, text, START).await.unwrap();
    assert_eq!(
        (token.name.as_str(), token.scope),
        ("nightly build", Scope::Review)
    );
    let kept = store
        .get(&Key::global(Kind::OperatorToken, &created.token.id))
        .await
        .unwrap()
        .unwrap();
    let secret = text.rsplit_once('_').unwrap().1;
    for part in [&kept.document, &kept.private] {
        assert!(!part.windows(16).any(|window| window == &secret.as_bytes()[..16]));
    }
    // Two tokens have nothing in common.
    let other = create(&store, "nightly build", None).await.unwrap();
    assert_ne!(other.token.id, created.token.id);
    assert_eq!(tokens::list(&store).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_id_are_refused_alike() {
    let store = store();
    let created = create(&store, "a", None).await.unwrap();
    let text = created.secret.as_str();
    let last = if text.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &text[..text.len() - 1]);
    let unknown = format!("{}{}_{}", tokens::PREFIX, "0".repeat(16), "0".repeat(64));
    for text in [wrong, unknown] {
        assert_eq!(verify(&store, &text, START).await, Err(Refusal::Unknown));
    }
}

#[tokio::test]
async fn a_token_expires_by_the_clock() {
    let store = store();
    let end = START.plus_millis(MINUTE);
    let created = create(&store, "a", Some(end)).await.unwrap();
    let text = created.secret.as_str();
    assert!(verify(&store, text, end.plus_millis(-1)).await.is_ok());
    assert_eq!(verify(&store, text, end).await, Err(Refusal::Expired));
    let refused = create(&store, "a", Some(START)).await;
    assert!(matches!(refused, Err(AdminError::Refused(_))));
}

#[tokio::test]
async fn a_revocation_counts_at_once_and_for_good() {
    let store = store();
    let created = create(&store, "a", None).await.unwrap();
    let (id, text) = (created.token.id.as_str(), created.secret.as_str());
    assert!(verify(&store, text, START).await.is_ok());
    let revoked = tokens::revoke(&store, &Author::command(), id, START)
        .await
        .unwrap();
    assert_eq!(revoked.revoked_date, Some(START.into()));
    assert_eq!(verify(&store, text, START).await, Err(Refusal::Revoked));
    let again = tokens::revoke(&store, &Author::command(), id, START.plus_millis(MINUTE))
        .await
        .unwrap();
    assert_eq!(again, revoked);
    assert_eq!(tokens::list(&store).await.unwrap(), [revoked]);
    for unknown in ["0000000000000000", "", "x"] {
        let missing = tokens::revoke(&store, &Author::command(), unknown, START).await;
        assert!(matches!(missing, Err(AdminError::Missing(_))), "{unknown}");
    }
}

#[tokio::test]
async fn the_last_use_is_noted_now_and_then() {
    let store = store();
    let created = create(&store, "a", None).await.unwrap();
    let text = created.secret.as_str();
    for (minutes, noted) in [(0, 0), (9, 0), (10, 10), (15, 10), (3, 3)] {
        verify(&store, text, START.plus_millis(minutes * MINUTE))
            .await
            .unwrap();
        let token = &tokens::list(&store).await.unwrap()[0];
        let expected = START.plus_millis(noted * MINUTE);
        assert_eq!(
            token.last_used_date,
            Some(expected.into()),
            "after {minutes} minutes"
        );
    }
}

#[tokio::test]
async fn a_token_needs_a_name_that_can_be_shown() {
    let store = store();
    for name in ["", " ", "a\nb", &"x".repeat(81)] {
        assert!(
            matches!(create(&store, name, None).await, Err(AdminError::Refused(_))),
            "{name:?}"
        );
    }
    assert!(tokens::list(&store).await.unwrap().is_empty());
}

#[test]
fn what_does_not_look_like_a_token_is_never_looked_up() {
    let good = format!("{}{}_{}", tokens::PREFIX, "0".repeat(16), "a".repeat(64));
    assert!(Presented::parse(&good).is_some());
    for bad in [
        "",
        "cosell_op_",
        &good[1..],
        &good[..good.len() - 1],
        &good.replace('a', "A"),
        &format!("{good}0"),
        &good.replace("op_0", "op_%"),
    ] {
        assert!(Presented::parse(bad).is_none(), "{bad}");
    }
}
