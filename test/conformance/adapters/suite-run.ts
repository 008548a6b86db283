import { afterAll, afterEach, beforeAll, it, type TestContext } from 'vitest'
import { startProgram, type RunningProgram, type TestFolder } from '../../e2e/program.ts'
import { freePort } from '../../services/free-port.ts'
import type { ProgramDatabase } from '../../services/program-database.ts'
import type { AdapterBed, AdapterTarget, OptionalCase } from './adapter-target.ts'
import { HANDLER, makeHome } from './program-home.ts'
import { storedIn, type StoredMessages } from './sent-messages.ts'
import { LIMIT_MS, until } from './waiting.ts'

/** A database of a suite: its name, and how it is opened; `undefined`: it cannot be had here. */
export type SuiteDatabase = readonly [string, () => Promise<ProgramDatabase | undefined>]

/** One far side, one database and one program, which the cases of a suite share. */
export interface SuiteRun {
  readonly target: AdapterTarget
  /** A case with everything it needs, or left out with its reason. */
  when(
    this: void,
    name: string,
    body: (parts: CaseParts) => Promise<void>,
    optional?: OptionalCase,
  ): void
  /** Starts the program, which does not run. */
  run(this: void): Promise<RunningProgram>
  /** The program, which a former case may have left running. */
  running(this: void): Promise<RunningProgram>
  /** It takes messages in: a broker drops what comes before the first subscription. */
  untilTaking(this: void, program: RunningProgram): Promise<void>
}

/** What a case has. */
export interface CaseParts {
  readonly bed: AdapterBed
  readonly database: ProgramDatabase
  readonly stored: StoredMessages
  readonly skip: TestContext['skip']
}

/** Of `/status`. */
interface AdapterStatus {
  readonly integrations: {
    readonly connections: readonly { readonly health: { readonly status: string } }[]
    readonly subscriptions: readonly { readonly closed: string | null }[]
  }
}

/** What the program says of its integrations. */
export async function statusOf({ url }: RunningProgram): Promise<AdapterStatus['integrations']> {
  const answer = await fetch(`${url}/status`)
  return ((await answer.json()) as AdapterStatus).integrations
}

/** Has everything opened before the cases of this `describe`, and closed behind them. */
export function openSuite(
  target: AdapterTarget,
  [databaseName, openDatabase]: SuiteDatabase,
): SuiteRun {
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

  async function running(): Promise<RunningProgram> {
    return program?.isRunning() === true ? program : await run()
  }

  async function untilTaking(current: RunningProgram): Promise<void> {
    await until(async () => {
      const { connections } = await statusOf(current)
      return connections.every(({ health }) => health.status === 'ok')
    })
  }

  return {
    target,
    run,
    running,
    untilTaking,
    when: (name, body, optional) => {
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
        await body({ bed, database, stored: storedIn(database, target), skip })
      })
    },
  }
}
