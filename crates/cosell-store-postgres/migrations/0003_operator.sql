-- The kinds of AWS's side and of the people who run a server.

CREATE TABLE "deal" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    account text COLLATE "C" NOT NULL,
    status text COLLATE "C",
    submitted bigint NOT NULL,
    stage text COLLATE "C",
    company text COLLATE "C",
    partner_identifier text COLLATE "C",
    amount bigint,
    industry text COLLATE "C",
    country text COLLATE "C",
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX deal_by_account_status_submitted ON "deal" (tenant, catalog, account, status NULLS FIRST, submitted, id);
CREATE INDEX deal_by_company_submitted ON "deal" (tenant, catalog, company NULLS FIRST, submitted, id);
CREATE INDEX deal_by_account_submitted ON "deal" (tenant, catalog, account, submitted, id);
CREATE INDEX deal_by_status_submitted ON "deal" (tenant, catalog, status NULLS FIRST, submitted, id);
CREATE INDEX deal_by_submitted ON "deal" (tenant, catalog, submitted, id);

CREATE TABLE "operator_token" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);

CREATE TABLE "setting" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);

CREATE TABLE "connection" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    one text COLLATE "C" NOT NULL,
    other text COLLATE "C" NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);
CREATE INDEX connection_by_one ON "connection" (tenant, catalog, one, id);
CREATE INDEX connection_by_other ON "connection" (tenant, catalog, other, id);

CREATE TABLE "offer" (
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    summary text NOT NULL,
    document text NOT NULL,
    private text NOT NULL,
    PRIMARY KEY (tenant, catalog, id)
);

-- The audit log in the order of time, and in the order of time within an account.
CREATE INDEX audit_by_time ON audit (time, seq);
CREATE INDEX audit_by_account_time ON audit (account, time, seq);

-- Jobs are claimed in the order of their own times, also those whose lease has run out. A waiting job is in the first
-- index, a claimed one in the second.
CREATE INDEX job_waiting ON job (run_at, id) WHERE worker IS NULL;
CREATE INDEX job_leased ON job (due_at) WHERE worker IS NOT NULL;

-- Versions of records that were replaced or deleted, numbered in the order in which that happened. `until` is NULL where
-- the change told no time.
CREATE TABLE history (
    seq bigint PRIMARY KEY,
    until bigint,
    kind text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    catalog text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    document text NOT NULL,
    private text NOT NULL
);
CREATE INDEX history_by_key ON history (tenant, catalog, id, version, kind, seq);
