-- Flows that are started by what is new at a service. A row exists exactly while the flow is enabled and its published version has a polling trigger.

CREATE TABLE flow_triggers (
    flow_id       uuid PRIMARY KEY REFERENCES flows ON DELETE CASCADE,
    project_id    uuid NOT NULL,
    identity      text NOT NULL,                            -- what is asked: another one begins anew, the same one keeps its cursor
    piece         text NOT NULL,
    event         text NOT NULL,
    input         json NOT NULL,
    connection    text,                                     -- key
    every_ms      bigint NOT NULL,
    primed        boolean NOT NULL DEFAULT false,           -- false: the next poll says what is old, and starts nothing
    cursor        json,
    due_at        timestamptz,                              -- the next poll; null: paused
    paused_reason text,
    attempt       bigint NOT NULL DEFAULT 0,                -- the fencing token of polls: grows with every one that a worker takes
    worker        text,                                     -- who polls; null: nobody
    lease_until   timestamptz,                              -- another worker polls after this
    failures      integer NOT NULL DEFAULT 0,               -- in a row
    polls         bigint NOT NULL DEFAULT 0,
    started_runs  bigint NOT NULL DEFAULT 0,
    last_ok_at    timestamptz,
    last_error_at timestamptz,
    last_error    json                                      -- StepError
);
CREATE INDEX flow_triggers_due ON flow_triggers (due_at);
CREATE INDEX flow_triggers_project ON flow_triggers (project_id, flow_id);

-- Items that a flow has seen: each starts one run. A mark lives as long as polls go on seeing its item, and 30 days.
CREATE TABLE trigger_marks (
    flow_id uuid NOT NULL REFERENCES flow_triggers ON DELETE CASCADE,
    key     bytea NOT NULL,                                 -- SHA-256 of the item's key
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (flow_id, key)
);

-- What people ask of a piece while they build: options of an input, a test of a connection. Each is answered within seconds or thrown away, so a
-- crash of Postgres may empty the table.
CREATE UNLOGGED TABLE piece_questions (
    id         uuid PRIMARY KEY,
    project_id uuid NOT NULL,
    kind       smallint NOT NULL,                           -- PieceCallKind
    piece      text NOT NULL,
    part       text NOT NULL,
    input      json NOT NULL,
    search     text,
    connection text,                                        -- key
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,                        -- nobody waits after this
    worker     text,                                        -- who answers; null: nobody yet
    answer     json                                         -- PieceAnswer
);
CREATE INDEX piece_questions_age ON piece_questions (expires_at);
CREATE INDEX piece_questions_free ON piece_questions (created_at) WHERE worker IS NULL;

-- Addresses of flows that are registered at services. A row exists while one shall be there, and after that until it has been taken away; a flow
-- that was published anew may have one of each.
CREATE TABLE flow_hooks (
    id            uuid PRIMARY KEY,
    flow_id       uuid NOT NULL REFERENCES flows ON DELETE CASCADE,
    project_id    uuid NOT NULL,
    identity      text NOT NULL,                            -- what is registered: the same one is left in its place
    piece         text NOT NULL,
    event         text NOT NULL,
    input         json NOT NULL,
    connection    text,                                     -- key
    url           text NOT NULL,
    sealed_secret bytea NOT NULL,                           -- what the service proves itself with
    sealed_state  bytea,                                    -- what the piece has kept when it registered the address
    wanted        boolean NOT NULL DEFAULT true,            -- as it shall be
    registered    boolean NOT NULL DEFAULT false,           -- as it is, as far as is known
    due_at        timestamptz,                              -- the next call of the service; null: none is needed, or it is paused
    paused_reason text,
    attempt       bigint NOT NULL DEFAULT 0,                -- the fencing token, as for polls
    worker        text,
    lease_until   timestamptz,
    failures      integer NOT NULL DEFAULT 0,               -- in a row
    last_ok_at    timestamptz,
    last_error_at timestamptz,
    last_error    json                                      -- StepError
);
CREATE UNIQUE INDEX flow_hooks_wanted ON flow_hooks (flow_id) WHERE wanted;
CREATE INDEX flow_hooks_flow ON flow_hooks (flow_id);
CREATE INDEX flow_hooks_due ON flow_hooks (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX flow_hooks_project ON flow_hooks (project_id, flow_id);
