import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { startProgram, type RunningProgram, type TestFolder } from '../../e2e/program.ts'
import { freePort } from '../../services/free-port.ts'
import type { ProgramDatabase } from '../../services/program-database.ts'
import {
  type AdapterBed,
  type AdapterTarget,
  type OptionalCase,
  PRESSED_ABOVE,
  type SentMessage,
} from './adapter-target.ts'
import { HANDLER, makeHome } from './program-home.ts'

const MESSAGES = process.env['CROSSDOCK_TEST_LONG'] === '1' ? 2_000 : 150
const LIMIT_MS = 60_000
const NOT_OURS = 'the broker is not ours to stop'

/**
 * What every adapter owes, tried with the whole program, a real far side and a real database: each message that
 * was handed over is one job, stored before it is acknowledged, whatever breaks. A protocol brings its
 * {@link AdapterTarget}, and names the cases that it cannot meet.
 */
export function adapterSuite(
  target: AdapterTarget,
  [databaseName, openDatabase]: readonly [string, () => Promise<ProgramDatabase | undefined>],
): void {
  describe(`${target.protocol} on ${databaseName}`, { timeout: LIMIT_MS }, () => {
    let database: ProgramDatabase | undefined
    let bed: AdapterBed | undefined
    let home: TestFolder | undefined
    let program: RunningProgram | undefined
    let cases = 0

    beforeAll(async () => {
      database = await openDatabase()
      bed = database === undefined ? undefined : await target.open()
      if (database === undefined || bed === undefined) return
      home = await makeHome(database.url, bed.integrations(HANDLER), await freePort())
    }, LIMIT_MS)

    afterEach(async ({ task }) => {
      if (task.result?.state === 'fail') process.stderr.write(program?.err() ?? '')
    })

    afterAll(async () => {
      if (program?.isRunning() === true) await program.stop()
      await bed?.close()
      await home?.remove()
      await database?.stop()
    }, LIMIT_MS)

    async function run(): Promise<RunningProgram> {
      if (home === undefined) throw new Error('there is no configuration')
      program = await startProgram(home)
      bed?.reachable(program.url)
      return program
    }

    /** It takes messages in: a broker drops what comes before the first subscription. */
    async function untilTaking({ url }: RunningProgram): Promise<void> {
      await until(async () => {
        const answer = await fetch(`${url}/status`)
        const { integrations } = (await answer.json()) as AdapterStatus
        return integrations.connections.every(({ health }) => health.status === 'ok')
      })
    }

    /** The program, which a former case may have left running. */
    async function running(): Promise<RunningProgram> {
      return program?.isRunning() === true ? program : await run()
    }

    /** A case with everything it needs, or left out with its reason. */
    function when(
      name: string,
      body: (parts: CaseParts) => Promise<void>,
      optional?: OptionalCase,
    ): void {
      const reason = optional === undefined ? undefined : target.cannot[optional]
      it(name, async ({ skip }) => {
        if (reason !== undefined) return skip(`not with ${target.protocol}: ${reason}`)
        if (database === undefined) return skip(`${databaseName} is not available`)
        if (bed === undefined) return skip(`the server for ${target.protocol} is not available`)
        cases += 1
        if (cases === 1) {
          await untilTaking(await running())
          await database.sql('CREATE TABLE effects (jobid varchar(64) NOT NULL)')
        }
        await body({ bed, database, skip })
      })
    }

    function messages(count = MESSAGES): readonly SentMessage[] {
      const prefix = randomBytes(5).toString('hex')
      return Array.from({ length: count }, (_, n) => ({ key: `${prefix}-${n}` }))
    }

    async function count(text: string): Promise<number> {
      const [row] = (await database?.sql(text)) ?? []
      return Number(Object.values(row ?? {})[0])
    }

    const jobsOf = (sent: readonly SentMessage[]): Promise<number> =>
      count(`SELECT count(*) FROM queue_jobs WHERE dedupekey LIKE '%${prefixOf(sent)}-%'`)

    /** Sent, stored and run: each once. */
    async function expectEachOnce(sent: readonly SentMessage[]): Promise<void> {
      const rows = `FROM queue_jobs WHERE dedupekey LIKE '%${prefixOf(sent)}-%'`
      try {
        await until(
          async () => (await count(`SELECT count(*) ${rows} AND statusid = 3`)) === sent.length,
        )
      } catch (error) {
        const left = await database?.sql(
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
    }

    when('a message is stored, then acknowledged, and its job runs once', async ({ bed: one }) => {
      const before = one.acknowledged()
      const sent = messages()
      const sending = one.send(sent)
      let isDone = false
      while (!isDone) {
        // In this order: what is acknowledged now was stored before.
        const acknowledged = one.acknowledged() - before
        expect(await jobsOf(sent)).toBeGreaterThanOrEqual(acknowledged)
        isDone = acknowledged >= sent.length
      }
      await sending
      await expectEachOnce(sent)
      // The same messages again, each with its key.
      await one.send(sent)
      await until(() => one.acknowledged() - before >= 2 * sent.length)
      await expectEachOnce(sent)
    })

    when('bytes and headers are kept as they are', async ({ bed: one, database: base }) => {
      const body = randomBytes(1_000)
      const [message] = messages(1)
      if (message === undefined) return
      await one.send([{ ...message, body, headers: { 'x-color': 'red "ä"' } }], 'bytes')
      await until(async () => (await jobsOf([message])) === 1)
      const [row] = await base.sql(
        `SELECT payload, payloadencoding, headers FROM queue_jobs WHERE dedupekey LIKE '%${message.key}'`,
      )
      expect(row?.['payloadencoding']).toBe('base64')
      expect(Buffer.from(String(row?.['payload']), 'base64')).toEqual(body)
      const headers: unknown =
        typeof row?.['headers'] === 'string' ? JSON.parse(row['headers']) : row?.['headers']
      expect(headers).toMatchObject({ 'x-color': 'red "ä"' })
    })

    when(
      'a message that is no JSON is a dead letter, and the others are not held up',
      async ({ bed: one, database: base }) => {
        const sent = messages(20)
        const bad = { key: `bad-${prefixOf(sent)}`, body: Buffer.from('{no json') }
        await one.send([...sent.slice(0, 10), bad, ...sent.slice(10)])
        await expectEachOnce(sent)
        const where =
          target.isIdentityMapped === true
            ? `CAST(metadata AS CHAR(4000)) LIKE '%${bad.key}%'`
            : `dedupekey LIKE '%${bad.key}'`
        const badJobs = `SELECT count(*) FROM queue_jobs WHERE ${where}`
        await until(async () => (await count(`${badJobs} AND statusid = 4`)) === 1)
        const [row] = await base.sql(`SELECT statusid, deadreason FROM queue_jobs WHERE ${where}`)
        expect(row).toMatchObject({ statusid: 4 })
        expect(row?.['deadreason']).toBeTruthy()
      },
      'poison message is a dead letter',
    )

    when(
      'messages of one line are stored in their order',
      async ({ bed: one, database: base }) => {
        const sent = messages().map((message) => ({ ...message, line: prefixOf([message]) }))
        await one.send(sent)
        await expectEachOnce(sent)
        const rows = await base.sql(
          `SELECT dedupekey AS k FROM queue_jobs WHERE dedupekey LIKE '%${prefixOf(sent)}-%' ORDER BY seq`,
        )
        expect(rows.map((row) => String(row['k']).replace(/^\w+:/, ''))).toEqual(
          sent.map(({ key }) => key),
        )
      },
      'order of a line',
    )

    /** Has the program do this: `pause` or `resume`. */
    async function tell(path: string): Promise<void> {
      const { url } = await running()
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${url}/api/${path}`, { method: 'POST', headers, body: '{}' })
      expect(answer.status).toBe(200)
    }

    async function expectOrder(sent: readonly SentMessage[]): Promise<void> {
      if (target.cannot['order of a line'] !== undefined) return
      const rows = await database?.sql(
        `SELECT dedupekey AS k FROM queue_jobs WHERE dedupekey LIKE '%${prefixOf(sent)}-%' ORDER BY seq`,
      )
      expect(rows?.map((row) => String(row['k']).replace(/^\w+:/, ''))).toEqual(
        sent.map(({ key }) => key),
      )
    }

    /** Everything that is stored is acknowledged. */
    async function untilQuiet(one: AdapterBed): Promise<void> {
      let before = -1
      await until(async () => {
        const now = one.acknowledged()
        const isQuiet = now === before
        before = now
        await aWhile()
        return isQuiet
      })
    }

    /** Long enough for what must not happen. */
    const aWhile = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 700))

    when(
      'a pause stores nothing and holds a bounded number; all comes after it',
      async ({ bed: one }) => {
        await tell(`integrations/${target.prefix}:json/pause`)
        const [taken, acknowledged] = [one.takenIn(), one.acknowledged()]
        const sent = messages().map((message) => ({ ...message, line: prefixOf([message]) }))
        const sending = one.send(sent)
        await until(() => one.takenIn() - taken >= one.heldAtMost - 1)
        await aWhile()
        expect(one.takenIn() - taken).toBeLessThanOrEqual(one.heldAtMost)
        expect(one.acknowledged()).toBe(acknowledged)
        expect(await jobsOf(sent)).toBe(0)
        await tell(`integrations/${target.prefix}:json/resume`)
        await sending
        await expectEachOnce(sent)
        await expectOrder(sent)
      },
    )

    when(
      'back-pressure takes nothing in until the jobs that wait have run',
      async ({ bed: one }) => {
        const { url } = await running()
        await tell('queues/pressed/pause')
        const first = messages(PRESSED_ABOVE + 1)
        const before = one.acknowledged()
        await one.send(first, 'pressed')
        await until(() => one.acknowledged() - before >= first.length)
        await until(async () => {
          const { integrations } = (await (await fetch(`${url}/status`)).json()) as AdapterStatus
          return integrations.subscriptions.some(({ closed }) => closed === 'backpressure')
        })
        const [taken, acknowledged] = [one.takenIn(), one.acknowledged()]
        const sent = messages().map((message) => ({ ...message, line: prefixOf([message]) }))
        const sending = one.send(sent, 'pressed')
        await until(() => one.takenIn() - taken >= one.heldAtMost - 1)
        await aWhile()
        expect(one.takenIn() - taken).toBeLessThanOrEqual(one.heldAtMost)
        expect(one.acknowledged()).toBe(acknowledged)
        expect(await jobsOf(sent)).toBe(0)
        await tell('queues/pressed/resume')
        await sending
        await expectEachOnce(first)
        await expectEachOnce(sent)
        await expectOrder(sent)
      },
    )

    when(
      'a crash between the commit and the acknowledgement makes no second job',
      async ({ bed: one }) => {
        const current = await running()
        const sent = messages()
        one.holdAcknowledgements()
        const before = one.acknowledged()
        const sending = one.send(sent)
        await until(async () => (await jobsOf(sent)) >= Math.min(sent.length, 20))
        await current.kill()
        one.cut()
        await run()
        await sending
        await expectEachOnce(sent)
        await until(() => one.acknowledged() - before >= sent.length)
      },
    )

    when('a connection that is cut loses and doubles nothing', async ({ bed: one }) => {
      const sent = messages()
      const sending = one.send(sent)
      await until(async () => (await jobsOf(sent)) > 0)
      one.cut()
      await sending
      await expectEachOnce(sent)
    })

    when(
      'with the database away nothing is acknowledged, and all goes on once it is back',
      async ({ bed: one, database: base, skip }) => {
        if (!base.controllable) return skip('the database server is not ours to stop')
        const current = await running()
        // What a former case has cut is sent again before this one, and is acknowledged without a database.
        await untilTaking(current)
        const last = messages(1)
        await one.send(last)
        await expectEachOnce(last)
        // Its row is there before its acknowledgement, and its job may have run by then.
        await untilQuiet(one)
        await base.kill()
        // A server whose first process is killed may commit for a moment still.
        await until(async () => (await fetch(`${current.url}/health`)).status === 503)
        const before = one.acknowledged()
        const sent = messages()
        const sending = one.send(sent)
        await new Promise((resolve) => setTimeout(resolve, 1_500))
        expect(one.acknowledged()).toBe(before)
        await base.restart()
        await sending
        await expectEachOnce(sent)
        expect(current.isRunning()).toBe(true)
      },
    )

    when('a shutdown under load loses and doubles nothing', async ({ bed: one }) => {
      const current = await running()
      const sent = messages()
      const sending = one.send(sent)
      await until(async () => (await jobsOf(sent)) > 0)
      expect((await current.stop()).code).toBe(0)
      await run()
      await sending
      await expectEachOnce(sent)
    })

    when(
      'a broker that starts again has its messages taken',
      async ({ bed: one, skip }) => {
        if (one.restartBroker === undefined) return skip(NOT_OURS)
        await running()
        const sent = messages()
        const sending = one.send(sent)
        await until(async () => (await jobsOf(sent)) > 0)
        await one.restartBroker()
        await sending
        await expectEachOnce(sent)
      },
      'broker restarted',
    )

    when(
      'a broker that is not there at the start is waited for',
      async ({ bed: one, skip }) => {
        if (one.killBroker === undefined || one.restartBroker === undefined) return skip(NOT_OURS)
        const current = await running()
        expect((await current.stop()).code).toBe(0)
        await one.killBroker()
        await run()
        await one.restartBroker()
        const sent = messages(20)
        await one.send(sent)
        await expectEachOnce(sent)
      },
      'broker down at start',
    )
  })
}

/** What a case has. */
interface CaseParts {
  readonly bed: AdapterBed
  readonly database: ProgramDatabase
  readonly skip: TestContext['skip']
}

/** Of `/status`. */
interface AdapterStatus {
  readonly integrations: {
    readonly connections: readonly { readonly health: { readonly status: string } }[]
    readonly subscriptions: readonly { readonly closed: string | null }[]
  }
}

function prefixOf([first]: readonly SentMessage[]): string {
  return first?.key.split('-')[0] ?? ''
}

/** Resolves when this holds. @throws Error when it does not within the limit */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS / 2
  while (!(await holds())) {
    if (performance.now() > deadline)
      throw new Error(`it did not come to hold: ${holds.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
