-- What flows need to enter services, and values they share.

CREATE TABLE connections (
    id         uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    key        text NOT NULL,                               -- what definitions call it by
    name       text NOT NULL,
    piece      text,                                        -- null: its fields are named by hand in inputs
    kind       text NOT NULL,
    sealed     bytea NOT NULL,                              -- all fields, AES-256-GCM; the envelope names its key
    shown      json NOT NULL,                               -- the fields that are set; only those that are no secret with their value
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (project_id, key)
);

CREATE TABLE variables (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    key        text NOT NULL,
    value      json NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, key)
);
