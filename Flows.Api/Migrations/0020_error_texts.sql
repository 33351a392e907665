-- Runs are found by a part of their error's message. Only failed runs are in this index, so a run that goes well never touches it.

-- pg_trgm belongs to PostgreSQL, and may be made by whoever owns the database. Where it is not installed or not allowed, the same lists are given
-- without the index, more slowly.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX runs_error_text ON runs USING gin ((error ->> 'message') gin_trgm_ops) WHERE error IS NOT NULL;
EXCEPTION WHEN OTHERS THEN
    RAISE NOTICE 'Runs are searched by their errors without an index: %', SQLERRM;
END $$;
