//! A runtime on a thread of its own, for what goes on while the script waits. It ends with its owner.

use std::future::Future;
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The runtime.
pub struct Background {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts one.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(name: &str) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            // An error means that the owner is gone, which is an end as well.
            .spawn(move || drop(runtime.block_on(stopped)))
            .context("cannot start a thread")?;
        Ok(Self {
            handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Does something on it and waits for that.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }

    /// For work that goes on.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nobody to tell of a panic that was shown already.
            let _ = thread.join();
        }
    }
}
