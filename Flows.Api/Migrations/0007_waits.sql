-- What paused runs wait for, and runs that other runs have called.

ALTER TABLE runs
    ADD COLUMN wake          boolean  NOT NULL DEFAULT false,   -- a wait has ended while the run was not Paused: it must not stay Paused when it gets there
    ADD COLUMN paused_ms     bigint   NOT NULL DEFAULT 0,       -- time spent Paused, without the present pause
    ADD COLUMN parent_run_id uuid,                              -- the run that called this one
    ADD COLUMN parent_path   text,                              -- and the wait of it that this one's end is the end of; null: nobody waits
    ADD COLUMN depth         smallint NOT NULL DEFAULT 0;       -- calls between this run and the one that nobody called
CREATE INDEX runs_parent ON runs (parent_run_id) WHERE parent_run_id IS NOT NULL;

-- One row for each wait, unique by (run, path). A row whose asked_at is null was made by a call of the step's link before the run got there.
CREATE TABLE waitpoints (
    run_id    uuid NOT NULL,
    path      text NOT NULL,
    kind      smallint NOT NULL,                            -- WaitKind
    status    smallint NOT NULL DEFAULT 0,                  -- WaitStatus
    asked_at  timestamptz,
    due_at    timestamptz,                                  -- when the clock ends it
    approvers integer NOT NULL DEFAULT 0,
    message   json,
    votes     json,                                         -- [{by, approved, at, comment}], in the order they came
    child_id  uuid,                                         -- the run that was called
    ended_at  timestamptz,
    output    json,
    error     json,                                         -- StepError
    PRIMARY KEY (run_id, path)
) PARTITION BY RANGE (run_id);
CREATE INDEX waitpoints_due ON waitpoints (due_at) WHERE status = 0;
CREATE INDEX waitpoints_calls ON waitpoints (child_id) WHERE status = 0 AND child_id IS NOT NULL;

CREATE TABLE waitpoints_other PARTITION OF waitpoints DEFAULT;
-- The days that runs already have.
SELECT ensure_run_partitions(to_date(right(c.relname, 8), 'YYYYMMDD'), 1)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'runs'::regclass AND c.relname ~ '^runs_[0-9]{8}$'
ORDER BY c.relname;
