-- Crossdock 0009: cheaper changes of rows, on MariaDB 10.6 and later and MySQL 8.0.17 and later.
-- Run by `crossdock migrate`, or by hand: mysql DATABASE < 0009_lighter_rows.sql
-- How these files are written is said at the top of 0001_tables.sql; and a line DELIMITER says what ends a
-- statement from there on, as it does for the client.

-- Breaking: a program that does not know of it asks for the index that goes.
INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (9, 'lighter_rows', true, 0);

-- Promotion walks the jobs that wait for a time, by that time. Jobs that run stood in the same index: two
-- changes of it for each job, and a fifth of what the server did in a drain. Recovery finds them in
-- queue_jobs_ready, queue by queue.
ALTER TABLE queue_jobs ADD KEY /*M! IF NOT EXISTS */ queue_jobs_due (watchtime);

ALTER TABLE queue_jobs DROP KEY /*M! IF EXISTS */ queue_jobs_watched;

ALTER TABLE queue_jobs DROP COLUMN /*M! IF EXISTS */ watch;

-- As in 0005, but nothing is assigned where nothing would change. MariaDB prepares each expression of a
-- trigger anew for every row, whatever CASE then leaves out: a quarter of what the server did in a drain.
DELIMITER //

DROP TRIGGER IF EXISTS crossdock_queue_jobs_insert//

CREATE /*M! OR REPLACE */ TRIGGER /*!80029 IF NOT EXISTS */ crossdock_queue_jobs_insert BEFORE INSERT ON queue_jobs FOR EACH ROW
IF NEW.statusid <> 0 OR NEW.scheduledat IS NOT NULL OR NEW.cancelrequested OR NEW.direction = 'outbound'
  OR NEW.orderingkey IS NOT NULL OR NEW.turnholder IS NOT NULL OR NEW.turnlane IS NOT NULL THEN
  SET NEW.orderingkey = CASE
      WHEN NEW.orderingkey IS NULL AND NEW.direction = 'outbound' AND NEW.handler = 'outbound.publish'
        AND NEW.queue = 'default' AND JSON_TYPE(JSON_EXTRACT(NEW.metadata, '$.key')) <> 'NULL'
      THEN LEFT(CONCAT(COALESCE(NEW.protocol, ''), ':', COALESCE(NEW.method, ''), ' ',
        JSON_UNQUOTE(JSON_EXTRACT(NEW.metadata, '$.key'))), 255)
      ELSE NEW.orderingkey END,
    NEW.queue = CASE
      WHEN NEW.queue = 'default' AND NEW.direction = 'outbound' AND NEW.handler = 'outbound.publish'
      THEN LEFT(CONCAT(COALESCE(NEW.protocol, ''), ':', COALESCE(NEW.method, '')), 100)
      ELSE NEW.queue END,
    NEW.statusid = CASE
      WHEN NEW.statusid IN (0, 1, 5, 7) AND NEW.cancelrequested THEN 6
      WHEN NEW.statusid IN (0, 1) AND NEW.scheduledat > UTC_TIMESTAMP(6) THEN 7
      WHEN NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL THEN IF(NEW.orderingkey IS NULL, 0, 1)
      WHEN NEW.orderingkey IS NOT NULL AND NEW.statusid IN (0, 1, 2) THEN 1
      WHEN NEW.orderingkey IS NOT NULL AND NEW.statusid = 5 THEN 7
      WHEN NEW.statusid = 1 THEN 0
      ELSE NEW.statusid END,
    NEW.turnholder = CASE WHEN NEW.orderingkey IS NULL THEN NULL
      WHEN NEW.statusid = 2 OR (NEW.statusid IN (0, 5) AND NEW.active)
      THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END,
    NEW.turnlane = CASE WHEN NEW.orderingkey IS NULL THEN NULL
      WHEN NEW.statusid IN (1, 7) AND NEW.active
      THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END;
END IF//

-- Of a job without an ordering key, what runs or has ended stays so, and what the program writes is taken as
-- it is.
DROP TRIGGER IF EXISTS crossdock_queue_jobs_update//

CREATE /*M! OR REPLACE */ TRIGGER /*!80029 IF NOT EXISTS */ crossdock_queue_jobs_update BEFORE UPDATE ON queue_jobs FOR EACH ROW
BEGIN
  IF NEW.orderingkey IS NOT NULL OR NEW.turnholder IS NOT NULL OR NEW.turnlane IS NOT NULL
    OR (NEW.statusid NOT IN (2, 3, 4, 6) AND @crossdock_gives_turns IS NULL) THEN
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
      NEW.turnholder = CASE WHEN NEW.orderingkey IS NULL THEN NULL
        WHEN NEW.statusid = 2 OR (NEW.statusid IN (0, 5) AND NEW.active)
        THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END,
      NEW.turnlane = CASE WHEN NEW.orderingkey IS NULL THEN NULL
        WHEN NEW.statusid IN (1, 7) AND NEW.active
        THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END;
  END IF;
  IF NEW.modifiedon <=> OLD.modifiedon THEN
    SET NEW.modifiedon = UTC_TIMESTAMP(6);
  END IF;
END//

DELIMITER ;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 9;
