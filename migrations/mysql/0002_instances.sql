-- Crossdock 0002: which instances there are, on MariaDB 10.6 and later and MySQL 8.0.17 and later.
-- Run by `crossdock migrate`, or by hand: mysql DATABASE < 0002_instances.sql
-- How these files are written is said at the top of 0001_tables.sql.

INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (2, 'instances', false, 0);

-- A live process renews its row while it has jobs to run. Leases are held in the name of `id`, so two
-- processes must not share one.
CREATE TABLE IF NOT EXISTS crossdock_instances (
  id varchar(255) NOT NULL,
  -- tells the process from another one that was given the same id
  token varchar(64) NOT NULL,
  startedon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  expiresat datetime(6) NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 2;
