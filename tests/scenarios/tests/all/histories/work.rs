//! The clients: what they do at random with the objects of a run, and how they understand the answers.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::check::History;
use super::cluster::Cluster;
use super::models::{
    Lock, LockAnswer, LockOp, Products, ProductsAnswer, ProductsOp, Row, Token, TokenAnswer, TokenOp,
};
use super::record::{Client, Events};
use crate::harness::deal::{as_update, draft};
use crate::harness::{Answer, Caller, Draws};

const CATALOG: &str = "AWS";
/// Opportunities under the lock, and as many with products.
pub const OBJECTS: usize = 3;
/// How many operations go to a client token before the next one is taken.
const PER_TOKEN: usize = 24;
/// The products, by bit.
const PRODUCTS: [&str; 3] = ["AWSAmplify", "AWSAppRunner", "AWSAppMesh"];
const CONFLICT: &str = "ConflictException";

/// An opportunity as it was made: its id, LastModifiedDate, and what an update of it sends.
pub struct Made {
    id: String,
    pub created: Timestamp,
    payload: Value,
}

/// What all clients share.
pub struct Work {
    pub locks: Vec<Made>,
    pub products: Vec<Made>,
    marker: AtomicU64,
    token_turns: AtomicUsize,
    /// Operations that were answered.
    pub answered: AtomicUsize,
    pub over: AtomicBool,
}

/// All that one client, or all of them, have noted.
#[derive(Default)]
pub struct Notes {
    pub locks: Events<LockOp, LockAnswer>,
    pub products: Events<ProductsOp, ProductsAnswer>,
    pub tokens: Events<TokenOp, TokenAnswer>,
}

impl Notes {
    /// Adds those of another client.
    pub fn add(&mut self, other: Self) {
        fn join<O, A>(all: &mut Events<O, A>, more: Events<O, A>) {
            for (object, events) in more {
                all.entry(object).or_default().extend(events);
            }
        }
        join(&mut self.locks, other.locks);
        join(&mut self.products, other.products);
        join(&mut self.tokens, other.tokens);
    }
}

fn date(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Asserts that an answer is a success or a conflict, and tells which.
fn is_conflict(answer: &Answer) -> bool {
    let error = answer.error();
    assert!(
        error.is_empty() || error == CONFLICT,
        "no model knows this answer: {answer}"
    );
    !error.is_empty()
}

fn make(caller: &mut Caller, token: &str) -> Made {
    let mut body = draft(token);
    body["Catalog"] = CATALOG.into();
    let id = text(&caller.call("CreateOpportunity", &body).ok()["Id"]);
    let read = caller
        .call("GetOpportunity", &json!({"Catalog": CATALOG, "Identifier": id}))
        .ok();
    Made {
        created: date(&read["LastModifiedDate"]),
        payload: as_update(read),
        id,
    }
}

impl Work {
    /// Makes the objects of a run.
    pub fn new(cluster: &Cluster) -> Self {
        let mut caller = Caller::new(cluster.address(0), cluster.key.clone());
        let mut all = |kind: &str| -> Vec<Made> {
            (0..OBJECTS)
                .map(|number| make(&mut caller, &format!("{kind}-{number}")))
                .collect()
        };
        Self {
            locks: all("lock"),
            products: all("products"),
            marker: AtomicU64::new(1),
            token_turns: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// What a client does until the run is over.
    pub fn client(&self, cluster: &Cluster, began: Instant, name: usize, seed: u64) -> Notes {
        let mut notes = Notes::default();
        let mut worker = Worker {
            work: self,
            client: Client::new(format!("client {name}"), cluster, began),
            nodes: cluster.size(),
            known: vec![Vec::new(); OBJECTS],
            draws: Draws::new(seed.wrapping_add(u64::try_from(name).unwrap().wrapping_mul(0x5851_f42d))),
        };
        while !self.over.load(Ordering::Relaxed) {
            let is_answered = match worker.draws.draw(10) {
                0..5 => worker.lock(&mut notes),
                5..8 => worker.token(&mut notes),
                _ => worker.products(&mut notes),
            };
            self.answered
                .fetch_add(usize::from(is_answered), Ordering::Relaxed);
        }
        notes
    }

    /// Looks at every object once when all is quiet; how many opportunities there are in all.
    pub fn look_back(&self, cluster: &Cluster, began: Instant, notes: &mut Notes) -> usize {
        let mut client = Client::new("the last look".to_owned(), cluster, began);
        let node = cluster.size() - 1;
        for object in 0..OBJECTS {
            let seen = get_lock(&mut client, notes, self, (object, node), None);
            assert!(seen.is_some(), "a quiet server does not answer");
            let seen = get_products(&mut client, notes, self, (object, node), None);
            assert!(seen.is_some(), "a quiet server does not answer");
        }
        let tokens: Vec<_> = notes.tokens.keys().copied().collect();
        for token in tokens {
            let seen = list(&mut client, notes, (token, node), None);
            assert!(seen.is_some(), "a quiet server does not answer");
        }
        let mut caller = Caller::new(cluster.address(node), cluster.key.clone());
        let all =
            crate::harness::deal::list_all(&mut caller, &json!({"Catalog": CATALOG, "MaxResults": 100}));
        all.len()
    }
}

/// One client at work.
struct Worker<'a> {
    work: &'a Work,
    client: Client<'a>,
    nodes: usize,
    /// The LastModifiedDates that this client was told, of each opportunity under the lock; the latest is the last.
    known: Vec<Vec<Timestamp>>,
    draws: Draws,
}

impl Worker<'_> {
    fn node(&mut self) -> usize {
        self.draws.draw(self.nodes)
    }

    /// Now and then a client goes before it hears an answer.
    fn leaves(&mut self) -> Option<Duration> {
        self.draws
            .percent(3)
            .then(|| Duration::from_micros(u64::try_from(self.draws.draw(4000)).unwrap()))
    }

    /// Reads or updates an opportunity; whether there was an answer.
    fn lock(&mut self, notes: &mut Notes) -> bool {
        let object = self.draws.draw(OBJECTS);
        let (node, leaves) = (self.node(), self.leaves());
        let count = self.known[object].len();
        if count == 0 || self.draws.percent(45) {
            let seen = get_lock(&mut self.client, notes, self.work, (object, node), leaves);
            if let Some(LockAnswer::Seen { date, .. }) = &seen {
                self.known[object].push(*date);
            }
            return seen.is_some();
        }
        // Mostly the latest date that it knows, sometimes an old one.
        let back = if self.draws.percent(10) {
            self.draws.draw(count)
        } else {
            0
        };
        let expected = self.known[object][count - 1 - back];
        let marker = self.work.marker.fetch_add(1, Ordering::Relaxed);
        let mut body = self.work.locks[object].payload.clone();
        body["LastModifiedDate"] = expected.to_string().into();
        body["Project"]["AdditionalComments"] = marker.to_string().into();
        let op = LockOp::Update { expected, marker };
        let call = (node, "UpdateOpportunity", &body);
        let answer = self.client.note(
            &mut notes.locks,
            (object, op),
            call,
            leaves,
            |answer| match is_conflict(answer) {
                true => LockAnswer::Conflict,
                false => LockAnswer::Updated {
                    date: date(&answer.json()["LastModifiedDate"]),
                },
            },
        );
        if let Some(LockAnswer::Updated { date }) = &answer {
            self.known[object].push(*date);
        }
        answer.is_some()
    }

    /// Uses a token, or lists what came of it; whether there was an answer.
    fn token(&mut self, notes: &mut Notes) -> bool {
        let turn = self.work.token_turns.fetch_add(1, Ordering::Relaxed);
        // Some come late, when others are on to the next token.
        let token = (turn / PER_TOKEN).saturating_sub(usize::from(self.draws.percent(20)));
        let (node, leaves) = (self.node(), self.leaves());
        if self.draws.percent(30) {
            return list(&mut self.client, notes, (token, node), leaves).is_some();
        }
        // Mostly the same request, sometimes another one with its token.
        let number = u64::from(self.draws.percent(25));
        let mut body = draft(&format!("token-{token}"));
        body["Catalog"] = CATALOG.into();
        body["Customer"]["Account"]["CompanyName"] = company(token).into();
        body["PartnerOpportunityIdentifier"] = number.to_string().into();
        let op = TokenOp::Create { body: number };
        let call = (node, "CreateOpportunity", &body);
        let answer = self.client.note(
            &mut notes.tokens,
            (token, op),
            call,
            leaves,
            |answer| match is_conflict(answer) {
                true => TokenAnswer::Conflict,
                false => TokenAnswer::Created(row(&answer.json())),
            },
        );
        answer.is_some()
    }

    /// Reads or changes the products of an opportunity; whether there was an answer.
    fn products(&mut self, notes: &mut Notes) -> bool {
        let object = self.draws.draw(OBJECTS);
        let (node, leaves) = (self.node(), self.leaves());
        if self.draws.percent(40) {
            return get_products(&mut self.client, notes, self.work, (object, node), leaves).is_some();
        }
        let bit = self.draws.draw(PRODUCTS.len());
        let body = json!({
            "Catalog": CATALOG, "OpportunityIdentifier": self.work.products[object].id,
            "RelatedEntityType": "AwsProducts", "RelatedEntityIdentifier": PRODUCTS[bit],
        });
        let (op, operation) = match self.draws.percent(50) {
            true => (ProductsOp::Associate(1 << bit), "AssociateOpportunity"),
            false => (ProductsOp::Disassociate(1 << bit), "DisassociateOpportunity"),
        };
        let call = (node, operation, &body);
        let answer =
            self.client.note(
                &mut notes.products,
                (object, op),
                call,
                leaves,
                |answer| match is_conflict(answer) {
                    true => ProductsAnswer::Conflict,
                    false => ProductsAnswer::Done,
                },
            );
        answer.is_some()
    }
}

fn get_lock(
    client: &mut Client<'_>,
    notes: &mut Notes,
    work: &Work,
    (object, node): (usize, usize),
    leaves: Option<Duration>,
) -> Option<LockAnswer> {
    let body = json!({"Catalog": CATALOG, "Identifier": work.locks[object].id});
    let call = (node, "GetOpportunity", &body);
    client.note(&mut notes.locks, (object, LockOp::Get), call, leaves, |answer| {
        let read = answer.ok();
        let marker = read["Project"]["AdditionalComments"].as_str();
        LockAnswer::Seen {
            marker: marker.map_or(0, |text| text.parse().unwrap()),
            date: date(&read["LastModifiedDate"]),
        }
    })
}

fn get_products(
    client: &mut Client<'_>,
    notes: &mut Notes,
    work: &Work,
    (object, node): (usize, usize),
    leaves: Option<Duration>,
) -> Option<ProductsAnswer> {
    let body = json!({"Catalog": CATALOG, "Identifier": work.products[object].id});
    let call = (node, "GetOpportunity", &body);
    client.note(
        &mut notes.products,
        (object, ProductsOp::Get),
        call,
        leaves,
        |answer| {
            let read = answer.ok();
            let listed = read["RelatedEntityIdentifiers"]["AwsProducts"].as_array();
            let mut products = 0;
            for found in listed.into_iter().flatten() {
                let bit = PRODUCTS.iter().position(|product| found == product).unwrap();
                assert_eq!(products & (1 << bit), 0, "a product is there twice: {answer}");
                products |= 1 << bit;
            }
            ProductsAnswer::Seen {
                products,
                date: date(&read["LastModifiedDate"]),
            }
        },
    )
}

fn list(
    client: &mut Client<'_>,
    notes: &mut Notes,
    (token, node): (usize, usize),
    leaves: Option<Duration>,
) -> Option<TokenAnswer> {
    let body = json!({"Catalog": CATALOG, "CustomerCompanyName": [company(token)]});
    let call = (node, "ListOpportunities", &body);
    client.note(
        &mut notes.tokens,
        (token, TokenOp::List),
        call,
        leaves,
        |answer| {
            let page = answer.ok();
            let rows = page["OpportunitySummaries"].as_array().unwrap();
            TokenAnswer::Listed(rows.iter().map(row).collect())
        },
    )
}

/// The customer of whatever is made with a token, by which a list finds it.
fn company(token: usize) -> String {
    format!("Customer of token {token}")
}

fn row(value: &Value) -> Row {
    Row {
        id: text(&value["Id"]),
        date: date(&value["LastModifiedDate"]),
        body: value["PartnerOpportunityIdentifier"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap(),
    }
}

/// The histories of the three kinds, with the models they are held against.
pub struct Histories {
    pub locks: Vec<(Lock, History<Lock>)>,
    pub products: Vec<(Products, History<Products>)>,
    pub tokens: Vec<(Token, History<Token>)>,
}

impl Histories {
    pub fn of(work: &Work, notes: Notes) -> Self {
        let created = |made: &[Made], object: usize| made[object].created;
        let lock = |(object, events)| {
            (
                Lock {
                    created: created(&work.locks, object),
                },
                events,
            )
        };
        let products = |(object, events)| {
            (
                Products {
                    created: created(&work.products, object),
                },
                events,
            )
        };
        Self {
            locks: notes.locks.into_iter().map(lock).collect(),
            products: notes.products.into_iter().map(products).collect(),
            tokens: notes.tokens.into_values().map(|events| (Token, events)).collect(),
        }
    }
}
