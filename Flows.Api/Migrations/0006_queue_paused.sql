-- A paused project's runs are accepted and wait; nothing of it is given to a worker.

ALTER TABLE projects ADD COLUMN queue_paused boolean NOT NULL DEFAULT false;
