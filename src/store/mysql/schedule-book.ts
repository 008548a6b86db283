import mysql from 'mysql2/promise'
import type { ScheduleBook } from '../../ports/schedule-book.ts'
import { makeScheduleBook } from '../schedule-book.ts'
import type { Database } from './connect.ts'

/** The schedules as people change them, on MySQL and MariaDB. */
export function makeBook(database: Database): ScheduleBook {
  const { names } = database
  return makeScheduleBook({
    jobs: names.jobs,
    queueJobs: names.queueJobs,
    declared: names.jobs.replace(/jobs$/, 'crossdock_declared_schedules'),
    now: 'UTC_TIMESTAMP(6)',
    quote: (column) => `\`${column}\``,
    floorMs: (column) =>
      `FLOOR(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', ${column}) / 1000)`,
    ceilMs: (column) => `CEIL(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', ${column}) / 1000)`,
    orNothing: { verb: 'IGNORE', tail: '' },
    transaction: (work) =>
      database.transaction((run) =>
        work((text, values) => run<Record<string, unknown>>(mysql.format(text, [...values]))),
      ),
  })
}
