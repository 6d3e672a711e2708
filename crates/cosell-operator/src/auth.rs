//! Who asks: a bearer token, and a budget for those who guess.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use cosell_model::Timestamp;
use cosell_store::Store;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::Problem;
use crate::tokens::{self, Presented, Refusal, Token};

/// Wrong tokens that are answered in a second, and at most at once; further ones are told to wait.
const GUESSES: f64 = 20.0;

const CHALLENGE: &str = "Bearer realm=\"cosell operator\"";
const INVALID: &str = "Bearer realm=\"cosell operator\", error=\"invalid_token\"";

/// Lets in who has a token.
pub(crate) struct Guard {
    failures: AtomicU64,
    /// What is left, and since when. Real time: a frozen clock must neither lock out nor let guess.
    budget: Mutex<(f64, Instant)>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            failures: AtomicU64::new(0),
            budget: Mutex::new((GUESSES, Instant::now())),
        }
    }
}

impl Guard {
    /// The token of a request, or why it is refused. A good token is let in however many bad ones come.
    pub(crate) async fn admit(
        &self,
        store: &dyn Store,
        headers: &HeaderMap,
        now: Timestamp,
        request_id: &str,
    ) -> Result<Token, Problem> {
        let presented = presented(headers)?;
        let refusal = match tokens::verify(store, presented, now).await? {
            Ok(token) => return Ok(token),
            Err(refusal) => refusal,
        };
        self.failures.fetch_add(1, Ordering::Relaxed);
        // Who holds the secret of a token that no longer counts does not guess.
        if refusal == Refusal::Unknown && !self.spend(Instant::now()) {
            return Err(Problem::retry_in_a_second(
                "Too many wrong tokens came in this second. Repeat later, with a token that is right",
            ));
        }
        tracing::warn!(
            request_id,
            token_id = presented.id,
            ?refusal,
            "an operator token was refused"
        );
        let detail = match refusal {
            Refusal::Unknown => {
                "There is no such token: make one with `cosell operator token create`, or ask who runs this server"
            }
            Refusal::Revoked => "This token was revoked: make another with `cosell operator token create`",
            Refusal::Expired => "This token has expired: make another with `cosell operator token create`",
        };
        Err(Problem::unauthenticated(detail, INVALID))
    }

    /// How many tokens were refused since the start.
    pub(crate) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn spend(&self, now: Instant) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = budget.0 + now.saturating_duration_since(budget.1).as_secs_f64() * GUESSES;
        *budget = (refilled.min(GUESSES), now);
        if budget.0 < 1.0 {
            return false;
        }
        budget.0 -= 1.0;
        true
    }
}

fn presented(headers: &HeaderMap) -> Result<Presented<'_>, Problem> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else {
        let detail = "The operator API takes one header \"authorization: Bearer cosell_op_…\". `cosell dev` prints a token; \
                      `cosell operator token create` makes one";
        return Err(Problem::unauthenticated(detail, CHALLENGE));
    };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    token.and_then(Presented::parse).ok_or_else(|| {
        let detail = "The header authorization holds no operator token: it is \"Bearer \" and a text that begins with cosell_op_";
        Problem::unauthenticated(detail, INVALID)
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn guesses_run_out_and_come_back_with_time() {
        let guard = Guard::default();
        let start = Instant::now();
        let guesses = (0..100).filter(|_| guard.spend(start)).count();
        assert_eq!(guesses, 20);
        let half = start + Duration::from_millis(500);
        assert_eq!((0..100).filter(|_| guard.spend(half)).count(), 10);
    }

    #[test]
    fn only_one_bearer_token_in_its_form_is_looked_up() {
        let mut headers = HeaderMap::new();
        assert!(presented(&headers).is_err());
        let good = format!("Bearer {}{}_{}", tokens::PREFIX, "0".repeat(16), "a".repeat(64));
        for bad in [
            "Bearer",
            "Bearer x",
            "Basic abc",
            "Bearer cosell_op_1_2",
            &good[..good.len() - 1],
            &good[7..],
        ] {
            headers.insert(AUTHORIZATION, bad.parse().unwrap());
            assert!(presented(&headers).is_err(), "{bad}");
        }
        headers.insert(AUTHORIZATION, good.parse().unwrap());
        assert!(presented(&headers).is_ok());
        headers.append(AUTHORIZATION, good.parse().unwrap());
        assert!(presented(&headers).is_err());
    }
}
