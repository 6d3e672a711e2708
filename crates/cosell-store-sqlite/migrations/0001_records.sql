-- Every account and catalog has one small number, so that keys and indexes stay short.
CREATE TABLE tenant (
    tenant INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    catalog TEXT NOT NULL,
    UNIQUE (account, catalog)
) STRICT;

-- For each kind: a narrow table that lists read, and a body table that they never touch. Both share the row number.

CREATE TABLE account (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX account_by_id ON account (tenant, id);
CREATE TABLE account_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE user (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    email TEXT,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX user_by_id ON user (tenant, id);
CREATE INDEX user_by_email ON user (tenant, email, id);
CREATE TABLE user_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE access_key (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    owner TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX access_key_by_id ON access_key (tenant, id);
CREATE INDEX access_key_by_owner ON access_key (tenant, owner, id);
CREATE TABLE access_key_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE solution (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    name TEXT,
    status TEXT,
    category TEXT,
    created INTEGER NOT NULL,
    marketplace_arn TEXT,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX solution_by_id ON solution (tenant, id);
CREATE INDEX solution_by_marketplace_arn ON solution (tenant, marketplace_arn, id);
CREATE INDEX solution_by_name ON solution (tenant, name, id);
CREATE INDEX solution_by_status ON solution (tenant, status, id);
CREATE INDEX solution_by_category ON solution (tenant, category, id);
CREATE INDEX solution_by_created ON solution (tenant, created, id);
CREATE TABLE solution_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE opportunity (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    last_modified INTEGER NOT NULL,
    created INTEGER NOT NULL,
    target_close TEXT,
    company TEXT,
    stage TEXT,
    review_status TEXT,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX opportunity_by_id ON opportunity (tenant, id);
CREATE INDEX opportunity_by_company_last_modified ON opportunity (tenant, company, last_modified, id);
CREATE INDEX opportunity_by_review_status_last_modified ON opportunity (tenant, review_status, last_modified, id);
CREATE INDEX opportunity_by_stage_last_modified ON opportunity (tenant, stage, last_modified, id);
CREATE INDEX opportunity_by_last_modified ON opportunity (tenant, last_modified, id);
CREATE INDEX opportunity_by_created ON opportunity (tenant, created, id);
CREATE INDEX opportunity_by_target_close ON opportunity (tenant, target_close, id);
CREATE TABLE opportunity_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

-- Kept answers. Rows are numbered in the order in which they were made, which is the order in which they expire; so
-- pruning needs no index of its own.
CREATE TABLE idempotency (
    row INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    operation TEXT NOT NULL,
    token TEXT NOT NULL,
    request_hash BLOB NOT NULL,
    answer BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idempotency_by_token ON idempotency (account, operation, token);

-- The outbox. `seq` is the greatest one plus one, so it has no gaps as long as the newest event is never deleted.
CREATE TABLE event (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    account TEXT NOT NULL,
    catalog TEXT NOT NULL,
    detail_type TEXT NOT NULL,
    time INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    account TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- `due_at` is `run_at` until the job is claimed, and then the end of the lease: one index serves both.
CREATE TABLE job (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    run_at INTEGER NOT NULL,
    payload BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    worker TEXT,
    due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX job_by_due ON job (due_at, id);

CREATE TABLE sequence (
    name TEXT PRIMARY KEY,
    next INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
