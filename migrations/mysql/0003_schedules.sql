-- Crossdock 0003: what the scheduler needs of the table jobs, on MariaDB 10.6 and later and MySQL 8.0.17 and
-- later. Run by `crossdock migrate`, or by hand: mysql DATABASE < 0003_schedules.sql
-- As in 0001, every statement can be met again; on MySQL before 8.0.29 all but CREATE TRIGGER.

INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (3, 'schedules', false, 0);

-- modifiedon as before; and a changed schedule has no next tick until it is computed anew. The scheduler
-- changes none of these columns, but for executioncount, which it raises.
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
    THEN NULL
    ELSE NEW.nextrunat END;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 3;
