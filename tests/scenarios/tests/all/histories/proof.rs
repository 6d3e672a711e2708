//! The check and the models on histories that are known to be good or bad, and the check against one that tries every order.

use jiff::Timestamp;

use super::check::{Event, History, Model, Verdict, check};
use super::models::{
    Lock, LockAnswer, LockOp, Products, ProductsAnswer, ProductsOp, Row, Token, TokenAnswer, TokenOp,
};
use crate::harness::Draws;

/// A register that is read and written.
struct Register;

#[derive(Clone, Debug, PartialEq)]
enum Do {
    Write(u8),
    Read,
}

impl Model for Register {
    type State = u8;
    type Op = Do;
    /// What was read; anything for a write.
    type Answer = u8;

    fn first(&self) -> u8 {
        0
    }

    fn step(&self, state: &u8, op: &Do, answer: Option<&u8>) -> Option<u8> {
        match (op, answer) {
            (Do::Write(value), _) => Some(*value),
            (Do::Read, Some(read)) => (read == state).then_some(*state),
            (Do::Read, None) => Some(*state),
        }
    }

    fn only_looks(&self, op: &Do, _: &u8) -> bool {
        *op == Do::Read
    }
}

fn event<O, A>(op: O, invoked: u64, answered: Option<(u64, A)>) -> Event<O, A> {
    Event {
        who: String::new(),
        op,
        invoked,
        answered,
    }
}

/// An operation between two times with its answer.
fn heard<O, A>(invoked: u64, returned: u64, op: O, answer: A) -> Event<O, A> {
    event(op, invoked, Some((returned, answer)))
}

/// An operation that nobody heard of any more.
fn unheard<O, A>(invoked: u64, op: O) -> Event<O, A> {
    event(op, invoked, None)
}

fn is_good<M: Model>(model: &M, history: &History<M>) -> bool {
    match check(model, history) {
        Verdict::Linearizable => true,
        Verdict::Refuted { .. } => false,
        Verdict::Undecided => panic!("the search was given up"),
    }
}

/// Whether any order at all explains a history: tries every one.
fn tried<M: Model>(model: &M, history: &History<M>, placed: &mut Vec<usize>, state: &M::State) -> bool {
    let open = |number: &usize| !placed.contains(number);
    let left: Vec<usize> = (0..history.len()).filter(open).collect();
    if left.iter().all(|number| history[*number].answered.is_none()) {
        return true;
    }
    let returned = |number: usize| history[number].answered.as_ref().map_or(u64::MAX, |(at, _)| *at);
    for number in &left {
        let invoked = history[*number].invoked;
        if left
            .iter()
            .any(|other| other != number && returned(*other) < invoked)
        {
            continue;
        }
        let event = &history[*number];
        let answer = event.answered.as_ref().map(|(_, answer)| answer);
        if let Some(next) = model.step(state, &event.op, answer) {
            placed.push(*number);
            let found = tried(model, history, placed, &next);
            placed.pop();
            if found {
                return true;
            }
        }
    }
    false
}

/// Holds the check against the one that tries every order, on histories made of what `draw` draws.
fn agrees<M: Model>(
    model: &M,
    draws: &mut Draws,
    rounds: usize,
    draw: impl Fn(&mut Draws) -> (M::Op, M::Answer),
) {
    let (mut good, mut bad) = (0, 0);
    for _ in 0..rounds {
        let history: History<M> = (0..=draws.draw(6))
            .map(|_| {
                let invoked = u64::try_from(draws.draw(16)).unwrap();
                let returned = invoked + u64::try_from(draws.draw(10)).unwrap();
                let (op, answer) = draw(draws);
                let answered = (!draws.percent(20)).then_some((returned, answer));
                event(op, invoked, answered)
            })
            .collect();
        let expected = tried(model, &history, &mut Vec::new(), &model.first());
        assert_eq!(is_good(model, &history), expected, "{history:?}");
        good += usize::from(expected);
        bad += usize::from(!expected);
    }
    let enough = rounds / 20;
    assert!(
        good > enough && bad > enough,
        "{good} good and {bad} bad are not enough of both"
    );
}

#[test]
fn the_check_says_of_small_histories_what_trying_every_order_says() {
    let mut draws = Draws::from_environment("orders");
    println!("SCENARIO_SEED={} of the orders", draws.seed);
    agrees(&Register, &mut draws, 10_000, |draws| {
        let value = u8::try_from(draws.draw(3)).unwrap();
        let write = draws.percent(50);
        (if write { Do::Write(value) } else { Do::Read }, value)
    });
    agrees(&Products { created: at(0) }, &mut draws, 10_000, |draws| {
        let product = u8::try_from(1 + draws.draw(2)).unwrap();
        match draws.draw(5) {
            0 | 1 => (ProductsOp::Associate(product), ProductsAnswer::Done),
            2 => (ProductsOp::Disassociate(product), ProductsAnswer::Done),
            _ => {
                let products = u8::try_from(draws.draw(3)).unwrap();
                let date = at(i64::from(products.min(1)) + i64::try_from(draws.draw(2)).unwrap());
                (ProductsOp::Get, ProductsAnswer::Seen { products, date })
            }
        }
    });
    agrees(&LOCK(), &mut draws, 10_000, |draws| {
        let (expected, marker) = (
            i64::try_from(draws.draw(3)).unwrap(),
            u64::try_from(draws.draw(3)).unwrap(),
        );
        let date = i64::try_from(draws.draw(3)).unwrap();
        match draws.draw(6) {
            0 | 1 => (update(expected, marker), updated(expected + 1)),
            2 => (update(expected, marker), LockAnswer::Conflict),
            _ => (LockOp::Get, seen(marker, date)),
        }
    });
    agrees(&Token, &mut draws, 10_000, |draws| {
        let body = u64::try_from(draws.draw(2)).unwrap();
        match draws.draw(6) {
            0..3 => (TokenOp::Create { body }, TokenAnswer::Created(row("O1", body))),
            3 => (TokenOp::Create { body }, TokenAnswer::Conflict),
            4 => (TokenOp::List, TokenAnswer::Listed(Vec::new())),
            _ => (TokenOp::List, TokenAnswer::Listed(vec![row("O1", body)])),
        }
    });
}

#[test]
fn a_read_that_tells_a_date_is_not_placed_before_the_change_that_made_it() {
    let done = |op| heard(2, 10, op, ProductsAnswer::Done);
    let get = |from, until| {
        let answer = ProductsAnswer::Seen {
            products: 1,
            date: at(9),
        };
        heard(from, until, ProductsOp::Get, answer)
    };
    let history = vec![
        heard(0, 1, ProductsOp::Associate(1), ProductsAnswer::Done),
        // The first read fits at once; only after both changes does the second one fit too.
        get(2, 3),
        done(ProductsOp::Disassociate(1)),
        done(ProductsOp::Associate(1)),
        get(11, 12),
    ];
    assert!(is_good(&Products { created: at(0) }, &history));
}

#[test]
fn a_write_takes_effect_once_between_its_call_and_its_answer() {
    let (write, read) = (Do::Write(1), Do::Read);
    let beside = |value| vec![heard(0, 10, write.clone(), 0), heard(5, 6, read.clone(), value)];
    assert!(is_good(&Register, &beside(0)) && is_good(&Register, &beside(1)));
    let after = |value| vec![heard(0, 10, write.clone(), 0), heard(11, 12, read.clone(), value)];
    assert!(!is_good(&Register, &after(0)) && is_good(&Register, &after(1)));
    // What one has seen, a later one does not miss, though both lie beside the write.
    let mut back = beside(1);
    back.push(heard(7, 8, read.clone(), 0));
    assert!(!is_good(&Register, &back));
    let Verdict::Refuted { placed, stuck } = check(&Register, &back) else {
        panic!("a value that went back was explained");
    };
    assert_eq!((placed, stuck), (2, vec![2]));
    assert!(is_good(&Register, &Vec::new()));
}

#[test]
fn what_nobody_heard_of_happened_at_any_later_moment_or_never() {
    let reads = |values: [u8; 3]| {
        let mut history = vec![unheard(5, Do::Write(1)), heard(0, 1, Do::Write(2), 0)];
        history.extend(
            [2, 10, 20]
                .into_iter()
                .zip(values)
                .map(|(at, value)| heard(at, at + 1, Do::Read, value)),
        );
        history
    };
    for (values, good) in [
        ([2, 2, 2], true),
        ([2, 2, 1], true),
        ([2, 1, 1], true),
        ([1, 1, 1], false),
        ([2, 1, 2], false),
    ] {
        assert_eq!(is_good(&Register, &reads(values)), good, "{values:?}");
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).unwrap()
}

const LOCK: fn() -> Lock = || Lock { created: at(0) };

fn update(expected: i64, marker: u64) -> LockOp {
    LockOp::Update {
        expected: at(expected),
        marker,
    }
}

fn updated(date: i64) -> LockAnswer {
    LockAnswer::Updated { date: at(date) }
}

fn seen(marker: u64, date: i64) -> LockAnswer {
    LockAnswer::Seen {
        marker,
        date: at(date),
    }
}

#[test]
fn of_two_updates_of_one_date_one_wins_and_the_date_moves_on() {
    let two = |second| {
        vec![
            heard(0, 9, update(0, 1), updated(5)),
            heard(0, 9, update(0, 2), second),
        ]
    };
    assert!(is_good(&LOCK(), &two(LockAnswer::Conflict)));
    assert!(!is_good(&LOCK(), &two(updated(6))), "a lost update");
    let one = |answer| vec![heard(0, 9, update(0, 1), answer)];
    assert!(
        !is_good(&LOCK(), &one(LockAnswer::Conflict)),
        "a conflict with nobody"
    );
    assert!(!is_good(&LOCK(), &one(updated(0))), "a date that stands still");
    let then = |answer| {
        vec![
            heard(0, 1, update(0, 1), updated(5)),
            heard(2, 3, LockOp::Get, answer),
        ]
    };
    assert!(is_good(&LOCK(), &then(seen(1, 5))));
    for (answer, what) in [
        (seen(0, 0), "a stale read"),
        (seen(1, 0), "a new text under the old date"),
        (seen(0, 5), "an old text under the new date"),
        (seen(1, 6), "another date than the one that was answered"),
    ] {
        assert!(!is_good(&LOCK(), &then(answer)), "{what}");
    }
}

#[test]
fn an_update_that_nobody_heard_of_has_one_date_and_is_no_reason_for_its_own_refusal() {
    let lost = |more: Vec<Event<LockOp, LockAnswer>>| [vec![unheard(0, update(0, 1))], more].concat();
    let get = |from, answer| heard(from, from + 1, LockOp::Get, answer);
    assert!(is_good(
        &LOCK(),
        &lost(vec![get(2, seen(0, 0)), get(4, seen(1, 7)), get(6, seen(1, 7))])
    ));
    assert!(!is_good(
        &LOCK(),
        &lost(vec![get(2, seen(1, 7)), get(4, seen(1, 8))])
    ));
    assert!(!is_good(
        &LOCK(),
        &lost(vec![get(2, seen(1, 7)), get(4, seen(0, 0))])
    ));
    // It explains the refusal of another one, and whoever is told its date goes on from there.
    let other = heard(2, 3, update(0, 2), LockAnswer::Conflict);
    assert!(is_good(
        &LOCK(),
        &lost(vec![
            other.clone(),
            get(4, seen(1, 7)),
            heard(6, 7, update(7, 3), updated(9))
        ])
    ));
    assert!(!is_good(&LOCK(), &lost(vec![other, get(4, seen(0, 0))])));
    // Refused and written all the same: what a server does that repeats a commit that had landed.
    let refused = heard(0, 1, update(0, 1), LockAnswer::Conflict);
    assert!(!is_good(&LOCK(), &vec![refused, get(2, seen(1, 7))]));
}

fn row(id: &str, body: u64) -> Row {
    Row {
        id: id.to_owned(),
        date: at(1),
        body,
    }
}

#[test]
fn a_token_has_one_effect_that_everybody_hears_of() {
    let create = |from, body, answer| heard(from, from + 5, TokenOp::Create { body }, answer);
    let list = |from, rows| heard(from, from + 1, TokenOp::List, TokenAnswer::Listed(rows));
    let made = |id, body| TokenAnswer::Created(row(id, body));
    for (history, good, what) in [
        (
            vec![create(0, 0, made("O1", 0)), create(1, 0, made("O1", 0))],
            true,
            "a repetition",
        ),
        (
            vec![create(0, 0, made("O1", 0)), create(1, 0, made("O2", 0))],
            false,
            "two effects",
        ),
        (
            vec![create(0, 0, made("O1", 0)), create(1, 1, TokenAnswer::Conflict)],
            true,
            "another body",
        ),
        (
            vec![create(0, 0, made("O1", 0)), create(1, 1, made("O1", 1))],
            false,
            "another body, taken",
        ),
        (
            vec![create(0, 0, TokenAnswer::Conflict)],
            false,
            "a conflict with nobody",
        ),
        (
            vec![create(0, 0, made("O1", 0)), create(9, 0, TokenAnswer::Conflict)],
            false,
            "with itself",
        ),
        (
            vec![create(0, 0, made("O1", 0)), list(9, vec![row("O1", 0)])],
            true,
            "a list",
        ),
        (
            vec![create(0, 0, made("O1", 0)), list(9, vec![])],
            false,
            "a list without it",
        ),
        (
            vec![list(0, vec![row("O1", 0)]), create(9, 0, made("O1", 0))],
            false,
            "a list before it",
        ),
        (
            vec![
                create(0, 0, made("O1", 0)),
                list(9, vec![row("O1", 0), row("O2", 0)]),
            ],
            false,
            "two rows",
        ),
        (
            vec![
                unheard(0, TokenOp::Create { body: 0 }),
                list(1, vec![]),
                list(9, vec![row("O1", 0)]),
            ],
            true,
            "late",
        ),
        (
            vec![
                unheard(0, TokenOp::Create { body: 0 }),
                create(9, 1, TokenAnswer::Conflict),
            ],
            true,
            "unheard",
        ),
        (
            vec![
                unheard(0, TokenOp::Create { body: 0 }),
                list(1, vec![row("O1", 1)]),
            ],
            false,
            "of nobody",
        ),
    ] {
        assert_eq!(is_good(&Token, &history), good, "{what}");
    }
}

#[test]
fn products_come_and_go_and_only_changes_move_the_date() {
    let model = || Products { created: at(0) };
    let done = |from, op| heard(from, from + 1, op, ProductsAnswer::Done);
    let get = |from, products, date| {
        let answer = ProductsAnswer::Seen {
            products,
            date: at(date),
        };
        heard(from, from + 1, ProductsOp::Get, answer)
    };
    let twice = |date| {
        vec![
            done(0, ProductsOp::Associate(1)),
            get(2, 1, 5),
            done(4, ProductsOp::Associate(1)),
            get(6, 1, date),
        ]
    };
    assert!(is_good(&model(), &twice(5)) && !is_good(&model(), &twice(6)));
    let gone = |products, date| {
        let two = [ProductsOp::Associate(1), ProductsOp::Associate(2)];
        let mut history = vec![done(0, two[0].clone()), done(2, two[1].clone()), get(4, 3, 5)];
        history.extend([done(6, ProductsOp::Disassociate(1)), get(8, products, date)]);
        history
    };
    assert!(is_good(&model(), &gone(2, 6)));
    for (products, date) in [(3, 5), (2, 5), (0, 6), (1, 6)] {
        assert!(!is_good(&model(), &gone(products, date)), "{products} at {date}");
    }
}
