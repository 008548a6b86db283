import pg from 'pg'
import type { ScheduleBook } from '../../ports/schedule-book.ts'
import { makeScheduleBook } from '../schedule-book.ts'
import type { Ask } from '../schedule-writes.ts'
import type { Database } from './connect.ts'
import { translateError } from './errors.ts'

/** The schedules as people change them, on PostgreSQL. */
export function makeBook(database: Database): ScheduleBook {
  const { names, service, contention } = database
  const declared = `${pg.escapeIdentifier(database.schema)}.crossdock_declared_schedules`
  return makeScheduleBook({
    jobs: names.jobs,
    queueJobs: names.queueJobs,
    declared,
    now: 'clock_timestamp()',
    quote: (column) => column,
    floorMs: (column) => `floor(extract(epoch FROM ${column}) * 1000)::double precision`,
    ceilMs: (column) => `ceil(extract(epoch FROM ${column}) * 1000)::double precision`,
    orNothing: { verb: '', tail: 'ON CONFLICT DO NOTHING' },
    transaction: async (work) => {
      try {
        return await contention.repeated(async () => {
          const client = await service.connect()
          try {
            await client.query('BEGIN')
            // The trigger tells every scheduler, this process's too.
            await client.query(`SELECT set_config('crossdock.quiet', 'off', true)`)
            const result = await work(askOn(client))
            await client.query('COMMIT')
            client.release()
            return result
          } catch (error) {
            const undone = await client.query('ROLLBACK').then(
              () => true,
              () => false,
            )
            client.release(!undone)
            throw error
          }
        })
      } catch (error) {
        throw translateError(error)
      }
    },
  })
}

function askOn(client: pg.PoolClient): Ask {
  return async (text, values) => {
    let place = 0
    const { rows, rowCount } = await client.query<Record<string, unknown>>(
      text.replaceAll('?', () => `$${(place += 1)}`),
      [...values],
    )
    return { rows, affected: rowCount ?? 0 }
  }
}
