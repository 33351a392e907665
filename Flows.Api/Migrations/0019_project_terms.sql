-- Limits of one project's own; 0 takes what holds for the whole installation.

ALTER TABLE projects
    ADD COLUMN run_timeout_seconds integer NOT NULL DEFAULT 0, -- active time of one run
    ADD COLUMN paused_days         integer NOT NULL DEFAULT 0, -- days that one run may spend paused
    ADD COLUMN webhook_per_minute  integer NOT NULL DEFAULT 0; -- calls a minute that the webhooks of all its flows take together
