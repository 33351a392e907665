-- Retried runs: where a new run comes from, what was edited in it, and the lines of a journal that a retry has set aside.

ALTER TABLE runs
    ADD COLUMN retried_from uuid,                           -- the run whose trigger and journal this one began with
    ADD COLUMN edited_input json;                           -- by step path: inputs that a person has put in the place of the definition's

-- Lines that failed and were done again in the same run. Written once, by the retry; a path has one for each time.
CREATE TABLE run_step_history (
    run_id      uuid NOT NULL,
    path        text NOT NULL,
    run_attempt integer NOT NULL,                           -- the claim that wrote it
    name        text NOT NULL,
    kind        text NOT NULL,
    status      smallint NOT NULL,                          -- StepStatus
    effect      smallint NOT NULL,                          -- StepEffect
    attempt     integer NOT NULL,
    started_at  timestamptz NOT NULL,
    duration_ms double precision,
    input       json,
    output      json,
    error       json,
    logs        text,
    retried_at  timestamptz NOT NULL,
    PRIMARY KEY (run_id, path, run_attempt)
) PARTITION BY RANGE (run_id);
CREATE TABLE run_step_history_other PARTITION OF run_step_history DEFAULT;

-- As before, for every table that is partitioned by a run's id: a new one needs no other word than its PARTITION BY RANGE.
CREATE OR REPLACE FUNCTION ensure_run_partitions(first_day date, days integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    made integer := 0;
    day date;
    parent text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('flows.run_partitions', 0));
    FOR i IN 0 .. days - 1 LOOP
        day := first_day + i;
        FOR parent IN
            SELECT c.relname FROM pg_partitioned_table p
            JOIN pg_class c ON c.oid = p.partrelid AND c.relnamespace = current_schema()::regnamespace
            JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attname IN ('id', 'run_id') AND a.atttypid = 'uuid'::regtype
            WHERE p.partstrat = 'r' AND p.partnatts = 1
            ORDER BY c.relname <> 'runs', c.relname
        LOOP
            IF to_regclass(format('%I', parent || '_' || to_char(day, 'YYYYMMDD'))) IS NULL THEN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    parent || '_' || to_char(day, 'YYYYMMDD'), parent,
                    run_id_floor(day::timestamp AT TIME ZONE 'UTC'), run_id_floor((day + 1)::timestamp AT TIME ZONE 'UTC'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
SELECT ensure_run_partitions((now() AT TIME ZONE 'UTC')::date - 1, 9);
