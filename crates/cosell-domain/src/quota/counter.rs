//! What was counted of one account and operation, and how many further requests that admits.
//!
//! A bucket holds the requests of a second and fills at the same rate; the last day is counted in slices of five minutes.
//! The times that are told may come from clocks that differ a little: a counter's own time never goes back by that, or
//! the same second would fill the bucket twice. Only a time too far ahead to be one of those is not believed, so that one
//! wrong clock does not have requests refused for as long as it was wrong.

use std::collections::VecDeque;
use std::fmt;

use cosell_model::Timestamp;

use super::Quota;

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const SLICE_MILLIS: i64 = 5 * 60 * 1000;
/// Slices before the present one that may hold requests of the last 24 hours.
const SLICES: i64 = DAY_MILLIS / SLICE_MILLIS;
/// How far ahead of the time that is told a counter may be. Clocks that differ more than this are broken.
const MOST_AHEAD_MILLIS: i64 = 10_000;
/// The bucket counts in thousandths of a request: one request a second is one of them a millisecond.
const WHOLE: i64 = 1000;
/// What the bytes begin with.
const FORM: u8 = 1;

/// Which part of a quota is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// So many requests per second.
    PerSecond(u32),
    /// So many requests in 24 hours.
    PerDay(u32),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::PerSecond(limit) => write!(f, "{limit} requests per second"),
            Limit::PerDay(limit) => write!(f, "{limit} requests in 24 hours"),
        }
    }
}

/// Why requests were not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// What is used up.
    pub limit: Limit,
    /// Before this time, by the counter's clock, every further request is refused too.
    pub not_before: Timestamp,
}

/// How many requests were admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// Of those that were asked for.
    pub admitted: u32,
    /// Why not all; `None` where all were.
    pub refusal: Option<Refusal>,
}

/// What was counted of one account and operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counter {
    /// What is left in the bucket, in thousandths of a request.
    left: i64,
    /// When that was left: the latest time that was told.
    at: Timestamp,
    /// The slices of the last day in which there were requests, oldest first, with how many. Empty where no quota of a day
    /// is counted.
    slices: VecDeque<(i64, u32)>,
    /// The sum of those.
    in_day: u32,
}

impl Counter {
    /// One that has counted nothing.
    pub fn new(quota: Quota, now: Timestamp) -> Self {
        Self {
            left: i64::from(quota.per_second) * WHOLE,
            ..Self::empty(now)
        }
    }

    /// One whose second is used up.
    fn empty(now: Timestamp) -> Self {
        Self {
            left: 0,
            at: now,
            slices: VecDeque::new(),
            in_day: 0,
        }
    }

    /// Admits as many of `wanted` requests as the quota leaves, and counts them. What is refused costs nothing of the quota.
    pub fn admit(&mut self, quota: Quota, now: Timestamp, wanted: u32) -> Admission {
        self.move_to(now, i64::from(quota.per_second));
        let by_second = u32::try_from(self.left / WHOLE).unwrap_or(0);
        let by_day = quota
            .per_day
            .map_or(u32::MAX, |limit| limit.saturating_sub(self.in_day));
        let admitted = wanted.min(by_second).min(by_day);
        self.left -= i64::from(admitted) * WHOLE;
        if admitted > 0 && quota.per_day.is_some() {
            self.count(admitted);
        }
        let refusal = (admitted < wanted).then(|| self.refusal(quota, admitted == by_day));
        Admission { admitted, refusal }
    }

    /// From when on this counter admits just what a new one would.
    pub fn spent_until(&self) -> Timestamp {
        match self.slices.back() {
            Some((newest, _)) => start_of(newest + SLICES + 1),
            None => self.at.plus_millis(WHOLE),
        }
    }

    fn move_to(&mut self, now: Timestamp, rate: i64) {
        if self.at > now.plus_millis(MOST_AHEAD_MILLIS) {
            self.set_back(now);
        }
        let now = now.max(self.at);
        let passed = (now.as_millis() - self.at.as_millis()).min(WHOLE);
        self.left = (self.left + passed * rate).min(rate * WHOLE);
        self.at = now;
        let oldest = slice_of(now) - SLICES;
        while let Some((slice, count)) = self.slices.front()
            && *slice < oldest
        {
            self.in_day -= count;
            self.slices.pop_front();
        }
    }

    /// Forgets a time that was wrong, and nothing that was counted.
    fn set_back(&mut self, now: Timestamp) {
        self.at = now;
        let present = slice_of(now);
        let mut ahead = 0;
        while let Some((slice, count)) = self.slices.back()
            && *slice >= present
        {
            ahead += count;
            self.slices.pop_back();
        }
        if ahead > 0 {
            self.slices.push_back((present, ahead));
        }
    }

    fn count(&mut self, admitted: u32) {
        let present = slice_of(self.at);
        match self.slices.back_mut() {
            Some((slice, count)) if *slice == present => *count += admitted,
            _ => self.slices.push_back((present, admitted)),
        }
        self.in_day += admitted;
    }

    fn refusal(&self, quota: Quota, for_the_day: bool) -> Refusal {
        if let (true, Some(limit), Some((oldest, _))) = (for_the_day, quota.per_day, self.slices.front()) {
            return Refusal {
                limit: Limit::PerDay(limit),
                not_before: start_of(oldest + SLICES + 1),
            };
        }
        let rate = i64::from(quota.per_second);
        let missing = WHOLE - self.left;
        Refusal {
            limit: Limit::PerSecond(quota.per_second),
            not_before: self.at.plus_millis((missing + rate - 1) / rate),
        }
    }

    /// The counter as bytes, at most two kilobytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32 + self.slices.len() * 3);
        out.push(FORM);
        out.extend_from_slice(&self.at.as_millis().to_be_bytes());
        put(&mut out, self.left.unsigned_abs());
        // Newest first, each with its distance from the one before: most are neighbours.
        let mut last = slice_of(self.at);
        for (slice, count) in self.slices.iter().rev() {
            put(&mut out, (last - slice).unsigned_abs());
            put(&mut out, u64::from(*count));
            last = *slice;
        }
        out
    }

    /// The counter that was encoded; `None` where the bytes are damaged, or a later version's.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first()?;
        let (at, mut rest) = rest.split_first_chunk::<8>()?;
        let at = Timestamp::from_millis(i64::from_be_bytes(*at));
        if *form != FORM {
            return None;
        }
        let left = i64::from(u32::try_from(take(&mut rest)?).ok()?);
        let mut counter = Self {
            left,
            ..Self::empty(at)
        };
        let mut last = slice_of(at);
        while !rest.is_empty() {
            let distance = i64::try_from(take(&mut rest)?).ok()?;
            let count = u32::try_from(take(&mut rest)?).ok()?;
            let may_be_none = counter.slices.is_empty();
            if !(i64::from(!may_be_none)..=SLICES).contains(&distance) || count == 0 {
                return None;
            }
            last -= distance;
            counter.slices.push_front((last, count));
            counter.in_day = counter.in_day.checked_add(count)?;
        }
        Some(counter)
    }
}

fn slice_of(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(SLICE_MILLIS)
}

fn start_of(slice: i64) -> Timestamp {
    Timestamp::from_millis(slice.saturating_mul(SLICE_MILLIS))
}

/// Writes a number in groups of seven bits, lowest first.
fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads such a number.
fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
