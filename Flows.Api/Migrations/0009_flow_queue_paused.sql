-- A paused flow's new runs are accepted and wait; what has begun goes on.

ALTER TABLE flows ADD COLUMN queue_paused boolean NOT NULL DEFAULT false;
CREATE INDEX flows_queue_paused ON flows (id) WHERE queue_paused;
