import { randomUUID } from 'node:crypto'
import type { IPublishPacket } from 'mqtt'
import { errorMessage } from '../../src/domain/errors.ts'
import type { InboundMessage } from '../../src/domain/message.ts'
import type { PacketMemory } from '../../src/ports/client-slots.ts'
import type { Log } from '../../src/ports/log.ts'

const REPEAT_MS = 500

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
  #forgetting: { packetId: number; done: () => void }[] = []
  #isForgetting = false
  /** Writes of this session that are under way. */
  readonly #writes = new Set<Promise<void>>()
  /** The last {@link clear}, whatever came of it. */
  #cleared: Promise<void> = Promise.resolve()
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
    const earlier = dup ? this.#known.get(messageId) : undefined
    if (earlier !== undefined) return { ...message, identity: `packet/${earlier}` }
    const identity = randomUUID()
    this.#known.set(messageId, identity)
    this.#unsaved.set(messageId, identity)
    return { ...message, identity: `packet/${identity}` }
  }

  /** Resolves when every identity that was given is in the database. Before that no message is stored. */
  async save(): Promise<void> {
    await this.#untilCleared()
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
   * The broker has a new session: packet ids begin anew. What is written after this call waits for it, so that
   * it takes nothing of the new session with it.
   */
  async clear(): Promise<void> {
    this.#session += 1
    this.#known.clear()
    this.#unsaved.clear()
    this.#forgetting = []
    const clearing = this.#clear(this.#cleared)
    this.#cleared = clearing.catch(() => undefined)
    await clearing
  }

  async #clear(former: Promise<void>): Promise<void> {
    await former
    // Those of the session before name packet ids that are used anew.
    await Promise.allSettled(this.#writes)
    await this.#memory.forget()
  }

  async #untilCleared(): Promise<void> {
    let cleared: Promise<void> | undefined
    while (cleared !== this.#cleared) {
      cleared = this.#cleared
      await cleared
    }
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
    while (this.#forgetting.length > 0) {
      await this.#untilCleared()
      const batch = this.#forgetting
      if (batch.length === 0) break
      this.#forgetting = []
      const session = this.#session
      try {
        await this.#write(() => this.#memory.forget(batch.map(({ packetId }) => packetId)))
        if (session !== this.#session) continue
        for (const { packetId, done } of batch) {
          this.#known.delete(packetId)
          done()
        }
      } catch (error) {
        this.#log.debug({ reason: errorMessage(error) }, 'packet ids could not be released yet')
        if (session === this.#session) this.#forgetting = [...batch, ...this.#forgetting]
        await new Promise((resolve) => setTimeout(resolve, REPEAT_MS).unref())
      }
    }
    this.#isForgetting = false
  }
}
