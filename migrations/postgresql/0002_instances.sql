-- Crossdock 0002: which instances there are, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0002_instances.sql
BEGIN;

INSERT INTO crossdock_migrations (number, name, breaking) VALUES (2, 'instances', false);

-- A live process renews its row while it has jobs to run. Leases are held in the name of `id`, so two
-- processes must not share one.
CREATE TABLE crossdock_instances (
  id varchar(255) NOT NULL,
  -- tells the process from another one that was given the same id
  token varchar(64) NOT NULL,
  startedon timestamptz NOT NULL DEFAULT clock_timestamp(),
  expiresat timestamptz NOT NULL,
  CONSTRAINT crossdock_instances_pkey PRIMARY KEY (id)
);

COMMIT;
