import { setTimeout as delay } from 'node:timers/promises'
import { textAt, valueAt } from '../config/loose-value.ts'
import type { RunningInstance } from './application.ts'

/** Longer than a broker nearby takes, and shorter than somebody at a keyboard waits. */
const LIMIT_MS = 2_000
const LOOK_MS = 50

/**
 * Waits until every connection of the instance is well, for a short time: what is printed at the start is true by then of
 * brokers that are there, and one that is away holds nothing up.
 * @param over ends the wait early
 */
export async function untilConnected(
  instance: Pick<RunningInstance, 'status'>,
  over: Promise<unknown>,
  limitMs = LIMIT_MS,
): Promise<void> {
  const end = new AbortController()
  const { signal } = end
  const limit = delay(limitMs, undefined, { signal }).catch(() => undefined)
  const looking = (async () => {
    while (!signal.aborted && !isConnected(await instance.status())) await delay(LOOK_MS)
  })()
  try {
    await Promise.race([looking, limit, over])
  } finally {
    end.abort()
    // What it may still say is nobody's.
    looking.catch(() => undefined)
  }
}

function isConnected(status: object): boolean {
  const connections = valueAt(status, ['integrations', 'connections'])
  return (
    !Array.isArray(connections) ||
    connections.every((one: unknown) => textAt(one, ['health', 'status']) === 'ok')
  )
}
