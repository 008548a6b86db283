import { Duplex } from 'node:stream'
import { type IPublishPacket, MqttClient } from 'mqtt'
import { type Acknowledgements, deferAcknowledgements } from './acknowledgements.ts'

const LIMIT_MS = 2_000

const CONNACK = Buffer.from([0x20, 0x02, 0x00, 0x00])

/** A PUBLISH to the topic "t" with one byte. */
function publishPacket(qos: 1 | 2, packetId: number): Buffer {
  return Buffer.from([0x30 | (qos << 1), 0x06, 0x00, 0x01, 0x74, 0x00, packetId, 0x78])
}

let checked: Promise<boolean> | undefined

/**
 * Whether the acknowledgements of the installed `mqtt` can be deferred: on a connection that exists in memory
 * alone, several messages of quality 1 and 2 must arrive before anything is acknowledged, and their
 * acknowledgements go out when we say so, and only then. Asked once a process; takes some milliseconds.
 */
export function canDeferAcknowledgements(): Promise<boolean> {
  checked ??= check().catch(() => false)
  return checked
}

async function check(): Promise<boolean> {
  const written: Buffer[] = []
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      written.push(chunk)
      done()
    },
  })
  const arrived: IPublishPacket[] = []
  const all = Promise.withResolvers<undefined>()
  const ended = Promise.withResolvers<undefined>()
  // The library's own type of a stream names more than it uses.
  const client = new MqttClient(() => stream, {
    clientId: 'check',
    protocolVersion: 4,
    reconnectPeriod: 0,
    manualConnect: true,
    keepalive: 0,
  })
  client.on('error', () => undefined)
  const timer = setTimeout(() => {
    all.resolve(undefined)
    ended.resolve(undefined)
  }, LIMIT_MS)
  try {
    const acknowledgements: Acknowledgements = deferAcknowledgements(client, {
      published: (packet, next) => {
        arrived.push(packet)
        next()
        if (arrived.length === 4) all.resolve(undefined)
      },
      released: () => {
        ended.resolve(undefined)
      },
    })
    client.connect()
    stream.push(CONNACK)
    stream.push(
      Buffer.concat([
        publishPacket(1, 1),
        publishPacket(2, 2),
        publishPacket(1, 3),
        publishPacket(2, 4),
      ]),
    )
    await all.promise
    await nextTurn()
    if (arrived.length !== 4 || count(written, 0x40) + count(written, 0x50) > 0) return false
    acknowledgements.stored(3, 1)
    acknowledgements.stored(2, 2)
    await nextTurn()
    if (count(written, 0x40) !== 1 || count(written, 0x50) !== 1) return false
    // PUBREL of 2.
    stream.push(Buffer.from([0x62, 0x02, 0x00, 0x02]))
    await ended.promise
    await nextTurn()
    if (count(written, 0x70) > 0) return false
    acknowledgements.released(2)
    await nextTurn()
    return count(written, 0x70) === 1
  } finally {
    clearTimeout(timer)
    client.end(true)
  }
}

/** By then whatever follows by itself has followed, and what was to be written is. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Packets of this kind among what was written: acknowledgements are four bytes, however they were cut. */
function count(written: readonly Buffer[], kind: number): number {
  const bytes = Buffer.concat(written)
  let found = 0
  let at = 0
  while (at + 1 < bytes.length) {
    if (bytes[at] === kind) found += 1
    at += 2 + (bytes[at + 1] ?? 0)
  }
  return found
}
