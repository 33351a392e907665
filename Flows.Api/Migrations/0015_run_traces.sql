-- Where the traces of runs begin, so that whoever goes on with a run, at any time and in any process, goes on with its trace.

-- Only of runs that are traced, which are few.
CREATE TABLE run_traces (
    run_id       uuid NOT NULL PRIMARY KEY,
    trace_parent text NOT NULL                              -- as in the header traceparent of W3C Trace Context
) PARTITION BY RANGE (run_id);
CREATE TABLE run_traces_other PARTITION OF run_traces DEFAULT;

-- The days that runs already have.
SELECT ensure_run_partitions(to_date(right(c.relname, 8), 'YYYYMMDD'), 1)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'runs'::regclass AND c.relname ~ '^runs_[0-9]{8}$'
ORDER BY c.relname;
