//! Following what other servers over the same store change: looks twice a second whether there is anything new, and has those
//! look anew who remember it. What is remembered, and how it is forgotten, is theirs to know.

use std::future::Future;
use std::time::Duration;

use cosell_model::ApiError;
use cosell_service::others::{News, Watch};

use super::handler::Handler;

/// How long it is waited between two looks. What another server changes is known here within this time and a look; the manual
/// promises a second.
const LOOK: Duration = Duration::from_millis(500);

/// Follows until `stop` is ready, where the store is shared: in one of its own nobody else changes anything. What cannot be followed, since the store does not answer, is tried again at the next look.
pub(super) async fn follow(handler: &Handler, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut watch = Watch::default();
    while handler.operator.store().is_shared() {
        tokio::select! {
            biased;
            () = &mut stop => return,
            () = tokio::time::sleep(LOOK) => {}
        }
        if let Err(error) = look(handler, &mut watch).await {
            tracing::warn!(
                detail = error.internal.as_deref(),
                "what other servers have changed cannot be seen now"
            );
        }
    }
}

async fn look(handler: &Handler, watch: &mut Watch) -> Result<(), ApiError> {
    let news = watch.look(&handler.service).await?;
    match news {
        News::Nothing => {}
        News::Changed { settings, delivery } => {
            if settings {
                handler.service.follow_settings().await?;
            }
            if delivery {
                handler.operator.deliverer().reload().await;
            }
        }
        News::Exchanged => handler.operator.follow_exchange().await?,
    }
    watch.followed(news);
    Ok(())
}
