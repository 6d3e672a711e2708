//! What the server's objects do when there is one client: an opportunity under the lock of LastModifiedDate, a client token,
//! and the products of an opportunity.

use jiff::Timestamp;

use super::check::Model;

/// LastModifiedDate as far as it is known: an effect that nobody heard of gave it a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Date {
    At(Timestamp),
    After(Timestamp),
}

impl Date {
    /// Whether it can be this one.
    fn can_be(self, date: Timestamp) -> bool {
        match self {
            Self::At(at) => at == date,
            Self::After(after) => date > after,
        }
    }

    /// What a change that says nothing makes of it: it strictly increases.
    fn later(self) -> Self {
        match self {
            Self::At(date) | Self::After(date) => Self::After(date),
        }
    }
}

/// An opportunity: GetOpportunity, and UpdateOpportunity as compare-and-swap. Every update writes a marker of its own.
pub struct Lock {
    /// LastModifiedDate as created, with marker 0.
    pub created: Timestamp,
}

#[derive(Clone, Debug)]
pub enum LockOp {
    Get,
    Update { expected: Timestamp, marker: u64 },
}

#[derive(Clone, Debug)]
pub enum LockAnswer {
    Seen { marker: u64, date: Timestamp },
    Updated { date: Timestamp },
    Conflict,
}

impl Model for Lock {
    type State = (u64, Date);
    type Op = LockOp;
    type Answer = LockAnswer;

    fn first(&self) -> Self::State {
        (0, Date::At(self.created))
    }

    fn step(&self, state: &Self::State, op: &LockOp, answer: Option<&LockAnswer>) -> Option<Self::State> {
        let (marker, date) = *state;
        match (op, answer) {
            (
                LockOp::Get,
                Some(LockAnswer::Seen {
                    marker: seen,
                    date: at,
                }),
            ) => (*seen == marker && date.can_be(*at)).then_some((marker, Date::At(*at))),
            (LockOp::Update { expected, marker }, Some(LockAnswer::Updated { date: new })) => {
                (date.can_be(*expected) && new > expected).then_some((*marker, Date::At(*new)))
            }
            // A date that nobody was told yet is one that nobody expects.
            (LockOp::Update { expected, .. }, Some(LockAnswer::Conflict)) => {
                (date != Date::At(*expected)).then_some(*state)
            }
            (LockOp::Update { expected, marker }, None) => date
                .can_be(*expected)
                .then_some((*marker, Date::After(*expected))),
            (LockOp::Get, None) => Some(*state),
            _ => None,
        }
    }

    fn only_looks(&self, _: &LockOp, answer: &LockAnswer) -> bool {
        !matches!(answer, LockAnswer::Updated { .. })
    }
}

/// An opportunity as a list shows it, or as its creation answers; `body` says which request it came of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    pub id: String,
    pub date: Timestamp,
    pub body: u64,
}

/// A client token: CreateOpportunity with one of several bodies, and ListOpportunities of what came of any of them.
pub struct Token;

#[derive(Clone, Debug)]
pub enum TokenOp {
    Create { body: u64 },
    List,
}

#[derive(Clone, Debug)]
pub enum TokenAnswer {
    Created(Row),
    Conflict,
    Listed(Vec<Row>),
}

/// What has come of a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spent {
    Unused,
    /// An opportunity that nobody was told of.
    Unheard {
        body: u64,
    },
    On(Row),
}

impl Model for Token {
    type State = Spent;
    type Op = TokenOp;
    type Answer = TokenAnswer;

    fn first(&self) -> Spent {
        Spent::Unused
    }

    fn step(&self, state: &Spent, op: &TokenOp, answer: Option<&TokenAnswer>) -> Option<Spent> {
        let is = |row: &Row| match state {
            Spent::Unused => false,
            Spent::Unheard { body } => *body == row.body,
            Spent::On(made) => made == row,
        };
        match (op, answer) {
            (TokenOp::Create { body }, Some(TokenAnswer::Created(row))) => {
                let fits = *body == row.body && (*state == Spent::Unused || is(row));
                fits.then(|| Spent::On(row.clone()))
            }
            (TokenOp::Create { body }, Some(TokenAnswer::Conflict)) => match state {
                Spent::Unheard { body: other } | Spent::On(Row { body: other, .. }) if other != body => {
                    Some(state.clone())
                }
                _ => None,
            },
            (TokenOp::Create { body }, None) => Some(match state {
                Spent::Unused => Spent::Unheard { body: *body },
                other => other.clone(),
            }),
            (TokenOp::List, Some(TokenAnswer::Listed(rows))) => match rows.as_slice() {
                [] => (*state == Spent::Unused).then_some(Spent::Unused),
                [row] => is(row).then(|| Spent::On(row.clone())),
                _ => None,
            },
            (TokenOp::List, None) => Some(state.clone()),
            _ => None,
        }
    }

    fn only_looks(&self, _: &TokenOp, answer: &TokenAnswer) -> bool {
        !matches!(answer, TokenAnswer::Created(_))
    }
}

/// The products of an opportunity as a set: AssociateOpportunity, DisassociateOpportunity, GetOpportunity. Bits stand for
/// products. A change moves LastModifiedDate; what changes nothing does not.
pub struct Products {
    pub created: Timestamp,
}

#[derive(Clone, Debug)]
pub enum ProductsOp {
    Get,
    Associate(u8),
    Disassociate(u8),
}

#[derive(Clone, Debug)]
pub enum ProductsAnswer {
    Seen {
        products: u8,
        date: Timestamp,
    },
    Done,
    /// Others were faster, again and again: refused without effect.
    Conflict,
}

impl Model for Products {
    type State = (u8, Date);
    type Op = ProductsOp;
    type Answer = ProductsAnswer;

    fn first(&self) -> Self::State {
        (0, Date::At(self.created))
    }

    fn step(
        &self,
        state: &Self::State,
        op: &ProductsOp,
        answer: Option<&ProductsAnswer>,
    ) -> Option<Self::State> {
        let (products, date) = *state;
        let next = match (op, answer) {
            (ProductsOp::Get, None) => products,
            (
                ProductsOp::Get,
                Some(ProductsAnswer::Seen {
                    products: seen,
                    date: at,
                }),
            ) => {
                return (*seen == products && date.can_be(*at)).then_some((products, Date::At(*at)));
            }
            (ProductsOp::Associate(_) | ProductsOp::Disassociate(_), Some(ProductsAnswer::Conflict)) => {
                products
            }
            (ProductsOp::Associate(product), Some(ProductsAnswer::Done) | None) => products | product,
            (ProductsOp::Disassociate(product), Some(ProductsAnswer::Done) | None) => products & !product,
            _ => return None,
        };
        Some(match next == products {
            true => *state,
            false => (next, date.later()),
        })
    }

    fn only_looks(&self, _: &ProductsOp, answer: &ProductsAnswer) -> bool {
        !matches!(answer, ProductsAnswer::Done)
    }
}
