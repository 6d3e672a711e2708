//! AWS's directory for deals of before there was one: a version of cosell without it left submitted opportunities that are in no
//! list of AWS's side until they change. Entered once; what is entered is not changed otherwise.

use cosell_domain::Catalog;
use cosell_domain::opportunity::Private;
use cosell_model::ApiError;
use cosell_store::{ApplyError, Changes, Cursor, Key, Kind, Query, Sort};

use super::record::{decode, writes};
use crate::answer::{encode, read_failed, stored, write_failed};
use crate::audit::Author;
use crate::identity::accounts;
use crate::service::Service;

/// The setting that says that it was done.
const DONE: &str = "deals listed";
/// Opportunities that are looked at together.
const PAGE: usize = 500;
/// How often one that others change meanwhile is tried.
const ATTEMPTS: u32 = 8;

impl Service {
    /// Enters the deals that AWS's directory does not know yet; how many. The first time in a store it reads every opportunity,
    /// later only whether that was done. To be called before anybody asks for lists, and after the whole state was exchanged.
    pub async fn list_old_deals(&self) -> Result<u64, ApiError> {
        let done = Key::global(Kind::Setting, DONE);
        if self.store.get(&done).await.map_err(read_failed)?.is_some() {
            return Ok(0);
        }
        let accounts = accounts::list(&*self.store).await?;
        let mut entered = 0;
        for account in &accounts {
            for catalog in Catalog::ALL {
                entered += self.list_deals_of(&account.account_id, catalog).await?;
            }
        }
        let document = encode(&true)?;
        let mark = cosell_store::Write::Insert(cosell_store::Record {
            key: done,
            version: 1,
            document: document.clone(),
            summary: document,
            private: bytes::Bytes::new(),
            columns: Vec::new(),
        });
        let changes = Changes {
            writes: vec![mark],
            ..Changes::default()
        };
        match self.store.apply(changes).await {
            // Somebody else was as fast.
            Ok(()) | Err(ApplyError::Conflict(_)) => {}
            Err(error) => return Err(write_failed(error)),
        }
        if entered > 0 {
            tracing::info!(entered, "deals of an older version are in AWS's directory now");
        }
        Ok(entered)
    }

    async fn list_deals_of(&self, account: &str, catalog: Catalog) -> Result<u64, ApiError> {
        let mut query = Query {
            kind: Kind::Opportunity,
            account: account.to_owned(),
            catalog: catalog.as_str().to_owned(),
            filters: Vec::new(),
            sort: Sort {
                by: "id",
                descending: false,
            },
            after: None::<Cursor>,
            limit: PAGE,
        };
        let mut entered = 0;
        loop {
            let page = self.store.query(&query).await.map_err(read_failed)?;
            let keys: Vec<Key> = page
                .items
                .iter()
                .map(|item| Key::new(Kind::Opportunity, account, catalog.as_str(), &item.id))
                .collect();
            let found = self.store.get_many(&keys).await.map_err(read_failed)?;
            for (key, found) in keys.iter().zip(found) {
                let Some(found) = found else { continue };
                let private: Private = stored(&found.private, "an opportunity's private part")?;
                if private.aws.is_some() && !private.listed {
                    entered += u64::from(self.list_deal(key).await?);
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(entered),
            }
        }
    }

    /// Enters one deal; false where others did meanwhile.
    async fn list_deal(&self, key: &Key) -> Result<bool, ApiError> {
        let deed = Author::server("start").deed("ListDeal");
        let mut attempt = 0;
        loop {
            attempt += 1;
            let Some(found) = self.store.get(key).await.map_err(read_failed)? else {
                return Ok(false);
            };
            let opportunity = decode(&found)?;
            if opportunity.private.listed {
                return Ok(false);
            }
            let changes = Changes {
                writes: writes(&key.account, Some((&opportunity, found.version)), &opportunity)?,
                ..Changes::default()
            };
            match self.apply(&deed, changes).await {
                Ok(()) => return Ok(true),
                Err(ApplyError::Conflict(_)) if attempt < ATTEMPTS => {}
                Err(error) => return Err(write_failed(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cosell_store::{Stored, Write};
    use cosell_store_sqlite::{Options, SqliteStore};
    use serde_json::Value;

    use super::super::record::record;
    use super::*;
    use crate::identity::accounts::Account;
    use crate::identity::partner::{Partner, register};
    use crate::operator::By;
    use crate::operator::state::Starter;
    use crate::testing::{ONE, REGION, TWO, World, second};
    use crate::{Settings, SystemClock};

    async fn rows(service: &Service, kind: Kind, account: &str) -> Vec<(String, Value)> {
        let sort = Sort {
            by: "id",
            descending: false,
        };
        let query = Query {
            kind,
            account: account.to_owned(),
            catalog: "Sandbox".to_owned(),
            filters: Vec::new(),
            sort,
            after: None,
            limit: 100,
        };
        let page = service.store.query(&query).await.unwrap();
        let row = |item: cosell_store::Item| (item.id, serde_json::from_slice(&item.summary).unwrap());
        page.items.into_iter().map(row).collect()
    }

    async fn get(service: &Service, key: &Key) -> Stored {
        service.store.get(key).await.unwrap().unwrap()
    }

    /// Leaves the store as a version without a directory would have.
    async fn forget_directory(service: &Service) -> usize {
        let deals = rows(service, Kind::Deal, "").await;
        for (id, _) in &deals {
            let listed = Key::shared(Kind::Deal, "Sandbox", id);
            let expected = get(service, &listed).await.version;
            let mut writes = vec![Write::Delete {
                key: listed,
                expected,
            }];
            for account in [ONE, TWO] {
                let key = Key::new(Kind::Opportunity, account, "Sandbox", id);
                let Some(found) = service.store.get(&key).await.unwrap() else {
                    continue;
                };
                let mut old = decode(&found).unwrap();
                old.private.listed = false;
                let record = record(account, &old, found.version + 1).unwrap();
                let expected = found.version;
                writes.push(Write::Replace { record, expected });
            }
            let changes = Changes {
                writes,
                ..Changes::default()
            };
            service.store.apply(changes).await.unwrap();
        }
        deals.len()
    }

    #[tokio::test]
    async fn deals_of_a_version_without_a_directory_are_entered_once_and_otherwise_as_they_were() {
        let store = SqliteStore::open_ephemeral(Options::default()).unwrap();
        let world = World::over(Arc::new(store), Arc::new(SystemClock), Settings::default());
        let service = &world.service;
        for account in [ONE, TWO] {
            let partner = Partner::from(Account {
                account_id: account.to_owned(),
                company_name: account.to_owned(),
                website_url: None,
                created_date: second(0),
            });
            let registered = register(&*world.store, &Author::command(), REGION, partner).await;
            registered.unwrap();
        }
        let by = By {
            token: "test".to_owned(),
            request_id: String::new(),
        };
        let starter = Starter {
            accounts: vec![ONE.to_owned(), TWO.to_owned()],
            catalog: Catalog::Sandbox,
            document: None,
        };
        Box::pin(service.seed_story(&by, &starter)).await.unwrap();
        let (deals, own) = (
            rows(service, Kind::Deal, "").await,
            rows(service, Kind::Opportunity, ONE).await,
        );
        let known = forget_directory(service).await;
        assert!(known > 20 && rows(service, Kind::Deal, "").await.is_empty());
        assert_eq!(service.list_old_deals().await.unwrap(), known as u64);
        assert_eq!(rows(service, Kind::Deal, "").await, deals);
        assert_eq!(
            rows(service, Kind::Opportunity, ONE).await,
            own,
            "drafts stay drafts, dates stay"
        );
        // Each can be changed as any other.
        let (id, _) = &deals[0];
        let key = Key::shared(Kind::Deal, "Sandbox", id);
        let row = get(service, &key).await.version;
        let owner: super::super::deal::Owner =
            serde_json::from_slice(&get(service, &key).await.document).unwrap();
        let name = Key::new(Kind::Opportunity, &owner.account, "Sandbox", id);
        assert_eq!(get(service, &name).await.version, row);

        // Once is enough: the next start looks at nothing.
        forget_directory(service).await;
        assert_eq!(service.list_old_deals().await.unwrap(), 0);
        assert!(rows(service, Kind::Deal, "").await.is_empty());
    }
}
