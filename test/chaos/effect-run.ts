import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, onTestFinished } from 'vitest'
import {
  exampleConfiguration,
  makeFolder,
  startProgram,
  type RunningProgram,
  type TestFolder,
} from '../e2e/program.ts'
import { freePort } from '../services/free-port.ts'
import type { ProgramDatabase } from '../services/program-database.ts'
import { nextLook } from '../next-look.ts'

/** The handler that the messages of the tests are for; a message is `{ key }`. */
export const EFFECT = 'effect'

/** Messages whose sender waits for the broker's answer at once. */
const AT_ONCE = 50

const STORED = 'SELECT count(*) FROM queue_jobs'

const HANDLER = `
  import { defineHandler } from 'crossdock'
  import { z } from 'zod'

  export default defineHandler({
    name: '${EFFECT}',
    input: z.object({ key: z.string() }),
    async run({ input, tx, job }: { input: { key: string }; tx: any; job: { id: string } }) {
      await tx.sql\`insert into effects (messagekey, jobid) values (\${input.key}, \${job.id})\`
    },
  })
`

/** A program that is killed while a broker has messages for it, each of which is to have one effect. */
export interface EffectRun {
  /** The program as it runs now. */
  program(): RunningProgram
  /** Kills the program, and starts it again. */
  kill(): Promise<void>
  /** Starts one more instance; it is ended when the test has finished. */
  join(): Promise<RunningProgram>
  /** Publishes every message, many at once; `send` resolves when the broker has confirmed the one with this key. */
  publish(send: (key: string) => Promise<unknown>): Promise<void>
  /** No message is published any more beside those that are. */
  enough(): void
  /** How many are stored. */
  stored(): Promise<number>
  /** Resolves when so many are stored. @throws Error when they become no more */
  untilStored(wanted: number): Promise<void>
  /** Waits until every message has run, and shows that each is one job that ran once; writes down `about` and the counts. */
  expectEachOnce(about: Readonly<Record<string, unknown>>): Promise<void>
}

/**
 * Starts the program with these integrations; it is stopped when the test has finished.
 * @param limit how many messages there are; `Infinity`: as many as are published until it is {@link EffectRun.enough}
 */
export async function startEffectRun(
  database: ProgramDatabase,
  integrations: Readonly<Record<string, unknown>>,
  limit: number,
): Promise<EffectRun> {
  const home = await makeHome(database.url, integrations)
  let program = await startProgram(home)
  let messages = limit
  let next = 0
  let confirmed = 0
  onTestFinished(async () => {
    if (program.isRunning()) await program.stop()
  })
  await database.sql(
    'CREATE TABLE effects (seq serial, messagekey varchar(50) NOT NULL, jobid varchar(64) NOT NULL)',
  )

  async function count(text: string): Promise<number> {
    const [row] = await database.sql(text)
    return Number(Object.values(row ?? {})[0])
  }

  async function untilReached(wanted: number, text: string): Promise<void> {
    const read = (): Promise<number> => count(text)
    await untilNumber(wanted, read, async () => ({
      confirmed,
      jobs: await database.sql(
        'SELECT statusid, count(*) AS jobs FROM queue_jobs GROUP BY statusid',
      ),
    }))
  }

  return {
    program: () => program,
    kill: async () => {
      await program.kill()
      program = await startProgram(home)
    },
    join: async () => {
      const joined = await startProgram(home, { args: ['--port', String(await freePort())] })
      onTestFinished(async () => {
        if (joined.isRunning()) await joined.kill()
      })
      return joined
    },
    enough: () => {
      messages = next
    },
    publish: async (send) => {
      const one = async (): Promise<void> => {
        while (next < messages) {
          const key = `m${next}`
          next += 1
          await send(key)
          confirmed += 1
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, one))
    },
    stored: () => count(STORED),
    untilStored: (wanted) => untilReached(wanted, STORED),
    expectEachOnce: async (about) => {
      await untilReached(messages, 'SELECT count(*) FROM effects')
      await until(
        async () => (await count('SELECT count(*) FROM queue_jobs WHERE statusid <> 3')) === 0,
      )
      const counts = {
        confirmed,
        jobs: await count(STORED),
        keys: await count('SELECT count(DISTINCT dedupekey) FROM queue_jobs'),
        effects: await count('SELECT count(*) FROM effects'),
        different: await count('SELECT count(DISTINCT messagekey) FROM effects'),
        completions: await count('SELECT count(*) FROM job_histories WHERE statusid = 3'),
        dead: await count('SELECT count(*) FROM queue_jobs WHERE deadreason IS NOT NULL'),
      }
      process.stdout.write(`${JSON.stringify({ ...about, ...counts })}\n`)
      expect(counts).toEqual({
        confirmed: messages,
        jobs: messages,
        keys: messages,
        effects: messages,
        different: messages,
        completions: messages,
        dead: 0,
      })
    },
  }
}

/** A place of its own, with the handler. */
async function makeHome(
  database: string,
  integrations: Readonly<Record<string, unknown>>,
): Promise<TestFolder> {
  const port = await freePort()
  const home = await makeFolder(() =>
    exampleConfiguration({
      database: { url: database },
      http: { host: '127.0.0.1', port },
      jobs: {
        workers: 8,
        handlers: ['./handlers'],
        lease_seconds: 2,
        // An attempt that a kill cut off counts.
        max_retries: 100,
        retry: { type: 'fixed', initial: '200ms' },
      },
      integrations,
      logging: { level: 'warn', format: 'json' },
    }),
  )
  onTestFinished(() => home.remove())
  await mkdir(path.join(home.folder, 'handlers'))
  await writeFile(path.join(home.folder, 'handlers/effect.ts'), HANDLER)
  return home
}

/** Resolves when this holds. @throws Error after a while */
export async function until(holds: () => Promise<boolean>, limitMs = 120_000): Promise<void> {
  const from = performance.now()
  const deadline = from + limitMs
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await nextLook(from)
  }
}

/**
 * Resolves when a number has come to this. How long that takes is the machine's affair; it may stand still for a minute.
 * @throws Error with what `told` says when it stands still
 */
async function untilNumber(
  wanted: number,
  read: () => Promise<number>,
  told: () => Promise<unknown>,
): Promise<void> {
  for (let before = -1, now = await read(); now < wanted; now = await read()) {
    if (now === before) {
      throw new Error(`it stands still at ${now} of ${wanted}: ${JSON.stringify(await told())}`)
    }
    before = now
    const than = now
    await until(async () => (await read()) > than, 60_000).catch(() => undefined)
  }
}
