-- How often what servers remember has changed, under a name for each, and how often everything was exchanged. The counts
-- belong to this database and not to the state in it: an import leaves them. A server of the version before knows nothing of
-- them and needs not to.
CREATE TABLE revision (
    name text COLLATE "C" PRIMARY KEY,
    number bigint NOT NULL
);
INSERT INTO revision VALUES ('exchanges', 0);

-- When a marker was left, so that those of killed servers can go. A server of the version before leaves it to the default.
ALTER TABLE commit_marker ADD COLUMN made_at timestamptz NOT NULL DEFAULT now();
