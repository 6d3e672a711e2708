//! What tests of packs, of states and of resets have in common.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use cosell_domain::Catalog;
use cosell_model::{Operation as Op, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::identity::accounts::Account;
use crate::identity::partner::{Partner, register};
use crate::operator::state::{Large, Starter};
use crate::story::gate::Gated;
use crate::testing::{ONE, REGION, STRANGER, TWO, World, second};
use crate::{Clock, Settings};
use cosell_store_sqlite::{Options, SqliteStore};

mod packs;
mod reset;
mod transfer;

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        second(0)
    }
}

fn by() -> By {
    By {
        token: "test".to_owned(),
        request_id: String::new(),
    }
}

fn silent() -> ProgressFn {
    Arc::new(|_| {})
}

async fn world() -> World {
    let store = SqliteStore::open_ephemeral(Options::default()).unwrap();
    let world = World::over(Arc::new(store), Arc::new(Still), Settings::default());
    // As every server does when it starts.
    world.service.list_old_deals().await.unwrap();
    for account in [ONE, TWO] {
        let partner = Partner::from(Account {
            account_id: account.to_owned(),
            company_name: format!("Partner {account}"),
            website_url: None,
            created_date: second(-1),
        });
        register(&*world.store, &crate::audit::Author::command(), REGION, partner)
            .await
            .unwrap();
    }
    world
}

fn starter() -> Starter {
    Starter {
        accounts: Vec::new(),
        catalog: Catalog::Sandbox,
        document: None,
    }
}

async fn saved(world: &World) -> Vec<u8> {
    let mut out = Vec::new();
    world.service.save_state(&mut out, silent()).await.unwrap();
    out
}

/// How many rows have each value at a place.
fn counted(rows: &[Value], pointer: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for row in rows {
        let value = row.pointer(pointer).and_then(Value::as_str).unwrap_or("-");
        *counts.entry(value.to_owned()).or_default() += 1;
    }
    counts
}

async fn opportunities(world: &World, account: &str) -> Vec<Value> {
    world
        .pages(
            account,
            Op::ListOpportunities,
            "OpportunitySummaries",
            json!({}),
            7,
        )
        .await
}

fn counts<const N: usize>(wanted: [(&str, usize); N]) -> BTreeMap<String, usize> {
    wanted.map(|(name, count)| (name.to_owned(), count)).into()
}
