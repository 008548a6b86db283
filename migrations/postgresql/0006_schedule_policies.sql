-- Crossdock 0006: conditions, policies and declared schedules, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0006_schedule_policies.sql
BEGIN;

INSERT INTO crossdock_migrations (number, name, breaking) VALUES (6, 'schedule_policies', false);

-- What /status shows: few rows have an error.
CREATE INDEX jobs_in_error ON jobs (nextrunat DESC, id) WHERE enabled AND active AND lasterror IS NOT NULL;

-- As before; and a schedule that rests with an error is looked at again when anything that its jobs are made
-- of is changed.
DROP TRIGGER crossdock_replan ON jobs;
CREATE TRIGGER crossdock_replan BEFORE UPDATE OF cronexpression, intervalseconds, timezone, startat, endat,
  createdon, maxexecutions, executioncount, enabled, active, condition, misfirepolicy, overlappolicy,
  jitterseconds, handler, queue, payload, priority, maxretries, timeout, name, tenantid ON jobs FOR EACH ROW
  WHEN ((NEW.enabled AND NOT OLD.enabled) OR (NEW.active AND NOT OLD.active)
    OR NEW.executioncount < OLD.executioncount
    OR (NEW.cronexpression, NEW.intervalseconds, NEW.timezone, NEW.startat, NEW.endat, NEW.createdon,
        NEW.maxexecutions, NEW.condition, NEW.misfirepolicy, NEW.overlappolicy, NEW.jitterseconds)
      IS DISTINCT FROM
      (OLD.cronexpression, OLD.intervalseconds, OLD.timezone, OLD.startat, OLD.endat, OLD.createdon,
        OLD.maxexecutions, OLD.condition, OLD.misfirepolicy, OLD.overlappolicy, OLD.jitterseconds)
    OR (OLD.lasterror IS NOT NULL AND OLD.nextrunat = '9999-12-31 00:00:00+00'
      AND (NEW.handler, NEW.queue, NEW.payload, NEW.priority, NEW.maxretries, NEW.timeout, NEW.name, NEW.tenantid)
        IS DISTINCT FROM
        (OLD.handler, OLD.queue, OLD.payload, OLD.priority, OLD.maxretries, OLD.timeout, OLD.name, OLD.tenantid)))
  EXECUTE FUNCTION crossdock_replan();

-- What code and configuration declared last of each schedule: a column that still holds it may be changed to
-- what they declare now; any other was changed by somebody. `source` is who declares it.
CREATE TABLE crossdock_declared_schedules (
  name varchar(255) NOT NULL,
  source varchar(255) NOT NULL,
  declared jsonb NOT NULL,
  removed boolean NOT NULL DEFAULT false,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon timestamptz NOT NULL DEFAULT clock_timestamp(),
  modifiedon timestamptz NOT NULL DEFAULT clock_timestamp(),
  rowversionstamp integer NOT NULL DEFAULT 1,
  CONSTRAINT crossdock_declared_schedules_pkey PRIMARY KEY (name)
);

COMMIT;
