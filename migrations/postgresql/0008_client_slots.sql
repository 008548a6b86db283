-- Crossdock 0008: durable clients of brokers, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0008_client_slots.sql
BEGIN;

INSERT INTO crossdock_migrations (number, name, breaking) VALUES (8, 'client_slots', false);

-- A broker keeps a session for each durable client, by its id: `<name>-<slot>`. Whoever holds the slot may use
-- it; a slot that nobody holds keeps its row, since its session is still there.
CREATE TABLE crossdock_client_slots (
  name varchar(255) NOT NULL,
  slot int NOT NULL,
  -- tells the holder from every other process; null: nobody
  token varchar(64),
  expiresat timestamptz,
  CONSTRAINT crossdock_client_slots_pkey PRIMARY KEY (name, slot)
);

-- What the broker may send once more under the same packet id, until both sides know of each other's knowing:
-- which message it was.
CREATE TABLE crossdock_client_packets (
  name varchar(255) NOT NULL,
  slot int NOT NULL,
  packetid int NOT NULL,
  identity varchar(64) NOT NULL,
  CONSTRAINT crossdock_client_packets_pkey PRIMARY KEY (name, slot, packetid)
);

COMMIT;
