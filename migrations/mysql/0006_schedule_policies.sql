-- Crossdock 0006: conditions, policies and declared schedules, on MariaDB 10.6 and later and MySQL 8.0.17 and
-- later. Run by `crossdock migrate`, or by hand: mysql DATABASE < 0006_schedule_policies.sql
-- How these files are written is said at the top of 0001_tables.sql.

INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (6, 'schedule_policies', false, 0);

-- What /status shows: few rows have an error.
ALTER TABLE jobs ADD KEY /*M! IF NOT EXISTS */ jobs_in_error (lasterror(1));

-- As before; and a schedule that rests with an error is looked at again when anything that its jobs are made
-- of is changed.
DROP TRIGGER IF EXISTS crossdock_jobs_update;

CREATE /*M! OR REPLACE */ TRIGGER /*!80029 IF NOT EXISTS */ crossdock_jobs_update BEFORE UPDATE ON jobs FOR EACH ROW
SET NEW.modifiedon = CASE WHEN NEW.modifiedon <=> OLD.modifiedon THEN UTC_TIMESTAMP(6)
    ELSE NEW.modifiedon END,
  NEW.nextrunat = CASE
    WHEN (NEW.enabled AND NOT OLD.enabled) OR (NEW.active AND NOT OLD.active)
      OR NEW.executioncount < OLD.executioncount
      OR NOT (NEW.cronexpression <=> OLD.cronexpression AND NEW.intervalseconds <=> OLD.intervalseconds
        AND NEW.timezone <=> OLD.timezone AND NEW.startat <=> OLD.startat AND NEW.endat <=> OLD.endat
        AND NEW.createdon <=> OLD.createdon AND NEW.maxexecutions <=> OLD.maxexecutions
        AND NEW.`condition` <=> OLD.`condition` AND NEW.misfirepolicy <=> OLD.misfirepolicy
        AND NEW.overlappolicy <=> OLD.overlappolicy AND NEW.jitterseconds <=> OLD.jitterseconds)
      OR (OLD.lasterror IS NOT NULL AND OLD.nextrunat <=> '9999-12-31 00:00:00'
        AND NOT (NEW.handler <=> OLD.handler AND NEW.queue <=> OLD.queue AND NEW.payload <=> OLD.payload
          AND NEW.priority <=> OLD.priority AND NEW.maxretries <=> OLD.maxretries
          AND NEW.timeout <=> OLD.timeout AND NEW.name <=> OLD.name AND NEW.tenantid <=> OLD.tenantid))
    THEN NULL
    ELSE NEW.nextrunat END;

-- What code and configuration declared last of each schedule: a column that still holds it may be changed to
-- what they declare now; any other was changed by somebody. `source` is who declares it.
CREATE TABLE IF NOT EXISTS crossdock_declared_schedules (
  name varchar(255) NOT NULL,
  source varchar(255) NOT NULL,
  declared json NOT NULL,
  removed boolean NOT NULL DEFAULT false,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  modifiedon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  rowversionstamp integer NOT NULL DEFAULT 1,
  PRIMARY KEY (name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 6;
