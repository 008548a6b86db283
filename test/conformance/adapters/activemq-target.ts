import { startActivemqClassic } from '../../services/activemq-classic.ts'
import { startArtemis } from '../../services/artemis.ts'
import { startOrSkip } from '../../services/require.ts'
import { type StompBroker, TEST_PREFIX } from '../../services/stomp-broker.ts'
import { type AdapterBed, type AdapterTarget, PRESSED } from './adapter-target.ts'
import { openPassage } from './passage.ts'
import { openSender } from './stomp-sender.ts'

/** Less than a case sends. */
const CLASSIC_MESSAGES = 100
/**
 * Artemis counts bytes. With this header its messages of the suite weigh 1,786 to 1,818 each (seen), whatever their
 * keys: so much is 30 of them.
 */
const PADDING = 'x'.repeat(1_500)
const [ARTEMIS_BYTES, ARTEMIS_MESSAGES] = [53_100, 30]

const BROKERS = {
  classic: { name: 'Classic', service: 'activemq', start: startActivemqClassic },
  artemis: { name: 'Artemis', service: 'artemis', start: startArtemis },
} as const

/** ActiveMQ Classic or Artemis, over STOMP. */
export function activemqTarget(kind: StompBroker['kind']): AdapterTarget {
  return {
    protocol: `ActiveMQ ${BROKERS[kind].name}`,
    prefix: 'activemq',
    cannot: {},
    keyIn: 'dedupekey',
    open: () => open(kind),
  }
}

async function open(kind: StompBroker['kind']): Promise<AdapterBed | undefined> {
  const broker = await startOrSkip(BROKERS[kind].service, () => BROKERS[kind].start())
  if (broker === undefined) return undefined
  const { hostname: host, port } = new URL(broker.url)
  let acknowledged = 0
  let takenIn = 0
  const passage = await openPassage({
    to: () => ({ host, port: Number(port) }),
    program: 'caller',
    watch: () =>
      frameWatch('ACK', () => {
        acknowledged += 1
      }),
    watchOther: () =>
      frameWatch('MESSAGE', () => {
        takenIn += 1
      }),
  })
  const run = Math.random().toString(36).slice(2)
  const queue = (name: string): string => `${TEST_PREFIX}${run}.${name}`
  const sender = openSender(broker)
  const prefetch = kind === 'classic' ? CLASSIC_MESSAGES : ARTEMIS_BYTES
  return {
    integrations: (handler) => ({
      activemq: {
        connections: { broker: { urls: `stomp://127.0.0.1:${passage.port}`, broker: kind } },
        subscriptions: (['json', 'bytes', 'pressed'] as const).map((name) => ({
          name,
          handler,
          ...(name === 'pressed' && PRESSED),
          destination: `/queue/${queue(name)}`,
          prefetch,
          ...(name === 'bytes' && { content_type: 'binary' }),
        })),
      },
    }),
    reachable: () => undefined,
    send: async (messages, to = 'json') => {
      await Promise.all(
        messages.map(({ key, body, headers }) =>
          sender.send(queue(to), body ?? JSON.stringify({ key }), {
            ...headers,
            padding: PADDING,
            'idempotency-key': key,
          }),
        ),
      )
    },
    // And one, should a message be lighter than any that was seen.
    heldAtMost: kind === 'classic' ? CLASSIC_MESSAGES : ARTEMIS_MESSAGES + 1,
    takenIn: () => takenIn,
    acknowledged: () => acknowledged,
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

/** Tells of each frame of this command in what one side sends. Bodies of the suite hold no such line. */
function frameWatch(command: string, found: () => void): (bytes: Buffer) => void {
  let pending = Buffer.alloc(0)
  return (bytes) => {
    pending = Buffer.concat([pending, bytes])
    for (;;) {
      // Between frames there may be line feeds: heart-beats.
      let at = 0
      while (pending[at] === 0x0a || pending[at] === 0x0d) at += 1
      const headEnd = pending.indexOf('\n\n', at)
      if (headEnd < 0) return
      const head = pending.subarray(at, headEnd).toString()
      const length = /^content-length:(\d+)$/m.exec(head)?.[1]
      const end = length === undefined ? pending.indexOf(0, headEnd) : headEnd + 2 + Number(length)
      if (end < 0 || end >= pending.length) return
      if (head.startsWith(`${command}\n`)) found()
      pending = pending.subarray(end + 1)
    }
  }
}
