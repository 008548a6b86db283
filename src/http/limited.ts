/** Runs at most `max` of what it is given at once; the others wait for their turn, in order. */
export function createLimited(max: number) {
  let free = max
  const queue: (() => void)[] = []
  return async <T>(run: () => Promise<T>): Promise<T> => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await run()
    } finally {
      // A place goes straight to the next in line: nobody who comes later can take it.
      const next = queue.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
