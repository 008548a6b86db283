import { type IPublishPacket, type MqttClient, type Packet, Store } from 'mqtt'

/** The acknowledgements of one connection. */
export interface Acknowledgements {
  /** Whether the connection is there that these packets came in by. */
  isOpen(): boolean
  /** What the first packet of the receiver is for this quality of service: PUBACK of 1, PUBREC of 2. */
  stored(packetId: number, qos: 1 | 2): void
  /** The end of a delivery of quality of service 2: PUBCOMP. */
  released(packetId: number): void
}

/** Who takes the packets of one connection. */
export interface PacketReceiver {
  /** A PUBLISH. Nothing more is read from the connection until `next` is called. */
  published(packet: IPublishPacket, next: () => void): void
  /** A PUBREL: the sender knows that we have the message. */
  released(packetId: number): void
}

/**
 * Where the library puts a message of quality 2 before it would acknowledge it: into our hands. It finds
 * every message here at its end, so that it goes on to PUBCOMP also for one that an earlier process took.
 */
class HandedOver extends Store {
  readonly #take: (packet: IPublishPacket, done: () => void) => void

  constructor(take: (packet: IPublishPacket, done: () => void) => void) {
    super()
    this.#take = take
  }

  override put(packet: Packet, done: (error?: Error) => void): this {
    if (packet.cmd === 'publish') this.#take(packet, done)
    else done()
    return this
  }

  override get(
    { messageId }: Pick<Packet, 'messageId'>,
    done: (error?: Error, packet?: Packet) => void,
  ): this {
    const ended = { cmd: 'publish', topic: '', payload: '', qos: 2 } as const
    done(undefined, { ...ended, dup: false, retain: false, messageId: messageId ?? 0 })
    return this
  }

  override del(_packet: Pick<Packet, 'messageId'>, done: () => void): this {
    done()
    return this
  }
}

/** The part of the client that is not for everybody, as in mqtt 5.16: see the check at start. */
interface Sender {
  _sendPacket(packet: Packet, done?: (error?: Error) => void, ...more: unknown[]): void
  _trackIncomingQoS2Publish(packetId: number, ...more: unknown[]): boolean
}

/**
 * Takes the acknowledgements of a client into our own hands, before it connects. The library sends them by
 * itself when its `handleMessage` calls back, and reads nothing meanwhile: one message at a time. Here each
 * message is let through at once, and its acknowledgement is sent when the caller says so.
 *
 * Rests on the private `_sendPacket` and on the order of calls in mqtt 5.16.0, which is why that version is
 * fixed and tried at start (docs/adr/0021-deferred-acknowledgements.md).
 */
export function deferAcknowledgements(
  client: MqttClient,
  receiver: PacketReceiver,
): Acknowledgements {
  const sender = client as unknown as Sender
  const send = sender._sendPacket.bind(client)
  sender._sendPacket = (packet, done, ...more) => {
    const { cmd } = packet
    if (cmd !== 'puback' && cmd !== 'pubrec' && cmd !== 'pubcomp') {
      send(packet, done, ...more)
      return
    }
    // The message is in our hands: see below.
    done?.()
    if (cmd === 'pubcomp') receiver.released(packet.messageId ?? 0)
  }
  // The library breaks a connection whose broker sends more of quality 2 than it was told to; Mosquitto 2.0.11
  // does that when it empties a queue. Whoever takes the messages bounds them, by reading no more.
  sender._trackIncomingQoS2Publish = () => true
  client.handleMessage = (packet, next) => {
    // Of quality 2 the library shows the message here at its end, when we have had it for long.
    if (packet.qos === 2) next()
    else {
      receiver.published(packet, () => {
        next()
      })
    }
  }
  client.incomingStore = new HandedOver((packet, done) => {
    receiver.published(packet, done)
  })
  return {
    isOpen: () => client.connected && !client.disconnecting,
    stored: (messageId, qos) => {
      send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId, reasonCode: 0 })
    },
    released: (messageId) => {
      send({ cmd: 'pubcomp', messageId, reasonCode: 0 })
    },
  }
}

/**
 * The way without anything private: a message is acknowledged when `next` is called, and the next one is
 * read after that. Quality of service 2 cannot be had so.
 */
export function acknowledgeOneByOne(
  client: MqttClient,
  receiver: Pick<PacketReceiver, 'published'>,
): Acknowledgements {
  const waiting = new Map<number, () => void>()
  client.handleMessage = (packet, next) => {
    const { messageId, qos } = packet
    if (qos === 0 || messageId === undefined) {
      receiver.published(packet, () => {
        next()
      })
      return
    }
    waiting.set(messageId, () => {
      next()
    })
    receiver.published(packet, () => undefined)
  }
  return {
    isOpen: () => client.connected && !client.disconnecting,
    stored: (packetId) => {
      waiting.get(packetId)?.()
      waiting.delete(packetId)
    },
    released: () => undefined,
  }
}
