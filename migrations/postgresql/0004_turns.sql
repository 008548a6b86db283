-- Crossdock 0004: order per key, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0004_turns.sql
BEGIN;

-- Breaking: a program that does not know of turns would make due jobs ready beside the holder of their key.
INSERT INTO crossdock_migrations (number, name, breaking) VALUES (4, 'turns', true);

ALTER TABLE queue_jobs DROP CONSTRAINT queue_jobs_orderingkey_not_available;

-- The lane of each ordering key, and who has its turn. A key is of one tenant; jobs without a tenant are a
-- tenant of their own. The first expression is unambiguous: a tenant stands behind its length.
--
-- Who has the turn (Pending, Processing, Retrying) stands at place 0, and the index is unique: two jobs of
-- one key cannot have it at once, whatever anybody does. Who waits (Queued, Scheduled) stands at his seq.
-- One look at the first entry of a key so tells whether its turn is free, and whose it is.
--
-- Jobs without a key are not in it. An expression, not a column: see the sum of widths in 0001.
CREATE UNIQUE INDEX queue_jobs_turn ON queue_jobs (
  ((coalesce(length(tenantid)::text || ':' || tenantid, '') || '|' || orderingkey) COLLATE "C"),
  (CASE WHEN statusid IN (1, 7) THEN seq ELSE 0 END)
) WHERE orderingkey IS NOT NULL AND statusid IN (0, 1, 2, 5, 7) AND (active OR statusid = 2);
-- What came lately and waits for its turn; and how many do.
CREATE INDEX queue_jobs_queued ON queue_jobs (seq) WHERE statusid = 1 AND active;

-- What a plain INSERT, or a change by hand, may leave to us. A waiting job whose cancellation is requested
-- is cancelled; a running one is, when its lease has ended at the latest. A job with an ordering key waits
-- for its turn, which the program alone gives: whatever would make it a holder queues it.
CREATE OR REPLACE FUNCTION crossdock_settle_status() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  holds boolean := false;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    holds := OLD.statusid IN (0, 2, 5) AND (OLD.active OR OLD.statusid = 2)
      AND OLD.orderingkey IS NOT DISTINCT FROM NEW.orderingkey
      AND OLD.tenantid IS NOT DISTINCT FROM NEW.tenantid;
  END IF;
  IF NEW.statusid = 1 AND (NEW.orderingkey IS NULL OR holds) THEN
    NEW.statusid := 0;
  END IF;
  IF NEW.cancelrequested AND NEW.statusid IN (0, 1, 5, 7) THEN
    NEW.statusid := 6;
  ELSIF NEW.statusid IN (0, 1) AND NEW.scheduledat > clock_timestamp() THEN
    NEW.statusid := 7;
  ELSIF NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL THEN
    NEW.statusid := 0;
  END IF;
  IF NEW.orderingkey IS NOT NULL AND NEW.statusid IN (0, 2, 5) AND NOT holds THEN
    NEW.statusid := CASE NEW.statusid WHEN 5 THEN 7 ELSE 1 END;
  END IF;
  RETURN NEW;
END $$;

DROP TRIGGER crossdock_before_insert ON queue_jobs;
CREATE TRIGGER crossdock_before_insert BEFORE INSERT ON queue_jobs FOR EACH ROW
  WHEN (NEW.statusid = 1 OR (NEW.statusid = 0 AND NEW.scheduledat IS NOT NULL)
    OR (NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL) OR NEW.cancelrequested
    OR NEW.orderingkey IS NOT NULL)
  EXECUTE FUNCTION crossdock_settle_status();

-- The same for people who change rows by hand. Our own connections set crossdock.quiet.
DROP TRIGGER crossdock_before_update ON queue_jobs;
CREATE TRIGGER crossdock_before_update
  BEFORE UPDATE OF statusid, scheduledat, cancelrequested, orderingkey, tenantid, active
  ON queue_jobs FOR EACH ROW
  WHEN (current_setting('crossdock.quiet', true) IS DISTINCT FROM 'on'
    AND (NEW.statusid = 1 OR (NEW.statusid = 0 AND NEW.scheduledat IS NOT NULL)
      OR (NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL) OR NEW.cancelrequested
      OR NEW.orderingkey IS NOT NULL))
  EXECUTE FUNCTION crossdock_settle_status();

COMMIT;
