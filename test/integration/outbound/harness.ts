import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { startCrossdock, type CrossdockInstance, type Handler } from '../../../src/index.ts'
import {
  PROGRAM_DATABASES,
  type ProgramDatabase,
  type ProgramRow,
} from '../../services/program-database.ts'
import { recordingLog } from '../worker/recording-log.ts'
import { startFarSide, type FarSide } from './far-side.ts'
import { lineAdapter } from './line-adapter.ts'

/** Keys of a publication of the file. */
export type PublicationKeys = Readonly<Record<string, unknown>>

/** What a test of messages that go out works with. */
export interface OutboundBed {
  readonly database: ProgramDatabase
  readonly far: FarSide
  /** An instance whose publications of kafka have these keys; it is stopped after the test. */
  start(
    publications: Readonly<Record<string, PublicationKeys>>,
    more?: {
      readonly handlers?: readonly Handler[]
      readonly jobs?: object
      readonly only?: string
    },
  ): Promise<CrossdockInstance>
  /** A plain INSERT of an outbound row. Returns nothing: `metadata.n` tells rows apart. */
  insert(
    publication: string,
    rows: readonly { readonly n: number; readonly key?: string }[],
  ): Promise<void>
  outbound(): Promise<readonly ProgramRow[]>
}

/** Sets the file's hooks, for one dialect. Each test finds its tables empty. */
export function useOutbound(dialect: keyof typeof PROGRAM_DATABASES): OutboundBed {
  let database: ProgramDatabase | undefined
  let far: FarSide | undefined
  let instances: CrossdockInstance[] = []

  beforeAll(async () => {
    database = await PROGRAM_DATABASES[dialect]()
  }, 120_000)

  beforeEach(async ({ skip }) => {
    if (database === undefined) return skip(`${dialect} is not available`)
    far = await startFarSide()
  })

  afterEach(async () => {
    await Promise.all(instances.map((instance) => instance.shutdown()))
    instances = []
    await far?.stop()
    await database?.sql('DELETE FROM job_histories')
    await database?.sql('DELETE FROM queue_jobs')
  })

  afterAll(() => database?.stop())

  return {
    get database() {
      return database!
    },
    get far() {
      return far!
    },
    start: async (publications, { handlers = [], jobs = {}, only } = {}) => {
      const instance = await startCrossdock({
        config: {
          database: { url: database!.url },
          http: { port: 0 },
          jobs: {
            handlers: [],
            poll_interval: '1s',
            retry: { type: 'fixed', initial: '30ms' },
            shutdown_grace_seconds: 1,
            ...jobs,
          },
          integrations: {
            kafka: { connections: { main: { port: far!.port } }, publications },
          },
        },
        adapters: [lineAdapter],
        handlers,
        log: recordingLog(),
        ...(only !== undefined && { only: only.split(',') as ('worker' | 'ingest')[] }),
      })
      instances.push(instance)
      return instance
    },
    insert: async (publication, rows) => {
      const values = rows.map(({ n, key }) => {
        const metadata = key === undefined ? { n } : { n, key }
        return `('outbound', 'outbound.publish', 'kafka', '${publication}', '{"n":${n}}', '${JSON.stringify(metadata)}')`
      })
      await database!.sql(
        `INSERT INTO queue_jobs (direction, handler, protocol, method, payload, metadata) VALUES ${values.join(',')}`,
      )
    },
    outbound: () =>
      database!.sql("SELECT * FROM queue_jobs WHERE direction = 'outbound' ORDER BY seq"),
  }
}
