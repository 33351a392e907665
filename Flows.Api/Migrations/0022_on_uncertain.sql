-- What becomes of effects that a crash has left uncertain, where their step does not say: 0 ask, 1 retry, 2 fail.

ALTER TABLE projects
    ADD COLUMN on_uncertain smallint NOT NULL DEFAULT 0;
