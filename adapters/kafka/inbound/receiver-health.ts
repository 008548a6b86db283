import type { AdapterHealth } from '../../../src/ports/adapter.ts'
import type { Flow } from '../../../src/ports/flow.ts'
import type { WatchedLag } from './lag-watch.ts'
import type { Session } from './session.ts'

/** A partition that has records and does not move for so long is told. */
const STILL_MS = 60_000

/** How a subscription is, in words. */
export function receiverHealth({
  session,
  problem,
  lags,
  flow,
}: {
  readonly session: Pick<Session, 'hasJoined' | 'missing'> | undefined
  /** Why it failed, while it does. */
  readonly problem: string | undefined
  readonly lags: readonly WatchedLag[]
  readonly flow: Flow
}): AdapterHealth {
  if (problem !== undefined) return { status: 'down', detail: `${problem}; it is tried again` }
  const missing = session?.missing() ?? []
  if (missing.length > 0) {
    const all = missing.length === 1 ? 'the topic' : 'the topics'
    const be = missing.length === 1 ? 'does' : 'do'
    return { status: 'degraded', detail: `${all} ${missing.join(', ')} ${be} not exist` }
  }
  if (session?.hasJoined() !== true) return { status: 'down', detail: 'not in its group yet' }
  const still = lags.filter(({ stillMs }) => stillMs > STILL_MS)
  const [first] = still
  if (first === undefined || flow.closed() !== undefined) return { status: 'ok' }
  const others = still.length === 1 ? '' : ` and ${still.length - 1} more`
  return {
    status: 'degraded',
    detail: `${first.topic}/${first.partition}${others} has ${first.waiting ?? 'records'} waiting and has not moved for ${Math.round(first.stillMs / 1_000)} s`,
  }
}
