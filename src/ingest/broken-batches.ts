/** A message by its place among all. */
interface Placed {
  readonly batch: object
  /** In the order in which they were added. */
  readonly place: number
}

/**
 * Batches of which a message was refused for a reason that passes. Those that came after it in its batch are refused as well,
 * so that all of them are offered again in their order.
 */
export class BrokenBatches {
  readonly #broken = new WeakMap<object, { readonly place: number; readonly error: Error }>()

  /** This one was refused. */
  add({ batch, place }: Placed, error: Error): void {
    const former = this.#broken.get(batch)
    if (former === undefined || place < former.place) this.#broken.set(batch, { place, error })
  }

  /** Why this one is to be refused; `undefined`: it is not. */
  reason({ batch, place }: Placed): Error | undefined {
    const broken = this.#broken.get(batch)
    return broken !== undefined && place > broken.place ? broken.error : undefined
  }
}
