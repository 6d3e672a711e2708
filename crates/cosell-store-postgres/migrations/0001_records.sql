-- For each kind one table. Lists read its narrow columns through the indexes; a document that is long is kept out of line
-- by PostgreSQL itself and costs a list nothing, so a second table would only double what a write costs.
--
-- `tenant` is the account that owns a record, empty where none does. It leads every key and index, so that what belongs
-- together lies together, here and on engines that spread tables by it. Texts compare by their bytes.

CREATE TABLE "account" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);

CREATE TABLE "user" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    email text COLLATE "C",
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX user_by_email ON "user" (tenant, catalog, email NULLS FIRST, id);

CREATE TABLE "access_key" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    owner text COLLATE "C" NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX access_key_by_owner ON "access_key" (tenant, catalog, owner, id);

CREATE TABLE "solution" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    name text COLLATE "C",
    status text COLLATE "C",
    category text COLLATE "C",
    created bigint NOT NULL,
    marketplace_arn text COLLATE "C",
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX solution_by_marketplace_arn ON "solution" (tenant, catalog, marketplace_arn NULLS FIRST, id);
CREATE INDEX solution_by_name ON "solution" (tenant, catalog, name NULLS FIRST, id);
CREATE INDEX solution_by_status ON "solution" (tenant, catalog, status NULLS FIRST, id);
CREATE INDEX solution_by_category ON "solution" (tenant, catalog, category NULLS FIRST, id);
CREATE INDEX solution_by_created ON "solution" (tenant, catalog, created, id);

CREATE TABLE "opportunity" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    last_modified bigint NOT NULL,
    created bigint NOT NULL,
    target_close text COLLATE "C",
    company text COLLATE "C",
    stage text COLLATE "C",
    review_status text COLLATE "C",
    partner_identifier text COLLATE "C",
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX opportunity_by_company_last_modified ON "opportunity" (tenant, catalog, company NULLS FIRST, last_modified, id);
CREATE INDEX opportunity_by_review_status_last_modified ON "opportunity" (tenant, catalog, review_status NULLS FIRST, last_modified, id);
CREATE INDEX opportunity_by_stage_last_modified ON "opportunity" (tenant, catalog, stage NULLS FIRST, last_modified, id);
CREATE INDEX opportunity_by_last_modified ON "opportunity" (tenant, catalog, last_modified, id);
CREATE INDEX opportunity_by_created ON "opportunity" (tenant, catalog, created, id);
CREATE INDEX opportunity_by_target_close ON "opportunity" (tenant, catalog, target_close NULLS FIRST, id);
CREATE INDEX opportunity_by_partner_identifier_last_modified ON "opportunity" (tenant, catalog, partner_identifier NULLS FIRST, last_modified, id) WHERE partner_identifier IS NOT NULL;

-- The numbers given out last, in one row. Whoever takes some holds the row until its commit, so numbers become visible in
-- their own order.
CREATE TABLE log_counter (
    id bigint PRIMARY KEY,
    event bigint NOT NULL,
    audit bigint NOT NULL,
    history bigint NOT NULL,
    answer bigint NOT NULL
);
INSERT INTO log_counter VALUES (1, 0, 0, 0, 0);

-- Kept answers. `seq` is the order in which they were made, which is the order in which they expire.
CREATE TABLE idempotency (
    account text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    catalog text COLLATE "C",
    request_hash bytea NOT NULL,
    answer bytea NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (account, operation, token)
);
CREATE INDEX idempotency_by_seq ON idempotency (seq);

-- The outbox.
CREATE TABLE event (
    seq bigint PRIMARY KEY,
    id text COLLATE "C" NOT NULL,
    account text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    detail_type text COLLATE "C" NOT NULL,
    time bigint NOT NULL,
    body bytea NOT NULL
);

CREATE TABLE audit (
    seq bigint PRIMARY KEY,
    time bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    body bytea NOT NULL
);

-- `due_at` is `run_at` until the job is claimed, and then the end of the lease.
CREATE TABLE job (
    id text COLLATE "C" PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    run_at bigint NOT NULL,
    payload bytea NOT NULL,
    attempts bigint NOT NULL,
    worker text COLLATE "C",
    due_at bigint NOT NULL
);

CREATE TABLE sequence (
    name text COLLATE "C" PRIMARY KEY,
    next bigint NOT NULL
);

-- One row for each commit whose outcome somebody may still have to find out. `fence` is true where who asked came first:
-- that commit never lands.
CREATE TABLE commit_marker (
    marker bytea PRIMARY KEY,
    fence boolean NOT NULL
);
