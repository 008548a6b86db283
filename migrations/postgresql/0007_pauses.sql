-- Crossdock 0007: what people have paused, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0007_pauses.sql
BEGIN;

INSERT INTO crossdock_migrations (number, name, breaking) VALUES (7, 'pauses', false);

-- One row for each address that was ever paused or resumed at run time. A resumed one stays, since it also says
-- no to `paused` in a configuration.
CREATE TABLE crossdock_pauses (
  -- `mqtt:temps`, `queue:mail`
  address varchar(255) NOT NULL,
  paused boolean NOT NULL,
  changedon timestamptz NOT NULL DEFAULT clock_timestamp(),
  changedby varchar(255),
  reason varchar(500),
  CONSTRAINT crossdock_pauses_pkey PRIMARY KEY (address)
);

COMMIT;
