-- Flows, schema 1. Migrations are applied in order of their number, each in one transaction, under one advisory lock.
-- Runs and their steps are partitioned by day through the time in the run's UUIDv7, so that retention drops a partition
-- instead of deleting rows, and a list of recent runs reads recent partitions only.

CREATE TABLE projects (
    id              uuid PRIMARY KEY,
    name            text NOT NULL,
    concurrent_runs integer NOT NULL DEFAULT 0,             -- 0: the installation's default
    created_at      timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_keys (
    id           uuid PRIMARY KEY,
    project_id   uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name         text NOT NULL,
    key_prefix   text NOT NULL,                             -- the first characters, to recognise a key by; the rest is never stored
    key_hash     bytea NOT NULL UNIQUE,                     -- SHA-256 of the whole key, which has 256 bits of randomness
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    expires_at   timestamptz,
    revoked_at   timestamptz
);
CREATE INDEX api_keys_project ON api_keys (project_id);

CREATE TABLE flows (
    id                   uuid PRIMARY KEY,
    project_id           uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name                 text NOT NULL,
    key                  text,                              -- a name of the builder's choice that other flows may call it by
    enabled              boolean NOT NULL DEFAULT true,
    draft                json NOT NULL,                     -- json, not jsonb: the builder's order of fields is kept
    draft_revision       bigint NOT NULL DEFAULT 1,         -- the ETag
    published_version_id uuid,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    deleted_at           timestamptz
);
CREATE INDEX flows_project ON flows (project_id, id DESC) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX flows_key ON flows (project_id, key) WHERE deleted_at IS NULL AND key IS NOT NULL;

CREATE TABLE flow_versions (
    id         uuid PRIMARY KEY,
    flow_id    uuid NOT NULL REFERENCES flows ON DELETE CASCADE,
    number     integer,                                     -- null: a snapshot of a draft, made for a test run
    definition json NOT NULL,                               -- never changed: engines and workers keep it by id
    note       text,
    created_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (flow_id, number)
);

-- The smallest UUIDv7 of a moment: 48 bits of milliseconds, then zeros.
CREATE FUNCTION run_id_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

CREATE TABLE runs (
    id                uuid NOT NULL PRIMARY KEY,            -- UUIDv7 of the moment of acceptance
    project_id        uuid NOT NULL,
    flow_id           uuid NOT NULL,
    version_id        uuid NOT NULL,
    version           integer,                              -- null: a draft
    status            smallint NOT NULL,                    -- RunStatus
    environment       smallint NOT NULL,                    -- RunEnvironment
    origin            smallint NOT NULL,                    -- RunOrigin
    priority          smallint NOT NULL,                    -- RunPriority
    attempt           integer NOT NULL DEFAULT 0,           -- the fencing token: grows with every claim
    worker            text,                                 -- who holds it while Running; who held it last afterwards
    lease_until       timestamptz,                          -- Running: a sweeper takes it back after this
    due_at            timestamptz,                          -- Queued: a sweeper rings for it again after this
    created_at        timestamptz NOT NULL,
    started_at        timestamptz,                          -- of the first claim
    claimed_at        timestamptz,                          -- of the newest claim
    finished_at       timestamptz,
    status_changed_at timestamptz NOT NULL,
    active_ms         bigint NOT NULL DEFAULT 0,            -- time held by workers, without the current claim
    lost_leases       smallint NOT NULL DEFAULT 0,          -- claims lost since the run was last put in the queue on purpose
    trigger           json NOT NULL,                        -- the trigger's output
    output            json,
    response          json,                                 -- RunResponse of a respond step
    error             json,                                 -- StepError
    failed_step       text,
    waiting_for       json,
    waiter            text                                  -- the API instance that holds a caller for this run
) PARTITION BY RANGE (id);
CREATE INDEX runs_project ON runs (project_id, id DESC);
CREATE INDEX runs_flow ON runs (flow_id, id DESC);
CREATE INDEX runs_leases ON runs (lease_until) WHERE status = 1;
CREATE INDEX runs_due ON runs (due_at) WHERE status = 0;

-- The journal. One line for each step that has started; a finished line is never changed.
CREATE TABLE run_steps (
    run_id      uuid NOT NULL,
    path        text NOT NULL,
    name        text NOT NULL,
    kind        text NOT NULL,
    status      smallint NOT NULL,                          -- StepStatus
    effect      smallint NOT NULL,                          -- StepEffect
    run_attempt integer NOT NULL,                           -- the claim that wrote it
    attempt     integer NOT NULL,                           -- the step's own tries
    started_at  timestamptz NOT NULL,
    duration_ms double precision,
    input       json,
    output      json,
    error       json,                                       -- StepError
    logs        text,
    PRIMARY KEY (run_id, path)
) PARTITION BY RANGE (run_id);

-- Makes the partitions of days days from first_day on (UTC). Safe to call again and from several processes at once.
CREATE FUNCTION ensure_run_partitions(first_day date, days integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    day date;
    parent text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('flows.run_partitions', 0));
    FOR i IN 0 .. days - 1 LOOP
        day := first_day + i;
        FOREACH parent IN ARRAY ARRAY['runs', 'run_steps'] LOOP
            IF to_regclass(format('%I', parent || '_' || to_char(day, 'YYYYMMDD'))) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(day, 'YYYYMMDD'), parent,
                    run_id_floor(day::timestamp AT TIME ZONE 'UTC'), run_id_floor((day + 1)::timestamp AT TIME ZONE 'UTC'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

-- Runs outside every day (a clock that jumped) are kept as well; nothing is refused for want of a partition.
CREATE TABLE runs_other PARTITION OF runs DEFAULT;
CREATE TABLE run_steps_other PARTITION OF run_steps DEFAULT;
SELECT ensure_run_partitions((now() AT TIME ZONE 'UTC')::date - 1, 9);

-- What operators see of workers. Written every two seconds and worth nothing after a crash, hence unlogged.
CREATE UNLOGGED TABLE workers (
    id             text PRIMARY KEY,
    version        text NOT NULL,
    host           text NOT NULL,
    process_id     integer NOT NULL,
    started_at     timestamptz NOT NULL,
    seen_at        timestamptz NOT NULL,
    concurrency    integer NOT NULL,
    running        integer NOT NULL,
    engines        integer NOT NULL,
    execution_mode text NOT NULL
);
