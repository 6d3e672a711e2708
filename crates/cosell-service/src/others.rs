//! What other servers over the same store change, and what this one remembers of it.
//!
//! A server remembers scripts, fault rules, and where events go. The store counts the changes of these, and how often
//! everything in it was exchanged; who watches the counts knows what to look at anew. Nothing here decides how often it is
//! looked, nor what delivers.

use std::time::{Duration, Instant};

use cosell_model::ApiError;
use cosell_store::Revision;

use crate::answer::read_failed;
use crate::service::Service;

/// After so long everything is looked at anew, whatever the counts say: a server of an earlier version does not count.
const ANYWAY: Duration = Duration::from_secs(60);

/// What others have changed since the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// Nothing that anybody remembers.
    Nothing,
    /// Some of what is remembered.
    Changed {
        /// What operators set: see [`Service::follow_settings`].
        settings: bool,
        /// Targets or rules of events.
        delivery: bool,
    },
    /// Everything: see [`Service::follow_exchange`].
    Exchanged,
}

/// Watches the counts of a store.
#[derive(Debug, Default)]
pub struct Watch {
    /// The counts that were followed.
    followed: Revision,
    /// The counts of the last look.
    looked: Revision,
    /// When everything was last looked at anew; `None` since the start, so what happened before the first look is not missed.
    anew: Option<Instant>,
}

impl Watch {
    /// Looks at the counts. The same is news again until [`Watch::followed`] is called.
    pub async fn look(&mut self, service: &Service) -> Result<News, ApiError> {
        self.looked = service.store.revision().await.map_err(read_failed)?;
        if self.looked.is_foreign() {
            return Ok(News::Exchanged);
        }
        let anyway = self.anew.is_none_or(|at| at.elapsed() >= ANYWAY);
        let settings = anyway || self.looked.settings != self.followed.settings;
        let delivery = anyway || self.looked.delivery != self.followed.delivery;
        Ok(match settings || delivery {
            true => News::Changed { settings, delivery },
            false => News::Nothing,
        })
    }

    /// Says that the news of the last look was followed.
    pub fn followed(&mut self, news: News) {
        self.followed = self.looked;
        let all = News::Changed {
            settings: true,
            delivery: true,
        };
        if news == all || news == News::Exchanged {
            self.anew = Some(Instant::now());
        }
    }
}

impl Service {
    /// Looks anew at what operators have set.
    pub async fn follow_settings(&self) -> Result<(), ApiError> {
        self.autopilot.forget().await;
        self.follow_faults().await
    }

    /// Goes over to what another server has put in the place of everything that was in the store. Waits until nobody here
    /// works by the former content, forgets everything, and only then lets anybody write again.
    ///
    /// An error means that the store did not answer: nothing can be written yet, and it is to be tried again.
    pub async fn follow_exchange(&self) -> Result<(), ApiError> {
        let alone = self.exchanging().await;
        let turn = self.jobs_turn.lock().await;
        let pause = self.ids.pause().await;
        // Asked now, since there may have been one more; and before anything is read, which may be of one more again.
        let exchanges = self.store.revision().await.map_err(read_failed)?.exchanges;
        self.forget();
        self.refresh_settings().await?;
        self.store.acknowledge(exchanges);
        drop((pause, turn, alone));
        tracing::info!(
            exchanges,
            "another server has exchanged everything in the store: this one goes on with what is there now"
        );
        Ok(())
    }
}
