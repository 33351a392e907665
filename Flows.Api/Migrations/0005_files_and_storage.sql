-- Files of runs, and what flows keep between runs.

CREATE TABLE run_files (
    run_id      uuid NOT NULL,
    id          uuid NOT NULL,
    name        text NOT NULL,
    type        text NOT NULL,
    size        bigint NOT NULL DEFAULT 0,                  -- bytes so far
    chunks      integer NOT NULL DEFAULT 0,                 -- how many there are so far
    finished_at timestamptz,                                -- null: being written; nobody may read it
    PRIMARY KEY (run_id, id)
) PARTITION BY RANGE (run_id);

CREATE TABLE run_file_chunks (
    run_id  uuid NOT NULL,
    file_id uuid NOT NULL,
    index   integer NOT NULL,
    data    bytea NOT NULL,
    PRIMARY KEY (run_id, file_id, index)
) PARTITION BY RANGE (run_id);
-- Most files are compressed already; and a chunk is read whole.
ALTER TABLE run_file_chunks ALTER COLUMN data SET STORAGE EXTERNAL;

-- Increments of stored numbers that a run has done: each is done once, however often it is tried.
CREATE TABLE run_increments (
    run_id          uuid NOT NULL,
    idempotency_key text NOT NULL,
    result          numeric NOT NULL,
    PRIMARY KEY (run_id, idempotency_key)
) PARTITION BY RANGE (run_id);

CREATE TABLE run_files_other PARTITION OF run_files DEFAULT;
CREATE TABLE run_file_chunks_other PARTITION OF run_file_chunks DEFAULT;
CREATE TABLE run_increments_other PARTITION OF run_increments DEFAULT;

CREATE TABLE stored_values (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    flow_id    uuid NOT NULL,                               -- all zeros: the project's own
    key        text COLLATE "C" NOT NULL,
    value      json NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, flow_id, key)
);

-- The days that runs already have.
SELECT ensure_run_partitions(to_date(right(c.relname, 8), 'YYYYMMDD'), 1)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'runs'::regclass AND c.relname ~ '^runs_[0-9]{8}$'
ORDER BY c.relname;
