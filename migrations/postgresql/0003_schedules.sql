-- Crossdock 0003: what the scheduler needs of the table jobs, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0003_schedules.sql
BEGIN;

INSERT INTO crossdock_migrations (number, name, breaking) VALUES (3, 'schedules', false);

-- The scheduler reads what is due in this order, page by page: many schedules are due at the same moment.
-- nextrunat null: the next tick is to be computed. 9999-12-31: none is to come.
DROP INDEX jobs_due;
CREATE INDEX jobs_due ON jobs (nextrunat, id) WHERE enabled AND active;

-- A changed schedule has no next tick until it is computed anew. The scheduler changes none of these columns,
-- but for executioncount, which it raises.
CREATE FUNCTION crossdock_replan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.nextrunat := NULL;
  RETURN NEW;
END $$;

CREATE TRIGGER crossdock_replan BEFORE UPDATE OF cronexpression, intervalseconds, timezone, startat, endat,
  createdon, maxexecutions, executioncount, enabled, active, condition, misfirepolicy, overlappolicy,
  jitterseconds ON jobs FOR EACH ROW
  WHEN ((NEW.enabled AND NOT OLD.enabled) OR (NEW.active AND NOT OLD.active)
    OR NEW.executioncount < OLD.executioncount
    OR (NEW.cronexpression, NEW.intervalseconds, NEW.timezone, NEW.startat, NEW.endat, NEW.createdon,
        NEW.maxexecutions, NEW.condition, NEW.misfirepolicy, NEW.overlappolicy, NEW.jitterseconds)
      IS DISTINCT FROM
      (OLD.cronexpression, OLD.intervalseconds, OLD.timezone, OLD.startat, OLD.endat, OLD.createdon,
        OLD.maxexecutions, OLD.condition, OLD.misfirepolicy, OLD.overlappolicy, OLD.jitterseconds))
  EXECUTE FUNCTION crossdock_replan();

-- Wakes the scheduler of every instance; our own connections are quiet.
CREATE TRIGGER crossdock_announce AFTER INSERT OR UPDATE OR DELETE ON jobs FOR EACH STATEMENT
  WHEN (current_setting('crossdock.quiet', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION crossdock_announce('schedules');

COMMIT;
