import { setTimeout as delay } from 'node:timers/promises'

const SHORTEST_MS = 5
const LONGEST_MS = 50

/**
 * Waits until a loop that waits for something should look again: after a twentieth of what it has waited, so that what
 * comes soon is seen soon, and what takes seconds is not asked for a hundred times in each, on the processors of all.
 * @param from when the loop began, by `performance.now()`
 */
export async function nextLook(from: number): Promise<void> {
  const waited = performance.now() - from
  await delay(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, waited / 20)))
}
