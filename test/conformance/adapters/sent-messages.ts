import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { ProgramDatabase } from '../../services/program-database.ts'
import type { SentMessage } from './adapter-target.ts'
import { until } from './waiting.ts'

const MESSAGES = process.env['CROSSDOCK_TEST_LONG'] === '1' ? 2_000 : 150

/** Messages that no other case has sent. */
export function messages(count = MESSAGES): readonly SentMessage[] {
  const prefix = randomBytes(5).toString('hex')
  return Array.from({ length: count }, (_, n) => ({ key: `${prefix}-${n}` }))
}

/** What the keys of these {@link messages} begin with, and no others. */
export function prefixOf([first]: readonly SentMessage[]): string {
  return first?.key.split('-')[0] ?? ''
}

/** What has become of messages, by the tables. */
export interface StoredMessages {
  /** The number that a query finds. */
  count(text: string): Promise<number>
  jobsOf(sent: readonly SentMessage[]): Promise<number>
  /** Sent, stored and run: each once. */
  expectEachOnce(sent: readonly SentMessage[]): Promise<void>
  /** Stored in the order in which they were sent. */
  expectOrder(sent: readonly SentMessage[]): Promise<void>
}

/** Looks in this database. */
export function storedIn(database: ProgramDatabase): StoredMessages {
  const rowsOf = (sent: readonly SentMessage[]): string =>
    `FROM queue_jobs WHERE dedupekey LIKE '%${prefixOf(sent)}-%'`

  async function count(text: string): Promise<number> {
    const [row] = await database.sql(text)
    return Number(Object.values(row ?? {})[0])
  }

  return {
    count,
    jobsOf: (sent) => count(`SELECT count(*) ${rowsOf(sent)}`),
    expectEachOnce: async (sent) => {
      const rows = rowsOf(sent)
      try {
        await until(
          async () => (await count(`SELECT count(*) ${rows} AND statusid = 3`)) === sent.length,
        )
      } catch (error) {
        const left = await database.sql(
          `SELECT id, statusid, retrycount, scheduledat, lockedby, lasterror ${rows} AND statusid <> 3 LIMIT 5`,
        )
        throw new Error(`${sent.length} were sent; not completed: ${JSON.stringify(left)}`, {
          cause: error,
        })
      }
      expect({
        jobs: await count(`SELECT count(*) ${rows}`),
        effects: await count(`SELECT count(*) FROM effects WHERE jobid IN (SELECT id ${rows})`),
      }).toEqual({ jobs: sent.length, effects: sent.length })
    },
    expectOrder: async (sent) => {
      const rows = await database.sql(`SELECT dedupekey AS k ${rowsOf(sent)} ORDER BY seq`)
      expect(rows.map((row) => String(row['k']).replace(/^\w+:/, ''))).toEqual(
        sent.map(({ key }) => key),
      )
    },
  }
}
