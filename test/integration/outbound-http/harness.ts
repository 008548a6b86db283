import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { startCrossdock, type CrossdockInstance, type Handler } from '../../../src/index.ts'
import {
  PROGRAM_DATABASES,
  type ProgramDatabase,
  type ProgramRow,
} from '../../services/program-database.ts'
import { recordingLog } from '../worker/recording-log.ts'
import { until } from '../worker/harness.ts'
import { startTarget, type Target } from './target.ts'

type Keys = Readonly<Record<string, unknown>>

/** A message to insert by plain SQL. */
export interface PlainMessage {
  readonly n: number
  readonly key?: string
}

/** What a test of messages to real targets works with. */
export interface HttpBed {
  readonly database: ProgramDatabase
  readonly target: Target
  /** An instance, stopped after the test, whose publications go by one connection `target`. */
  start(
    publications: Readonly<Record<string, Keys>>,
    more?: {
      readonly handlers?: readonly Handler[]
      readonly subscriptions?: readonly Keys[]
      readonly routes?: readonly Keys[]
      readonly connection?: Keys
    },
  ): Promise<CrossdockInstance & { readonly url: string }>
  /** Plain INSERTs of outbound rows, with `{"n": …}` for a payload. */
  insert(publication: string, messages: readonly PlainMessage[]): Promise<void>
  outbound(): Promise<readonly ProgramRow[]>
  /** The outbound rows, once there are so many and all of them have ended. */
  ended(count: number): Promise<readonly ProgramRow[]>
}

const FINAL = [3, 4, 6]

/** Sets the file's hooks, for one dialect. Each test finds its tables empty, and a target of its own. */
export function useHttpBed(dialect: keyof typeof PROGRAM_DATABASES): HttpBed {
  let database: ProgramDatabase | undefined
  let target: Target | undefined
  let instance: CrossdockInstance | undefined

  beforeAll(async () => {
    database = await PROGRAM_DATABASES[dialect]()
  }, 120_000)

  beforeEach(async ({ skip }) => {
    if (database === undefined) return skip(`${dialect} is not available`)
    target = await startTarget()
  })

  afterEach(async () => {
    // What hangs ends with its connection.
    await target?.goAway()
    await instance?.shutdown()
    instance = undefined
    await database?.sql('DELETE FROM job_histories')
    await database?.sql('DELETE FROM queue_jobs')
  })

  afterAll(() => database?.stop())

  const outbound = (): Promise<readonly ProgramRow[]> =>
    database!.sql("SELECT * FROM queue_jobs WHERE direction = 'outbound' ORDER BY seq")

  return {
    get database() {
      return database!
    },
    get target() {
      return target!
    },
    start: async (publications, { handlers = [], subscriptions, routes, connection } = {}) => {
      const started = await startCrossdock({
        config: {
          database: { url: database!.url },
          http: { port: 0 },
          jobs: {
            handlers: [],
            poll_interval: '200ms',
            retry: { type: 'fixed', initial: '30ms' },
            shutdown_grace_seconds: 1,
          },
          integrations: {
            http: {
              connections: { target: { base_url: target!.url, ...connection } },
              publications,
              ...(subscriptions && { subscriptions }),
            },
          },
          ...(routes && { routes }),
        },
        handlers,
        log: recordingLog(),
      })
      instance = started
      return { ...started, url: started.url ?? '' }
    },
    insert: async (publication, messages) => {
      const values = messages.map(({ n, key }) => {
        const metadata = JSON.stringify(key === undefined ? {} : { key })
        return `('outbound', 'outbound.publish', 'http', '${publication}', '{"n":${n}}', '${metadata}')`
      })
      await database!.sql(
        `INSERT INTO queue_jobs (direction, handler, protocol, method, payload, metadata) VALUES ${values.join(',')}`,
      )
    },
    outbound,
    ended: (count) =>
      until(
        async () => {
          const rows = await outbound()
          const areEnded = rows.every((row) => FINAL.includes(Number(row['statusid'])))
          return rows.length === count && areEnded && rows
        },
        `${count} messages that have ended`,
        20_000,
      ),
  }
}

/** So many messages, from 0. */
export function messages(count: number, keys = 0): readonly PlainMessage[] {
  return Array.from({ length: count }, (_, n) => ({ n, ...(keys > 0 && { key: `k${n % keys}` }) }))
}

/** What `/status` says of a publication. */
export async function publicationStatus(
  url: string,
  address: string,
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await fetch(`${url}/status`)
  const { publications } = (await answer.json()) as {
    publications: readonly Readonly<Record<string, unknown>>[]
  }
  return publications.find((one) => one['address'] === address) ?? {}
}
