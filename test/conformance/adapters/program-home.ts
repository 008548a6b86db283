import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { exampleConfiguration, makeFolder, type TestFolder } from '../../e2e/program.ts'

/** The handler that the messages of the suite are for. */
export const HANDLER = 'effect'

/** Leaves a trace that shows how often it has run; what is no JSON object is taken as well. */
const SOURCE = `
  import { defineHandler } from 'crossdock'

  export default defineHandler({
    name: '${HANDLER}',
    async run({ tx, job }: { tx: any; job: { id: string } }) {
      await tx.sql\`insert into effects (jobid) values (\${job.id})\`
    },
  })
`

/** A configuration and a handler in a folder of their own. */
export async function makeHome(
  url: string,
  integrations: Readonly<Record<string, unknown>>,
  port: number,
): Promise<TestFolder> {
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url },
      http: { host: '127.0.0.1', port },
      jobs: {
        workers: 4,
        handlers: ['./handlers'],
        lease_seconds: 2,
        // An attempt that a kill or an outage cut off counts, and must not make the others wait for half a minute.
        max_retries: 100,
        retry: { type: 'fixed', initial: '200ms' },
      },
      integrations,
      logging: { level: 'warn', format: 'json' },
    }),
  )
  await mkdir(path.join(home.folder, 'handlers'))
  await writeFile(path.join(home.folder, 'handlers/effect.ts'), SOURCE)
  return home
}
