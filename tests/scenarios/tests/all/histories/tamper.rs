//! A real history with one answer changed: every such change must be noticed. It shows that the check of the run before could
//! have failed, on that very history.

use super::check::{History, Model, Verdict, check};
use super::models::{Lock, LockAnswer, LockOp, Products, ProductsAnswer, Token, TokenAnswer, TokenOp};
use super::work::Histories;

/// The opportunities that the last look found, of each token that has one.
pub fn opportunities(tokens: &[(Token, History<Token>)]) -> Vec<String> {
    let last = |history: &History<Token>| {
        let latest = history.iter().max_by_key(|event| event.invoked)?;
        match &latest.answered.as_ref()?.1 {
            TokenAnswer::Listed(rows) => rows.first().map(|row| row.id.clone()),
            _ => None,
        }
    };
    tokens.iter().filter_map(|(_, history)| last(history)).collect()
}

/// Changes the answers that `change` finds, one at a time; each change must be noticed.
fn noticed<M: Model>(
    what: &str,
    all: &[(M, History<M>)],
    change: impl Fn(&History<M>, usize) -> Option<M::Answer>,
) {
    let mut count = 0;
    for (model, history) in all {
        // A few of each object are enough.
        let changes = (0..history.len()).filter_map(|number| Some((number, change(history, number)?)));
        for (number, answer) in changes.take(3) {
            let mut history = history.clone();
            if let Some((_, given)) = &mut history[number].answered {
                *given = answer;
            }
            let verdict = check(model, &history);
            assert!(matches!(verdict, Verdict::Refuted { .. }), "{what}: {verdict:?}");
            count += 1;
        }
    }
    assert!(count > 0, "{what}: there was nothing to change");
    println!("histories: {what}: {count} changed answers noticed");
}

/// The answer to an operation.
fn answer<M: Model>(history: &History<M>, number: usize) -> Option<&M::Answer> {
    history[number].answered.as_ref().map(|(_, answer)| answer)
}

pub fn all_are_noticed(histories: &Histories) {
    noticed::<Lock>("a lost update", &histories.locks, lost_update);
    noticed::<Lock>("a stale read", &histories.locks, stale_read);
    noticed::<Lock>(
        "a conflict without a reason",
        &histories.locks,
        |history, number| {
            matches!(answer::<Lock>(history, number)?, LockAnswer::Updated { .. })
                .then_some(LockAnswer::Conflict)
        },
    );
    noticed::<Products>("a product that is not there", &histories.products, unseen_product);
    noticed::<Token>(
        "a second effect of a token",
        &histories.tokens,
        |history, number| {
            let mut listed = history
                .iter()
                .filter_map(|event| match &event.answered.as_ref()?.1 {
                    TokenAnswer::Listed(rows) => rows.first(),
                    _ => None,
                });
            match answer::<Token>(history, number)? {
                TokenAnswer::Created(row) if listed.next_back() == Some(row) => {
                    let mut other = row.clone();
                    other.id.push('0');
                    Some(TokenAnswer::Created(other))
                }
                _ => None,
            }
        },
    );
    noticed::<Token>(
        "a list without what was acknowledged",
        &histories.tokens,
        |history, number| {
            let invoked = history[number].invoked;
            let before = history.iter().any(|event| match &event.answered {
                Some((returned, TokenAnswer::Created(_))) => *returned < invoked,
                _ => false,
            });
            let lists =
                matches!(history[number].op, TokenOp::List) && answer::<Token>(history, number).is_some();
            (lists && before).then(|| TokenAnswer::Listed(Vec::new()))
        },
    );
}

/// A read made to show another product than another read of the same LastModifiedDate.
fn unseen_product(history: &History<Products>, number: usize) -> Option<ProductsAnswer> {
    let ProductsAnswer::Seen { products, date } = answer::<Products>(history, number)? else {
        return None;
    };
    let others = history.iter().enumerate().filter(|(other, _)| *other != number);
    let mut seen = others.filter_map(|(_, event)| event.answered.as_ref());
    let alike =
        seen.any(|(_, other)| matches!(other, ProductsAnswer::Seen { date: same, .. } if same == date));
    alike.then_some(ProductsAnswer::Seen {
        products: products ^ 1,
        date: *date,
    })
}

/// A conflict made a success, where another one has had the same date and was told so.
fn lost_update(history: &History<Lock>, number: usize) -> Option<LockAnswer> {
    let (LockOp::Update { expected, .. }, LockAnswer::Conflict) =
        (&history[number].op, answer::<Lock>(history, number)?)
    else {
        return None;
    };
    let other = history.iter().any(|event| {
        matches!(&event.op, LockOp::Update { expected: same, .. } if same == expected)
            && matches!(event.answered, Some((_, LockAnswer::Updated { .. })))
    });
    let date = *expected + std::time::Duration::from_micros(1);
    other.then_some(LockAnswer::Updated { date })
}

/// A read made to show what an acknowledged update had replaced before it began.
fn stale_read(history: &History<Lock>, number: usize) -> Option<LockAnswer> {
    let LockAnswer::Seen { .. } = answer::<Lock>(history, number)? else {
        return None;
    };
    let invoked = history[number].invoked;
    let replaced = history
        .iter()
        .find_map(|event| match (&event.op, &event.answered) {
            (LockOp::Update { expected, .. }, Some((returned, LockAnswer::Updated { .. })))
                if *returned < invoked =>
            {
                Some(*expected)
            }
            _ => None,
        })?;
    history.iter().find_map(|event| match &event.answered {
        Some((_, LockAnswer::Seen { marker, date })) if *date == replaced => Some(LockAnswer::Seen {
            marker: *marker,
            date: *date,
        }),
        _ => None,
    })
}
