-- How often what servers remember has changed, under a name for each. The counts belong to this database and not to the
-- state in it: an import leaves them.
CREATE TABLE revision (
    name TEXT PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
