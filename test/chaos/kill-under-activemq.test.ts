import { describe, expect, it, onTestFinished } from 'vitest'
import { openSender } from '../conformance/adapters/stomp-sender.ts'
import { startActivemqClassic } from '../services/activemq-classic.ts'
import { startArtemis } from '../services/artemis.ts'
import { PROGRAM_DATABASES, type ProgramDatabase } from '../services/program-database.ts'
import { startOrSkip } from '../services/require.ts'
import { type StompBroker, TEST_PREFIX } from '../services/stomp-broker.ts'
import { EFFECT, startEffectRun } from './effect-run.ts'

const LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'
const MESSAGES = LONG ? 5_000 : 300
const LIMIT_MS = LONG ? 600_000 : 170_000
const QUEUE = `${TEST_PREFIX}effects`

/**
 * Kills the program, then the broker, then stops the broker in an orderly way, each while messages go in and out;
 * each message must be one job that ran once.
 */
async function underKills(database: ProgramDatabase, broker: StompBroker): Promise<void> {
  const activemq = {
    connections: { broker: { urls: broker.url, broker: broker.kind } },
    subscriptions: [{ name: 'effect', destination: `/queue/${QUEUE}`, handler: EFFECT }],
  }
  const run = await startEffectRun(database, { activemq }, MESSAGES)
  const untilStored = (share: number): Promise<void> =>
    run.untilStored(Math.floor(share * MESSAGES))
  const sender = openSender(broker)
  onTestFinished(() => sender.close())
  const publishing = run.publish((key) =>
    sender.send(QUEUE, JSON.stringify({ key }), { 'idempotency-key': key }),
  )
  for (const share of LONG ? [0.1, 0.35, 0.8] : [0.2]) {
    await untilStored(share + 0.1 * Math.random())
    await run.kill()
  }
  await untilStored(0.5)
  await broker.kill()
  await broker.restart()
  if (LONG) {
    await untilStored(0.7)
    await broker.restart()
  }
  await publishing
  await run.expectEachOnce({ broker: broker.kind })
  expect((await run.program().stop()).code).toBe(0)
}

/** In the short form one database each: what the other one adds is tried by the conformance suites. */
const CASES = [
  { name: 'Classic', service: 'activemq', start: startActivemqClassic, on: 'MariaDB' },
  { name: 'Artemis', service: 'artemis', start: startArtemis, on: 'PostgreSQL' },
  { name: 'Classic', service: 'activemq', start: startActivemqClassic, on: 'PostgreSQL' },
  { name: 'Artemis', service: 'artemis', start: startArtemis, on: 'MariaDB' },
] as const

describe('a process and a broker that are killed while persistent messages come in', () => {
  it.for(CASES.slice(0, LONG ? 4 : 2))(
    'make one job of each message with a key: ActiveMQ $name, on $on',
    { timeout: LIMIT_MS },
    async ({ service, start, on }, { skip }) => {
      const broker = await startOrSkip(service, start)
      if (broker?.controllable !== true) return skip('the broker is not there, or not ours to stop')
      onTestFinished(() => broker.stop())
      const database = await PROGRAM_DATABASES[on]()
      if (database === undefined) return skip('a server is not available')
      onTestFinished(() => database.stop())
      await underKills(database, broker)
    },
  )
})
