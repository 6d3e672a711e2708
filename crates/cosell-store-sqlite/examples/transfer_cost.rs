//! What moving much data costs: bulk inserts, the export of everything to a file, and its import into another folder, in
//! rows a second, with documents of 3 KB and every index.
//!
//! `cargo run --release -p cosell-store-sqlite --example transfer_cost [records]`

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cosell_model::Timestamp;
use cosell_store::{Key, Kind, ProgressFn, Record, Store, state};
use cosell_store_sqlite::{Options, SqliteStore};
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::sync::Arc;
use std::time::Instant;

fn record(n: u64) -> Record {
    let scattered = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let pick = |values: &[&'static str]| values[scattered as usize % values.len()];
    let text = r#""CompanyName":"Example Corp","Title":"A title","#.repeat(60);
    Record {
        key: Key::new(
            Kind::Opportunity,
            format!("{:012}", n % 100),
            "AWS",
            format!("O{n:08}"),
        ),
        version: 1,
        document: format!(r#"{{{text}"Id":"O{n}"}}"#).into(),
        summary: format!(r#"{{"Id":"O{n}","Text":"{}"}}"#, "x".repeat(600)).into(),
        private: Bytes::from_static(b"{}"),
        columns: vec![
            ("last_modified", (scattered as i64).into()),
            ("created", (n as i64).into()),
            (
                "target_close",
                format!("2030-01-{:02}", scattered % 28 + 1).into(),
            ),
            ("company", format!("Company {}", scattered % 1000).into()),
            ("stage", pick(&["Prospect", "Qualified", "Committed"]).into()),
            (
                "review_status",
                pick(&["Pending Submission", "Submitted", "Approved"]).into(),
            ),
        ],
    }
}

/// Most memory this process has had, in MiB, from the kernel's own account.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

fn main() {
    let count: u64 = std::env::args().nth(1).map_or(100_000, |n| n.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| SqliteStore::open(folder.path().join(name), Options::default()).unwrap();
    let silent: ProgressFn = Arc::new(|_| {});
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (one, other) = (open("one"), open("other"));
        let path = folder.path().join("state");
        let told = |what: &str, start: Instant| {
            println!(
                "{what:8} {:8.0} rows/s  peak {} MiB",
                count as f64 / start.elapsed().as_secs_f64(),
                peak()
            );
        };
        let start = Instant::now();
        one.bulk(&mut (0..count).map(record), silent.clone())
            .await
            .unwrap();
        told("bulk", start);
        let start = Instant::now();
        let out = BufWriter::with_capacity(1 << 20, File::create(&path).unwrap());
        let time = Timestamp::from_millis(0);
        let (_, summary) = state::export(&one, out, time, silent.clone()).await.unwrap();
        assert_eq!(summary.items, count);
        told("export", start);
        let start = Instant::now();
        let file = BufReader::with_capacity(1 << 20, File::open(&path).unwrap());
        state::import(&other, file, silent.clone()).await.unwrap();
        told("import", start);
        let start = Instant::now();
        let file = BufReader::with_capacity(1 << 20, File::open(&path).unwrap());
        state::import(&other, file, silent).await.unwrap();
        told("import over as much", start);
        println!("{} bytes", std::fs::metadata(&path).unwrap().len());
    });
}
