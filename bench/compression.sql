-- What it costs to store 8,000 documents of 3.4 KB compressed by lz4 and by pglz: `psql -f bench/compression.sql` in an empty database.
CREATE TEMP TABLE source AS
    SELECT (SELECT string_agg(format('{"Field%s": "%s words of a document"}', i, md5((n * 100 + i)::text)), ',')
            FROM generate_series(1, 50) AS i) AS d
    FROM generate_series(1, 8000) AS n;
SELECT avg(length(d))::int AS characters FROM source;
CREATE TEMP TABLE by_lz4 (d text COMPRESSION lz4);
CREATE TEMP TABLE by_pglz (d text COMPRESSION pglz);
\timing on
INSERT INTO by_lz4 SELECT d || '' FROM source;
INSERT INTO by_pglz SELECT d || '' FROM source;
INSERT INTO by_lz4 SELECT d || '' FROM source;
INSERT INTO by_pglz SELECT d || '' FROM source;
INSERT INTO by_lz4 SELECT d || '' FROM source;
INSERT INTO by_pglz SELECT d || '' FROM source;
