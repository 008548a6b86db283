import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunningProgram, startProgram, type TestFolder } from '../../e2e/program.ts'
import { freePort } from '../../services/free-port.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../../services/program-database.ts'
import { startOrSkip } from '../../services/require.ts'
import { startSignalr } from '../../services/signalr.ts'
import type { SignalrService } from '../../services/signalr-service.ts'
import { HANDLER, makeHome } from './program-home.ts'
import { LIMIT_MS, until } from './waiting.ts'

/** What the suite cannot ask of a protocol whose sender has forgotten what it sent. */
describe.each(Object.entries(PROGRAM_DATABASES))(
  'SignalR events for which nobody waits, on %s',
  { timeout: LIMIT_MS },
  (_name, openDatabase) => {
    let database: ProgramDatabase | undefined
    let hub: SignalrService | undefined
    let home: TestFolder | undefined
    let program: RunningProgram | undefined

    beforeAll(async () => {
      database = await openDatabase()
      hub = await startOrSkip('signalr', () => startSignalr())
      if (database === undefined || hub === undefined) return
      const connections = { hub: { url: hub.url, join: [{ method: 'Join', args: ['room'] }] } }
      const subscriptions = [{ name: 'orders', event: 'ordered', handler: HANDLER }]
      const integrations = { signalr: { connections, subscriptions } }
      home = await makeHome(database.url, integrations, await freePort())
      program = await startProgram(home)
    }, LIMIT_MS)

    afterAll(async () => {
      if (program?.isRunning() === true) await program.stop()
      await hub?.stop()
      await home?.remove()
      await database?.stop()
    }, LIMIT_MS)

    it('are held over an outage of the database and a shutdown behind it, and stored in their order', async ({
      skip,
    }) => {
      const [base, service, running] = [database, hub, program]
      if (base === undefined || service === undefined || running === undefined) return skip()
      if (!base.controllable) return skip('the database server is not ours to stop')
      await base.sql('CREATE TABLE effects (jobid varchar(64) NOT NULL)')
      await until(async () => (await service.state()).joined === 1)
      const payloads = async (): Promise<readonly number[]> => {
        const rows = await base.sql(
          `SELECT payload AS p FROM queue_jobs WHERE protocol = 'signalr' ORDER BY seq`,
        )
        return rows.map((row) => Number(row['p']))
      }
      const send = async (from: number, to: number): Promise<void> => {
        for (let n = from; n < to; n += 1) await service.send({ event: 'ordered', args: [n] })
      }
      await send(0, 20)
      await until(async () => (await payloads()).length === 20)
      await base.kill()
      await send(20, 120)
      await base.restart()
      await send(120, 140)
      expect((await running.stop()).code).toBe(0)
      expect(await payloads()).toEqual(Array.from({ length: 140 }, (_, n) => n))
    })
  },
)
