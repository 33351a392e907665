-- Why a worker keeps flows apart as it does, and what it lets them reach.

ALTER TABLE workers
    ADD COLUMN mode_reason text NOT NULL DEFAULT '',
    ADD COLUMN network_mode text NOT NULL DEFAULT '',
    ADD COLUMN network_reason text NOT NULL DEFAULT '';
