import { randomBytes } from 'node:crypto'
import { forgetGroup, makeTopic } from '../../services/kafka-admin.ts'
import { startKafka } from '../../services/kafka.ts'
import { startOrSkip } from '../../services/require.ts'
import { type AdapterBed, type AdapterTarget, PRESSED } from './adapter-target.ts'
import { commitHold, commitWatch } from './offset-commits.ts'
import { openSender } from './kafka-sender.ts'
import { openPassage } from './passage.ts'

const HOST = '127.0.0.1'
const PARTITIONS = 2

/**
 * Kafka. A record is known by its place, and whoever sends it again makes another one: the same record comes again where
 * its group has forgotten that it had it.
 */
export function kafkaTarget(): AdapterTarget {
  return { protocol: 'Kafka', prefix: 'kafka', cannot: {}, keyIn: 'headers', open }
}

async function open(): Promise<AdapterBed | undefined> {
  const broker = await startOrSkip('kafka', () => startKafka())
  if (broker === undefined) return undefined
  const port = Number(broker.brokers.split(':')[1])
  /** What the groups have committed, by group and partition. */
  const committed = new Map<string, number>()
  const passage = await openPassage({
    to: () => ({ host: HOST, port }),
    program: 'caller',
    watch: () =>
      commitWatch((partition, offset) => {
        committed.set(partition, Math.max(offset, committed.get(partition) ?? 0))
      }),
    // Commits alone: without its requests for records the program would have nothing to store.
    passes: commitHold,
    changeOther: (bytes) => withPort(bytes, port, passage.port),
  })
  /** What was committed and forgotten again. */
  let committedBefore = 0
  const acknowledged = (): number =>
    [...committed.values()].reduce((sum, offset) => sum + offset, committedBefore)
  const prefix = `conformance-${randomBytes(4).toString('hex')}`
  for (const name of ['json', 'bytes', 'pressed']) {
    await makeTopic(broker.brokers, { name: `${prefix}.${name}`, partitions: PARTITIONS })
  }
  const sender = openSender(broker, (name) => `${prefix}.${name}`)
  return {
    integrations: (handler) => ({
      kafka: {
        connections: { broker: { brokers: `${HOST}:${passage.port}`, request_timeout: '3s' } },
        subscriptions: (['json', 'bytes', 'pressed'] as const).map((name) => ({
          name,
          handler,
          ...(name === 'pressed' && PRESSED),
          topics: [`${prefix}.${name}`],
          group_id: `${prefix}-${name}`,
          session_timeout: '2s',
          heartbeat_interval: '500ms',
          ...(name === 'bytes' && { content_type: 'binary' }),
        })),
      },
    }),
    reachable: () => undefined,
    send: (messages, to = 'json') => sender.send(messages, to),
    deliverAgain: async () => {
      await forgetGroup(broker.brokers, `${prefix}-json`)
      for (const [partition, offset] of committed) {
        if (!partition.startsWith(`${prefix}-json `)) continue
        committedBefore += offset
        committed.delete(partition)
      }
    },
    // What it fetches while it takes nothing in it fetches again: the wire does not show what it holds.
    heldAtMost: 0,
    takenIn: acknowledged,
    acknowledged,
    holdAcknowledgements: () => {
      passage.hold()
    },
    cut: () => {
      passage.cut()
    },
    ...(broker.controllable && {
      killBroker: () => broker.kill(),
      restartBroker: () => broker.restart(),
    }),
    close: async () => {
      await sender.close()
      await passage.close()
      await broker.stop()
    },
  }
}

/** What a broker says of where it is, with another port: the program must come back to the passage. */
function withPort(bytes: Buffer, from: number, to: number): Buffer {
  const place = (port: number): Buffer => {
    const number = Buffer.alloc(4)
    number.writeInt32BE(port)
    return Buffer.concat([Buffer.from(HOST), number])
  }
  const own = place(from)
  const changed = Buffer.from(bytes)
  for (let at = changed.indexOf(own); at >= 0; at = changed.indexOf(own, at + own.length)) {
    place(to).copy(changed, at)
  }
  return changed
}
