//! The kinds of AWS's side and of the people who run a server: submitted deals, tokens, settings, connections, offers, event targets and rules.
//!
//! Never put an index here that no list of the operator needs: each one costs every write.

use super::{BY_ID, Column, ColumnType, Kind, KindSpec, Scope, index, plain, required, sort, text, time};

/// `submitted` is when the opportunity was handed in last; `amount` is cents a month; an opportunity that its partner
/// cannot see any more has no `status`. The review queue is the sort by `submitted`: oldest first. Filters on the
/// columns that have no index are checked on the rows of the walk.
pub(super) static DEAL: KindSpec = KindSpec {
    kind: Kind::Deal,
    table: "deal",
    scope: Scope::Shared,
    columns: &[
        required("account"),
        text("status"),
        time("submitted"),
        text("stage"),
        text("company"),
        text("partner_identifier"),
        Column {
            name: "amount",
            ty: ColumnType::Integer,
            nullable: true,
        },
        text("industry"),
        text("country"),
    ],
    sorts: &[sort("submitted", &["submitted"]), BY_ID],
    indexes: &[
        index(&["account", "status", "submitted"]),
        index(&["company", "submitted"]),
        index(&["account", "submitted"]),
        index(&["status", "submitted"]),
        index(&["submitted"]),
    ],
    history: false,
};

pub(super) static OPERATOR_TOKEN: KindSpec = plain(Kind::OperatorToken, "operator_token", Scope::Global);

pub(super) static SETTING: KindSpec = KindSpec {
    history: true,
    ..plain(Kind::Setting, "setting", Scope::Global)
};

/// Each of the two accounts asks for its connections by its own column: `one` is the lower account, `other` the higher.
pub(super) static CONNECTION: KindSpec = KindSpec {
    kind: Kind::Connection,
    table: "connection",
    scope: Scope::Global,
    columns: &[required("one"), required("other")],
    sorts: &[BY_ID],
    indexes: &[index(&["one"]), index(&["other"])],
    history: false,
};

pub(super) static OFFER: KindSpec = plain(Kind::Offer, "offer", Scope::Catalog);

/// `account` is the beginning of the id, empty for the operator's own. Those who deliver read the list of all by id.
pub(super) static EVENT_TARGET: KindSpec = KindSpec {
    columns: &[required("account")],
    indexes: &[index(&["account"])],
    ..plain(Kind::EventTarget, "event_target", Scope::Global)
};

/// `account` as for targets; empty for a rule about all accounts.
pub(super) static EVENT_RULE: KindSpec = KindSpec {
    columns: &[required("account")],
    indexes: &[index(&["account"])],
    ..plain(Kind::EventRule, "event_rule", Scope::Global)
};
