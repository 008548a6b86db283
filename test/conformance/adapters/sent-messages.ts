import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { ProgramDatabase } from '../../services/program-database.ts'
import type { AdapterTarget, SentMessage } from './adapter-target.ts'
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
  /** The condition for the rows whose messages have a key with this in it. */
  where(part: string): string
  /** Sent, stored and run: each once, each with an inbox key of its own. */
  expectEachOnce(sent: readonly SentMessage[]): Promise<void>
  /** Stored in the order in which they were sent. */
  expectOrder(sent: readonly SentMessage[]): Promise<void>
}

/** Looks in this database for the messages of this protocol. */
export function storedIn(
  database: ProgramDatabase,
  { keyIn }: Pick<AdapterTarget, 'keyIn'>,
): StoredMessages {
  const where = (part: string): string => `concat(${keyIn}, '') LIKE '%${part}%'`
  const rowsOf = (sent: readonly SentMessage[]): string =>
    `FROM queue_jobs WHERE ${where(`${prefixOf(sent)}-`)}`

  async function count(text: string): Promise<number> {
    const [row] = await database.sql(text)
    return Number(Object.values(row ?? {})[0])
  }

  return {
    count,
    where,
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
        keys: await count(`SELECT count(DISTINCT dedupekey) ${rows}`),
        effects: await count(`SELECT count(*) FROM effects WHERE jobid IN (SELECT id ${rows})`),
      }).toEqual({ jobs: sent.length, keys: sent.length, effects: sent.length })
    },
    expectOrder: async (sent) => {
      const rows = await database.sql(`SELECT payload ${rowsOf(sent)} ORDER BY seq`)
      expect(rows.map(({ payload }) => JSON.parse(String(payload)) as unknown)).toEqual(
        sent.map(({ key }) => ({ key })),
      )
    },
  }
}
