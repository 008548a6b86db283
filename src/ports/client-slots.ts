/** Which slot is wanted. */
export interface SlotRequest {
  /** What the slots belong to: the beginning of a durable client's id. */
  readonly name: string
  /** Slots that there may be of this name. */
  readonly limit: number
  /** Only one that somebody has had before, and that nobody holds now. */
  readonly abandoned?: boolean
}

/** A slot that this process holds until it gives it back, or another one has taken it. */
export interface ClientSlot {
  readonly name: string
  /** From 0 on. */
  readonly slot: number
  /** Calls `listener` once, when another process has it; at once, if that is so already. */
  onLost(listener: () => void): void
  /**
   * What the broker may send once more under the same packet id: see {@link PacketMemory}. Of this slot, whoever
   * had it before.
   */
  readonly packets: PacketMemory
  /** Gives it back; may be called twice. */
  release(): Promise<void>
}

/** A packet that is under way, and which message it is. */
export interface KnownPacket {
  readonly packetId: number
  /** At most 64 characters. */
  readonly identity: string
}

/**
 * Remembers in the database which message a packet is, from before it is stored until the broker knows that it
 * is: for protocols that promise to deliver once, and name a message by nothing but a number that is used again.
 * Each call is one commit.
 * @throws CrossdockError `lease_lost` of `remember` and `forget` when another process has the slot: nothing was written
 */
export interface PacketMemory {
  all(): Promise<readonly KnownPacket[]>
  /** Another message under a packet id takes the place of the one before. */
  remember(packets: readonly KnownPacket[]): Promise<void>
  /** Left out: every packet, since the broker has forgotten this client. */
  forget(packetIds?: readonly number[]): Promise<void>
}

/**
 * Numbers for the clients of a broker that keeps a session for each: leased in the database, so that two
 * processes never use one session at once, and a process that starts again finds the session of before.
 * They are renewed by themselves. While the database is away they stay with whoever had them.
 */
export interface ClientSlots {
  /**
   * Takes the lowest slot that nobody holds; `undefined`: there is none.
   * @throws CrossdockError `database_unavailable` and the like
   */
  take(request: SlotRequest): Promise<ClientSlot | undefined>
}

/** What the store does for {@link ClientSlots}: of one name and one holder. */
export interface SlotStoreRequest extends SlotRequest {
  /** Tells the holder from every other process. */
  readonly token: string
  readonly leaseMs: number
}

/** Names one slot. */
export interface SlotKey {
  readonly name: string
  readonly slot: number
}

/** A slot, and who says that it is theirs. */
export interface SlotHolder extends SlotKey {
  readonly token: string
}

/** The operations of the database. */
export interface SlotStore {
  /** Takes the lowest slot that is free or whose lease has expired; `undefined`: there is none. */
  takeSlot(request: SlotStoreRequest): Promise<number | undefined>
  /** Prolongs the leases of slots. Returns those that are still the holder's. */
  renewSlots(request: {
    readonly keys: readonly SlotKey[]
    readonly token: string
    readonly leaseMs: number
  }): Promise<readonly SlotKey[]>
  /** Frees a slot, and keeps its number. Does nothing where another process has it. */
  releaseSlot(request: SlotHolder): Promise<void>
}

/**
 * The operations of the database for {@link PacketMemory}. What writes does so for whoever holds the slot, in the
 * statement or transaction that looks: `false` says that it is another's, and that nothing was written. A process
 * that lost its slot, and has not heard of it, could else change what its successor relies on.
 */
export interface PacketStore {
  listPackets(slot: SlotKey): Promise<readonly KnownPacket[]>
  rememberPackets(
    request: SlotHolder & { readonly packets: readonly KnownPacket[] },
  ): Promise<boolean>
  /** `packetIds` left out: all of the slot. */
  forgetPackets(
    request: SlotHolder & { readonly packetIds?: readonly number[] | undefined },
  ): Promise<boolean>
}
