-- Crossdock 0004: order per key, on MariaDB 10.6 and later and MySQL 8.0.17 and later.
-- Run by `crossdock migrate`, or by hand: mysql DATABASE < 0004_turns.sql
-- How these files are written is said at the top of 0001_tables.sql. MySQL knows no IF EXISTS here: `migrate`
-- goes on where it answers that what a statement makes is there, or what it drops is gone.

-- Breaking: a program that does not know of turns would make due jobs ready beside the holder of their key.
INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (4, 'turns', true, 0);

ALTER TABLE queue_jobs DROP CONSTRAINT /*M! IF EXISTS */ queue_jobs_orderingkey_not_available;

-- The lane of each ordering key, and who has its turn. A key is of one tenant; jobs without a tenant are a
-- tenant of their own. Unambiguous: a tenant stands behind its length. Both are null for a job without a key,
-- and for one that has ended.
--
-- turnholder: of who has the turn (Pending, Processing, Retrying). It is unique: two jobs of one key cannot
-- have it at once, whatever anybody does. turnlane: of who waits for it (Queued, Scheduled), in the order of
-- seq.
--
-- Plain columns that the triggers set: in an UPDATE of several tables MariaDB computes generated columns
-- before the trigger and not again after it, and the index entries of a row that the trigger changes are then
-- those of another status.
ALTER TABLE queue_jobs ADD COLUMN /*M! IF NOT EXISTS */ turnholder varchar(515);

ALTER TABLE queue_jobs ADD COLUMN /*M! IF NOT EXISTS */ turnlane varchar(515);

ALTER TABLE queue_jobs ADD UNIQUE KEY /*M! IF NOT EXISTS */ queue_jobs_turn (turnholder);

ALTER TABLE queue_jobs ADD KEY /*M! IF NOT EXISTS */ queue_jobs_lane (turnlane, seq);

-- What a plain INSERT may leave to us. A waiting job whose cancellation is requested is cancelled; a
-- running one is, when its lease has ended at the latest. A job with an ordering key waits for its turn,
-- which the program alone gives: whatever would make it a holder queues it.
DROP TRIGGER IF EXISTS crossdock_queue_jobs_insert;

CREATE /*M! OR REPLACE */ TRIGGER /*!80029 IF NOT EXISTS */ crossdock_queue_jobs_insert BEFORE INSERT ON queue_jobs FOR EACH ROW
SET NEW.statusid = CASE
  WHEN NEW.statusid IN (0, 1, 5, 7) AND NEW.cancelrequested THEN 6
  WHEN NEW.statusid IN (0, 1) AND NEW.scheduledat > UTC_TIMESTAMP(6) THEN 7
  WHEN NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL THEN IF(NEW.orderingkey IS NULL, 0, 1)
  WHEN NEW.orderingkey IS NOT NULL AND NEW.statusid IN (0, 1, 2) THEN 1
  WHEN NEW.orderingkey IS NOT NULL AND NEW.statusid = 5 THEN 7
  WHEN NEW.statusid = 1 THEN 0
  ELSE NEW.statusid END,
  NEW.turnholder = CASE WHEN NEW.statusid = 2 OR (NEW.statusid IN (0, 5) AND NEW.active)
    THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END,
  NEW.turnlane = CASE WHEN NEW.statusid IN (1, 7) AND NEW.active
    THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END;

-- The same for people who change rows by hand, and modifiedon for writers that do not set it. Our own
-- connections set @crossdock_gives_turns: their statuses are taken as they are, and they alone make a Queued
-- job Pending.
DROP TRIGGER IF EXISTS crossdock_queue_jobs_update;

CREATE /*M! OR REPLACE */ TRIGGER /*!80029 IF NOT EXISTS */ crossdock_queue_jobs_update BEFORE UPDATE ON queue_jobs FOR EACH ROW
SET NEW.statusid = CASE
    WHEN @crossdock_gives_turns IS NOT NULL THEN NEW.statusid
    WHEN NEW.statusid <=> OLD.statusid AND NEW.scheduledat <=> OLD.scheduledat
      AND NEW.cancelrequested <=> OLD.cancelrequested AND NEW.orderingkey <=> OLD.orderingkey
      AND NEW.tenantid <=> OLD.tenantid AND NEW.active <=> OLD.active THEN NEW.statusid
    WHEN NEW.statusid IN (0, 1, 5, 7) AND NEW.cancelrequested THEN 6
    WHEN NEW.statusid IN (0, 1) AND NEW.scheduledat > UTC_TIMESTAMP(6) THEN 7
    WHEN NEW.orderingkey IS NULL THEN CASE
      WHEN NEW.statusid = 1 OR (NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL) THEN 0
      ELSE NEW.statusid END
    -- who has the turn of this key keeps it
    WHEN OLD.statusid IN (0, 2, 5) AND (OLD.active OR OLD.statusid = 2)
      AND OLD.orderingkey <=> NEW.orderingkey AND OLD.tenantid <=> NEW.tenantid THEN CASE
      WHEN NEW.statusid = 1 OR (NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL) THEN 0
      ELSE NEW.statusid END
    WHEN NEW.statusid IN (5, 7) THEN IF(NEW.scheduledat IS NULL, 1, 7)
    WHEN NEW.statusid IN (0, 2) THEN 1
    ELSE NEW.statusid END,
  NEW.modifiedon = CASE WHEN NEW.modifiedon <=> OLD.modifiedon THEN UTC_TIMESTAMP(6)
    ELSE NEW.modifiedon END,
  NEW.turnholder = CASE WHEN NEW.statusid = 2 OR (NEW.statusid IN (0, 5) AND NEW.active)
    THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END,
  NEW.turnlane = CASE WHEN NEW.statusid IN (1, 7) AND NEW.active
    THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 4;
