-- Who holds a worker's processes to their limits.

ALTER TABLE workers
    ADD COLUMN limits text NOT NULL DEFAULT '';
