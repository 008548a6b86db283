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
    if (this.#unsaved.size === 0) return
    const packets = [...this.#unsaved].map(([packetId, identity]) => ({ packetId, identity }))
    await this.#memory.remember(packets)
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

  /** The broker has a new session: packet ids begin anew. */
  async clear(): Promise<void> {
    this.#known.clear()
    this.#unsaved.clear()
    await this.#memory.forget()
  }

  /** Those that are released while the database is busy go together. */
  async #forget(): Promise<void> {
    this.#isForgetting = true
    // What arrives in one piece goes together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#forgetting.length > 0) {
      const batch = this.#forgetting
      this.#forgetting = []
      try {
        await this.#memory.forget(batch.map(({ packetId }) => packetId))
        for (const { packetId, done } of batch) {
          this.#known.delete(packetId)
          done()
        }
      } catch (error) {
        this.#log.debug({ reason: errorMessage(error) }, 'packet ids could not be released yet')
        this.#forgetting = [...batch, ...this.#forgetting]
        await new Promise((resolve) => setTimeout(resolve, REPEAT_MS).unref())
      }
    }
    this.#isForgetting = false
  }
}
