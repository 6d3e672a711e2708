//! A bare PostgreSQL: the rows that creations leave, inserted again by a program that does nothing else. The same tables with the
//! same indexes, the same texts, 64 rows a statement and as many a commit as clients wait, so what cosell adds to it is the
//! price of HTTP, signatures, validation, rules, and of reading what a change relies on.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use cosell_store::Store as _;
use cosell_store_postgres::{Options, PostgresStore};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row, Statement};

use crate::process;

/// Rows of each table that are taken as samples; they are used again and again under keys of their own.
const SAMPLES: i64 = 640;

/// The tables that a creation writes a row to, and the column that tells which row came last.
const TABLES: [(&str, &str); 4] = [
    ("opportunity", "created"),
    ("event", "seq"),
    ("audit", "seq"),
    ("idempotency", "seq"),
];

/// What was measured.
#[derive(Clone, Copy)]
pub struct Measured {
    /// Creations' rows per second; one creation is a row in each of the tables.
    pub per_second: f64,
    /// Milliseconds of a commit.
    pub p50: f64,
    /// Milliseconds of a commit.
    pub p99: f64,
    /// Processor time of the database for a creation's rows, in microseconds.
    pub database: f64,
}

/// A database of its own, and the rows to insert.
pub struct Bare {
    url: String,
    postmaster: u32,
    tables: Vec<Samples>,
    /// Rows inserted so far.
    done: i64,
}

struct Samples {
    name: &'static str,
    columns: Vec<(String, Type)>,
    rows: Vec<Row>,
}

impl Bare {
    /// Makes a database with cosell's tables in it, and takes samples of what creations left in another one.
    pub async fn open(url: String, postmaster: u32, sampled: &str) -> anyhow::Result<Self> {
        // For its tables; nothing of it runs while rows are inserted.
        let store = PostgresStore::open(&url, Options::default()).await?;
        store.close().await;
        let client = connect(sampled).await?;
        let mut tables = Vec::new();
        for (name, order) in TABLES {
            let rows = client
                .query(
                    &format!("SELECT * FROM {name} ORDER BY {order} DESC LIMIT {SAMPLES}"),
                    &[],
                )
                .await?;
            let first = rows
                .first()
                .with_context(|| format!("nothing was created in {name}"))?;
            let columns = first
                .columns()
                .iter()
                .map(|c| (c.name().to_owned(), c.type_().clone()));
            tables.push(Samples {
                name,
                columns: columns.collect(),
                rows,
            });
        }
        Ok(Bare {
            url,
            postmaster,
            tables,
            done: 0,
        })
    }

    /// Inserts for a while over so many connections, each with groups of `group` rows a commit.
    pub async fn measure(
        &mut self,
        connections: usize,
        group: usize,
        time: Duration,
    ) -> anyhow::Result<Measured> {
        let mut writers = Vec::new();
        for _ in 0..connections {
            let client = connect(&self.url).await?;
            let mut statements = Vec::new();
            for table in &self.tables {
                statements.push(client.prepare(&table.insert()).await?);
            }
            writers.push((client, statements));
        }
        let (started, before) = (Instant::now(), process::cpu_of_family(self.postmaster)?);
        let end = started + time;
        let next = std::cell::Cell::new(self.done);
        let (tables, next) = (&self.tables, &next);
        let work = writers.iter().map(|(client, statements)| async move {
            let mut times = Vec::new();
            while Instant::now() < end {
                let first = next.get();
                next.set(first + i64::try_from(group)?);
                let began = Instant::now();
                commit(client, statements, tables, first, group).await?;
                times.push(began.elapsed());
            }
            anyhow::Ok(times)
        });
        let times = futures_util::future::try_join_all(work).await?;
        let took = started.elapsed().as_secs_f64();
        let cpu = process::cpu_of_family(self.postmaster)? - before;
        let rows = (next.get() - self.done) as f64;
        self.done = next.get();
        let mut times: Vec<Duration> = times.into_iter().flatten().collect();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        Ok(Measured {
            per_second: rows / took,
            p50: at(0.5),
            p99: at(0.99),
            database: cpu.as_micros() as f64 / rows,
        })
    }
}

async fn connect(url: &str) -> anyhow::Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    // It ends with its client; whoever waits for an answer hears of an error.
    tokio::spawn(connection);
    Ok(client)
}

/// One transaction, sent as a whole.
async fn commit(
    client: &Client,
    statements: &[Statement],
    tables: &[Samples],
    first: i64,
    group: usize,
) -> anyhow::Result<()> {
    let columns: Vec<_> = tables.iter().map(|table| table.values(first, group)).collect();
    let columns = columns.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let params: Vec<Vec<&(dyn ToSql + Sync)>> = columns
        .iter()
        .map(|table| table.iter().map(|column| &**column as _).collect())
        .collect();
    let inserts = statements
        .iter()
        .zip(&params)
        .map(|(statement, params)| client.execute(statement, params));
    // The first poll of each, in their order, sends it.
    let (begun, inserted, committed) = tokio::join!(
        biased;
        client.batch_execute("BEGIN"),
        futures_util::future::try_join_all(inserts),
        client.batch_execute("COMMIT"),
    );
    begun?;
    inserted?;
    Ok(committed?)
}

type Column = Box<dyn ToSql + Sync + Send>;

impl Samples {
    fn insert(&self) -> String {
        let names: Vec<_> = self.columns.iter().map(|(name, _)| name.as_str()).collect();
        let arrays = self.columns.iter().enumerate();
        let arrays = arrays.map(|(n, (_, ty))| format!("${}::{}[]", n + 1, ty.name()));
        format!(
            "INSERT INTO {} ({}) SELECT * FROM unnest({})",
            self.name,
            names.join(", "),
            arrays.collect::<Vec<_>>().join(", ")
        )
    }

    /// The columns of some rows: those of the samples, with keys and times of their own.
    fn values(&self, first: i64, group: usize) -> anyhow::Result<Vec<Column>> {
        let numbers: Vec<i64> = (first..).take(group).collect();
        let sample = |number: i64| -> anyhow::Result<&Row> {
            let turn = usize::try_from(number)? % self.rows.len();
            Ok(&self.rows[turn])
        };
        let mut all: Vec<Column> = Vec::with_capacity(self.columns.len());
        for (place, (name, ty)) in self.columns.iter().enumerate() {
            let is_key = matches!(
                (self.name, name.as_str()),
                ("opportunity" | "event", "id") | ("idempotency", "token")
            );
            let is_place = matches!(
                name.as_str(),
                "seq" | "created" | "last_modified" | "time" | "created_at"
            );
            let numbers = numbers.iter();
            all.push(match *ty {
                Type::TEXT if is_key => {
                    // As long as what stands there.
                    let length = sample(0)?.try_get::<_, &str>(place)?.len();
                    Box::new(numbers.map(|n| format!("{n:0length$}")).collect::<Vec<_>>())
                }
                Type::INT8 if is_place => Box::new(numbers.map(|n| n + 1).collect::<Vec<_>>()),
                Type::TEXT => Box::new(column::<Option<&str>, _>(numbers, sample, place, |v| {
                    v.map(str::to_owned)
                })?),
                Type::INT8 => Box::new(column::<Option<i64>, _>(numbers, sample, place, |v| v)?),
                Type::BYTEA => Box::new(column::<Option<&[u8]>, _>(numbers, sample, place, |v| {
                    v.map(<[u8]>::to_vec)
                })?),
                _ => anyhow::bail!("{}.{name} has a type that is not copied: {ty}", self.name),
            });
        }
        Ok(all)
    }
}

/// A column of the samples of some rows.
fn column<'r, V, O>(
    numbers: impl Iterator<Item = &'r i64>,
    sample: impl Fn(i64) -> anyhow::Result<&'r Row>,
    place: usize,
    owned: impl Fn(V) -> O,
) -> anyhow::Result<Vec<O>>
where
    V: tokio_postgres::types::FromSql<'r>,
{
    numbers
        .map(|number| Ok(owned(sample(*number)?.try_get(place)?)))
        .collect()
}
