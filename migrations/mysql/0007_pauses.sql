-- Crossdock 0007: what people have paused, on MariaDB 10.6 and later and MySQL 8.0.17 and later.
-- Run by `crossdock migrate`, or by hand: mysql DATABASE < 0007_pauses.sql
-- How these files are written is said at the top of 0001_tables.sql.

INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (7, 'pauses', false, 0);

-- One row for each address that was ever paused or resumed at run time. A resumed one stays, since it also says
-- no to `paused` in a configuration.
CREATE TABLE IF NOT EXISTS crossdock_pauses (
  -- `mqtt:temps`, `queue:mail`
  address varchar(255) NOT NULL,
  paused boolean NOT NULL,
  changedon datetime(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6)),
  changedby varchar(255),
  reason varchar(500),
  PRIMARY KEY (address)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 7;
