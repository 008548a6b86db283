-- Crossdock 0009: cheaper changes of rows, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0009_lighter_rows.sql
BEGIN;

INSERT INTO crossdock_migrations (number, name, breaking) VALUES (9, 'lighter_rows', false);

-- As in 0004, but the setting is read last: of a job without an ordering key that is claimed or ends, the row
-- itself says that there is nothing to do.
DROP TRIGGER crossdock_before_update ON queue_jobs;
CREATE TRIGGER crossdock_before_update
  BEFORE UPDATE OF statusid, scheduledat, cancelrequested, orderingkey, tenantid, active
  ON queue_jobs FOR EACH ROW
  WHEN ((NEW.statusid = 1 OR (NEW.statusid = 0 AND NEW.scheduledat IS NOT NULL)
      OR (NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL) OR NEW.cancelrequested
      OR NEW.orderingkey IS NOT NULL)
    AND current_setting('crossdock.quiet', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION crossdock_settle_status();

COMMIT;
