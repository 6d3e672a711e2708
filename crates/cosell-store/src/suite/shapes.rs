//! The lists of co-selling as the API has them: which filters are always there, which may be, and in which sorts.
//!
//! Backends walk this table to prove that every list is right and that every list has its index.

use super::*;
use crate::{Filter, Query, Sort};

/// One list of the API.
pub struct Shape {
    /// The operation, or what an operation looks up.
    pub name: &'static str,
    /// The kind listed.
    pub kind: Kind,
    /// Filters that every such query has.
    pub always: Vec<Filter>,
    /// Filters that a query may have: of each group one, or none.
    pub optional: Vec<Vec<Filter>>,
    /// The sorts, each with the filters that go with it.
    pub sorts: Vec<(&'static str, Vec<Filter>)>,
}

impl Shape {
    /// The query with these optional filters: all rows on one page.
    pub fn query(&self, chosen: Vec<Filter>, sort: usize, descending: bool) -> Query {
        let (by, with_sort) = &self.sorts[sort];
        let (account, catalog) = place(self.kind);
        Query {
            kind: self.kind,
            account: account.to_owned(),
            catalog: catalog.to_owned(),
            filters: [self.always.clone(), chosen, with_sort.clone()].concat(),
            sort: Sort { by, descending },
            after: None,
            limit: 1000,
        }
    }

    /// Every choice of optional filters.
    pub fn choices(&self) -> Vec<Vec<Filter>> {
        let mut all: Vec<Vec<Filter>> = vec![vec![]];
        for group in &self.optional {
            let more: Vec<_> = all
                .iter()
                .flat_map(|chosen| group.iter().map(|f| [chosen.clone(), vec![f.clone()]].concat()))
                .collect();
            all.extend(more);
        }
        all
    }
}

fn one(column: &'static str, values: &[&str]) -> Filter {
    Filter::In(column, values.iter().map(|v| Value::from(*v)).collect())
}

fn masks(pass: impl Fn(i64) -> bool) -> Vec<Value> {
    (0..8).filter(|m| pass(*m)).map(Value::from).collect()
}

/// Filters on a column that has these values: a rare one alone, and several.
fn some(column: &'static str, kind: Kind) -> Vec<Filter> {
    let pool: Vec<Value> = pool(kind, column).into_iter().filter(|v| !v.is_null()).collect();
    let last = pool.len() - 1;
    vec![
        Filter::In(column, vec![pool[last].clone()]),
        Filter::In(column, vec![pool[0].clone(), pool[last].clone()]),
    ]
}

fn ids(kind: Kind) -> Vec<Filter> {
    // Some of them do not exist.
    let some = (0..60).map(|n| Value::from(id_of(kind, n * 17)));
    vec![Filter::In("id", some.collect())]
}

/// All lists.
pub fn shapes() -> Vec<Shape> {
    let mut all = vec![
        Shape {
            name: "ListEngagements",
            kind: Kind::EngagementMember,
            always: vec![],
            optional: vec![
                some("created_by", Kind::EngagementMember),
                vec![Filter::NotIn("created_by", vec![ACCOUNT.into(), OTHER.into()])],
                vec![Filter::In("context_types", masks(|m| m & 2 != 0))],
                vec![Filter::NotIn("context_types", masks(|m| m & 4 != 0))],
                ids(Kind::EngagementMember),
            ],
            sorts: vec![("created", vec![])],
        },
        Shape {
            name: "ListResourceSnapshots",
            kind: Kind::Snapshot,
            always: vec![
                Filter::starts_with("id", "eng-1/"),
                one("restricted_to", &["", ACCOUNT]),
            ],
            optional: vec![
                vec![one("resource_type", &["Opportunity"])],
                some("resource", Kind::Snapshot),
                some("template", Kind::Snapshot),
                some("created_by", Kind::Snapshot),
            ],
            sorts: vec![("id", vec![])],
        },
        Shape {
            name: "ListResourceSnapshots of one series",
            kind: Kind::Snapshot,
            always: vec![
                Filter::starts_with("id", "eng-1/Opportunity/O1/OpportunitySummaryView/"),
                one("restricted_to", &["", ACCOUNT]),
            ],
            optional: vec![some("created_by", Kind::Snapshot)],
            sorts: vec![("id", vec![])],
        },
        Shape {
            name: "ListEngagementResourceAssociations",
            kind: Kind::Association,
            always: vec![],
            optional: vec![
                vec![Filter::starts_with("id", "eng-1/")],
                vec![one("resource_type", &["Opportunity"])],
                some("resource", Kind::Association),
                some("created_by", Kind::Association),
            ],
            sorts: vec![("id", vec![])],
        },
        Shape {
            name: "ListResourceSnapshotJobs",
            kind: Kind::SnapshotJob,
            always: vec![],
            optional: vec![
                some("engagement", Kind::SnapshotJob),
                some("status", Kind::SnapshotJob),
            ],
            sorts: vec![("created", vec![])],
        },
        Shape {
            name: "the running jobs of a resource",
            kind: Kind::SnapshotJob,
            always: vec![one("resource", &["O1"])],
            optional: vec![vec![one("status", &["Running"])]],
            sorts: vec![("id", vec![])],
        },
    ];
    for participant in ["SENDER", "RECEIVER"] {
        all.push(Shape {
            name: "ListEngagementInvitations",
            kind: Kind::Invitation,
            always: vec![one("participant", &[participant])],
            optional: ["payload_type", "status", "engagement", "sender"]
                .map(|column| some(column, Kind::Invitation))
                .to_vec(),
            sorts: vec![("invited", vec![])],
        });
    }
    let tasks: [(&str, &str, &[&'static str]); 3] = [
        (
            "ListEngagementFromOpportunityTasks",
            TASK_TYPES[0],
            &["status", "opportunity", "engagement"],
        ),
        (
            "ListEngagementByAcceptingInvitationTasks",
            TASK_TYPES[1],
            &["status", "opportunity", "invitation"],
        ),
        (
            "ListOpportunityFromEngagementTasks",
            TASK_TYPES[2],
            &["status", "opportunity", "engagement", "context"],
        ),
    ];
    for (name, task_type, columns) in tasks {
        let mut optional: Vec<_> = columns.iter().map(|column| some(column, Kind::Task)).collect();
        optional.push(ids(Kind::Task));
        all.push(Shape {
            name,
            kind: Kind::Task,
            always: vec![one("task_type", &[task_type])],
            optional,
            sorts: vec![("started", vec![])],
        });
    }
    let started = |from: Option<i64>, to: Option<i64>| Filter::Range {
        column: "started",
        from: from.map(Value::from),
        to: to.map(Value::from),
    };
    all.push(Shape {
        name: "ListProspectingFromEngagementTasks",
        kind: Kind::Task,
        always: vec![one("task_type", &[TASK_TYPES[3]])],
        optional: vec![
            some("name", Kind::Task),
            vec![
                started(Some(20), None),
                started(None, Some(30)),
                started(Some(10), Some(30)),
            ],
            ids(Kind::Task),
        ],
        sorts: vec![
            ("started", vec![]),
            ("name", vec![Filter::present("name")]),
            ("failed", vec![]),
        ],
    });
    all.extend(operator_shapes());
    all
}

/// The lists of the operator: AWS's directory of submitted deals, connections, and the partner's own identifier.
fn operator_shapes() -> Vec<Shape> {
    let deals = |name, always, optional, by| Shape {
        name,
        kind: Kind::Deal,
        always,
        optional,
        sorts: vec![(by, vec![])],
    };
    let submitted = Filter::Range {
        column: "submitted",
        from: Some(10.into()),
        to: Some(30.into()),
    };
    vec![
        deals(
            "the review queue",
            vec![],
            vec![
                some("status", Kind::Deal),
                some("account", Kind::Deal),
                some("company", Kind::Deal),
                vec![submitted],
            ],
            "submitted",
        ),
        deals(
            "the deals of an account",
            vec![one("account", &[ACCOUNT])],
            vec![some("status", Kind::Deal)],
            "submitted",
        ),
        deals(
            "the deals of a status, further narrowed",
            vec![one("status", &["Submitted"])],
            vec![
                vec![Filter::Range {
                    column: "amount",
                    from: Some(100.into()),
                    to: None,
                }],
                some("industry", Kind::Deal),
                some("country", Kind::Deal),
                some("stage", Kind::Deal),
            ],
            "submitted",
        ),
        deals("the deals by id", vec![], vec![ids(Kind::Deal)], "id"),
        Shape {
            name: "the connections of an account, as the lower one",
            kind: Kind::Connection,
            always: vec![one("one", &[ACCOUNT])],
            optional: vec![],
            sorts: vec![("id", vec![])],
        },
        Shape {
            name: "the connections of an account, as the higher one",
            kind: Kind::Connection,
            always: vec![one("other", &[OTHER])],
            optional: vec![],
            sorts: vec![("id", vec![])],
        },
        Shape {
            name: "opportunities by the partner's own identifier",
            kind: Kind::Opportunity,
            always: vec![one("partner_identifier", &["CRM-1", "CRM-2"])],
            optional: vec![],
            sorts: vec![("last_modified", vec![]), ("created", vec![])],
        },
    ]
}

/// Stand-ins for the four types of task.
pub const TASK_TYPES: [&str; 4] = ["by-opportunity", "by-invitation", "from-lead", "prospecting"];

/// The values a column takes in tests: the first is frequent, the others are not.
pub fn pool(kind: Kind, column: &str) -> Vec<Value> {
    let texts: &[&str] = match (kind, column) {
        (Kind::Deal, "status") => &["Submitted", "In review", "Approved", "Action Required"],
        (Kind::Opportunity, "partner_identifier") => {
            let mut some = vec![Value::Null];
            some.extend((1..20).map(|n| Value::from(format!("CRM-{n}"))));
            return some;
        }
        (_, "account" | "one" | "other") => &[ACCOUNT, OTHER, "777788889999"],
        (_, "stage") => &["Prospect", "Qualified", "Committed"],
        (_, "review_status") => &["Submitted", "Approved"],
        (_, "company") => &["Example Corp", "Any Company", "Ünï GmbH"],
        (_, "partner_identifier") => &["CRM-1", "CRM-2"],
        (_, "industry") => &["Retail", "Education"],
        (_, "country") => &["US", "DE", "JP"],
        (_, "target_close") => &["2030-01-31", "2030-02-28"],
        (_, "amount") => return [5, 100, 20_000].map(Value::from).to_vec(),
        (_, "participant") => &["RECEIVER", "SENDER"],
        (Kind::Invitation, "status") => &["ACCEPTED", "EXPIRED", "PENDING", "REJECTED"],
        (Kind::SnapshotJob, "status") => &["Running", "Stopped"],
        (_, "status") => &["COMPLETE", "FAILED", "IN_PROGRESS"],
        (_, "payload_type") => &["OpportunityInvitation", "LeadInvitation"],
        (_, "sender" | "created_by") => &[ACCOUNT, OTHER, "aws"],
        (_, "restricted_to") => &["", ACCOUNT, OTHER],
        (_, "resource_type") => &["Opportunity"],
        (_, "template") => &["OpportunitySummaryView", "AwsOpportunitySummaryFullView"],
        (_, "task_type") => &TASK_TYPES,
        (_, "context") => &["1", "2", "3"],
        (_, "resource" | "opportunity") => &["O0", "O1", "O2", "O3"],
        (_, "engagement") => &["eng-0", "eng-1", "eng-2", "eng-3"],
        (_, "invitation") => &["engi-0", "engi-1", "engi-2"],
        (_, "name") => &["weekly", "Weekly", "a list", "Ünï"],
        (_, "context_types") => return [0, 1, 2, 3, 5, 6, 7].map(Value::from).to_vec(),
        (_, "created" | "invited" | "started" | "submitted" | "last_modified") => {
            return (0..40).map(Value::from).collect();
        }
        (_, "failed") => return (0..4).map(Value::from).collect(),
        _ => panic!("{kind:?} has a column {column} that the tests have no values for"),
    };
    let mut values: Vec<Value> = texts.iter().map(|t| Value::from(*t)).collect();
    if kind.spec().column(column).unwrap().nullable {
        values.insert(1, Value::Null);
    }
    values
}

/// A number that looks random but is the same for the same arguments.
fn scatter(seed: u64, n: usize, salt: usize) -> usize {
    let mut x = seed ^ ((n as u64) << 20) ^ ((salt as u64) << 50) ^ 0x9e37_79b9_7f4a_7c15;
    for _ in 0..3 {
        x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (x >> 33) as usize
}

/// Ids as the kind has them, scattered, so that their order is not the order of inserts.
pub fn id_of(kind: Kind, n: usize) -> String {
    let number = n * 37 % 1009;
    match kind {
        Kind::Snapshot => {
            let template = pool(kind, "template")[n % 2].clone();
            let Value::Text(template) = template else {
                panic!("a template is a text")
            };
            format!("eng-{}/Opportunity/O{}/{template}/{number:010}", n % 3, n / 3 % 4)
        }
        Kind::Association => format!("eng-{}/Opportunity/O{number}", n % 3),
        _ => format!("x{number:04}"),
    }
}

/// The `n`th row of a kind: few distinct values, so that ties, NULLs, frequent and rare values abound.
pub fn row(kind: Kind, seed: u64, n: usize) -> Record {
    let columns = kind.spec().columns.iter().enumerate().map(|(salt, column)| {
        let pool = pool(kind, column.name);
        let random = scatter(seed, n, salt);
        // Times and what a list is always narrowed to are even; of the others the first value is frequent.
        let even = pool.len() > 10 || ["task_type", "participant"].contains(&column.name);
        let frequent = !even && !random.is_multiple_of(4);
        let place = if frequent { 0 } else { random / 4 % pool.len() };
        (column.name, pool[place].clone())
    });
    let columns = columns.collect();
    with(sample(kind, &id_of(kind, n)), columns)
}
