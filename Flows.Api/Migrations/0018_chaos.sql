-- Projects in which something may be broken on purpose, and what was seen when a worker was.

ALTER TABLE projects ADD COLUMN is_test boolean NOT NULL DEFAULT false;

ALTER TABLE workers
    ADD COLUMN allows_chaos boolean NOT NULL DEFAULT false, -- the worker would end itself if it were told to
    ADD COLUMN end_run      uuid,                           -- it is told to, in the answer to its next heartbeat, while it holds this run …
    ADD COLUMN end_attempt  integer;                        -- … as this attempt

CREATE TABLE chaos_drills (
    id           uuid PRIMARY KEY,
    project_id   uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    run_id       uuid NOT NULL,                             -- the sample run
    flow_id      uuid NOT NULL,
    started_by   text NOT NULL,
    started_at   timestamptz NOT NULL,
    worker       text,                                      -- who held the run and was told to end itself
    worker_runs  integer,                                   -- runs that it held in all
    attempt      integer,                                   -- the attempt that was to be cut off
    before       json,                                      -- the journal at that moment
    ordered_at   timestamptz,
    gone_at      timestamptz,                               -- its last sign of life
    taken_by     text,                                      -- who went on with the run
    taken_at     timestamptz,
    asked        text[] NOT NULL DEFAULT '{}',              -- paths that a decision was asked for
    replaced_by  text,                                      -- the worker that came in its place
    replaced_at  timestamptz,
    ended_at     timestamptz,
    problem      text,                                      -- why it came to nothing
    report       json                                       -- what was seen, kept for longer than the run
);
CREATE UNIQUE INDEX chaos_drills_open ON chaos_drills ((true)) WHERE ended_at IS NULL;   -- one at a time
CREATE INDEX chaos_drills_project ON chaos_drills (project_id, id DESC);
