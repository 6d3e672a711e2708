-- What servers count together. A row is written with every request that is admitted, so nothing that changes as often has an
-- index: `until`, a time, is the same for an hour.
CREATE TABLE counter (
    account text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    value bytea NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (account, name)
);
CREATE INDEX counter_by_until ON counter (until);
