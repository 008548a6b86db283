import { LANE_PREFIX, NEVER, scheduleColumns } from '../schedule-rows.ts'
import type { Database, Statement } from './connect.ts'

const COLUMNS = scheduleColumns({
  text: (column) => `${column}::text`,
  floorMs: (column) => `floor(extract(epoch FROM ${column}) * 1000)::double precision`,
  ceilMs: (column) => `ceil(extract(epoch FROM ${column}) * 1000)::double precision`,
  quote: (column) => `"${column}"`,
})

/** What a version says that the row still is. */
const UNCHANGED = `s.modifiedon = d.modifiedon::timestamptz
          AND s.nextrunat IS NOT DISTINCT FROM d.nextrunat::timestamptz`

/** Those whose next tick is to be computed, by id. Walks jobs_due. */
export function unplannedStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_unplanned',
    text: `SELECT ${COLUMNS} FROM ${names.jobs} s
      WHERE enabled AND active AND nextrunat IS NULL AND ($1::text IS NULL OR id > $1)
      ORDER BY s.nextrunat, s.id LIMIT $2`,
  }
}

/**
 * Those that are due, the earliest first. Walks jobs_due. `statement_timestamp()`, since an index cannot
 * be asked for a volatile time. `s.nextrunat` is the column; without the `s` it is the text that is given.
 */
export function dueStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_due',
    text: `SELECT ${COLUMNS} FROM ${names.jobs} s
      WHERE enabled AND active AND nextrunat <= statement_timestamp()
        AND (nextrunat, id) > ($1::timestamptz, $2)
      ORDER BY s.nextrunat, s.id LIMIT $3`,
  }
}

/** The place of the last of so many behind one. Walks jobs_due, and as a rule that alone. */
export function placeStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_place',
    text: `SELECT id, nextrunat::text AS at FROM ${names.jobs} s
      WHERE enabled AND active AND nextrunat <= statement_timestamp()
        AND (nextrunat, id) > ($1::timestamptz, $2)
      ORDER BY s.nextrunat, s.id LIMIT 1 OFFSET $3`,
  }
}

/** The database's clock, and the first tick to come. Walks jobs_due. */
export function clockStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_clock',
    text: `SELECT floor(extract(epoch FROM statement_timestamp()) * 1000)::double precision AS now,
        (SELECT extract(epoch FROM nextrunat - statement_timestamp())::double precision * 1000
          FROM ${names.jobs}
          WHERE enabled AND active AND nextrunat > statement_timestamp() AND nextrunat < '${NEVER}'
          ORDER BY nextrunat, id LIMIT 1) AS nextduein`,
  }
}

/**
 * One statement, so the jobs and the moves commit together. The rows are locked in the order in which they are
 * given, which is that of their ids; what others have locked is passed over, and a row that was changed meanwhile
 * is looked at as it is now. Walks the primary key, and queue_jobs_tick for the inserts and for each schedule's last
 * job. Each row is looked up by itself, and `coalesce` keeps it from jobs_due: the planner takes the table for
 * small. Where it joined what is given with the rows, each was held against all others, 25 of the 28 ms of a batch.
 * That the ids are the same is said twice: few rows are expected then, and the updates look each up, too.
 * `first` is where a schedule's jobs begin among all.
 *
 * A last job that waits is locked before the tick is counted in it. One that is being claimed right now is
 * passed over: it begins, and the tick has its own job.
 */
export function fireStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_fire',
    text: `WITH due AS MATERIALIZED (
        SELECT s.*, d.next::timestamptz AS next, d.jobs, d.note, d.first
        FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[], $7::int[])
          AS d(id, nextrunat, modifiedon, jobs, next, note, first)
        CROSS JOIN LATERAL (
          SELECT s.id, s.name, s.handler, s.queue, s.priority, s.maxretries, s.timeout, s.payload, s.tenantid,
            s.createdby, s.overlappolicy, s.nextrunat, s.maxexecutions, s.executioncount
          FROM ${names.jobs} s
          WHERE s.id = d.id AND coalesce(s.enabled, false) AND coalesce(s.active, false)
            AND (s.maxexecutions = 0 OR s.executioncount + d.jobs <= s.maxexecutions)
            AND ${UNCHANGED}
          FOR NO KEY UPDATE OF s SKIP LOCKED
        ) s
        WHERE s.id = d.id
      ), last AS MATERIALIZED (
        SELECT due.id, q.id AS jobid, q.statusid, due.overlappolicy
        FROM due CROSS JOIN LATERAL (
          SELECT id, statusid FROM ${names.queueJobs}
          WHERE scheduledjobid = due.id AND scheduledjobid IS NOT NULL AND scheduledfor IS NOT NULL
          ORDER BY scheduledfor DESC LIMIT 1
        ) q
        WHERE due.overlappolicy <> 'allow' AND q.statusid NOT IN (3, 4, 6)
      ), waits AS MATERIALIZED (
        SELECT last.id, q.id AS jobid FROM last JOIN ${names.queueJobs} q ON q.id = last.jobid
        WHERE last.overlappolicy = 'queue' AND q.statusid + 0 IN (0, 1, 7)
        FOR NO KEY UPDATE OF q SKIP LOCKED
      ), merged AS (
        UPDATE ${names.queueJobs} q SET metadata = jsonb_set(coalesce(q.metadata, '{}'), '{merged_ticks}',
            to_jsonb(coalesce((q.metadata->>'merged_ticks')::numeric, 0) + 1)),
          modifiedon = clock_timestamp()
        FROM waits WHERE q.id = waits.jobid
        RETURNING waits.id
      ), overlapped AS MATERIALIZED (
        SELECT id FROM last WHERE overlappolicy = 'skip' UNION ALL SELECT id FROM merged
      ), firing AS MATERIALIZED (
        SELECT due.*, CASE WHEN o.id IS NULL THEN due.jobs ELSE 0 END AS fired
        FROM due LEFT JOIN overlapped o ON o.id = due.id
      ), moved AS (
        UPDATE ${names.jobs} s SET
          nextrunat = CASE WHEN f.maxexecutions > 0 AND f.executioncount + f.fired >= f.maxexecutions
            THEN '${NEVER}' ELSE f.next END,
          lastrunat = CASE WHEN f.fired > 0 THEN clock_timestamp() ELSE s.lastrunat END,
          executioncount = least(s.executioncount::bigint + f.fired, 2147483647)::int,
          lasterror = f.note, modifiedon = clock_timestamp()
        FROM firing f WHERE s.id = f.id
        RETURNING s.id
      ), made AS (
        INSERT INTO ${names.queueJobs} (typeid, name, handler, queue, priority, maxretries, timeout,
          payload, tenantid, createdby, orderingkey, scheduledjobid, scheduledfor, scheduledat)
        SELECT 1, f.name, f.handler, f.queue, f.priority, f.maxretries, f.timeout,
          coalesce(($9::text[])[place], f.payload), f.tenantid, f.createdby,
          CASE WHEN f.overlappolicy = 'queue' THEN '${LANE_PREFIX}' || f.id END,
          f.id, coalesce(($8::text[])[place]::timestamptz, f.nextrunat),
          clock_timestamp() + ($10::float8[])[place] * interval '1 millisecond'
        FROM firing f CROSS JOIN LATERAL generate_series(f.first, f.first + f.fired - 1) AS place
        ORDER BY place
        ON CONFLICT (scheduledjobid, scheduledfor) WHERE scheduledjobid IS NOT NULL DO NOTHING
        RETURNING queue, orderingkey, tenantid
      )
      SELECT (SELECT array_agg(id) FROM moved) AS moved, (SELECT count(*) FROM made)::int AS jobs,
        (SELECT array_agg(DISTINCT queue) FROM made) AS queues,
        (SELECT array_agg(id) FROM overlapped) AS overlapped,
        (SELECT json_agg(json_build_object('tenantId', tenantid, 'orderingKey', orderingkey))
          FROM made WHERE orderingkey IS NOT NULL) AS turns`,
  }
}

/** Writes next ticks and errors of rows that are still what was read. Walks the primary key. */
export function planStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_plan',
    text: `WITH planned AS MATERIALIZED (
        SELECT s.id, d.next::timestamptz AS next, d.error
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
          AS d(id, nextrunat, modifiedon, next, error)
        CROSS JOIN LATERAL (
          SELECT s.id FROM ${names.jobs} s WHERE s.id = d.id AND ${UNCHANGED}
          FOR NO KEY UPDATE OF s SKIP LOCKED
        ) s
        WHERE s.id = d.id
      )
      UPDATE ${names.jobs} s SET nextrunat = planned.next, lasterror = planned.error,
        modifiedon = clock_timestamp()
      FROM planned WHERE s.id = planned.id
      RETURNING s.id`,
  }
}

/** Rows in error, to be looked at again. Walks the end of jobs_due. */
export function reopenStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_reopen',
    text: `UPDATE ${names.jobs} SET nextrunat = NULL, modifiedon = clock_timestamp()
      WHERE id = ANY (ARRAY(SELECT id FROM ${names.jobs}
        WHERE enabled AND active AND nextrunat = '${NEVER}' AND lasterror IS NOT NULL
        ORDER BY nextrunat, id FOR NO KEY UPDATE SKIP LOCKED))`,
  }
}

/** The next tick of all, and the rows with an error. Walks jobs_due from its front, and jobs_in_error. */
export function overviewStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_overview',
    text: `SELECT NULL AS id, NULL AS name, NULL AS lasterror, (SELECT nextrunat FROM ${names.jobs}
          WHERE enabled AND active AND nextrunat < '${NEVER}' ORDER BY nextrunat, id LIMIT 1) AS nextrunat
      UNION ALL (SELECT id, name, lasterror, NULL FROM ${names.jobs}
        WHERE enabled AND active AND lasterror IS NOT NULL
        ORDER BY nextrunat DESC, id LIMIT $1)`,
  }
}
