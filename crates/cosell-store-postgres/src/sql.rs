//! The statements about records, generated from the static descriptions of the kinds.
//!
//! This is the one place that writes SQL about records by key. It must never take in a value: values are bound, names come
//! from [`KindSpec`] only.

use cosell_store::{ColumnType, Kind, KindSpec};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// The statements of a kind. Keys are `$1` tenant, `$2` catalog, `$3` id everywhere. Those that take several rows have an
/// array in the place of each parameter, and take the rows in its order.
pub(crate) struct Texts {
    /// Reads version, document and private part by key.
    pub get: String,
    /// Reads several by their keys: the place in the arrays, the version (with a history: document and private part too).
    /// Keeps others from writing these records.
    pub lock: String,
    /// Reads the versions of several by their keys, after the place in the arrays. Keeps others from writing these records, but
    /// not from relying on them as well.
    pub share: String,
    /// Inserts several: the key, `$4` version, the columns in their order, summary, document, private part.
    pub insert: String,
    /// Replaces several, with the parameters of `insert`.
    pub update: String,
    /// Deletes by key.
    pub delete: String,
    /// Takes rows in bulk, with the columns of `insert`.
    pub copy: String,
    /// Reads everything in the order of the keys: the columns of `insert`.
    pub all: String,
}

/// The statements of a kind.
pub(crate) fn of(kind: Kind) -> &'static Texts {
    static ALL: LazyLock<[Texts; Kind::ALL.len()]> = LazyLock::new(|| Kind::ALL.map(texts));
    // `Kind::ALL` lists the kinds in the order of their declaration, as a test below makes sure.
    &ALL[kind as usize]
}

/// The table of a kind, quoted, since one of them has the name of a keyword.
pub(crate) fn table(spec: &KindSpec) -> String {
    format!("\"{}\"", spec.table)
}

fn texts(kind: Kind) -> Texts {
    const BY_KEY: &str = "WHERE tenant=$1 AND catalog=$2 AND id=$3";
    let spec = kind.spec();
    let table = table(spec);
    let ty = |ty: ColumnType| match ty {
        ColumnType::Text => "text",
        ColumnType::Integer => "bigint",
    };
    let own = spec.columns.iter().map(|c| (c.name, ty(c.ty)));
    let texts = ["summary", "document", "private"].map(|name| (name, "text"));
    let (mut columns, mut arrays) = (
        String::new(),
        String::from("$1::text[], $2::text[], $3::text[], $4::bigint[]"),
    );
    let mut sets = String::from("version=v.version");
    for (place, (name, ty)) in own.chain(texts).enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(columns, ", {name}");
        let _ = write!(arrays, ", ${}::{ty}[]", place + 5);
        let _ = write!(sets, ", {name}=v.{name}");
    }
    let former = if spec.history { ", document, private" } else { "" };
    // The lock is in the inner query, so that rows are locked one after the other in the order of the arrays.
    let locked = |columns: &str, lock: &str| {
        format!(
            "SELECT k.n, r.* FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS k (tenant, catalog, id, n) \
             CROSS JOIN LATERAL (SELECT {columns} FROM {table} AS t \
             WHERE t.tenant=k.tenant AND t.catalog=k.catalog AND t.id=k.id {lock}) AS r"
        )
    };
    Texts {
        get: format!("SELECT version, document, private FROM {table} {BY_KEY}"),
        lock: locked(&format!("version{former}"), "FOR UPDATE"),
        share: locked("version", "FOR SHARE"),
        insert: format!(
            "INSERT INTO {table} (tenant, catalog, id, version{columns}) SELECT * FROM unnest({arrays})"
        ),
        update: format!(
            "UPDATE {table} AS t SET {sets} FROM unnest({arrays}) AS v (tenant, catalog, id, version{columns}) \
             WHERE t.tenant=v.tenant AND t.catalog=v.catalog AND t.id=v.id"
        ),
        delete: format!("DELETE FROM {table} {BY_KEY}"),
        copy: format!("COPY {table} (tenant, catalog, id, version{columns}) FROM STDIN (FORMAT binary)"),
        all: format!(
            "SELECT tenant, catalog, id, version{columns} FROM {table} ORDER BY tenant, catalog, id"
        ),
    }
}

/// The tables that are locked after those of the kinds, in the order in which most writers come to them. The markers of
/// commits are among them so that also a change that touches nothing but logs finds out that there was an exchange.
const LOCKED: [&str; 10] = [
    "job",
    "idempotency",
    "commit_marker",
    "delivery_target",
    "delivery",
    "log_counter",
    "event",
    "audit",
    "history",
    "sequence",
];

/// Lets the writers that are under way end, and keeps all others out until the end of the transaction. Readers are not held up.
/// Writers lock tables in an order of their own, so the two may get in each other's way: then one of them tries again.
pub(crate) fn keep_writers_out() -> String {
    let kinds = Kind::ALL.map(|kind| table(kind.spec()));
    let all: Vec<String> = kinds.into_iter().chain(LOCKED.map(str::to_owned)).collect();
    format!("LOCK TABLE {} IN EXCLUSIVE MODE", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_listed_in_the_order_of_their_declaration() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
    }

    #[test]
    fn no_kind_has_a_column_with_the_name_of_a_part_of_the_key() {
        for kind in Kind::ALL {
            for column in kind.spec().columns {
                let own = [
                    "tenant", "catalog", "id", "version", "summary", "document", "private",
                ];
                assert!(!own.contains(&column.name), "{kind:?} {}", column.name);
            }
        }
    }
}
