import { turnOf } from '../domain/turn.ts'
import type { ScheduleBook, StoredSchedule } from '../ports/schedule-book.ts'
import { declareSchedules } from './declare-schedules.ts'
import { selectList, storedSchedule } from './schedule-columns.ts'
import { LANE_PREFIX, timeText } from './schedule-rows.ts'
import { type Ask, type BookDialect, insertSchedule, settingsGiven } from './schedule-writes.ts'

/** The schedules as people change them; both dialects. By id it walks the primary key, by name jobs_name_key. */
export function makeScheduleBook(dialect: BookDialect): ScheduleBook {
  const { jobs, transaction, now } = dialect
  const columns = selectList(dialect)

  async function findBy(ask: Ask, idOrName: string): Promise<StoredSchedule | undefined> {
    for (const column of ['id', 'name']) {
      const { rows } = await ask(`SELECT ${columns} FROM ${jobs} WHERE ${column} = ?`, [idOrName])
      if (rows[0] !== undefined) return storedSchedule(rows[0])
    }
    return undefined
  }

  return {
    list: ({ after, limit }) =>
      transaction(async (ask) => {
        const behind = after === null ? '' : 'AND id > ?'
        const { rows } = await ask(
          `SELECT ${columns} FROM ${jobs} WHERE active ${behind} ORDER BY id LIMIT ${limit}`,
          after === null ? [] : [after],
        )
        return rows.map(storedSchedule)
      }),
    find: (idOrName) => transaction((ask) => findBy(ask, idOrName)),
    create: ({ id, settings, createdBy }) =>
      transaction((ask) => insertSchedule(ask, dialect, { id, settings, createdBy })),
    change: ({ id, version, settings }) =>
      transaction(async (ask) => {
        const sets = settingsGiven(settings)
        const { affected } = await ask(
          `UPDATE ${jobs} SET ${[...sets.map(({ column }) => `${dialect.quote(column)} = ?`)].join(', ')}${sets.length === 0 ? '' : ','}
            rowversionstamp = rowversionstamp + 1, modifiedon = ${now}
          WHERE id = ? ${version === null ? '' : 'AND rowversionstamp = ?'}`,
          [...sets.map(({ value }) => value), id, ...(version === null ? [] : [version])],
        )
        return affected > 0 ? 'done' : await whyNot(ask, id)
      }),
    remove: ({ id, version }) =>
      transaction(async (ask) => {
        const { affected } = await ask(
          `DELETE FROM ${jobs} WHERE id = ? ${version === null ? '' : 'AND rowversionstamp = ?'}`,
          [id, ...(version === null ? [] : [version])],
        )
        return affected > 0 ? 'done' : await whyNot(ask, id)
      }),
    makeJobs: ({ id, jobs: made }) =>
      transaction(async (ask) => {
        const schedule = await findBy(ask, id)
        if (schedule?.id !== id) return undefined
        const { queue, tenantId, overlapPolicy } = schedule
        const orderingKey = overlapPolicy === 'queue' ? LANE_PREFIX + id : null
        const ids: string[] = []
        for (const { jobId, tick, payload } of made) {
          const time = timeText(tick)
          const { rows } = await ask(
            `SELECT id FROM ${dialect.queueJobs} WHERE scheduledjobid = ? AND scheduledfor = ${timeCast(dialect)}`,
            [id, time],
          )
          if (rows.length > 0) continue
          await ask(
            `INSERT INTO ${dialect.queueJobs} (id, typeid, name, handler, queue, priority, maxretries,
              timeout, payload, tenantid, createdby, orderingkey, scheduledjobid, scheduledfor)
            SELECT ?, 1, name, handler, queue, priority, maxretries, timeout, coalesce(?, payload), tenantid,
              createdby, ?, id, ${timeCast(dialect)} FROM ${jobs} WHERE id = ?`,
            [jobId, payload ?? null, orderingKey, time, id],
          )
          ids.push(jobId)
        }
        const existing = made.length - ids.length
        return { ids, existing, queue, turns: turnOf({ tenantId, orderingKey }) }
      }),
    declare: (declaration) => transaction((ask) => declareSchedules(ask, dialect, declaration)),
    now: () =>
      transaction(async (ask) => {
        const { rows } = await ask(`SELECT ${dialect.floorMs(now)} AS now`, [])
        return Number(rows[0]?.['now'])
      }),
  }

  async function whyNot(ask: Ask, id: string): Promise<'not_found' | 'stale'> {
    const { rows } = await ask(`SELECT id FROM ${jobs} WHERE id = ?`, [id])
    return rows.length === 0 ? 'not_found' : 'stale'
  }
}

/** A bound text as a time. */
function timeCast({ now }: BookDialect): string {
  return now.startsWith('UTC') ? 'CAST(? AS DATETIME(6))' : '?::timestamptz'
}
