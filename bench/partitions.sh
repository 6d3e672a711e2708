#!/usr/bin/env bash
# Whether hash partitions by account would help: a million rows of a thousand accounts, once in one table and once in 16 partitions;
# read by key, listed by page, inserted by 64, in turn. Takes an empty database, named by PGHOST, PGPORT, PGUSER, PGDATABASE, and the
# programs psql and pgbench. Prints transactions per second.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

psql -q -X -v ON_ERROR_STOP=1 <<'SQL'
CREATE TABLE plain (
    account text NOT NULL, catalog text NOT NULL, id text NOT NULL, modified bigint NOT NULL, summary text NOT NULL,
    PRIMARY KEY (account, catalog, id)
);
CREATE INDEX ON plain (account, catalog, modified, id);
CREATE TABLE parted (LIKE plain INCLUDING ALL) PARTITION BY HASH (account);
SELECT format('CREATE TABLE parted_%s PARTITION OF parted FOR VALUES WITH (MODULUS 16, REMAINDER %s)', n, n)
    FROM generate_series(0, 15) AS n \gexec
INSERT INTO plain SELECT lpad((n % 1000)::text, 12, '0'), 'AWS', 'O' || n, n, repeat('x', 400) FROM generate_series(1, 1000000) AS n;
INSERT INTO parted SELECT * FROM plain;
VACUUM ANALYZE plain;
VACUUM ANALYZE parted;
SQL

for table in plain parted; do
    cat > "$folder/read-$table" <<SQL
\set n random(1, 1000000)
SELECT summary FROM $table WHERE account = lpad(mod(:n, 1000)::text, 12, '0') AND catalog = 'AWS' AND id = 'O' || :n;
SQL
    cat > "$folder/list-$table" <<SQL
\set n random(0, 999)
SELECT id, summary FROM $table WHERE account = lpad(:n::text, 12, '0') AND catalog = 'AWS' ORDER BY modified DESC, id DESC LIMIT 21;
SQL
    cat > "$folder/insert-$table" <<SQL
\set n random(1000001, 2000000000)
INSERT INTO $table SELECT lpad(((:n + i) % 1000)::text, 12, '0'), 'AWS', 'O' || (:n + i), :n, repeat('x', 400)
    FROM generate_series(1, 64) AS i ON CONFLICT DO NOTHING;
SQL
done

for round in 1 2 3; do
    for work in read list insert; do
        for table in plain parted; do
            tps=$(pgbench -n -M prepared -T 3 -c 4 -f "$folder/$work-$table" | sed -n 's/^tps = \([0-9]*\).*/\1/p')
            echo "round $round  $work  $table  $tps"
        done
    done
done
