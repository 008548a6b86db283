-- Crossdock 0005: messages on their way out, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0005_outbound.sql
BEGIN;

-- Breaking: a program that does not know of outbound rows would take them for jobs whose handler is missing.
INSERT INTO crossdock_migrations (number, name, breaking) VALUES (5, 'outbound', true);

-- What a plain INSERT of an outbound row may leave to us: each publication has a queue of its own, named by
-- its address, so that one target never delays another; and the messages of one key keep their order within
-- their publication. A row that names its queue is taken as it is: so are the program's own, for which
-- src/domain/outbound.ts says the same.
CREATE FUNCTION crossdock_address() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  address text := coalesce(NEW.protocol, '') || ':' || coalesce(NEW.method, '');
BEGIN
  NEW.queue := left(address, 100);
  IF NEW.orderingkey IS NULL AND NEW.metadata ->> 'key' IS NOT NULL THEN
    NEW.orderingkey := left(address || ' ' || (NEW.metadata ->> 'key'), 255);
  END IF;
  RETURN NEW;
END $$;

-- Triggers fire in the order of their names: before crossdock_before_insert, which looks at the ordering key.
CREATE TRIGGER crossdock_address BEFORE INSERT ON queue_jobs FOR EACH ROW
  WHEN (NEW.direction = 'outbound' AND NEW.handler = 'outbound.publish' AND NEW.queue = 'default')
  EXECUTE FUNCTION crossdock_address();

COMMIT;
