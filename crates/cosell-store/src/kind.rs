//! The kinds of record and their static description.
//!
//! Backends generate their statements from these descriptions, so that SQLite and PostgreSQL cannot drift apart.
//! Never put anything here that only one backend understands.

mod cosell;
mod operator;

/// A kind of record; each kind has a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A partner account. Global: account and catalog of its key are empty, the id is the account id.
    Account,
    /// A user of an account, to whom opportunities are assigned. Belongs to an account; the catalog is empty.
    User,
    /// An access key. Global, because a request names only the key id before its account is known.
    AccessKey,
    /// A partner solution, per account and catalog.
    Solution,
    /// An opportunity, per account and catalog.
    Opportunity,
    /// An engagement. Shared by its members, so it belongs to a catalog but to no account.
    Engagement,
    /// An engagement as one member's list shows it, per member account and catalog; the id is the engagement's.
    EngagementMember,
    /// An engagement invitation as one participant sees it, per participant account and catalog.
    Invitation,
    /// A task of any of the four types, per account and catalog.
    Task,
    /// A resource snapshot, shared: `<engagement>/<resource type>/<resource>/<template>/<revision as 10 digits>`.
    Snapshot,
    /// The latest revision of a series of snapshots, shared: the id of its snapshots without the revision.
    SnapshotHead,
    /// A resource that has snapshots in an engagement, per member account and catalog:
    /// `<engagement>/<resource type>/<resource>`.
    Association,
    /// A resource snapshot job, per account and catalog.
    SnapshotJob,
    /// The selling system settings of an account and catalog; one record with the id `settings`.
    SellingSettings,
    /// An opportunity that was submitted, as AWS's own directory shows it. Shared, because AWS looks across accounts;
    /// the id is the opportunity's.
    Deal,
    /// A bearer token of the operator API. Global.
    OperatorToken,
    /// A setting of the whole server: the clock, a rule of faults, a script of the autopilot. Global.
    Setting,
    /// Two partner accounts that are connected. Global: `<lower account>/<higher account>`.
    Connection,
    /// A marketplace offer, per account and catalog.
    Offer,
    /// Where events can be sent. Global: `<owning account>/<name>`, or `/<name>` where the operator owns it, which is also
    /// the name of its [`TargetState`](crate::TargetState).
    EventTarget,
    /// Which events go to which targets. Global: `<account>/<name>`, or `/<name>` where it is about all accounts.
    EventRule,
}

/// Which parts of a [`Key`](crate::Key) a kind uses besides the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Neither account nor catalog: both are empty.
    Global,
    /// An account; the catalog is empty.
    Account,
    /// An account and a catalog.
    Catalog,
    /// A catalog; the account is empty. For what several accounts share.
    Shared,
}

/// Type of an index column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text, compared by its bytes.
    Text,
    /// Signed 64-bit integer; times are milliseconds since the Unix epoch.
    Integer,
}

/// One typed index column of a kind. The id is not among them: every kind has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name, also the column's name in the database.
    pub name: &'static str,
    /// Type of its values.
    pub ty: ColumnType,
    /// Whether NULL is allowed; a nullable column missing from a record is NULL.
    pub nullable: bool,
}

/// A sort that a kind offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortSpec {
    /// Name by which [`Sort`](crate::Sort) asks for it.
    pub by: &'static str,
    /// The columns compared, in order; the id always follows as the last tie-breaker. Empty for the sort by id.
    pub order: &'static [&'static str],
}

/// An ordered access path that a backend keeps: scope, then these columns, then the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexSpec {
    /// Columns between the scope and the id.
    pub columns: &'static [&'static str],
    /// Whether rows whose first column is NULL are left out, so that they pay nothing for it. Such an index serves
    /// filters, which NULL never passes, and no sort, which would lose rows.
    pub sparse: bool,
}

/// Everything a backend needs to know of a kind.
#[derive(Debug, PartialEq, Eq)]
pub struct KindSpec {
    /// The kind described.
    pub kind: Kind,
    /// Base name of its tables.
    pub table: &'static str,
    /// The key parts it uses.
    pub scope: Scope,
    /// Its index columns, in the order in which backends store them.
    pub columns: &'static [Column],
    /// The sorts it offers; each is served by an index (or by the key itself, for the id).
    pub sorts: &'static [SortSpec],
    /// Its secondary indexes. Where several could serve a filter, the earlier one is preferred, so the more selective
    /// come first. Each one costs every write, so there is none that no query needs.
    pub indexes: &'static [IndexSpec],
    /// Whether a version that is replaced or deleted stays readable with [`Store::history`](crate::Store::history).
    pub history: bool,
}

impl KindSpec {
    /// The column of that name; `None` if there is none (also for the id, which is no index column).
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The sort of that name.
    pub fn sort(&self, by: &str) -> Option<&'static SortSpec> {
        self.sorts.iter().find(|s| s.by == by)
    }
}

impl Kind {
    /// True for what an operator registers for an account in a catalog before the account can work there: a reset leaves it.
    pub const fn is_registered(self) -> bool {
        matches!(self, Kind::Solution | Kind::Offer)
    }

    /// Every kind there is.
    pub const ALL: [Kind; 21] = [
        Kind::Account,
        Kind::User,
        Kind::AccessKey,
        Kind::Solution,
        Kind::Opportunity,
        Kind::Engagement,
        Kind::EngagementMember,
        Kind::Invitation,
        Kind::Task,
        Kind::Snapshot,
        Kind::SnapshotHead,
        Kind::Association,
        Kind::SnapshotJob,
        Kind::SellingSettings,
        Kind::Deal,
        Kind::OperatorToken,
        Kind::Setting,
        Kind::Connection,
        Kind::Offer,
        Kind::EventTarget,
        Kind::EventRule,
    ];

    /// The description of this kind.
    pub const fn spec(self) -> &'static KindSpec {
        match self {
            Kind::Account => &ACCOUNT,
            Kind::User => &USER,
            Kind::AccessKey => &ACCESS_KEY,
            Kind::Solution => &SOLUTION,
            Kind::Opportunity => &OPPORTUNITY,
            Kind::Engagement => &cosell::ENGAGEMENT,
            Kind::EngagementMember => &cosell::ENGAGEMENT_MEMBER,
            Kind::Invitation => &cosell::INVITATION,
            Kind::Task => &cosell::TASK,
            Kind::Snapshot => &cosell::SNAPSHOT,
            Kind::SnapshotHead => &cosell::SNAPSHOT_HEAD,
            Kind::Association => &cosell::ASSOCIATION,
            Kind::SnapshotJob => &cosell::SNAPSHOT_JOB,
            Kind::SellingSettings => &cosell::SELLING_SETTINGS,
            Kind::Deal => &operator::DEAL,
            Kind::OperatorToken => &operator::OPERATOR_TOKEN,
            Kind::Setting => &operator::SETTING,
            Kind::Connection => &operator::CONNECTION,
            Kind::Offer => &operator::OFFER,
            Kind::EventTarget => &operator::EVENT_TARGET,
            Kind::EventRule => &operator::EVENT_RULE,
        }
    }
}

const fn text(name: &'static str) -> Column {
    Column {
        name,
        ty: ColumnType::Text,
        nullable: true,
    }
}

const fn time(name: &'static str) -> Column {
    Column {
        name,
        ty: ColumnType::Integer,
        nullable: false,
    }
}

const fn required(name: &'static str) -> Column {
    Column {
        name,
        ty: ColumnType::Text,
        nullable: false,
    }
}

const fn count(name: &'static str) -> Column {
    Column {
        name,
        ty: ColumnType::Integer,
        nullable: false,
    }
}

const fn index(columns: &'static [&'static str]) -> IndexSpec {
    IndexSpec {
        columns,
        sparse: false,
    }
}

const fn sparse(columns: &'static [&'static str]) -> IndexSpec {
    IndexSpec {
        columns,
        sparse: true,
    }
}

const fn sort(by: &'static str, order: &'static [&'static str]) -> SortSpec {
    SortSpec { by, order }
}

/// A kind that is only ever read by key, or listed by id.
const fn plain(kind: Kind, table: &'static str, scope: Scope) -> KindSpec {
    KindSpec {
        kind,
        table,
        scope,
        columns: &[],
        sorts: &[BY_ID],
        indexes: &[],
        history: false,
    }
}

/// The same kind, with its former versions kept.
const fn with_history(spec: KindSpec) -> KindSpec {
    KindSpec {
        history: true,
        ..spec
    }
}

const BY_ID: SortSpec = SortSpec { by: "id", order: &[] };

static ACCOUNT: KindSpec = KindSpec {
    kind: Kind::Account,
    table: "account",
    scope: Scope::Global,
    columns: &[],
    sorts: &[BY_ID],
    indexes: &[],
    history: false,
};

static USER: KindSpec = KindSpec {
    kind: Kind::User,
    table: "user",
    scope: Scope::Account,
    columns: &[text("email")],
    sorts: &[BY_ID],
    indexes: &[index(&["email"])],
    history: false,
};

static ACCESS_KEY: KindSpec = KindSpec {
    kind: Kind::AccessKey,
    table: "access_key",
    scope: Scope::Global,
    columns: &[Column {
        name: "owner",
        ty: ColumnType::Text,
        nullable: false,
    }],
    sorts: &[BY_ID],
    indexes: &[index(&["owner"])],
    history: false,
};

static SOLUTION: KindSpec = KindSpec {
    kind: Kind::Solution,
    table: "solution",
    scope: Scope::Catalog,
    columns: &[
        text("name"),
        text("status"),
        text("category"),
        time("created"),
        text("marketplace_arn"),
    ],
    sorts: &[
        BY_ID,
        SortSpec {
            by: "name",
            order: &["name"],
        },
        SortSpec {
            by: "status",
            order: &["status"],
        },
        SortSpec {
            by: "category",
            order: &["category"],
        },
        SortSpec {
            by: "created",
            order: &["created"],
        },
    ],
    indexes: &[
        index(&["marketplace_arn"]),
        index(&["name"]),
        index(&["status"]),
        index(&["category"]),
        index(&["created"]),
    ],
    history: false,
};

static OPPORTUNITY: KindSpec = KindSpec {
    kind: Kind::Opportunity,
    table: "opportunity",
    scope: Scope::Catalog,
    columns: &[
        time("last_modified"),
        time("created"),
        text("target_close"),
        text("company"),
        text("stage"),
        text("review_status"),
        text("partner_identifier"),
    ],
    sorts: &[
        SortSpec {
            by: "last_modified",
            order: &["last_modified"],
        },
        BY_ID,
        // Ties within a company fall in the order of last change, so that one index serves this sort and the
        // filter by company.
        SortSpec {
            by: "company",
            order: &["company", "last_modified"],
        },
        SortSpec {
            by: "created",
            order: &["created"],
        },
        SortSpec {
            by: "target_close",
            order: &["target_close"],
        },
    ],
    indexes: &[
        // First, because an identifier of the partner's own names one opportunity, as a rule. Most have none.
        sparse(&["partner_identifier", "last_modified"]),
        index(&["company", "last_modified"]),
        index(&["review_status", "last_modified"]),
        index(&["stage", "last_modified"]),
        index(&["last_modified"]),
        index(&["created"]),
        index(&["target_close"]),
    ],
    history: true,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_is_served_by_an_index_of_the_same_columns() {
        for kind in Kind::ALL {
            let spec = kind.spec();
            assert_eq!(spec.kind, kind);
            for sort in spec.sorts {
                let served = sort.order.is_empty()
                    || spec.indexes.iter().any(|i| !i.sparse && i.columns == sort.order);
                assert!(served, "{} by {}", spec.table, sort.by);
            }
        }
    }

    #[test]
    fn the_first_column_of_a_sparse_index_may_be_null_or_it_would_leave_nothing_out() {
        for kind in Kind::ALL {
            for index in kind.spec().indexes.iter().filter(|i| i.sparse) {
                assert!(
                    kind.spec().column(index.columns[0]).unwrap().nullable,
                    "{index:?}"
                );
            }
        }
    }

    #[test]
    fn sorts_and_indexes_name_only_columns_that_exist() {
        for kind in Kind::ALL {
            let spec = kind.spec();
            let named = spec
                .sorts
                .iter()
                .flat_map(|s| s.order)
                .chain(spec.indexes.iter().flat_map(|i| i.columns));
            for name in named {
                assert!(spec.column(name).is_some(), "{}.{name}", spec.table);
            }
        }
    }
}
