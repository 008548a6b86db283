/** Something to run beside others. */
export interface Task<Result> {
  /** How many of the places it takes while it runs: roughly how many processes it keeps busy. */
  readonly places: number
  run(): Promise<Result>
}

/**
 * Runs tasks in their order, each as soon as enough places are free; one that needs more than are free lets
 * those behind it go first. A task that needs more than there are runs alone. Nothing further begins once
 * `isOver` says so. The results are in the order of the tasks, without those that did not begin.
 */
export async function runSideBySide<Result>(
  tasks: readonly Task<Result>[],
  places: number,
  isOver: () => boolean,
): Promise<Result[]> {
  const waiting = tasks.map((task, index) => ({
    task,
    index,
    places: Math.min(task.places, places),
  }))
  const running = new Set<Promise<void>>()
  const results = new Map<number, Result>()
  let free = places
  while (waiting.length > 0 || running.size > 0) {
    const next = isOver() ? -1 : waiting.findIndex((each) => each.places <= free)
    const [begun] = next === -1 ? [] : waiting.splice(next, 1)
    if (begun === undefined) {
      if (running.size === 0) break
      await Promise.race(running)
      continue
    }
    free -= begun.places
    const ended = begun.task.run().then((result) => {
      results.set(begun.index, result)
      free += begun.places
      running.delete(ended)
    })
    running.add(ended)
  }
  return tasks.flatMap((_, index) => {
    const result = results.get(index)
    return result === undefined ? [] : [result]
  })
}
