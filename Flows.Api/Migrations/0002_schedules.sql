-- Flows that are started by the clock. A row exists exactly while the flow is enabled and its published version has a schedule trigger.

CREATE TABLE schedules (
    flow_id       uuid PRIMARY KEY REFERENCES flows ON DELETE CASCADE,
    times         text NOT NULL,                            -- the cron expression or the interval; another one starts afresh
    time_zone     text NOT NULL,
    due_at        timestamptz NOT NULL,                     -- the next time; whoever moves it from the value he has read starts the run
    fire_at       timestamptz NOT NULL,                     -- due_at and the random part of the spread
    last_due_at   timestamptz,
    last_fired_at timestamptz
);
CREATE INDEX schedules_fire_at ON schedules (fire_at);
