-- Values too large for the row that has them, and lists of runs by status.

-- Payloads, inputs, outputs and errors over the inline limit, compressed. The column of the row keeps a reference (docs/decisions/0011), which names
-- the value by its hash: written once for a run, however many of its rows have it.
CREATE TABLE run_values (
    run_id   uuid NOT NULL,
    id       uuid NOT NULL,                                 -- the first 128 bits of the SHA-256 of the JSON
    size     integer NOT NULL,                              -- bytes of the JSON
    encoding smallint NOT NULL,                             -- 0: as it is, 1: Brotli
    data     bytea NOT NULL,
    PRIMARY KEY (run_id, id)
) PARTITION BY RANGE (run_id);
-- It is compressed already.
ALTER TABLE run_values ALTER COLUMN data SET STORAGE EXTERNAL;
CREATE TABLE run_values_other PARTITION OF run_values DEFAULT;

-- The statuses that few runs have for long. Every run is Queued, Running and Succeeded once: leaving these out, a run that goes well never touches
-- this index. The newest of those are found through runs_project, runs_leases and runs_due.
CREATE INDEX runs_rare ON runs (project_id, status, id DESC) WHERE status NOT IN (0, 1, 4);

-- The days that runs already have.
SELECT ensure_run_partitions(to_date(right(c.relname, 8), 'YYYYMMDD'), 1)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'runs'::regclass AND c.relname ~ '^runs_[0-9]{8}$'
ORDER BY c.relname;
