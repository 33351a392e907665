-- Connections whose tokens come from a sign-in or from client credentials, and the change of the key that secrets are sealed with.

ALTER TABLE connections
    ADD COLUMN status     smallint NOT NULL DEFAULT 0,      -- ConnectionStatus
    ADD COLUMN problem    text,                             -- why it needs a sign-in, or why its token could not be renewed the last time
    ADD COLUMN tokens     bytea,                            -- access and refresh token, AES-256-GCM; null before the first
    ADD COLUMN expires_at timestamptz,                      -- when the access token runs out; null: nobody has said
    ADD COLUMN renew_at   timestamptz,                      -- when it is renewed without being asked for
    ADD COLUMN failures   integer NOT NULL DEFAULT 0;       -- renewals that failed since the last that did not
CREATE INDEX connections_renew ON connections (renew_at) WHERE renew_at IS NOT NULL;

-- The id and secret that a service has given the project for its flows: several connections may use them.
CREATE TABLE oauth_apps (
    id         uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    key        text NOT NULL,
    name       text NOT NULL,
    client_id  text NOT NULL,
    sealed     bytea NOT NULL,                              -- the secret, AES-256-GCM
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    UNIQUE (project_id, key)
);

-- Sign-ins that were begun. One ends by being deleted: it is good once.
CREATE TABLE oauth_sign_ins (
    state_hash    bytea PRIMARY KEY,                        -- SHA-256 of the state; the state itself is kept nowhere
    connection_id uuid NOT NULL REFERENCES connections ON DELETE CASCADE,
    project_id    uuid NOT NULL,
    started_by    text NOT NULL,                            -- whose credential began it, for the person who is asked to agree
    sealed        bytea NOT NULL,                           -- code verifier and addresses, AES-256-GCM
    expires_at    timestamptz NOT NULL
);
CREATE INDEX oauth_sign_ins_connection ON oauth_sign_ins (connection_id);

-- One walk over everything that is sealed; at most one row.
CREATE TABLE key_rotation (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    key_id     text NOT NULL,                               -- the key that everything is sealed with in the end
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    source     integer NOT NULL DEFAULT 0,                  -- the table that it is at
    after_row  text NOT NULL DEFAULT '',                    -- and the last row of it that was looked at
    total      bigint NOT NULL,                             -- rows that another key had sealed when it began
    moved      bigint NOT NULL DEFAULT 0,
    broken     bigint NOT NULL DEFAULT 0                    -- rows that no key opens; they stay as they are
);
