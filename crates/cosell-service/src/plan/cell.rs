//! One record of a plan: as it was found, and as it is to become. Knows no kind of record.

/// A record that was read, or made anew.
pub(super) struct Cell<T> {
    before: Option<(T, u64)>,
    next: Option<T>,
}

impl<T> Cell<T> {
    /// As it was found, with its version.
    pub(super) fn found(value: T, version: u64) -> Self {
        Self {
            before: Some((value, version)),
            next: None,
        }
    }

    /// Not in the store yet.
    pub(super) fn made(value: T) -> Self {
        Self {
            before: None,
            next: Some(value),
        }
    }

    /// Gives it its next state.
    pub(super) fn put(&mut self, value: T) {
        self.next = Some(value);
    }

    /// As it stands in the plan. A cell always holds one of the two.
    pub(super) fn current(&self) -> Option<&T> {
        self.next.as_ref().or_else(|| self.before())
    }

    /// As it was found.
    pub(super) fn before(&self) -> Option<&T> {
        self.before.as_ref().map(|(value, _)| value)
    }

    /// What is to be written, if anything.
    pub(super) fn next(&self) -> Option<&T> {
        self.next.as_ref()
    }

    /// The version it was found with.
    pub(super) fn version(&self) -> Option<u64> {
        self.before.as_ref().map(|(_, version)| *version)
    }
}
