//! Many rows at once, in the binary form of `COPY`.

use crate::param::Param;
use cosell_store::{ColumnType, Kind};
use std::pin::pin;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};

/// The types of a kind's columns, as its rows are copied.
pub(super) fn record_types(kind: Kind) -> Vec<Type> {
    let mut types = vec![Type::TEXT, Type::TEXT, Type::TEXT, Type::INT8];
    types.extend(kind.spec().columns.iter().map(|c| match c.ty {
        ColumnType::Text => Type::TEXT,
        ColumnType::Integer => Type::INT8,
    }));
    types.extend([Type::TEXT, Type::TEXT, Type::TEXT]);
    types
}

/// Copies rows into a table.
pub(super) async fn rows<'r>(
    client: &Client,
    sql: &str,
    types: &[Type],
    rows: impl Iterator<Item = Vec<Param<'r>>>,
) -> Result<(), Error> {
    let sink = client.copy_in(sql).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, types));
    for row in rows {
        let row: Vec<&(dyn ToSql + Sync)> = row.iter().map(|p| p as _).collect();
        writer.as_mut().write(&row).await?;
    }
    writer.finish().await?;
    Ok(())
}
