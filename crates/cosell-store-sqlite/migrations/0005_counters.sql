-- What servers count together. One server alone counts in its memory, so this is empty unless somebody asks for it.
CREATE TABLE counter (
    account TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) STRICT;
CREATE INDEX counter_by_until ON counter (until);
