-- The kinds of AWS's side and of the people who run a server.

CREATE TABLE deal (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    account TEXT NOT NULL,
    status TEXT,
    submitted INTEGER NOT NULL,
    stage TEXT,
    company TEXT,
    partner_identifier TEXT,
    amount INTEGER,
    industry TEXT,
    country TEXT,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX deal_by_id ON deal (tenant, id);
CREATE INDEX deal_by_account_status_submitted ON deal (tenant, account, status, submitted, id);
CREATE INDEX deal_by_company_submitted ON deal (tenant, company, submitted, id);
CREATE INDEX deal_by_account_submitted ON deal (tenant, account, submitted, id);
CREATE INDEX deal_by_status_submitted ON deal (tenant, status, submitted, id);
CREATE INDEX deal_by_submitted ON deal (tenant, submitted, id);
CREATE TABLE deal_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE operator_token (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX operator_token_by_id ON operator_token (tenant, id);
CREATE TABLE operator_token_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE setting (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX setting_by_id ON setting (tenant, id);
CREATE TABLE setting_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE connection (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    one TEXT NOT NULL,
    other TEXT NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX connection_by_id ON connection (tenant, id);
CREATE INDEX connection_by_one ON connection (tenant, one, id);
CREATE INDEX connection_by_other ON connection (tenant, other, id);
CREATE TABLE connection_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

CREATE TABLE offer (
    row INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX offer_by_id ON offer (tenant, id);
CREATE TABLE offer_body (row INTEGER PRIMARY KEY, version INTEGER NOT NULL, document TEXT NOT NULL, private TEXT NOT NULL) STRICT;

-- The partner's own identifier of an opportunity. Most opportunities have none; they are not in the index and pay nothing.
-- A column that is added comes last and rewrites no row; only rows that have an identifier are filled in from their
-- documents. A document that is not JSON is for `check` to report, not a reason to refuse the file.
ALTER TABLE opportunity ADD COLUMN partner_identifier TEXT;
UPDATE opportunity SET partner_identifier = found.identifier
FROM (
    SELECT row, CASE WHEN json_valid(document) THEN
        CASE WHEN json_type(document, '$.PartnerOpportunityIdentifier') = 'text'
            THEN nullif(json_extract(document, '$.PartnerOpportunityIdentifier'), '') END
    END AS identifier
    FROM opportunity_body
) AS found
WHERE found.row = opportunity.row AND found.identifier IS NOT NULL;
CREATE INDEX opportunity_by_partner_identifier_last_modified ON opportunity (tenant, partner_identifier, last_modified, id)
WHERE partner_identifier IS NOT NULL;

-- The catalog a kept answer speaks of, so that a reset of one catalog forgets no answer of another. NULL: not known.
ALTER TABLE idempotency ADD COLUMN catalog TEXT;

-- Each entry is in the log's own order, in the order of time, and in the order of time within its account.
CREATE INDEX audit_by_time ON audit (time);
CREATE INDEX audit_by_account_time ON audit (account, time);

-- Jobs are claimed in the order of their own times, also those whose lease has run out. A waiting job is in the first
-- index, a claimed one in the second.
DROP INDEX job_by_due;
CREATE INDEX job_waiting ON job (run_at, id) WHERE worker IS NULL;
CREATE INDEX job_leased ON job (due_at) WHERE worker IS NOT NULL;

-- Versions of records that were replaced or deleted, in the order in which that happened: a row is only ever appended. Of
-- the key, the index has what tells almost all records apart; the kind is looked at in the row. `until` is NULL where the
-- change told no time.
CREATE TABLE history (
    seq INTEGER PRIMARY KEY,
    until INTEGER,
    kind TEXT NOT NULL,
    tenant INTEGER NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    private TEXT NOT NULL
) STRICT;
CREATE INDEX history_by_id_version ON history (tenant, id, version);
