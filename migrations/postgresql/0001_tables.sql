-- Crossdock 0001: every table, on PostgreSQL 14 and later.
-- Run by `crossdock migrate`, or by hand: psql -v ON_ERROR_STOP=1 -f 0001_tables.sql
-- Tables go into the first schema of search_path. All times are UTC.
BEGIN;

CREATE TABLE IF NOT EXISTS crossdock_migrations (
  number integer PRIMARY KEY,
  name varchar(255) NOT NULL,
  -- sha256 of the file; null until `crossdock migrate` has seen a file that was run by hand
  checksum varchar(64),
  -- whether a program that does not know this migration must not start
  breaking boolean NOT NULL,
  appliedon timestamptz NOT NULL DEFAULT clock_timestamp()
);

INSERT INTO crossdock_migrations (number, name, breaking) VALUES (1, 'tables', true);

-- UUIDv7: 48 bits of Unix milliseconds, then the version, then chance. Ids that grow keep indexes dense.
CREATE FUNCTION crossdock_uuidv7() RETURNS varchar LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(
    set_byte(
      overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6),
      6, (112 | (get_byte(uuid_send(gen_random_uuid()), 6) & 15))),
    'hex')::uuid::varchar
$$;

-- modifiedon for writers that do not set it themselves.
CREATE FUNCTION crossdock_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.modifiedon := clock_timestamp();
  RETURN NEW;
END $$;

-- Raised by the statement that ends an execution inside a handler's transaction, since the COMMIT is
-- sent right behind it: an execution that is no longer the worker's, or a transaction that is no longer
-- the one the worker began, must not commit.
CREATE FUNCTION crossdock_must_hold(ended bigint, token text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('crossdock.transaction', true) IS DISTINCT FROM token THEN
    RAISE EXCEPTION 'the transaction of this execution is gone' USING ERRCODE = 'CD002';
  END IF;
  IF ended = 0 THEN
    RAISE EXCEPTION 'this execution has lost its lease' USING ERRCODE = 'CD001';
  END IF;
  RETURN ended;
END $$;

-- Before its first ANALYZE, PostgreSQL guesses how many rows a page of this table holds from the declared
-- widths, and a sum over 8 kB makes that none, whatever the table's size. Plans for an empty table then
-- took a completion to a tenth. The sum is 7.9 kB: a further varchar(255) must be a plain varchar.
CREATE TABLE queue_jobs (
  id varchar(64) NOT NULL DEFAULT crossdock_uuidv7(),
  seq bigint GENERATED ALWAYS AS IDENTITY,
  name varchar(255),
  description text,
  typeid integer NOT NULL DEFAULT 2,
  method varchar(100),
  protocol varchar(50),
  direction varchar(20) NOT NULL DEFAULT 'internal',
  handler varchar(255) NOT NULL,
  queue varchar(100) NOT NULL DEFAULT 'default',
  metadata jsonb,
  payload text,
  contenttype varchar,
  payloadencoding varchar,
  headers jsonb,
  result text,
  statusid integer NOT NULL DEFAULT 0,
  priority integer NOT NULL DEFAULT 0,
  maxretries integer,
  retrycount integer NOT NULL DEFAULT 0,
  timeout integer,
  scheduledat timestamptz,
  startedat timestamptz,
  completedat timestamptz,
  lasterror text,
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
  scheduledfor timestamptz,
  lockedby varchar,
  leaseexpiresat timestamptz,
  leaseepoch integer NOT NULL DEFAULT 0,
  cancelrequested boolean NOT NULL DEFAULT false,
  -- how often it was taken back from a process that died with it, since it last ended
  recoveries integer NOT NULL DEFAULT 0,
  -- −priority: the order of a claim is (claimrank, seq), all ascending
  claimrank integer GENERATED ALWAYS AS (-priority) STORED,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon timestamptz NOT NULL DEFAULT clock_timestamp(),
  modifiedon timestamptz NOT NULL DEFAULT clock_timestamp(),
  rowversionstamp integer NOT NULL DEFAULT 1,
  CONSTRAINT queue_jobs_pkey PRIMARY KEY (id),
  CONSTRAINT queue_jobs_statusid_known CHECK (statusid BETWEEN 0 AND 7),
  -- Numbers and times at their ends would stop a whole claim or recovery, not one job.
  CONSTRAINT queue_jobs_in_range CHECK (leaseepoch BETWEEN 0 AND 2000000000
    AND recoveries BETWEEN 0 AND 2000000000 AND retrycount <= 2000000000 AND isfinite(startedat)),
  CONSTRAINT queue_jobs_typeid_known CHECK (typeid BETWEEN 0 AND 3),
  -- The wait until 'infinity' cannot be computed: one such row would stop the promotion of all.
  CONSTRAINT queue_jobs_scheduledat_finite CHECK (isfinite(scheduledat)),
  -- Order per key comes with a later version; a key that nothing keeps would be a broken promise.
  CONSTRAINT queue_jobs_orderingkey_not_available CHECK (orderingkey IS NULL)
) WITH (
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 1000,
  autovacuum_analyze_scale_factor = 0.05
);

-- Each index on this table costs every status change; those that hold few rows are partial.
-- Lists walk it backwards.
CREATE UNIQUE INDEX queue_jobs_seq ON queue_jobs (seq);
-- The inbox.
CREATE UNIQUE INDEX queue_jobs_dedupekey ON queue_jobs (dedupekey) WHERE dedupekey IS NOT NULL;
CREATE UNIQUE INDEX queue_jobs_uniquekey ON queue_jobs (uniquekey) WHERE uniquekey IS NOT NULL;
-- One job a tick.
CREATE UNIQUE INDEX queue_jobs_tick ON queue_jobs (scheduledjobid, scheduledfor)
  WHERE scheduledjobid IS NOT NULL;
-- The claim: Pending alone.
CREATE INDEX queue_jobs_ready ON queue_jobs (queue, claimrank, seq) WHERE statusid = 0 AND active;
-- Promotion: Scheduled and Retrying, by the time they wait for.
CREATE INDEX queue_jobs_waiting ON queue_jobs (scheduledat) WHERE statusid IN (5, 7) AND active;
-- Recovery: Processing alone. Keyed by seq, so that renewing a lease changes no index.
CREATE INDEX queue_jobs_processing ON queue_jobs (seq) WHERE statusid = 2;

-- What a plain INSERT may leave to us. A waiting job whose cancellation is requested is cancelled; a
-- running one is, when its lease has ended at the latest.
CREATE FUNCTION crossdock_settle_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.statusid = 1 THEN
    NEW.statusid := 0;
  END IF;
  IF NEW.cancelrequested AND NEW.statusid IN (0, 5, 7) THEN
    NEW.statusid := 6;
  ELSIF NEW.statusid = 0 AND NEW.scheduledat > clock_timestamp() THEN
    NEW.statusid := 7;
  ELSIF NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL THEN
    NEW.statusid := 0;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER crossdock_before_insert BEFORE INSERT ON queue_jobs FOR EACH ROW
  WHEN (NEW.statusid = 1 OR (NEW.statusid = 0 AND NEW.scheduledat IS NOT NULL)
    OR (NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL) OR NEW.cancelrequested)
  EXECUTE FUNCTION crossdock_settle_status();

-- The same for people who change rows by hand. Our own connections set crossdock.quiet.
CREATE TRIGGER crossdock_before_update BEFORE UPDATE OF statusid, scheduledat, cancelrequested
  ON queue_jobs FOR EACH ROW
  WHEN (current_setting('crossdock.quiet', true) IS DISTINCT FROM 'on'
    AND (NEW.statusid = 1 OR (NEW.statusid = 0 AND NEW.scheduledat IS NOT NULL)
      OR (NEW.statusid IN (5, 7) AND NEW.scheduledat IS NULL) OR NEW.cancelrequested))
  EXECUTE FUNCTION crossdock_settle_status();

CREATE TRIGGER crossdock_touch BEFORE UPDATE ON queue_jobs FOR EACH ROW
  WHEN (NEW.modifiedon IS NOT DISTINCT FROM OLD.modifiedon)
  EXECUTE FUNCTION crossdock_touch();

-- Wakes every instance within milliseconds of another program's COMMIT. NOTIFY takes a lock over the
-- whole database at commit, so our own connections do without it (crossdock.quiet) and announce by
-- groups.
CREATE FUNCTION crossdock_announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- A channel's name ends at 63 bytes: of a schema with a longer name it takes a hash.
  PERFORM pg_notify('crossdock:' || CASE WHEN octet_length(TG_TABLE_SCHEMA::text) <= 53 THEN TG_TABLE_SCHEMA
    ELSE left(encode(sha256(convert_to(TG_TABLE_SCHEMA, 'UTF8')), 'hex'), 40) END, TG_ARGV[0]);
  RETURN NULL;
END $$;

CREATE TRIGGER crossdock_announce AFTER INSERT OR UPDATE OF statusid, scheduledat, queue, active
  ON queue_jobs FOR EACH STATEMENT
  WHEN (current_setting('crossdock.quiet', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION crossdock_announce('jobs');

CREATE TABLE job_histories (
  id bigint GENERATED ALWAYS AS IDENTITY,
  jobid varchar(64) NOT NULL,
  -- the epoch of the execution; with jobid it names it
  leaseepoch integer NOT NULL,
  executionid varchar(80) GENERATED ALWAYS AS (jobid || ':' || leaseepoch::text) STORED,
  statusid integer NOT NULL,
  startedat timestamptz NOT NULL,
  completedat timestamptz,
  duration bigint,
  result text,
  errormessage text,
  retryattempt integer NOT NULL DEFAULT 0,
  executedby varchar(255),
  inputdata text,
  outputdata text,
  metadata jsonb,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon timestamptz NOT NULL DEFAULT clock_timestamp(),
  modifiedon timestamptz NOT NULL DEFAULT clock_timestamp(),
  rowversionstamp integer NOT NULL DEFAULT 1,
  CONSTRAINT job_histories_pkey PRIMARY KEY (id),
  -- One index says that an execution ends once, finds a job's history, and serves the foreign key.
  CONSTRAINT job_histories_execution UNIQUE (jobid, leaseepoch),
  CONSTRAINT job_histories_jobid_fkey FOREIGN KEY (jobid) REFERENCES queue_jobs (id) ON DELETE CASCADE
);

CREATE TRIGGER crossdock_touch BEFORE UPDATE ON job_histories FOR EACH ROW
  WHEN (NEW.modifiedon IS NOT DISTINCT FROM OLD.modifiedon)
  EXECUTE FUNCTION crossdock_touch();

CREATE TABLE jobs (
  id varchar(64) NOT NULL DEFAULT crossdock_uuidv7(),
  name varchar(255) NOT NULL,
  description text,
  typeid integer NOT NULL DEFAULT 1,
  handler varchar(255) NOT NULL,
  cronexpression varchar(100),
  intervalseconds integer,
  startat timestamptz,
  endat timestamptz,
  maxexecutions integer NOT NULL DEFAULT 0,
  executioncount integer NOT NULL DEFAULT 0,
  enabled boolean NOT NULL DEFAULT true,
  condition text,
  priority integer NOT NULL DEFAULT 0,
  maxretries integer,
  timeout integer,
  metadata jsonb,
  lastrunat timestamptz,
  nextrunat timestamptz,
  queue varchar(100) NOT NULL DEFAULT 'default',
  payload text,
  timezone varchar(100) NOT NULL DEFAULT 'UTC',
  misfirepolicy varchar(20) NOT NULL DEFAULT 'fire_once',
  overlappolicy varchar(20) NOT NULL DEFAULT 'allow',
  jitterseconds integer NOT NULL DEFAULT 0,
  tenantid varchar(255),
  lasterror text,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon timestamptz NOT NULL DEFAULT clock_timestamp(),
  modifiedon timestamptz NOT NULL DEFAULT clock_timestamp(),
  rowversionstamp integer NOT NULL DEFAULT 1,
  CONSTRAINT jobs_pkey PRIMARY KEY (id),
  CONSTRAINT jobs_name_key UNIQUE (name)
);

CREATE INDEX jobs_due ON jobs (nextrunat) WHERE enabled AND active;

CREATE TRIGGER crossdock_touch BEFORE UPDATE ON jobs FOR EACH ROW
  WHEN (NEW.modifiedon IS NOT DISTINCT FROM OLD.modifiedon)
  EXECUTE FUNCTION crossdock_touch();

CREATE TABLE job_notifications (
  id varchar(64) NOT NULL DEFAULT crossdock_uuidv7(),
  jobid varchar(64) NOT NULL,
  userid varchar(255) NOT NULL,
  title varchar(255) NOT NULL,
  message text,
  isread boolean NOT NULL DEFAULT false,
  active boolean NOT NULL DEFAULT true,
  referenceid varchar(255),
  createdby varchar(255),
  modifiedby varchar(255),
  createdon timestamptz NOT NULL DEFAULT clock_timestamp(),
  modifiedon timestamptz NOT NULL DEFAULT clock_timestamp(),
  rowversionstamp integer NOT NULL DEFAULT 1,
  CONSTRAINT job_notifications_pkey PRIMARY KEY (id)
);

CREATE INDEX job_notifications_user ON job_notifications (userid, createdon);

CREATE TRIGGER crossdock_touch BEFORE UPDATE ON job_notifications FOR EACH ROW
  WHEN (NEW.modifiedon IS NOT DISTINCT FROM OLD.modifiedon)
  EXECUTE FUNCTION crossdock_touch();

COMMIT;
