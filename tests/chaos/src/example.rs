//! The files of `deploy/ha` with other addresses and folders in them.
//!
//! What is to be replaced must be there, and nothing of the example may be left: so a file that changes without this harness
//! makes the run fail instead of going untested.

use anyhow::{Result, ensure};

/// A file on its way to one that can be run.
pub struct Example {
    name: &'static str,
    text: String,
}

impl Example {
    /// The file as it is in the repository; its comments are left out.
    #[must_use]
    pub fn new(name: &'static str, text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        Self {
            name,
            text: lines.map(|line| format!("{line}\n")).collect(),
        }
    }

    /// Puts something in the place of what the example says, everywhere.
    ///
    /// # Errors
    /// Where the example does not say it.
    pub fn put(&mut self, from: &str, to: &str) -> Result<()> {
        ensure!(
            self.text.contains(from),
            "{} does not say \"{from}\" any more: change the harness with it",
            self.name
        );
        self.text = self.text.replace(from, to);
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    /// Where a name of the example is left.
    pub fn text(self) -> Result<String> {
        for left in ["example.com", "/var/lib", "10.0.0."] {
            ensure!(
                !self.text.contains(left),
                "{}: \"{left}\" was not replaced: change the harness with the file",
                self.name
            );
        }
        Ok(self.text)
    }
}
