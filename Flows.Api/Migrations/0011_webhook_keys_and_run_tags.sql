-- What webhooks remember of their callers, and words that runs are found by.

-- One row for each Idempotency-Key of a flow, written in the commit of its run. A row that is older than the window counts as none.
CREATE TABLE webhook_keys (
    flow_id    uuid NOT NULL,
    key_hash   bytea NOT NULL,                              -- SHA-256 of the key
    body_hash  bytea NOT NULL,                              -- SHA-256 of method, query and body: the same key must mean the same call
    run_id     uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (flow_id, key_hash)
);
CREATE INDEX webhook_keys_age ON webhook_keys (created_at);

CREATE TABLE run_tags (
    run_id     uuid NOT NULL,
    tag        text COLLATE "C" NOT NULL,
    project_id uuid NOT NULL,
    PRIMARY KEY (run_id, tag)
) PARTITION BY RANGE (run_id);
CREATE INDEX run_tags_found ON run_tags (project_id, tag, run_id DESC);
CREATE TABLE run_tags_other PARTITION OF run_tags DEFAULT;

-- The days that runs already have.
SELECT ensure_run_partitions(to_date(right(c.relname, 8), 'YYYYMMDD'), 1)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'runs'::regclass AND c.relname ~ '^runs_[0-9]{8}$'
ORDER BY c.relname;
