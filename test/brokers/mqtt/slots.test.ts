import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { v7 } from 'uuid'
import { openReceiver, type Receiver } from '../../../adapters/mqtt/receiver.ts'
import { mqttConnectionOptions } from '../../../adapters/mqtt/options/connection.ts'
import { mqttSubscriptionOptions } from '../../../adapters/mqtt/options/subscription.ts'
import { openStore } from '../../../src/app/open-store.ts'
import { systemClock } from '../../../src/app/system-clock.ts'
import { createClientSlots, type HeldClientSlots } from '../../../src/client-slots/client-slots.ts'
import { silentLog } from '../../../src/observe/log.ts'
import { OPEN_FLOW } from '../../../src/ports/flow.ts'
import type { SlotKey, SlotStore } from '../../../src/ports/client-slots.ts'
import type { Store } from '../../../src/ports/store.ts'
import { migratePostgresql } from '../../../src/store/postgresql/migrate.ts'
import { createDatabase } from '../../services/database.ts'
import type { MosquittoService } from '../../services/mosquitto-service.ts'
import { startMosquitto } from '../../services/mosquitto.ts'
import { startPostgresql } from '../../services/postgresql.ts'
import type { PostgresqlService } from '../../services/postgresql-service.ts'
import { startOrSkip } from '../../services/require.ts'
import { connectClient } from './started-mqtt.ts'
import { adapterTools } from '../../services/adapter-tools.ts'
import { stored, until } from '../started-adapter.ts'

let broker: MosquittoService | undefined
let server: PostgresqlService | undefined
let store: Store | undefined
let cleanUps: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  broker = await startOrSkip('mosquitto', () => startMosquitto())
  server = await startOrSkip('postgresql', () => startPostgresql())
  if (server === undefined) return
  const { url } = await createDatabase(server)
  const connection = { connectionString: url }
  await migratePostgresql({ connection, schema: 'public', dryRun: false })
  store = await openStore(
    {
      dialect: 'postgresql',
      connection,
      directConnection: undefined,
      schema: 'public',
      idleInTransactionMs: 15_000,
    },
    2,
    silentLog,
  )
})

afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp()
  cleanUps = []
})

afterAll(async () => {
  await store?.close()
  await server?.stop()
  await broker?.stop()
})

const LEASE_MS = 1_500

interface Instance {
  readonly receiver: Receiver
  readonly slots: HeldClientSlots
  readonly bodies: string[]
  /** As if the process had died: it renews nothing and gives nothing back. */
  die(): Promise<void>
}

/**
 * An instance as far as one subscription of it goes.
 * @param failedLooks so many of its first looks for abandoned sessions fail
 */
async function instance(name: string, topic: string, failedLooks = 0): Promise<Instance> {
  let failuresLeft = failedLooks
  if (store === undefined) throw new Error('no store')
  let isDead = false
  const base = store
  const mortal: SlotStore = {
    takeSlot: (request) => base.takeSlot(request),
    renewSlots: async (request): Promise<readonly SlotKey[]> =>
      isDead ? request.keys : await base.renewSlots(request),
    releaseSlot: async (request) => {
      if (!isDead) await base.releaseSlot(request)
    },
  }
  const slots = createClientSlots({
    store: {
      ...mortal,
      listPackets: (slot) => base.listPackets(slot),
      rememberPackets: (request) => base.rememberPackets(request),
      forgetPackets: (request) => base.forgetPackets(request),
    },
    token: v7(),
    clock: systemClock,
    log: silentLog,
    leaseMs: LEASE_MS,
  })
  const bodies: string[] = []
  const receiver = openReceiver({
    connection: mqttConnectionOptions.parse({ url: broker?.url ?? '' }),
    subscription: {
      name: 's',
      contentType: 'json',
      options: mqttSubscriptionOptions.parse({ topics: [topic] }),
      flow: OPEN_FLOW,
    },
    canDefer: true,
    ...adapterTools({
      deliver: async (messages) => {
        bodies.push(...messages.map(({ body }) => Buffer.from(body).toString()))
        return await stored(messages)
      },
    }),
    slots: {
      take: async (request) => {
        if (request.abandoned === true && failuresLeft > 0) {
          failuresLeft -= 1
          throw new Error('the database is away')
        }
        return await slots.take(request)
      },
    },
    instanceName: name,
    lookMs: 200,
    log: silentLog,
  })
  const end = async (): Promise<void> => {
    await receiver.stop()
    await slots.stop()
  }
  cleanUps.push(end)
  await until(() => receiver.health().status === 'ok')
  return {
    receiver,
    slots,
    bodies,
    die: async () => {
      isDead = true
      await end()
    },
  }
}

function newName(): string {
  return `t${Math.random().toString(36).slice(2)}`
}

async function publish(topic: string, from: number, to: number): Promise<void> {
  const client = await connectClient(broker?.url ?? '')
  for (let n = from; n < to; n += 1) await client.publishAsync(topic, String(n), { qos: 1 })
  await client.endAsync()
}

const numbers = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, n) => String(from + n))

const isStandingBy = ({ receiver }: Instance): boolean =>
  receiver.health().detail?.includes('stands by') === true

describe('several instances of one subscription', () => {
  it('of topics that are not shared have one session: one takes everything, another takes over', async ({
    skip,
  }) => {
    if (broker === undefined || store === undefined) return skip()
    const name = newName()
    const first = await instance(name, `${name}/#`)
    const second = await instance(name, `${name}/#`)
    expect([isStandingBy(first), isStandingBy(second)]).toEqual([false, true])
    await publish(`${name}/a`, 0, 10)
    await until(() => first.bodies.length === 10)
    await first.die()
    // While nobody has the session the broker keeps what comes.
    await publish(`${name}/a`, 10, 20)
    await until(() => !isStandingBy(second) && second.bodies.length === 10)
    expect(first.bodies).toEqual(numbers(0, 10))
    expect(second.bodies).toEqual(numbers(10, 20))
  })

  it('of shared topics have a session each, and empty those of the ones that are gone', async ({
    skip,
  }) => {
    if (broker === undefined || store === undefined) return skip()
    const name = newName()
    const topic = `$share/group/${name}/#`
    // A look that fails, as while the database is away, is not the last one.
    const first = await instance(name, topic, 2)
    const second = await instance(name, topic)
    expect([isStandingBy(first), isStandingBy(second)]).toEqual([false, false])
    await publish(`${name}/a`, 0, 40)
    await until(() => first.bodies.length + second.bodies.length === 40)
    expect(Math.min(first.bodies.length, second.bodies.length)).toBeGreaterThan(0)
    await second.die()
    // The broker still gives a part of these to the session of the one that is gone.
    await publish(`${name}/a`, 40, 80)
    await until(() => first.bodies.length + second.bodies.length === 80)
    const all = [...first.bodies, ...second.bodies].map(Number).sort((a, b) => a - b)
    expect(all.map(String)).toEqual(numbers(0, 80))
    expect(first.receiver.health().status).toBe('ok')
  })
})
