//! The law of cost of lists: median time of a page of 20 on a small and on a large account, for every filter and sort.
//!
//! `cargo run --release -p cosell-store-sqlite --example list_cost [rows of the large account]`

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cosell_store::{Changes, Filter, Key, Kind, Query, Record, Sort, Store, Value, Write};
use cosell_store_sqlite::{Options, SqliteStore};
use std::time::{Duration, Instant};

const SMALL: u64 = 1000;
const STAGES: [&str; 6] = [
    "Prospect",
    "Qualified",
    "Technical Validation",
    "Business Validation",
    "Committed",
    "Launched",
];
const REVIEWS: [&str; 5] = [
    "Pending Submission",
    "Submitted",
    "In review",
    "Approved",
    "Action Required",
];

fn record(account: &str, n: u64, rows: u64) -> Record {
    // Different bits for different columns, so that no two are correlated.
    let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
    Record {
        key: Key::new(Kind::Opportunity, account, "AWS", format!("O{n:07}")),
        version: 1,
        document: Bytes::from(format!("\"{}\"", "x".repeat(300))),
        summary: Bytes::from(format!("\"{}\"", "x".repeat(600))),
        private: Bytes::new(),
        columns: vec![
            ("last_modified", (scattered as i64).into()),
            ("created", (n as i64).into()),
            (
                "target_close",
                (!scattered.is_multiple_of(10))
                    .then(|| {
                        format!(
                            "2030-{:02}-{:02}",
                            (scattered >> 9) % 12 + 1,
                            (scattered >> 13) % 28 + 1
                        )
                    })
                    .into(),
            ),
            // A company has about 20 opportunities, however many there are.
            ("company", format!("Company {}", scattered % (rows / 20)).into()),
            ("stage", STAGES[scattered as usize % STAGES.len()].into()),
            (
                "review_status",
                REVIEWS[(scattered >> 17) as usize % REVIEWS.len()].into(),
            ),
        ],
    }
}

fn filters(rows: u64) -> Vec<(&'static str, Vec<Filter>)> {
    let texts =
        |column, values: &[&str]| Filter::In(column, values.iter().map(|v| Value::from(*v)).collect());
    // Ranges that the same number of rows match in both accounts, and ones that a share of the rows match.
    let few = Filter::Range {
        column: "created",
        from: Some(500.into()),
        to: Some(600.into()),
    };
    let half = Filter::Range {
        column: "created",
        from: Some((rows as i64 / 2).into()),
        to: None,
    };
    let days = Filter::Range {
        column: "target_close",
        from: Some("2030-03-01".into()),
        to: Some("2030-05-31".into()),
    };
    let ids = (100..120).map(|n| Value::from(format!("O{n:07}"))).collect();
    vec![
        ("none", vec![]),
        ("20 ids", vec![Filter::In("id", ids)]),
        ("stage, one", vec![texts("stage", &STAGES[..1])]),
        ("stage, three", vec![texts("stage", &STAGES[..3])]),
        ("review status, two", vec![texts("review_status", &REVIEWS[..2])]),
        (
            "company, two",
            vec![texts("company", &["Company 3", "Company 7"])],
        ),
        ("created, few", vec![few]),
        ("created, half", vec![half]),
        ("target close", vec![days.clone()]),
        (
            "stage and review status",
            vec![
                texts("stage", &STAGES[..2]),
                texts("review_status", &REVIEWS[..1]),
            ],
        ),
        ("stage and target close", vec![texts("stage", &STAGES[..2]), days]),
    ]
}

async fn median(store: &SqliteStore, query: &Query) -> Duration {
    let mut took = Vec::new();
    for _ in 0..60 {
        let begin = Instant::now();
        std::hint::black_box(store.query(query).await.unwrap());
        took.push(begin.elapsed());
    }
    took.sort();
    took[took.len() / 2]
}

fn main() {
    let large: u64 = std::env::args().nth(1).map_or(1_000_000, |s| s.parse().unwrap());
    let store = SqliteStore::open_ephemeral(Options::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        for (account, rows) in [("small", SMALL), ("large", large)] {
            for from in (0..rows).step_by(500) {
                let writes = (from..rows.min(from + 500))
                    .map(|n| Write::Insert(record(account, n, rows)))
                    .collect();
                store
                    .apply(Changes {
                        writes,
                        ..Changes::default()
                    })
                    .await
                    .unwrap();
            }
        }
        println!("medians of a page of 20: {SMALL} rows, {large} rows, ratio");
        let mut worst: f64 = 0.0;
        for (small, large) in filters(SMALL).into_iter().zip(filters(large)) {
            for sort in Kind::Opportunity.spec().sorts {
                for descending in [false, true] {
                    let query = |account: &str, filters: &[Filter]| Query {
                        kind: Kind::Opportunity,
                        account: account.into(),
                        catalog: "AWS".into(),
                        filters: filters.to_vec(),
                        sort: Sort {
                            by: sort.by,
                            descending,
                        },
                        after: None,
                        limit: 20,
                    };
                    let a = median(&store, &query("small", &small.1)).await;
                    let b = median(&store, &query("large", &large.1)).await;
                    let ratio = b.as_secs_f64() / a.as_secs_f64();
                    worst = worst.max(ratio);
                    let direction = if descending { "descending" } else { "ascending" };
                    println!(
                        "{:24} by {:14} {direction:10} {a:>10.1?} {b:>10.1?} {ratio:6.2}",
                        small.0, sort.by
                    );
                }
            }
        }
        println!("worst ratio {worst:.2}");
    });
}
