-- Crossdock 0001: every table, on MariaDB 10.6 and later and MySQL 8.0.17 and later.
-- Run by `crossdock migrate`, or by hand: mysql DATABASE < 0001_tables.sql
-- (`mariadb` or its `mysql` on MariaDB: Oracle's client drops the comments that MariaDB must see).
-- Tables go into the current database. All times are UTC.
--
-- DDL cannot be rolled back here. Every statement can be met again after a run that broke off, and
-- crossdock_migrations.statements says how many of this file were done. Statements end with a semicolon
-- at the end of a line, and none has one inside: `migrate` splits the file there.
--
-- /*M! … */ is read by MariaDB alone, /*!80017 … */ by MySQL alone: both name the collation that compares
-- byte by byte and does not pad with spaces, under which `Ab`, `ab` and `Ab ` are three keys.

CREATE TABLE IF NOT EXISTS crossdock_migrations (
  number integer NOT NULL PRIMARY KEY,
  name varchar(255) NOT NULL,
  -- sha256 of the file; null until `crossdock migrate` has seen a file that was run by hand
  checksum varchar(64),
  -- whether a program that does not know this migration must not start
  breaking boolean NOT NULL,
  -- how many statements of the file are done; null when all are
  statements integer,
  appliedon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- From here on the tables are known to be ours, however far this run comes.
INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (1, 'tables', true, 0);

-- Default of `id`: UUIDv7, 48 bits of Unix milliseconds, then the version, then chance. RANDOM_BYTES()
-- came to MariaDB with 10.10 only. Ids that grow keep indexes dense. `USING ascii`, since the functions
-- answer in the collation of the session and the constants have that of the table: two binary ones do
-- not mix.
--
-- seq is the clustered key: rows arrive in its order, and every further index carries eight bytes of it
-- instead of an id.
CREATE TABLE IF NOT EXISTS queue_jobs (
  id varchar(64) NOT NULL DEFAULT (
    LOWER(INSERT(INSERT(INSERT(INSERT(
      INSERT(
        INSERT(CONVERT(MD5(UUID()) USING ascii), 1, 13, CONCAT(LPAD(CONVERT(HEX(
            TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) DIV 1000
          ) USING ascii), 12, '0'), '7')),
        17, 1, ELT(1 + FLOOR(RAND() * 4), '8', '9', 'a', 'b')),
      21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-'))),
  seq bigint NOT NULL AUTO_INCREMENT,
  name varchar(255),
  description text,
  typeid integer NOT NULL DEFAULT 2,
  method varchar(100),
  protocol varchar(50),
  direction varchar(20) NOT NULL DEFAULT 'internal',
  handler varchar(255) NOT NULL,
  queue varchar(100) NOT NULL DEFAULT 'default',
  metadata json,
  payload longtext,
  contenttype varchar(255),
  payloadencoding varchar(50),
  headers json,
  result longtext,
  statusid integer NOT NULL DEFAULT 0,
  priority integer NOT NULL DEFAULT 0,
  maxretries integer,
  retrycount integer NOT NULL DEFAULT 0,
  timeout integer,
  scheduledat datetime(6),
  startedat datetime(6),
  completedat datetime(6),
  lasterror longtext,
  deadreason varchar(255),
  parentjobid varchar(64),
  progress integer NOT NULL DEFAULT 0,
  progresstotal integer NOT NULL DEFAULT 100,
  progressmessage varchar(500),
  dedupekey varchar(255),
  uniquekey varchar(255),
  orderingkey varchar(255),
  tenantid varchar(255),
  traceparent varchar(100),
  correlationid varchar(255),
  scheduledjobid varchar(64),
  scheduledfor datetime(6),
  lockedby varchar(255),
  leaseexpiresat datetime(6),
  leaseepoch integer NOT NULL DEFAULT 0,
  cancelrequested boolean NOT NULL DEFAULT false,
  -- how often it was taken back from a process that died with it, since it last ended
  recoveries integer NOT NULL DEFAULT 0,
  -- −priority: the order of a claim is (claimrank, seq), all ascending
  claimrank integer GENERATED ALWAYS AS (-priority) STORED,
  -- what promotion and recovery look at: 1 Processing, 2 Scheduled or Retrying, else null. Null stays null
  -- over most changes of status, and then costs the index nothing.
  watch tinyint GENERATED ALWAYS AS
    (CASE WHEN statusid = 2 THEN 1 WHEN statusid IN (5, 7) AND active THEN 2 END) STORED,
  -- the time that a Scheduled or Retrying job waits for
  watchtime datetime(6) GENERATED ALWAYS AS
    (CASE WHEN statusid IN (5, 7) AND active THEN scheduledat END) STORED,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  modifiedon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  rowversionstamp integer NOT NULL DEFAULT 1,
  PRIMARY KEY (seq),
  UNIQUE KEY queue_jobs_id (id),
  -- The inbox.
  UNIQUE KEY queue_jobs_dedupekey (dedupekey),
  UNIQUE KEY queue_jobs_uniquekey (uniquekey),
  -- One job a tick.
  UNIQUE KEY queue_jobs_tick (scheduledjobid, scheduledfor),
  -- The claim: one queue, one status, all ascending.
  KEY queue_jobs_ready (queue, statusid, claimrank, seq),
  -- Promotion, by the time waited for; recovery, by seq, which every key ends with.
  KEY queue_jobs_watched (watch, watchtime),
  CONSTRAINT queue_jobs_statusid_known CHECK (statusid BETWEEN 0 AND 7),
  CONSTRAINT queue_jobs_typeid_known CHECK (typeid BETWEEN 0 AND 3),
  -- Without the strict mode, a handler that is left out would be the empty string.
  CONSTRAINT queue_jobs_handler_given CHECK (handler <> ''),
  -- Order per key comes with a later version; a key that nothing keeps would be a broken promise.
  CONSTRAINT queue_jobs_orderingkey_not_available CHECK (orderingkey IS NULL)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- What a plain INSERT may leave to us. A waiting job whose cancellation is requested is cancelled; a
-- running one is, when its lease has ended at the latest.
DROP TRIGGER IF EXISTS crossdock_queue_jobs_insert;

CREATE TRIGGER crossdock_queue_jobs_insert BEFORE INSERT ON queue_jobs FOR EACH ROW
SET NEW.statusid = CASE
  WHEN NEW.statusid IN (0, 1, 5, 7) AND NEW.cancelrequested THEN 6
  WHEN NEW.statusid IN (0, 1) AND NEW.scheduledat > UTC_TIMESTAMP(6) THEN 7
  WHEN NEW.statusid = 1 THEN 0
  WHEN NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL THEN 0
  ELSE NEW.statusid END;

-- The same for people who change rows by hand, and modifiedon for writers that do not set it.
DROP TRIGGER IF EXISTS crossdock_queue_jobs_update;

CREATE TRIGGER crossdock_queue_jobs_update BEFORE UPDATE ON queue_jobs FOR EACH ROW
SET NEW.statusid = CASE
    WHEN NEW.statusid <=> OLD.statusid AND NEW.scheduledat <=> OLD.scheduledat
      AND NEW.cancelrequested <=> OLD.cancelrequested THEN NEW.statusid
    WHEN NEW.statusid IN (0, 1, 5, 7) AND NEW.cancelrequested THEN 6
    WHEN NEW.statusid IN (0, 1) AND NEW.scheduledat > UTC_TIMESTAMP(6) THEN 7
    WHEN NEW.statusid = 1 THEN 0
    WHEN NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL THEN 0
    ELSE NEW.statusid END,
  NEW.modifiedon = CASE WHEN NEW.modifiedon <=> OLD.modifiedon THEN UTC_TIMESTAMP(6)
    ELSE NEW.modifiedon END;

-- executionid is virtual: MySQL refuses a stored column whose base has a foreign key that cascades.
CREATE TABLE IF NOT EXISTS job_histories (
  id bigint NOT NULL AUTO_INCREMENT,
  jobid varchar(64) NOT NULL,
  -- the epoch of the execution; with jobid it names it
  leaseepoch integer NOT NULL,
  executionid varchar(80) GENERATED ALWAYS AS (CONCAT(jobid, ':', leaseepoch)) VIRTUAL,
  statusid integer NOT NULL,
  startedat datetime(6) NOT NULL,
  completedat datetime(6),
  duration bigint,
  result longtext,
  errormessage longtext,
  retryattempt integer NOT NULL DEFAULT 0,
  executedby varchar(255),
  inputdata longtext,
  outputdata longtext,
  metadata json,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  modifiedon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  rowversionstamp integer NOT NULL DEFAULT 1,
  PRIMARY KEY (id),
  -- One index says that an execution ends once, finds a job's history, and serves the foreign key.
  UNIQUE KEY job_histories_execution (jobid, leaseepoch),
  CONSTRAINT job_histories_jobid_fkey FOREIGN KEY (jobid) REFERENCES queue_jobs (id) ON DELETE CASCADE
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

DROP TRIGGER IF EXISTS crossdock_job_histories_update;

CREATE TRIGGER crossdock_job_histories_update BEFORE UPDATE ON job_histories FOR EACH ROW
SET NEW.modifiedon = CASE WHEN NEW.modifiedon <=> OLD.modifiedon THEN UTC_TIMESTAMP(6)
  ELSE NEW.modifiedon END;

CREATE TABLE IF NOT EXISTS jobs (
  id varchar(64) NOT NULL DEFAULT (
    LOWER(INSERT(INSERT(INSERT(INSERT(
      INSERT(
        INSERT(CONVERT(MD5(UUID()) USING ascii), 1, 13, CONCAT(LPAD(CONVERT(HEX(
            TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) DIV 1000
          ) USING ascii), 12, '0'), '7')),
        17, 1, ELT(1 + FLOOR(RAND() * 4), '8', '9', 'a', 'b')),
      21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-'))),
  name varchar(255) NOT NULL,
  description text,
  typeid integer NOT NULL DEFAULT 1,
  handler varchar(255) NOT NULL,
  cronexpression varchar(100),
  intervalseconds integer,
  startat datetime(6),
  endat datetime(6),
  maxexecutions integer NOT NULL DEFAULT 0,
  executioncount integer NOT NULL DEFAULT 0,
  enabled boolean NOT NULL DEFAULT true,
  `condition` text,
  priority integer NOT NULL DEFAULT 0,
  maxretries integer,
  timeout integer,
  metadata json,
  lastrunat datetime(6),
  nextrunat datetime(6),
  queue varchar(100) NOT NULL DEFAULT 'default',
  payload longtext,
  timezone varchar(100) NOT NULL DEFAULT 'UTC',
  misfirepolicy varchar(20) NOT NULL DEFAULT 'fire_once',
  overlappolicy varchar(20) NOT NULL DEFAULT 'allow',
  jitterseconds integer NOT NULL DEFAULT 0,
  tenantid varchar(255),
  lasterror longtext,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  modifiedon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  rowversionstamp integer NOT NULL DEFAULT 1,
  PRIMARY KEY (id),
  UNIQUE KEY jobs_name_key (name),
  KEY jobs_due (enabled, active, nextrunat)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

DROP TRIGGER IF EXISTS crossdock_jobs_update;

CREATE TRIGGER crossdock_jobs_update BEFORE UPDATE ON jobs FOR EACH ROW
SET NEW.modifiedon = CASE WHEN NEW.modifiedon <=> OLD.modifiedon THEN UTC_TIMESTAMP(6)
  ELSE NEW.modifiedon END;

CREATE TABLE IF NOT EXISTS job_notifications (
  id varchar(64) NOT NULL DEFAULT (
    LOWER(INSERT(INSERT(INSERT(INSERT(
      INSERT(
        INSERT(CONVERT(MD5(UUID()) USING ascii), 1, 13, CONCAT(LPAD(CONVERT(HEX(
            TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) DIV 1000
          ) USING ascii), 12, '0'), '7')),
        17, 1, ELT(1 + FLOOR(RAND() * 4), '8', '9', 'a', 'b')),
      21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-'))),
  jobid varchar(64) NOT NULL,
  userid varchar(255) NOT NULL,
  title varchar(255) NOT NULL,
  message text,
  isread boolean NOT NULL DEFAULT false,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  modifiedon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  rowversionstamp integer NOT NULL DEFAULT 1,
  PRIMARY KEY (id),
  KEY job_notifications_user (userid, createdon)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

DROP TRIGGER IF EXISTS crossdock_job_notifications_update;

CREATE TRIGGER crossdock_job_notifications_update BEFORE UPDATE ON job_notifications FOR EACH ROW
SET NEW.modifiedon = CASE WHEN NEW.modifiedon <=> OLD.modifiedon THEN UTC_TIMESTAMP(6)
  ELSE NEW.modifiedon END;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 1;
