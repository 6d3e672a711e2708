-- Events and where they go.

-- Events are found by id, in the order of time, and in the order of time within the account that receives them. The first
-- two indexes grow at their ends, since ids and times ascend. No version before this one emitted events, so ids are unique.
CREATE UNIQUE INDEX event_by_id ON event (id);
CREATE INDEX event_by_time ON event (time);
CREATE INDEX event_by_account_time ON event (account, time);

CREATE TABLE event_target (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    account TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_target_by_id ON event_target (tenant, id);
CREATE INDEX event_target_by_account ON event_target (tenant, account, id);
CREATE TABLE event_target_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE event_rule (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    account TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_rule_by_id ON event_rule (tenant, id);
CREATE INDEX event_rule_by_account ON event_rule (tenant, account, id);
CREATE TABLE event_rule_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

-- Where each target stands. One without a name was dropped, and its deliveries are being erased. `pending` and `dead` count
-- its rows in those states; the other counts only grow.
CREATE TABLE delivery_target (
    target INTEGER PRIMARY KEY,
    name TEXT UNIQUE,
    position INTEGER NOT NULL,
    status BLOB NOT NULL,
    pending INTEGER NOT NULL,
    dead INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    worker TEXT,
    leased_until INTEGER,
    epoch INTEGER NOT NULL
) STRICT;

-- The number of the latest lease of any target. It belongs to this file and not to the state in it: an import leaves it.
CREATE TABLE delivery_epoch (last INTEGER NOT NULL) STRICT;
INSERT INTO delivery_epoch VALUES (0);

-- What became of events at targets; `state` is 0 pending, 1 delivered, 2 dead. It leads the key, so that each list of a target
-- is a range of it. `head` is 1 for a pending row that waits for no other: the lowest of its lane, or one without a lane.
CREATE TABLE delivery (
    target INTEGER NOT NULL,
    state INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    lane TEXT,
    head INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    note BLOB NOT NULL,
    PRIMARY KEY (target, state, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX delivery_by_event ON delivery (seq, target);
-- Only heads are in the first index, so what waits behind them costs a look for what is due nothing.
CREATE INDEX delivery_due ON delivery (target, due_at, seq) WHERE head = 1;
CREATE INDEX delivery_by_lane ON delivery (target, lane, seq) WHERE state = 0 AND lane IS NOT NULL;
