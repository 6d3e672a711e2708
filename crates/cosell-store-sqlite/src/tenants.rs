//! The small numbers that stand for (account, catalog) in keys and indexes.
//!
//! A number, once committed, never changes and is never deleted, so it may be remembered for ever. A number that is not
//! committed must not outlive a rollback: see [`Tenants::forget`].

use rusqlite::{Connection, OptionalExtension};
use std::cell::RefCell;
use std::collections::HashMap;

/// The numbers one connection has met.
#[derive(Debug, Default)]
pub(crate) struct Tenants {
    known: RefCell<HashMap<String, Vec<(String, i64)>>>,
}

impl Tenants {
    /// The number of an account and catalog; `None` if nothing was ever stored for them.
    pub(crate) fn find(
        &self,
        connection: &Connection,
        account: &str,
        catalog: &str,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(catalogs) = self.known.borrow().get(account)
            && let Some((_, tenant)) = catalogs.iter().find(|(name, _)| name == catalog)
        {
            return Ok(Some(*tenant));
        }
        let mut statement =
            connection.prepare_cached("SELECT tenant FROM tenant WHERE account=?1 AND catalog=?2")?;
        let tenant = statement.query_row((account, catalog), |r| r.get(0)).optional()?;
        if let Some(tenant) = tenant {
            self.known
                .borrow_mut()
                .entry(account.to_owned())
                .or_default()
                .push((catalog.to_owned(), tenant));
        }
        Ok(tenant)
    }

    /// The number of an account and catalog, given now if they are new.
    pub(crate) fn find_or_add(
        &mut self,
        connection: &Connection,
        account: &str,
        catalog: &str,
    ) -> rusqlite::Result<i64> {
        if let Some(tenant) = self.find(connection, account, catalog)? {
            return Ok(tenant);
        }
        connection
            .prepare_cached("INSERT INTO tenant (account, catalog) VALUES (?1, ?2)")?
            .execute((account, catalog))?;
        let tenant = connection.last_insert_rowid();
        self.known
            .get_mut()
            .entry(account.to_owned())
            .or_default()
            .push((catalog.to_owned(), tenant));
        Ok(tenant)
    }

    /// Forgets everything; needed after every rollback.
    pub(crate) fn forget(&mut self) {
        self.known.get_mut().clear();
    }
}
