//! The two worlds inside every account. Nothing ever crosses from one into the other.

/// A catalog of the service. The model types it as letters only; these two are the documented values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Catalog {
    /// Production.
    Aws,
    /// Functional tests, in which an update can make AWS act.
    Sandbox,
}

impl Catalog {
    /// Every catalog.
    pub const ALL: [Catalog; 2] = [Catalog::Aws, Catalog::Sandbox];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Catalog::Aws => "AWS",
            Catalog::Sandbox => "Sandbox",
        }
    }

    /// The catalog of that exact name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|catalog| catalog.as_str() == name)
    }
}

impl std::fmt::Display for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
