-- Crossdock 0005: messages on their way out, on MariaDB 10.6 and later and MySQL 8.0.17 and later.
-- Run by `crossdock migrate`, or by hand: mysql DATABASE < 0005_outbound.sql
-- How these files are written is said at the top of 0001_tables.sql.

-- Breaking: a program that does not know of outbound rows would take them for jobs whose handler is missing.
INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (5, 'outbound', true, 0);

-- As in 0004, and what a plain INSERT of an outbound row may leave to us: each publication has a queue of its
-- own, named by its address, so that one target never delays another; and the messages of one key keep their
-- order within their publication. A row that names its queue is taken as it is: so are the program's own, for
-- which src/domain/outbound.ts says the same.
--
-- Of a row without an ordering key nothing is put together: on MariaDB that took a tenth of the drain.
DROP TRIGGER IF EXISTS crossdock_queue_jobs_insert;

CREATE /*M! OR REPLACE */ TRIGGER /*!80029 IF NOT EXISTS */ crossdock_queue_jobs_insert BEFORE INSERT ON queue_jobs FOR EACH ROW
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

-- As in 0004, with the same way out for rows without an ordering key.
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
  NEW.turnholder = CASE WHEN NEW.orderingkey IS NULL THEN NULL
    WHEN NEW.statusid = 2 OR (NEW.statusid IN (0, 5) AND NEW.active)
    THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END,
  NEW.turnlane = CASE WHEN NEW.orderingkey IS NULL THEN NULL
    WHEN NEW.statusid IN (1, 7) AND NEW.active
    THEN CONCAT(COALESCE(CONCAT(CHAR_LENGTH(NEW.tenantid), ':', NEW.tenantid), ''), '|', NEW.orderingkey) END;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 5;
