import { NEVER, scheduleColumns } from '../schedule-rows.ts'
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
      WHERE enabled AND active AND nextrunat IS NULL AND id > $1
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
 * One statement, so the jobs and the moves commit together. The rows are locked in the order of their ids,
 * what others have locked is passed over, and a row that was changed meanwhile is looked at as it is now.
 * Walks the primary key, and queue_jobs_tick for the inserts. The ids are named
 * once more, and `coalesce` keeps it from jobs_due: the planner takes the table for small, and else walked all
 * of it for each tick, 600 ms for 250 among 10,000 schedules.
 */
export function fireStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_fire',
    text: `WITH due AS MATERIALIZED (
        SELECT s.id, s.name, s.handler, s.queue, s.priority, s.maxretries, s.timeout, s.payload, s.tenantid,
          s.createdby, d.next::timestamptz AS next, coalesce(d.tick::timestamptz, s.nextrunat) AS tick
        FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
          AS d(id, nextrunat, modifiedon, tick, next)
        JOIN ${names.jobs} s ON s.id = d.id
        WHERE s.id = ANY ($1::text[]) AND coalesce(s.enabled, false) AND coalesce(s.active, false)
          AND (s.maxexecutions = 0 OR s.executioncount < s.maxexecutions)
          AND ${UNCHANGED}
        ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED
      ), moved AS (
        UPDATE ${names.jobs} s SET nextrunat = due.next, lastrunat = clock_timestamp(),
          executioncount = s.executioncount + 1, lasterror = NULL, modifiedon = clock_timestamp()
        FROM due WHERE s.id = due.id
        RETURNING s.id
      ), made AS (
        INSERT INTO ${names.queueJobs} (typeid, name, handler, queue, priority, maxretries, timeout,
          payload, tenantid, createdby, scheduledjobid, scheduledfor)
        SELECT 1, name, handler, queue, priority, maxretries, timeout, payload, tenantid, createdby, id, tick
        FROM due
        ON CONFLICT (scheduledjobid, scheduledfor) WHERE scheduledjobid IS NOT NULL DO NOTHING
        RETURNING queue
      )
      SELECT (SELECT array_agg(id) FROM moved) AS moved, (SELECT count(*) FROM made)::int AS jobs,
        (SELECT array_agg(DISTINCT queue) FROM made) AS queues`,
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
        JOIN ${names.jobs} s ON s.id = d.id
        WHERE s.id = ANY ($1::text[]) AND ${UNCHANGED}
        ORDER BY s.id FOR NO KEY UPDATE OF s SKIP LOCKED
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

/** The next tick of all, and the rows in error. Walks jobs_due, from its front and over its end. */
export function overviewStatement({ names }: Database): Statement {
  return {
    name: 'crossdock_schedules_overview',
    text: `SELECT NULL AS id, NULL AS name, NULL AS lasterror, (SELECT nextrunat FROM ${names.jobs}
          WHERE enabled AND active AND nextrunat < '${NEVER}' ORDER BY nextrunat, id LIMIT 1) AS nextrunat
      UNION ALL (SELECT id, name, lasterror, NULL FROM ${names.jobs}
        WHERE enabled AND active AND nextrunat = '${NEVER}' AND lasterror IS NOT NULL
        ORDER BY nextrunat, id LIMIT $1)`,
  }
}
