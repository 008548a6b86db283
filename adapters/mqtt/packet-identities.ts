import { createHash, randomUUID } from 'node:crypto'
import type { IPublishPacket } from 'mqtt'
import { errorMessage } from '../../src/domain/errors.ts'
import type { InboundMessage } from '../../src/domain/message.ts'
import type { PacketMemory } from '../../src/ports/client-slots.ts'
import type { Log } from '../../src/ports/log.ts'

const REPEAT_MS = 500
const HASH_CHARACTERS = 16

/** See {@link PacketIdentities.release}. */
interface Releasing {
  readonly packetId: number
  readonly done: () => void
}

/**
 * What makes a message of quality of service 2 one job, also when this process dies after the commit and before
 * PUBREC: its packet id stands for a made-up identity, which is remembered in the database before the message is
 * stored, and forgotten before the broker may use the packet id again.
 */
export class PacketIdentities {
  readonly #memory: PacketMemory
  readonly #log: Log
  readonly #known: Map<number, string>
  /** Not in the database yet. */
  readonly #unsaved = new Map<number, string>()
  #forgetting: Releasing[] = []
  #isForgetting = false
  /** Writes of this session that are under way. */
  readonly #writes = new Set<Promise<void>>()
  /** What is written may be of a former session, and is removed before anything else is written. */
  #mustClear = false
  /** Removes it; one at a time. */
  #clearing: Promise<void> | undefined
  #isRepeatingClear = false
  /** Somebody else may have the slot, and its packet ids, from now on. */
  #isClosed = false
  /** Counts the broker's sessions: what one has left undone is no concern of the next. */
  #session = 0

  private constructor(memory: PacketMemory, log: Log, known: Map<number, string>) {
    this.#memory = memory
    this.#log = log
    this.#known = known
  }

  /** @throws CrossdockError of the database */
  static async open(memory: PacketMemory, log: Log): Promise<PacketIdentities> {
    const packets = await memory.all()
    const known = new Map(packets.map(({ packetId, identity }) => [packetId, identity]))
    return new PacketIdentities(memory, log, known)
  }

  /** The message with its identity, where the sender gave it none. */
  identify(packet: IPublishPacket, message: InboundMessage): InboundMessage {
    const { messageId, qos, dup } = packet
    if (qos !== 2 || messageId === undefined || message.identity !== undefined) return message
    const marks = { hash: hashOf(packet.topic, message.body), subscription: subscriptionOf(packet) }
    const earlier = dup ? this.#known.get(messageId) : undefined
    if (earlier !== undefined && isOf(earlier, marks)) {
      return { ...message, identity: `packet/${earlier}` }
    }
    const { hash, subscription } = marks
    const identity = [
      randomUUID(),
      hash,
      ...(subscription === undefined ? [] : [subscription]),
    ].join('/')
    this.#known.set(messageId, identity)
    this.#unsaved.set(messageId, identity)
    return { ...message, identity: `packet/${identity}` }
  }

  /** Resolves when every identity that was given is in the database. Before that no message is stored. */
  async save(): Promise<void> {
    while (this.#mustClear) await this.#clearOnce()
    if (this.#unsaved.size === 0) return
    const packets = [...this.#unsaved].map(([packetId, identity]) => ({ packetId, identity }))
    await this.#write(() => this.#memory.remember(packets))
    for (const { packetId, identity } of packets) {
      if (this.#unsaved.get(packetId) === identity) this.#unsaved.delete(packetId)
    }
  }

  /** The broker knows that we have it; `done` is called when it may be told that we know that. */
  release(packetId: number, done: () => void): void {
    if (!this.#known.has(packetId)) {
      done()
      return
    }
    this.#forgetting.push({ packetId, done })
    if (!this.#isForgetting) void this.#forget()
  }

  /**
   * The broker has a new session: packet ids begin anew. What is written is removed before anything of the new
   * session is written, again and again until that works.
   */
  clear(): void {
    this.#session += 1
    this.#known.clear()
    this.#unsaved.clear()
    this.#forgetting = []
    this.#mustClear = true
    if (!this.#isRepeatingClear) void this.#repeatClear()
  }

  /** Repeats nothing any more, and waits for what is under way: the slot is released afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled([...this.#writes, this.#clearing])
  }

  /** Also where no message comes that would have to wait for it: this process may end before one does. */
  async #repeatClear(): Promise<void> {
    this.#isRepeatingClear = true
    while (this.#mustClear && !this.#isClosed) {
      try {
        await this.#clearOnce()
      } catch (error) {
        this.#log.debug(
          { reason: errorMessage(error) },
          'packet ids of a former session could not be removed yet',
        )
        await rest()
      }
    }
    this.#isRepeatingClear = false
  }

  #clearOnce(): Promise<void> {
    return (this.#clearing ??= this.#clear().finally(() => (this.#clearing = undefined)))
  }

  async #clear(): Promise<void> {
    const session = this.#session
    // Those of the session before name packet ids that are used anew.
    await Promise.allSettled(this.#writes)
    await this.#memory.forget()
    // The broker may have begun another one meanwhile.
    if (session === this.#session) this.#mustClear = false
  }

  async #write(run: () => Promise<void>): Promise<void> {
    const write = run()
    this.#writes.add(write)
    try {
      await write
    } finally {
      this.#writes.delete(write)
    }
  }

  /** Those that are released while the database is busy go together. */
  async #forget(): Promise<void> {
    this.#isForgetting = true
    // What arrives in one piece goes together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#forgetting.length > 0 && !this.#isClosed) {
      let batch: Releasing[] = []
      let session = this.#session
      try {
        while (this.#mustClear) await this.#clearOnce()
        batch = this.#forgetting
        if (batch.length === 0) break
        this.#forgetting = []
        session = this.#session
        await this.#write(() => this.#memory.forget(batch.map(({ packetId }) => packetId)))
        if (session !== this.#session) continue
        for (const { packetId, done } of batch) {
          this.#known.delete(packetId)
          done()
        }
      } catch (error) {
        this.#log.debug({ reason: errorMessage(error) }, 'packet ids could not be released yet')
        if (session === this.#session) this.#forgetting = [...batch, ...this.#forgetting]
        await rest()
      }
    }
    this.#isForgetting = false
  }
}

function rest(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, REPEAT_MS).unref())
}

/** Of what stays the same when the broker sends a message again. */
function hashOf(topic: string, body: Uint8Array): string {
  // No topic has a null character.
  const hash = createHash('sha256').update(`${topic}\0`).update(body)
  return hash.digest('hex').slice(0, HASH_CHARACTERS)
}

/**
 * The identifier of the subscription that a message came by, which a process chooses by chance whenever it
 * subscribes: messages of two sessions do not have the same one. `undefined`: MQTT 3.1.1, or a broker without them.
 */
function subscriptionOf({ properties }: IPublishPacket): string | undefined {
  const [first, ...others] = [properties?.subscriptionIdentifier ?? []].flat()
  return first === undefined || others.length > 0 ? undefined : first.toString(36)
}

/** What tells one message from another beside its packet id, as far as it is known. */
interface Marks {
  readonly hash: string
  readonly subscription: string | undefined
}

/**
 * Whether an identity is that of a message with these marks. A packet id alone does not say so, even with dup: what
 * is written for it may be of a former session, where this process died before that was removed.
 */
function isOf(identity: string, { hash, subscription }: Marks): boolean {
  const [, writtenHash, writtenSubscription] = identity.split('/')
  // Versions before this one wrote less: it may be the same one.
  return (
    (writtenHash === undefined || writtenHash === hash) &&
    (writtenSubscription === undefined ||
      subscription === undefined ||
      writtenSubscription === subscription)
  )
}
