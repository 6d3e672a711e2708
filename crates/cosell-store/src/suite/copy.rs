//! Stores that are filled by a copy: in steps, cut off, taken up again, verified.

use super::transfer::{file, fill};
use super::*;
use crate::copy::{CopyError, CopyTarget, Copying, Difference, Outcome, Phase, Plan};
use crate::{DeliveryState, ExportItem, Store, StoreError, state};

type T = Arc<dyn CopyTarget>;

fn plan(step: usize) -> Plan {
    Plan {
        step,
        ..Plan::new("the tests")
    }
}

async fn begin(source: &T, target: &T, plan: Plan) -> Result<Copying, CopyError> {
    let store: Arc<dyn Store> = Arc::<dyn CopyTarget>::clone(source);
    Copying::begin(store, Arc::clone(target), plan).await
}

/// Copies what is left and verifies it; what was found, and how many steps it took.
pub async fn finish(mut copying: Copying) -> Result<(Outcome, usize), CopyError> {
    let mut steps = 0;
    while let Some(at) = copying.step().await? {
        assert!(at.done <= at.total, "{at:?}");
        steps += usize::from(at.phase == Phase::Copying);
    }
    let mut last = 0;
    let mut tell = |at: crate::copy::At| {
        assert!(at.phase == Phase::Verifying && at.done > last && at.done <= at.total);
        last = at.done;
    };
    let outcome = copying.finish(&mut tell).await?;
    assert_eq!(last, outcome.items);
    Ok((outcome, steps))
}

/// Copies everything in steps of some size; the sums of all tables, which must be those of the source.
pub async fn copy(source: &T, target: &T, step: usize) -> Vec<crate::copy::Table> {
    let (outcome, _) = finish(begin(source, target, plan(step)).await.unwrap())
        .await
        .unwrap();
    assert_eq!(outcome.difference, None);
    for table in &outcome.tables {
        assert!(
            table.source.is_some() && table.source == table.target,
            "{table:?}"
        );
    }
    outcome.tables
}

fn store(target: &T) -> Arc<dyn Store> {
    Arc::<dyn CopyTarget>::clone(target)
}

pub async fn a_copy_holds_the_same_and_goes_on_working([one, other]: [T; 2]) {
    fill(&store(&one)).await;
    let tables = copy(&one, &other, 7).await;
    let names: Vec<&str> = tables.iter().map(|table| table.name).collect();
    assert_eq!(&names[..2], ["account", "user"], "{names:?}");
    for name in ["idempotency", "job", "event", "audit", "history", "delivery"] {
        assert!(names.contains(&name), "{name} is missing among {names:?}");
    }
    assert_eq!(other.mark().await.unwrap(), None);
    assert_eq!(file(&store(&other)).await, file(&store(&one)).await);
    let report = other.check(silent()).await.unwrap();
    assert!(report.is_sound(), "{report:?}");

    // What is not handed out but follows from it: numbers that come next, heads of lanes, counts.
    let next = Changes {
        events: vec![outbox::event("after")],
        audit: vec![outbox::audit(9_000)],
        ..Changes::default()
    };
    for both in [&one, &other] {
        both.apply(next.clone()).await.unwrap();
        assert_eq!(both.reserve("opportunity", 1).await.unwrap(), 101..102);
    }
    let (mut here, mut there) = (one.targets().await.unwrap(), other.targets().await.unwrap());
    for target in here.iter_mut().chain(&mut there) {
        // Nobody holds a lease of the copy.
        (target.worker, target.leased_until, target.epoch) = (None, None, 0);
    }
    assert!(!here.is_empty());
    assert_eq!(here, there);
    for target in &here {
        let due = one
            .due_deliveries(&target.target, at(1 << 40), 100)
            .await
            .unwrap();
        let copied = other.due_deliveries(&target.target, at(1 << 40), 100).await;
        assert_eq!(copied.unwrap(), due, "{}", target.target);
    }
    assert_eq!(file(&store(&other)).await, file(&store(&one)).await);
}

pub async fn a_copy_that_is_cut_off_anywhere_goes_on_where_it_was([one, other]: [T; 2]) {
    fill(&store(&one)).await;
    let all = {
        let mut count = 0;
        let mut sink = |_: ExportItem| {
            count += 1;
            Ok(())
        };
        one.export(&mut sink, silent()).await.unwrap();
        count
    };
    let mut copied = 0;
    // Steps of all sizes, and a new beginning after each.
    for step in 1.. {
        let mut copying = begin(&one, &other, plan(step)).await.unwrap();
        assert_eq!(copying.resumed(), copied);
        let at = loop {
            match copying.step().await.unwrap() {
                Some(at) if at.phase == Phase::Resuming => assert!(at.done <= copied),
                at => break at,
            }
        };
        let Some(at) = at else {
            let outcome = copying.finish(&mut |_| {}).await.unwrap();
            assert_eq!((outcome.difference, outcome.items), (None, all));
            break;
        };
        let fits = (copied + step as u64).min(all);
        assert_eq!((at.phase, at.done, at.total), (Phase::Copying, fits, all));
        copied = fits;
    }
    assert_eq!(copied, all);
    assert_eq!(file(&store(&other)).await, file(&store(&one)).await);
}

pub async fn a_target_with_something_in_it_is_refused_and_left_alone([one, other]: [T; 2]) {
    fill(&store(&one)).await;
    other.reserve("anything", 1).await.unwrap();
    let before = file(&store(&other)).await;
    for restart in [false, true] {
        let wanted = Plan { restart, ..plan(9) };
        let refused = begin(&one, &other, wanted).await.err().unwrap();
        assert!(matches!(refused, CopyError::NotEmpty), "{refused}");
        assert_eq!(other.mark().await.unwrap(), None);
        assert_eq!(file(&store(&other)).await, before);
    }
    // One that was finished is like any other.
    let fresh = other;
    fresh.reset(None, None).await.unwrap();
    let refused = begin(&one, &fresh, plan(9)).await.err().unwrap();
    assert!(matches!(refused, CopyError::NotEmpty), "{refused}");
}

pub async fn a_source_that_was_changed_meanwhile_is_noticed_and_a_new_beginning_helps([one, other]: [T; 2]) {
    fill(&store(&one)).await;
    let mut copying = begin(&one, &other, plan(20)).await.unwrap();
    copying.step().await.unwrap();
    copying.step().await.unwrap();
    drop(copying);
    // A record of the first kind, which is in already.
    let mut changed = sample(Kind::Account, "a");
    changed.version = 8;
    let replace = Write::Replace {
        record: changed,
        expected: 7,
    };
    one.apply(writes(vec![replace])).await.unwrap();
    let copying = begin(&one, &other, plan(20)).await.unwrap();
    let refused = finish(copying).await.err().unwrap();
    assert!(
        matches!(&refused, CopyError::SourceChanged { items: 40, from } if from == "the tests"),
        "{refused}"
    );
    // One that has less than what is in.
    let all = file(&store(&one)).await;
    one.import(&[], &mut Vec::new().into_iter(), silent())
        .await
        .unwrap();
    let copying = begin(&one, &other, plan(20)).await.unwrap();
    let refused = finish(copying).await.err().unwrap();
    assert!(matches!(refused, CopyError::SourceChanged { .. }), "{refused}");
    state::import(&*one, &all[..], silent()).await.unwrap();
    let anew = Plan {
        restart: true,
        ..plan(1_000)
    };
    let copying = begin(&one, &other, anew).await.unwrap();
    assert_eq!(copying.resumed(), 0);
    let (outcome, steps) = finish(copying).await.unwrap();
    assert_eq!((outcome.difference, steps), (None, 1));
    assert_eq!(file(&store(&other)).await, file(&store(&one)).await);
}

pub async fn of_two_copies_into_one_target_one_goes_on([one, other]: [T; 2]) {
    fill(&store(&one)).await;
    let mut first = begin(&one, &other, plan(20)).await.unwrap();
    let mut second = begin(&one, &other, plan(30)).await.unwrap();
    second.step().await.unwrap();
    let refused = first.step().await.err().unwrap();
    assert!(matches!(refused, CopyError::Overtaken), "{refused}");
    let (outcome, _) = finish(second).await.unwrap();
    assert_eq!(outcome.difference, None);
    assert_eq!(file(&store(&other)).await, file(&store(&one)).await);
}

pub async fn what_was_written_meanwhile_is_named_and_leaves_the_copy_unfinished([one, other]: [T; 2]) {
    fill(&store(&one)).await;
    let mut copying = begin(&one, &other, plan(1_000)).await.unwrap();
    while copying.step().await.unwrap().is_some() {}
    one.apply(insert(opportunity(key("O8"), 1))).await.unwrap();
    let outcome = copying.finish(&mut |_| {}).await.unwrap();
    let difference = outcome.difference.unwrap();
    assert_eq!(difference.table, "opportunity");
    assert!(difference.source.unwrap().contains("O8"));
    let unlike: Vec<_> = outcome.tables.iter().filter(|t| t.source != t.target).collect();
    assert!(unlike.len() == 1 && unlike[0].name == "opportunity", "{unlike:?}");
    assert!(other.mark().await.unwrap().is_some());

    // The other way round: an item that is in the copy alone, and one that is not the same.
    one.apply(writes(vec![Write::Delete {
        key: key("O8"),
        expected: 1,
    }]))
    .await
    .unwrap();
    let anew = Plan {
        restart: true,
        ..plan(1_000)
    };
    let mut copying = begin(&one, &other, anew).await.unwrap();
    while copying.step().await.unwrap().is_some() {}
    other.reserve("of the copy alone", 1).await.unwrap();
    let outcome = copying.finish(&mut |_| {}).await.unwrap();
    let only_there = Difference {
        table: "sequence",
        source: Some("sequence opportunity".to_owned()),
        target: Some("sequence of the copy alone".to_owned()),
    };
    assert_eq!(outcome.difference, Some(only_there));
    assert!(other.mark().await.unwrap().is_some());
}

pub async fn a_copy_of_nothing_is_a_store_that_holds_nothing([one, other]: [T; 2]) {
    let tables = copy(&one, &other, 1).await;
    assert!(tables.is_empty());
    other.apply(insert(opportunity(key("O1"), 1))).await.unwrap();
    copy(&other, &one, 1).await;
}

pub async fn a_step_that_does_not_fit_changes_nothing([one, _]: [T; 2]) {
    let marks = ["first", "second"].map(bytes);
    let items = |items: Vec<ExportItem>| -> Arc<[ExportItem]> { items.into() };
    let sequence = |name: &str| ExportItem::Sequence {
        name: name.to_owned(),
        next: 7,
    };
    // Nothing was begun.
    assert!(
        !one.fill(&marks[0], items(vec![]), marks[1].clone())
            .await
            .unwrap()
    );
    assert!(!one.end_filling(&marks[0]).await.unwrap());
    assert!(!one.begin_filling(marks[0].clone(), true).await.unwrap());
    assert_eq!(one.mark().await.unwrap(), None);

    assert!(one.begin_filling(marks[0].clone(), false).await.unwrap());
    assert!(!one.begin_filling(marks[1].clone(), false).await.unwrap());
    let stray = items(vec![sequence("stray")]);
    assert!(!one.fill(&marks[1], stray, marks[0].clone()).await.unwrap());
    assert!(!one.end_filling(&marks[1]).await.unwrap());
    let mut wrong = sample(Kind::Opportunity, "a");
    wrong.columns.clear();
    let lost = deliveries::delivery(1, None, DeliveryState::Pending, 0);
    for refused in [
        ExportItem::Record(wrong),
        sequence("a"),
        ExportItem::Delivery(lost),
    ] {
        let refused = one.fill(&marks[0], items(vec![sequence("a"), refused]), marks[1].clone());
        let refused = refused.await.unwrap_err();
        assert!(matches!(refused, StoreError::Invalid(_)), "{refused}");
    }
    assert_eq!(one.mark().await.unwrap().as_ref(), Some(&marks[0]));
    assert_eq!(
        file(&store(&one))
            .await
            .iter()
            .filter(|byte| **byte == b'\n')
            .count(),
        2
    );
    let sequences = items(vec![sequence("a")]);
    assert!(one.fill(&marks[0], sequences, marks[1].clone()).await.unwrap());
    assert_eq!(one.mark().await.unwrap().as_ref(), Some(&marks[1]));
    assert!(one.end_filling(&marks[1]).await.unwrap());
    assert_eq!(one.mark().await.unwrap(), None);
    assert_eq!(one.reserve("a", 1).await.unwrap(), 7..8);
}
