-- Who may do what, and who did what.

-- Keys that exist keep what they could do until now, which was everything in their project: they become keys of the role Admin (2).
ALTER TABLE api_keys
    ADD COLUMN role   smallint NOT NULL DEFAULT 2,          -- Role
    ADD COLUMN scopes text[];                               -- names of permissions that cut the role down; null: all of the role's

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    email         text NOT NULL,                            -- as it was typed
    name          text NOT NULL,
    password_hash text NOT NULL,                            -- the KDF with its cost is in it
    created_at    timestamptz NOT NULL
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE members (
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    user_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role       smallint NOT NULL,                           -- Role
    created_at timestamptz NOT NULL,
    PRIMARY KEY (project_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sessions (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    token_hash   bytea NOT NULL UNIQUE,                     -- SHA-256 of a token with 256 bits of randomness
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    address      text,
    agent        text
);
CREATE INDEX sessions_user ON sessions (user_id);

-- Links that let somebody in once: into a project, or as the first owner (project_id is null).
CREATE TABLE invitations (
    id         uuid PRIMARY KEY,
    project_id uuid REFERENCES projects ON DELETE CASCADE,
    role       smallint NOT NULL,
    email      text,                                        -- whom it is for, as a note to people
    token_hash bytea NOT NULL UNIQUE,
    invited_by text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX invitations_project ON invitations (project_id);

-- Failed attempts to sign in, by the hash of an e-mail address (of an account or not: nobody can tell which exist) or of a network address.
CREATE TABLE sign_in_failures (
    subject      bytea PRIMARY KEY,
    failures     integer NOT NULL,
    last_at      timestamptz NOT NULL,
    locked_until timestamptz
);

CREATE TABLE audit (
    id         uuid PRIMARY KEY,                            -- UUIDv7: the order of time
    project_id uuid,                                        -- null: the installation. No reference: what was done outlives the project
    at         timestamptz NOT NULL,
    actor_kind smallint NOT NULL,                           -- CallerKind
    actor_id   uuid,
    actor      text NOT NULL,                               -- the name that the key or the user had then
    address    text,
    action     text NOT NULL,                               -- flow.published
    target     text,                                        -- flow:0199…
    before     json,
    after      json
);
CREATE INDEX audit_project ON audit (project_id, id DESC);
