-- Where flows lie, what they are found by, and what becomes of deleted ones.

CREATE TABLE folders (
    id         uuid PRIMARY KEY,
    project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
    name       text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX folders_name ON folders (project_id, lower(name));

ALTER TABLE flows
    ADD COLUMN folder_id        uuid REFERENCES folders ON DELETE SET NULL, -- null: in none
    ADD COLUMN tags             text[] NOT NULL DEFAULT '{}',
    ADD COLUMN purge_at         timestamptz,                -- set together with deleted_at: from then on it is taken away for good
    ADD COLUMN purge_started_at timestamptz,                -- set: it cannot be restored any more
    ADD COLUMN purged_runs      bigint NOT NULL DEFAULT 0;
CREATE INDEX flows_folder ON flows (folder_id) WHERE folder_id IS NOT NULL;
CREATE INDEX flows_purge ON flows (purge_at) WHERE purge_at IS NOT NULL;

-- Flows that were deleted when nothing was purged yet can be restored for as long as others.
UPDATE flows SET purge_at = now() + interval '30 days' WHERE deleted_at IS NOT NULL;
