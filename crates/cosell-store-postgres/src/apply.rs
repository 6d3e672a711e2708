//! Deciding which changes of a batch hold, and what they write.
//!
//! All keys that a batch relies on are read and locked first. Then it is decided here, in memory, change by change: one
//! that does not hold is refused and harms no other, one that touches what an earlier one of the batch writes is put off to
//! the next batch, unless that write refuses it already. Nothing here talks to the database.

use crate::numbered::{Former, Numbered};
use crate::param::Param;
use crate::revision;
use crate::rows;
use crate::session::{Step, step};
use bytes::Bytes;
use cosell_store::{ApplyError, Changes, Conflict, Expect, Job, JobId, Key, Remembered, Write};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Answers pruned for each answer kept, so that pruning keeps up and one commit's share stays small.
const PRUNED_PER_KEPT: usize = 2;

/// A record as it was found: the version, and the texts where a history keeps them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub version: u64,
    pub document: Bytes,
    pub private: Bytes,
}

/// Account, operation, token.
pub(crate) type Token<'c> = (&'c str, &'c str, &'c str);

/// What a batch must read and lock, in the one order in which every batch does so.
#[derive(Debug, Default)]
pub(crate) struct Touched<'c> {
    /// Records, and whether they are written.
    pub records: BTreeMap<&'c Key, bool>,
    /// Jobs that end.
    pub jobs: BTreeSet<&'c str>,
    pub tokens: BTreeSet<Token<'c>>,
}

pub(crate) fn token_of(changes: &Changes) -> Option<Token<'_>> {
    let kept = changes.idempotency.as_ref()?;
    Some((&kept.account, &kept.operation, &kept.token))
}

impl<'c> Touched<'c> {
    pub(crate) fn by(batch: &[&'c Changes]) -> Self {
        let mut all = Touched::default();
        for changes in batch {
            for expect in &changes.expect {
                let (Expect::Version(key, _) | Expect::Absent(key)) = expect;
                all.records.entry(key).or_insert(false);
            }
            for write in &changes.writes {
                all.records.insert(write.key(), true);
            }
            all.jobs
                .extend(changes.finished_jobs.iter().map(|f| f.id.0.as_str()));
            all.tokens.extend(token_of(changes));
        }
        all
    }
}

/// What was found of that, as the accepted changes of the batch leave it.
#[derive(Debug, Default)]
pub(crate) struct State<'c> {
    pub records: HashMap<&'c Key, Found>,
    /// The number of the present claim of jobs that are claimed.
    pub jobs: HashMap<&'c str, u32>,
    /// When answers expire.
    pub answers: HashMap<Token<'c>, i64>,
    /// Ids of events that are taken, as far as anybody looked.
    pub event_ids: HashSet<String>,
    written: HashSet<&'c Key>,
    other: HashSet<&'c str>,
    tokens: HashSet<Token<'c>>,
}

/// What becomes of a change.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    Lands,
    Refused(ApplyError),
    /// It may hold once an earlier one has landed.
    PutOff,
}

/// What a batch writes: statements in the one order in which every batch writes, and rows that get numbers.
#[derive(Debug, Default)]
pub(crate) struct Writes<'c> {
    pub steps: Vec<Step<'c>>,
    pub numbered: Numbered<'c>,
}

fn exists(key: &Key) -> ApplyError {
    ApplyError::Conflict(Conflict::Exists(key.clone()))
}

impl<'c> State<'c> {
    fn version(&self, key: &Key) -> Option<u64> {
        self.records.get(key).map(|found| found.version)
    }

    fn has_version(&self, key: &Key, expected: u64) -> Result<(), ApplyError> {
        let found = self.version(key);
        match found == Some(expected) {
            true => Ok(()),
            false => Err(ApplyError::Conflict(Conflict::Version {
                key: key.clone(),
                expected,
                found,
            })),
        }
    }

    fn holds(&self, changes: &Changes) -> Result<(), ApplyError> {
        for expect in &changes.expect {
            match expect {
                Expect::Version(key, version) => self.has_version(key, *version)?,
                Expect::Absent(key) if self.version(key).is_some() => return Err(exists(key)),
                Expect::Absent(_) => {}
            }
        }
        for finished in &changes.finished_jobs {
            if self.jobs.get(finished.id.0.as_str()) != Some(&finished.attempts) {
                return Err(ApplyError::Conflict(Conflict::Job(finished.id.clone())));
            }
        }
        for write in &changes.writes {
            match write {
                Write::Insert(record) if self.version(&record.key).is_some() => {
                    return Err(exists(&record.key));
                }
                Write::Insert(_) => {}
                Write::Replace { record, expected } => self.has_version(&record.key, *expected)?,
                Write::Delete { key, expected } => self.has_version(key, *expected)?,
            }
        }
        if let (Some(token), Some(kept)) = (token_of(changes), &changes.idempotency)
            && self
                .answers
                .get(&token)
                .is_some_and(|end| *end > kept.created_at.as_millis())
        {
            return Err(ApplyError::TokenTaken);
        }
        let mut ids = HashSet::new();
        for event in &changes.events {
            if self.event_ids.contains(&event.id) || !ids.insert(&event.id) {
                return Err(ApplyError::Invalid(format!(
                    "there is an event {} already",
                    event.id
                )));
            }
        }
        Ok(())
    }

    fn meets_an_earlier_one(&self, changes: &Changes) -> bool {
        let expected = changes.expect.iter().map(|e| match e {
            Expect::Version(key, _) | Expect::Absent(key) => key,
        });
        let mut keys = expected.chain(changes.writes.iter().map(Write::key));
        let mut jobs = job_ids(changes);
        keys.any(|key| self.written.contains(key))
            || jobs.any(|id| self.other.contains(id))
            || token_of(changes).is_some_and(|token| self.tokens.contains(&token))
    }

    /// Decides on a change, and takes it in if it lands.
    pub(crate) fn decide(&mut self, changes: &'c Changes, all: &mut Batch<'c>) -> Verdict {
        if let Err(refusal) = self.holds(changes) {
            return Verdict::Refused(refusal);
        }
        if self.meets_an_earlier_one(changes) {
            return Verdict::PutOff;
        }
        let until = changes.time().map(|time| time.as_millis());
        for write in &changes.writes {
            let key = write.key();
            let before = match write {
                Write::Insert(record) | Write::Replace { record, .. } => {
                    let found = Found {
                        version: record.version,
                        ..Found::default()
                    };
                    self.records.insert(key, found)
                }
                Write::Delete { .. } => self.records.remove(key),
            };
            if let Some(before) = before
                && key.kind.spec().history
            {
                all.formers.push(Former {
                    key,
                    version: before.version,
                    until,
                    document: before.document,
                    private: before.private,
                });
            }
            self.written.insert(key);
        }
        self.other.extend(job_ids(changes));
        if let (Some(token), Some(kept)) = (token_of(changes), &changes.idempotency) {
            all.replaces_answer |= self.answers.insert(token, kept.expires_at.as_millis()).is_some();
            self.tokens.insert(token);
        }
        self.event_ids.extend(changes.events.iter().map(|e| e.id.clone()));
        all.changes.push(changes);
        Verdict::Lands
    }
}

fn job_ids(changes: &Changes) -> impl Iterator<Item = &str> {
    let finished = changes.finished_jobs.iter().map(|f| f.id.0.as_str());
    finished.chain(changes.jobs.iter().map(|j| j.id.0.as_str()))
}

/// The changes of a batch that land.
#[derive(Debug, Default)]
pub(crate) struct Batch<'c> {
    pub changes: Vec<&'c Changes>,
    formers: Vec<Former<'c>>,
    replaces_answer: bool,
}

impl<'c> Batch<'c> {
    /// What they write.
    pub(crate) fn writes(self) -> Writes<'c> {
        let mut steps = Vec::new();
        for id in self.changes.iter().flat_map(|c| &c.finished_jobs).map(|f| &f.id) {
            steps.push(step("DELETE FROM job WHERE id=$1", vec![Param::text(&id.0)]));
        }
        steps.extend(rows::writes(&self.changes));
        let answers = self.changes.iter().filter_map(|c| c.idempotency.as_ref());
        let (count, latest) = answers.clone().fold((0, None), |(count, latest), kept| {
            (count + 1, latest.max(Some(kept.created_at.as_millis())))
        });
        if self.replaces_answer {
            for kept in answers {
                let params = vec![
                    Param::text(&kept.account),
                    Param::text(&kept.operation),
                    Param::text(&kept.token),
                ];
                steps.push(step(FORGET_ANSWER, params));
            }
        }
        if let Some(now) = latest {
            let params = vec![Param::Int(now), Param::count(count * PRUNED_PER_KEPT)];
            steps.push(step(PRUNE_ANSWERS, params));
        }
        // Of several jobs with one id, the last stays; others are locked in the order of their ids.
        let jobs: BTreeMap<&JobId, &Job> = self
            .changes
            .iter()
            .flat_map(|c| &c.jobs)
            .map(|j| (&j.id, j))
            .collect();
        steps.extend(jobs.into_values().map(|job| step(ENQUEUE, job_params(job))));
        let mut remembered = BTreeSet::new();
        for changes in &self.changes {
            remembered.extend(Remembered::in_changes(changes));
        }
        steps.extend(remembered.into_iter().map(revision::count));
        let mut numbered = Numbered {
            formers: self.formers,
            ..Numbered::default()
        };
        for changes in self.changes {
            numbered.events.extend(&changes.events);
            numbered.audit.extend(&changes.audit);
            let kept = changes.idempotency.as_ref();
            numbered
                .answers
                .extend(kept.map(|kept| (kept, changes.catalog())));
        }
        Writes { steps, numbered }
    }
}

/// Deletes the answer of a token.
const FORGET_ANSWER: &str = "DELETE FROM idempotency WHERE account=$1 AND operation=$2 AND token=$3";

/// Deletes those of the oldest answers (at most `$2`) that have expired by a time (`$1`). An answer with an unusually long
/// life holds younger ones back; that costs space, never correctness, because readers look at the expiry themselves.
/// Only what goes is locked, since a lock is a write; rows that another server is deleting are left to it.
pub(crate) const PRUNE_ANSWERS: &str = "DELETE FROM idempotency WHERE seq = ANY(ARRAY(\
     SELECT seq FROM idempotency WHERE seq = ANY(ARRAY(\
     SELECT o.seq FROM (SELECT seq, expires_at FROM idempotency ORDER BY seq LIMIT $2) AS o WHERE o.expires_at<=$1)) \
     FOR UPDATE SKIP LOCKED)) AND expires_at<=$1";

/// Puts a job in the queue, in the place of one with its id.
pub(crate) const ENQUEUE: &str = "INSERT INTO job (id, kind, run_at, payload, attempts, worker, due_at) \
     VALUES ($1, $2, $3, $4, $5, NULL, $3) ON CONFLICT (id) DO UPDATE SET kind=excluded.kind, run_at=excluded.run_at, \
     payload=excluded.payload, attempts=excluded.attempts, worker=NULL, due_at=excluded.due_at";

pub(crate) fn job_params(job: &Job) -> Vec<Param<'_>> {
    vec![
        Param::text(&job.id.0),
        Param::text(&job.kind),
        Param::Int(job.run_at.as_millis()),
        Param::Blob(&job.payload),
        Param::Int(job.attempts.into()),
    ]
}
