-- Events and where they go.

CREATE UNIQUE INDEX event_by_id ON event (id);
CREATE INDEX event_by_time ON event (time, seq);
CREATE INDEX event_by_account_time ON event (account, time, seq);

CREATE TABLE "event_target" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX event_target_by_account ON "event_target" (tenant, catalog, account, id);

CREATE TABLE "event_rule" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX event_rule_by_account ON "event_rule" (tenant, catalog, account, id);

-- Where each target stands. One without a name was dropped, and its deliveries are being erased. `pending` and `dead` count
-- its rows in those states; the other counts only grow.
CREATE TABLE delivery_target (
    target bigint PRIMARY KEY,
    name text COLLATE "C" UNIQUE,
    position bigint NOT NULL,
    status bytea NOT NULL,
    pending bigint NOT NULL,
    dead bigint NOT NULL,
    delivered bigint NOT NULL,
    attempts bigint NOT NULL,
    failures bigint NOT NULL,
    worker text COLLATE "C",
    leased_until bigint,
    epoch bigint NOT NULL
);

-- The latest numbers of leases and targets. They belong to this database and not to the state in it: an import leaves them.
CREATE TABLE delivery_counter (
    id bigint PRIMARY KEY,
    epoch bigint NOT NULL,
    target bigint NOT NULL
);
INSERT INTO delivery_counter VALUES (1, 0, 0);

-- What became of events at targets; `state` is 0 pending, 1 delivered, 2 dead. `head` is true for a pending row that waits
-- for no other: the lowest of its lane, or one without a lane. Delivered rows, which are almost all, pay for two indexes.
CREATE TABLE delivery (
    target bigint NOT NULL,
    seq bigint NOT NULL,
    state bigint NOT NULL,
    lane text COLLATE "C",
    head boolean NOT NULL,
    attempts bigint NOT NULL,
    due_at bigint NOT NULL,
    note bytea NOT NULL,
    PRIMARY KEY (target, seq)
);
CREATE INDEX delivery_by_event ON delivery (seq, target);
CREATE INDEX delivery_pending ON delivery (target, seq) WHERE state = 0;
CREATE INDEX delivery_dead ON delivery (target, seq) WHERE state = 2;
CREATE INDEX delivery_due ON delivery (target, due_at, seq) WHERE head;
CREATE INDEX delivery_by_lane ON delivery (target, lane, seq) WHERE state = 0 AND lane IS NOT NULL;
