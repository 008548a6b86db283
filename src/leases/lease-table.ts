/** Where an execution stands: claimed, its handler running, its end on the way to the database, or gone. */
export type LeaseState = 'held' | 'begun' | 'ending' | 'free'

/** The memory of a {@link LeaseTable}, as it travels to another thread. */
export interface LeaseMemory {
  readonly words: SharedArrayBuffer
  readonly deadlines: SharedArrayBuffer
  readonly beats: SharedArrayBuffer
}

const FREE = 0
const HELD = 1
const BEGUN = 2
const ENDING = 3
const STATE_BITS = 3

const STATES: readonly LeaseState[] = ['free', 'held', 'begun', 'ending']

/** Reserved, not used, until so many executions are held at once. */
const MAX_SLOTS = 1 << 20

const FIRST_SLOTS = 1_024

/**
 * What the main thread and the one that renews leases know together: for each execution a slot with its
 * state and, once its handler runs, the time until which it may. By shared memory and not by messages: a
 * message took 1.0 to 1.4 µs of the main thread and this takes 0.2; and what has not begun can be taken
 * away from a thread that is blocked.
 *
 * A word holds a slot's state and how often the slot was used (its generation), so that whoever comes too
 * late for an execution does not touch the next one in its slot.
 */
export class LeaseTable {
  readonly memory: LeaseMemory
  readonly #words: Int32Array
  readonly #deadlines: Float64Array
  readonly #beats: Int32Array

  /** @param memory of the table of another thread; left out: a new table */
  constructor(memory?: LeaseMemory) {
    this.memory = memory ?? {
      words: new SharedArrayBuffer(FIRST_SLOTS * 4, { maxByteLength: MAX_SLOTS * 4 }),
      deadlines: new SharedArrayBuffer(FIRST_SLOTS * 8, { maxByteLength: MAX_SLOTS * 8 }),
      beats: new SharedArrayBuffer(8),
    }
    // Without a length they follow their buffers when those grow.
    this.#words = new Int32Array(this.memory.words)
    this.#deadlines = new Float64Array(this.memory.deadlines)
    this.#beats = new Int32Array(this.memory.beats)
  }

  /** How many slots there are. */
  get size(): number {
    return this.#words.length
  }

  /** Doubles the slots. @throws RangeError beyond the million that memory was reserved for */
  grow(): void {
    this.memory.deadlines.grow(this.memory.deadlines.byteLength * 2)
    this.memory.words.grow(this.memory.words.byteLength * 2)
  }

  /** Uses a free slot. Returns the word that names this use of it. */
  hold(slot: number): number {
    const word = (Atomics.load(this.#words, slot) & ~STATE_BITS) | HELD
    Atomics.store(this.#words, slot, word)
    return word
  }

  /** Whether an execution that had not begun may begin: nobody has given it back. */
  begin(slot: number, word: number, deadline: number): boolean {
    this.#deadlines[slot] = deadline
    return Atomics.compareExchange(this.#words, slot, word, (word & ~STATE_BITS) | BEGUN) === word
  }

  /** The handler has ended: its limits count no more. */
  finish(slot: number, word: number): void {
    const generation = word & ~STATE_BITS
    Atomics.compareExchange(this.#words, slot, generation | BEGUN, generation | ENDING)
  }

  /** Takes an execution that has not begun away from the main thread. Returns whether it was there. */
  takeUnbegun(slot: number, word: number): boolean {
    return Atomics.compareExchange(this.#words, slot, word, (word & ~STATE_BITS) | FREE) === word
  }

  /** Frees a slot, and ends this use of it. */
  end(slot: number, word: number): void {
    Atomics.store(this.#words, slot, ((word & ~STATE_BITS) + (STATE_BITS + 1)) | FREE)
  }

  /** Where the use of a slot that `word` names stands; `free`: it has ended. */
  stateOf(slot: number, word: number): LeaseState {
    const now = Atomics.load(this.#words, slot)
    if ((now & ~STATE_BITS) !== (word & ~STATE_BITS)) return 'free'
    return STATES[now & STATE_BITS] ?? 'free'
  }

  /** Until when a begun execution may run, by {@link sharedNowMs}. */
  deadlineOf(slot: number): number {
    return this.#deadlines[slot] ?? Infinity
  }

  /** Says that the main thread answers, and whether somebody debugs it. */
  beat(debugged: boolean): void {
    Atomics.add(this.#beats, 0, 1)
    Atomics.store(this.#beats, 1, debugged ? 1 : 0)
  }

  /** How often the main thread has said that it answers. */
  get beats(): number {
    return Atomics.load(this.#beats, 0)
  }

  /** Whether a debugger may be holding the main thread. */
  get debugged(): boolean {
    return Atomics.load(this.#beats, 1) === 1
  }
}

/** Milliseconds that only grow, the same in every thread of this process. */
export function sharedNowMs(): number {
  return Number(process.hrtime.bigint()) / 1_000_000
}
