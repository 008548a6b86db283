import type { Offered } from '../ports/offering.ts'

/** A message on its way. */
export interface Entry<Held> {
  readonly held: Held
  /** Order of arrival. */
  readonly place: number
  /** How often it was refused. */
  refusals: number
}

/** Messages that wait to be offered, by their lines, each in the order of arrival. */
export class WaitingLines<Held extends Offered> {
  /** The next line comes first. */
  readonly #lines = new Map<string, Entry<Held>[]>()

  get isEmpty(): boolean {
    return this.#lines.size === 0
  }

  add(entry: Entry<Held>): void {
    const line = this.#lines.get(entry.held.line)
    if (line === undefined) this.#lines.set(entry.held.line, [entry])
    else line.push(entry)
  }

  /** The same for one that was taken before, and stands before those that came later. */
  putBack(entry: Entry<Held>): void {
    const line = this.#lines.get(entry.held.line) ?? []
    const at = line.findIndex(({ place }) => place > entry.place)
    this.#lines.set(entry.held.line, line.toSpliced(at === -1 ? line.length : at, 0, entry))
  }

  /**
   * So many at most, of the lines that are not busy, in the order of arrival. What has more than that waits behind the other
   * lines; what stands behind one that was refused, which may be again, waits for it.
   */
  take(most: number, isBusy: (line: string) => boolean): readonly Entry<Held>[] {
    const batch: Entry<Held>[] = []
    const left: (readonly [string, Entry<Held>[]])[] = []
    for (const [name, line] of this.#lines) {
      if (batch.length >= most) break
      if (isBusy(name)) continue
      // Lines are taken from the front: what was refused stands before all others.
      const isRefused = (line[0]?.refusals ?? 0) > 0
      batch.push(...line.splice(0, isRefused ? 1 : most - batch.length))
      this.#lines.delete(name)
      if (line.length > 0) left.push([name, line])
    }
    for (const [name, line] of left) this.#lines.set(name, line)
    return batch.sort((a, b) => a.place - b.place)
  }

  drop(isDropped: (held: Held) => boolean): void {
    for (const [name, line] of [...this.#lines]) {
      const kept = line.filter(({ held }) => !isDropped(held))
      if (kept.length > 0) this.#lines.set(name, kept)
      else this.#lines.delete(name)
    }
  }
}
