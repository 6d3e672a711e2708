//! What must hold when everything is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::background::Background;
use crate::client::{Client, Outcome};
use crate::load::{Deal, check};
use crate::nodes::Nodes;
use crate::receiver::{Came, Receiver, named};
use crate::wait::until;

/// How long deliveries may take to come to their end.
const DELIVERY: Duration = Duration::from_secs(90);

/// Looks at everything; what is wrong, and in words what was looked at.
///
/// # Errors
/// Where one cannot look.
pub fn verify(
    deals: &[Deal],
    client: &Client,
    background: &Background,
    nodes: &Nodes,
    receiver: &Receiver,
    say: impl Fn(&str),
) -> Result<(Vec<String>, String)> {
    say("looking at every opportunity");
    let mut wrong = Vec::new();
    let mut known = BTreeMap::new();
    for deal in deals {
        if let Some(other) = known.insert(deal.id.as_str(), deal) {
            wrong.push(format!(
                "{} was given to {} and {}",
                deal.id, other.token, deal.token
            ));
        }
        let request = json!({"Catalog": "AWS", "Identifier": deal.id});
        match background.wait(client.call("GetOpportunity", &request)) {
            Outcome::Done(document) => wrong.extend(check(deal, &document).err().map(|e| format!("{e:#}"))),
            other => wrong.push(format!("{} is not there: {other:?}", deal.id)),
        }
    }
    say("looking at the list");
    let there = background.wait(list(client))?;
    let wanted: BTreeSet<&str> = known.keys().copied().collect();
    let listed: BTreeSet<&str> = there.iter().map(String::as_str).collect();
    if there.len() != listed.len() {
        wrong.push("an opportunity is listed twice".to_owned());
    }
    for id in listed.difference(&wanted) {
        wrong.push(format!(
            "{id} is there and was never acknowledged: a token had two effects"
        ));
    }
    for id in wanted.difference(&listed) {
        wrong.push(format!("{id} was acknowledged and is not listed"));
    }
    say("cosell check");
    let told = nodes.command_lines(&["check"]);
    let told = told.context("cosell check finds damage, or does not run")?;
    let report: Value = serde_json::from_str(&told)?;
    if report["ProblemCount"] != 0 {
        wrong.push(format!("cosell check: {report}"));
    }
    say("looking at the events");
    // What the receiver has when all is delivered must be all there is.
    let log = events(nodes)?;
    let came = until("every event is delivered", DELIVERY, || {
        let came = receiver.came();
        let ids: BTreeSet<&str> = came.iter().map(|(id, _)| id.as_str()).collect();
        let missing = log.iter().filter(|(id, _, _)| !ids.contains(id.as_str())).count();
        ensure!(missing == 0, "{missing} of {} events did not come", log.len());
        Ok(came)
    });
    match came {
        Ok(_) => {}
        Err(error) => {
            let target = nodes.command_lines(&["events", "target", "list"]);
            wrong.push(format!("{error:#}; the target: {target:?}"));
        }
    }
    let came = receiver.came();
    let updates_of = known.iter().map(|(id, deal)| (*id, deal.updates)).collect();
    wrong.extend(check_events(&log, &came, &updates_of));
    let updates: u32 = deals.iter().map(|deal| deal.updates).sum();
    let looked_at = format!(
        "{} opportunities and {updates} updates acknowledged, {} events in the log, {} deliveries",
        deals.len(),
        log.len(),
        came.len()
    );
    Ok((wrong, looked_at))
}

/// An event of the log: id, opportunity, detail type.
pub type Logged = (String, String, String);

/// Holds the log of events against the effects that were acknowledged (how many updates each opportunity had), and what came
/// against the log.
#[must_use]
pub fn check_events(log: &[Logged], came: &Came, known: &BTreeMap<&str, u32>) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut of_lane: BTreeMap<&str, (Vec<&str>, u32, u32)> = BTreeMap::new();
    for (id, lane, kind) in log {
        let entry = of_lane.entry(lane).or_default();
        entry.0.push(id);
        match kind.as_str() {
            "Opportunity Created" => entry.1 += 1,
            "Opportunity Updated" => entry.2 += 1,
            other => wrong.push(format!("{lane}: nobody brought about \"{other}\"")),
        }
    }
    for (id, updates) in known {
        let (created, updated) = of_lane.get(id).map_or((0, 0), |entry| (entry.1, entry.2));
        if (created, updated) != (1, *updates) {
            wrong.push(format!(
                "{id}: one create and {updates} updates were acknowledged, and the log tells of {created} and {updated}"));
        }
    }
    let mut first: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (id, lane) in came {
        // A repetition says nothing about the order.
        if seen.insert(id) {
            first.entry(lane).or_default().push(id);
        }
    }
    for (lane, ids) in &of_lane {
        let came = first.get(lane).map(Vec::as_slice).unwrap_or_default();
        if came != ids.0.as_slice() && came.len() == ids.0.len() {
            wrong.push(format!(
                "{lane}: events came in another order than they happened: {came:?}, not {:?}",
                ids.0
            ));
        }
    }
    for lane in first.keys().filter(|lane| !of_lane.contains_key(*lane)) {
        wrong.push(format!(
            "{lane}: events came that the log does not hold: they were told and then lost"
        ));
    }
    wrong
}

/// Every event of the log in its order.
fn events(nodes: &Nodes) -> Result<Vec<Logged>> {
    let lines = nodes.command_lines(&["events", "list"])?;
    let mut all = Vec::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let event: Value = serde_json::from_str(line).context("an event that is no JSON")?;
        let (id, lane) = named(&event);
        all.push((
            id,
            lane,
            event["detail-type"].as_str().unwrap_or_default().to_owned(),
        ));
    }
    ensure!(!all.is_empty(), "the log of events is empty");
    Ok(all)
}

/// The ids of all opportunities.
async fn list(client: &Client) -> Result<Vec<String>> {
    let mut request = json!({"Catalog": "AWS", "MaxResults": 100});
    let mut ids = Vec::new();
    loop {
        let page = match client.call("ListOpportunities", &request).await {
            Outcome::Done(page) => page,
            other => anyhow::bail!("the list is refused: {other:?}"),
        };
        let rows = page["OpportunitySummaries"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        ids.extend(
            rows.iter()
                .filter_map(|row| row["Id"].as_str().map(str::to_owned)),
        );
        match page["NextToken"].as_str() {
            Some(token) => request["NextToken"] = token.into(),
            None => return Ok(ids),
        }
    }
}
