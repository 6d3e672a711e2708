//! A service over a store of its own, for tests that put records there which no operation writes yet.

use std::sync::Arc;

use cosell_domain::engagement::{Engagement, Member, Profile};
use cosell_domain::{Catalog, arn};
use cosell_model::{ApiError, ErrorKind, Operation, Timestamp};
use cosell_store::{Changes, Record, Store, Write};
use cosell_store_sqlite::{Options, SqliteStore};
use serde_json::Value;

use crate::{Caller, Clock, PageTokens, Service, Settings, SystemClock, Throttle};

pub(crate) const ONE: &str = "111122223333";
pub(crate) const TWO: &str = "222233334444";
pub(crate) const STRANGER: &str = "999988887777";
pub(crate) const REGION: &str = arn::DEFAULT_REGION;
const START: i64 = 1_800_000_000_000;

/// So many seconds after the beginning of every story.
pub(crate) fn second(number: i64) -> Timestamp {
    Timestamp::from_millis(START + number * 1000)
}

pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) service: Service,
}

impl World {
    pub(crate) fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open_ephemeral(Options::default()).unwrap());
        Self::over(store, Arc::new(SystemClock), Settings::default())
    }

    /// A service over that store and clock.
    pub(crate) fn over(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        let service = Service::new(
            Arc::clone(&store),
            clock,
            settings,
            PageTokens::new([1; 32]),
            Throttle::off(),
        );
        Self { store, service }
    }

    /// Writes new records.
    pub(crate) async fn insert(&self, records: impl IntoIterator<Item = Record>) {
        self.write(records.into_iter().map(Write::Insert).collect()).await;
    }

    pub(crate) async fn write(&self, writes: Vec<Write>) {
        let changes = Changes {
            writes,
            ..Changes::default()
        };
        self.store.apply(changes).await.unwrap();
    }

    /// An engagement of these accounts.
    pub(crate) async fn engagement(&self, catalog: Catalog, id: &str, members: &[&str]) {
        let member = |account: &&str| Member {
            profile: Profile {
                account_id: (*account).to_owned(),
                company_name: format!("Partner {account}"),
                website_url: None,
            },
            joined_at: second(0),
        };
        let engagement = Engagement {
            id: id.to_owned(),
            arn: arn::engagement(REGION, catalog, id),
            catalog: catalog.as_str().to_owned(),
            title: None,
            description: None,
            created_at: second(0),
            created_by: members[0].to_owned(),
            modified_at: second(0),
            modified_by: members[0].to_owned(),
            contexts: Vec::new(),
            members: members.iter().map(member).collect(),
        };
        self.write(crate::engagement::record::writes(None, &engagement).unwrap())
            .await;
    }

    /// Calls in the sandbox, unless the body names another catalog.
    pub(crate) async fn call(
        &self,
        account: &str,
        operation: Operation,
        mut body: Value,
    ) -> Result<Value, ApiError> {
        if body.get("Catalog").is_none() && body.get("ResourceArn").is_none() {
            body["Catalog"] = "Sandbox".into();
        }
        let caller = Caller::of(account);
        let answer = self
            .service
            .call(operation, &caller, body.to_string().as_bytes())
            .await?;
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }

    /// How a call is refused.
    pub(crate) async fn refusal(&self, account: &str, operation: Operation, body: Value) -> ErrorKind {
        self.call(account, operation, body).await.unwrap_err().kind
    }

    /// Every row of a list, read in pages of two sizes that must agree.
    pub(crate) async fn rows(
        &self,
        account: &str,
        operation: Operation,
        member: &str,
        body: Value,
    ) -> Vec<Value> {
        let single = self.pages(account, operation, member, body.clone(), 1).await;
        let large = self.pages(account, operation, member, body, 100).await;
        assert_eq!(single, large, "pages of one row show what one page does");
        large
    }

    /// Every row of a list, read in pages of that size.
    pub(crate) async fn pages(
        &self,
        account: &str,
        operation: Operation,
        member: &str,
        mut body: Value,
        size: usize,
    ) -> Vec<Value> {
        body["MaxResults"] = size.into();
        let mut rows = Vec::new();
        loop {
            let page = self.call(account, operation, body.clone()).await.unwrap();
            let list = page[member].as_array().unwrap();
            assert!(list.len() <= size);
            rows.extend(list.clone());
            match page.get("NextToken") {
                Some(token) => body["NextToken"] = token.clone(),
                None => return rows,
            }
        }
    }
}
