-- Crossdock 0008: durable clients of brokers, on MariaDB 10.6 and later and MySQL 8.0.17 and later.
-- Run by `crossdock migrate`, or by hand: mysql DATABASE < 0008_client_slots.sql
-- How these files are written is said at the top of 0001_tables.sql.

INSERT IGNORE INTO crossdock_migrations (number, name, breaking, statements) VALUES (8, 'client_slots', false, 0);

-- A broker keeps a session for each durable client, by its id: `<name>-<slot>`. Whoever holds the slot may use
-- it; a slot that nobody holds keeps its row, since its session is still there.
CREATE TABLE IF NOT EXISTS crossdock_client_slots (
  name varchar(255) NOT NULL,
  slot int NOT NULL,
  -- tells the holder from every other process; null: nobody
  token varchar(64),
  expiresat datetime(6),
  PRIMARY KEY (name, slot)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- What the broker may send once more under the same packet id, until both sides know of each other's knowing:
-- which message it was.
CREATE TABLE IF NOT EXISTS crossdock_client_packets (
  name varchar(255) NOT NULL,
  slot int NOT NULL,
  packetid int NOT NULL,
  identity varchar(64) NOT NULL,
  PRIMARY KEY (name, slot, packetid)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE /*M! utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */;

-- All of it is done.
UPDATE crossdock_migrations SET statements = NULL WHERE number = 8;
