//! The forms of the contract's shape tables, which the generated `shapes` module fills.
//!
//! Tables are facts for walking (explaining, rendering, generating); they hold no rule of business.

use crate::error::ErrorKind;
use crate::pattern::Pattern;

/// One shape of the contract.
#[derive(Debug)]
pub struct Shape {
    /// Name in the contract.
    pub name: &'static str,
    /// Whether values of this shape must never be shown.
    pub sensitive: bool,
    /// What values look like.
    pub kind: ShapeKind,
}

/// What values of a shape look like.
#[derive(Debug)]
#[expect(
    missing_docs,
    reason = "field names say it: bounds are inclusive and count members or code points"
)]
pub enum ShapeKind {
    /// A JSON object with named members; of a union's members exactly one is present.
    Structure { members: &'static [Member], union: bool },
    /// A JSON array.
    List {
        element: &'static Shape,
        min: Option<u32>,
        max: Option<u32>,
    },
    /// A JSON object with free names.
    Map {
        key: &'static Shape,
        value: &'static Shape,
        min: Option<u32>,
        max: Option<u32>,
    },
    /// A JSON string. `values` is not empty for an enum; `read_only` are values that answers may carry and requests
    /// may not; a pattern that is not `enforced_in_answers` is known to be contradicted by AWS's own answers.
    String {
        min: Option<u32>,
        max: Option<u32>,
        pattern: Option<&'static Pattern>,
        values: &'static [&'static str],
        read_only: &'static [&'static str],
        enforced_in_answers: bool,
    },
    /// A JSON number without fraction, 32 bits.
    Integer { min: Option<i32>, max: Option<i32> },
    /// An RFC 3339 string, or a number of seconds since the epoch.
    Timestamp,
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// Name on the wire.
    pub name: &'static str,
    /// Name in the paths of error lists (lowerCamel).
    pub path_name: &'static str,
    /// Shape of the value.
    pub shape: &'static Shape,
    /// Whether the member must be present.
    pub required: bool,
}

/// What the contract says about one operation.
#[derive(Debug)]
pub struct OperationInfo {
    /// Shape of the request.
    pub input: &'static Shape,
    /// Shape of the answer; `None` when the answer is an empty object.
    pub output: Option<&'static Shape>,
    /// The modelled errors.
    pub errors: &'static [ErrorKind],
    /// The action that policies name, with its prefix.
    pub iam_action: &'static str,
    /// Actions of other operations that the caller needs as well, because this one acts in the caller's name.
    pub required_actions: &'static [&'static str],
    /// The condition keys that AWS documents for the action.
    pub condition_keys: &'static [&'static str],
    /// Whether the contract calls the operation idempotent.
    pub idempotent: bool,
    /// The input member that makes a repeated request recognisable.
    pub idempotency_token: Option<&'static str>,
    /// Set for paged lists.
    pub paginated: Option<Pagination>,
}

/// The members that page a list, by their names on the wire.
#[derive(Debug)]
#[expect(missing_docs, reason = "each field is the contract's trait of that name")]
pub struct Pagination {
    pub input_token: &'static str,
    pub output_token: &'static str,
    pub page_size: Option<&'static str>,
    pub items: Option<&'static str>,
}

impl Shape {
    /// The members of a structure, in the contract's order; empty for every other kind.
    pub const fn members(&self) -> &'static [Member] {
        match self.kind {
            ShapeKind::Structure { members, .. } => members,
            _ => &[],
        }
    }
}

// Builders for the generated tables: they keep a shape on a line or two.
impl Shape {
    const fn of(name: &'static str, kind: ShapeKind) -> Self {
        Self {
            name,
            sensitive: false,
            kind,
        }
    }

    pub(crate) const fn structure(name: &'static str, members: &'static [Member]) -> Self {
        Self::of(
            name,
            ShapeKind::Structure {
                members,
                union: false,
            },
        )
    }

    pub(crate) const fn union(name: &'static str, members: &'static [Member]) -> Self {
        Self::of(name, ShapeKind::Structure { members, union: true })
    }

    pub(crate) const fn list(
        name: &'static str,
        element: &'static Self,
        min: Option<u32>,
        max: Option<u32>,
    ) -> Self {
        Self::of(name, ShapeKind::List { element, min, max })
    }

    pub(crate) const fn map(
        name: &'static str,
        key: &'static Self,
        value: &'static Self,
        min: Option<u32>,
        max: Option<u32>,
    ) -> Self {
        Self::of(name, ShapeKind::Map { key, value, min, max })
    }

    pub(crate) const fn integer(name: &'static str, min: Option<i32>, max: Option<i32>) -> Self {
        Self::of(name, ShapeKind::Integer { min, max })
    }

    pub(crate) const fn timestamp(name: &'static str) -> Self {
        Self::of(name, ShapeKind::Timestamp)
    }

    pub(crate) const fn text(name: &'static str, min: Option<u32>, max: Option<u32>) -> Self {
        let (values, read_only): (&[&str], &[&str]) = (&[], &[]);
        let pattern = None;
        Self::of(
            name,
            ShapeKind::String {
                min,
                max,
                pattern,
                values,
                read_only,
                enforced_in_answers: true,
            },
        )
    }

    pub(crate) const fn one_of(
        name: &'static str,
        values: &'static [&'static str],
        read_only: &'static [&'static str],
    ) -> Self {
        let (min, max, pattern) = (None, None, None);
        Self::of(
            name,
            ShapeKind::String {
                min,
                max,
                pattern,
                values,
                read_only,
                enforced_in_answers: true,
            },
        )
    }

    /// Adds a pattern to a text.
    pub(crate) const fn like(mut self, with: &'static Pattern) -> Self {
        if let ShapeKind::String { pattern, .. } = &mut self.kind {
            *pattern = Some(with);
        }
        self
    }

    /// Marks a text whose pattern AWS's own answers contradict.
    pub(crate) const fn loose_in_answers(mut self) -> Self {
        if let ShapeKind::String {
            enforced_in_answers, ..
        } = &mut self.kind
        {
            *enforced_in_answers = false;
        }
        self
    }

    pub(crate) const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

/// A member that must be present.
pub(crate) const fn required(name: &'static str, path_name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        path_name,
        shape,
        required: true,
    }
}

/// A member that may be absent.
pub(crate) const fn optional(name: &'static str, path_name: &'static str, shape: &'static Shape) -> Member {
    Member {
        name,
        path_name,
        shape,
        required: false,
    }
}
