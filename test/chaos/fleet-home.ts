import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { exampleConfiguration, makeFolder, type TestFolder } from '../e2e/program.ts'
import type { ProgramDatabase } from '../services/program-database.ts'
import type { Kind } from './fleet-load.ts'

/** Of every instance, in seconds. */
export const LEASE_SECONDS = 2

const HANDLERS: Readonly<Record<Kind, string>> = {
  // A moment in which it can be killed; of some of them the begin is in writing by then.
  effect: `await effect(); await setTimeout(input.key.endsWith('7') ? 300 : 3)`,
  // Its transaction begins late: after a pause, when its job is somebody else's.
  late: `await setTimeout(700); await effect()`,
  // Longer than a lease, its transaction open.
  slow: `await effect(); await setTimeout(${LEASE_SECONDS * 1_000 + 600}, undefined, { signal })`,
  // Without SQL: they end in groups.
  plain: `await setTimeout(1)`,
  idle: `await setTimeout(700)`,
}

const source = (name: string, body: string): string => `
  import { defineHandler } from 'crossdock'
  import { setTimeout } from 'node:timers/promises'
  import { z } from 'zod'

  export default defineHandler({
    name: '${name}',
    input: z.object({ key: z.string() }),
    async run({ input, tx, job, signal }) {
      const effect = () => tx.sql\`insert into effects (messagekey, jobid) values (\${input.key}, \${job.id})\`
      ${body}
      return { key: input.key }
    },
  })
`

/**
 * A place for instances on a database, with the handlers, and a table that shows an effect that happened
 * twice.
 */
export async function makeFleetHome(database: ProgramDatabase): Promise<TestFolder> {
  const names = Object.keys(HANDLERS)
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url: database.url },
      http: { host: '127.0.0.1', port: 0, body_limit: '1mb' },
      jobs: {
        workers: 12,
        handlers: ['./handlers'],
        lease_seconds: LEASE_SECONDS,
        // An attempt that a kill or a pause cut off counts.
        max_retries: 1_000,
        retry: { type: 'fixed', initial: '200ms' },
        poll_interval: '500ms',
        shutdown_grace_seconds: 10,
      },
      integrations: {
        http: {
          subscriptions: names.map((name) => ({ name, path: `/in/${name}`, handler: name })),
        },
      },
      logging: { level: 'warn', format: 'json' },
    }),
  )
  await mkdir(path.join(home.folder, 'handlers'))
  for (const [name, body] of Object.entries(HANDLERS)) {
    await writeFile(path.join(home.folder, `handlers/${name}.js`), source(name, body))
  }
  await database.sql(
    'CREATE TABLE effects (messagekey varchar(200) NOT NULL, jobid varchar(64) NOT NULL)',
  )
  return home
}
