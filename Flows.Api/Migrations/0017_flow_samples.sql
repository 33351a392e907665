-- What builders test with: outputs of steps that are kept beside a draft, and what a test run takes as given.

-- Step is a step of the draft, or trigger. One whose step is gone stays: the step may come back.
CREATE TABLE flow_samples (
    flow_id    uuid NOT NULL REFERENCES flows ON DELETE CASCADE,
    step       text COLLATE "C" NOT NULL,
    output     json NOT NULL,
    size       integer NOT NULL,                            -- bytes of the output
    pinned     boolean NOT NULL,                            -- true: test runs take it instead of doing the step, and no run replaces it
    from_run   uuid,                                        -- the run whose output it is; null: a person's own
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (flow_id, step)
);

-- Only of test runs that take something as given or end before the end of the flow.
CREATE TABLE run_tests (
    run_id uuid NOT NULL PRIMARY KEY,
    plan   json NOT NULL                                    -- TestPlan
) PARTITION BY RANGE (run_id);
CREATE TABLE run_tests_other PARTITION OF run_tests DEFAULT;

-- The days that runs already have.
SELECT ensure_run_partitions(to_date(right(c.relname, 8), 'YYYYMMDD'), 1)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'runs'::regclass AND c.relname ~ '^runs_[0-9]{8}$'
ORDER BY c.relname;

ALTER TABLE piece_questions ADD COLUMN context json;        -- sample data for the expressions in the input; null: none
