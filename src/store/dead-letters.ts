import type { Direction } from '../domain/job-type.ts'
import type { DeadLetter, DeadLetterRequest, DeadLetterStore } from '../ports/dead-letters.ts'

/** How much of the table one statement looks at, in places of the order of arrival. */
const WINDOW = 50_000n

/** How long one call looks, in milliseconds: then it answers with what it has, and where to go on. */
const PATIENCE_MS = 2_000

/** The columns that a {@link DeadLetter} is made of; `subscription` is each dialect's own. */
export const DEAD_LETTER_COLUMNS = `id, seq, handler, protocol, direction, method, queue, deadreason,
        left(lasterror, 1000) AS error, tenantid, retrycount, createdon, startedat, coalesce(completedat, modifiedon) AS diedat`

/** A row of {@link DEAD_LETTER_COLUMNS}; a bigint is text. */
export interface DeadLetterRow {
  id: string
  seq: string
  handler: string
  protocol: string | null
  direction: Direction
  method: string | null
  queue: string
  subscription: string | null
  deadreason: string
  error: string | null
  tenantid: string | null
  retrycount: number
  createdon: Date
  diedat: Date
  startedat: Date | null
}

/** A dead letter as its row says. */
function deadLetterOf(row: DeadLetterRow): DeadLetter {
  return {
    id: row.id,
    seq: row.seq,
    handler: row.handler,
    protocol: row.protocol,
    direction: row.direction,
    method: row.method,
    queue: row.queue,
    subscription: row.subscription,
    deadReason: row.deadreason,
    error: row.error,
    tenantId: row.tenantid,
    retryCount: row.retrycount,
    createdAt: row.createdon,
    diedAt: row.diedat,
    startedAt: row.startedat,
  }
}

/** A part of the order of arrival. */
export interface Window {
  /** The first place of it. */
  readonly from: string
  /** The first place behind it. */
  readonly below: string
  readonly limit: number
  readonly direction: 'ASC' | 'DESC'
}

/** What a dialect does of a walk. */
interface WalkSteps {
  /** The first and the last place there is; `undefined`: the table is empty. */
  readonly bounds: () => Promise<{ readonly first: bigint; readonly last: bigint } | undefined>
  /** The dead letters of a window. */
  readonly look: (window: Window) => Promise<readonly DeadLetterRow[]>
}

/**
 * Walks the order of arrival, window by window. No index is made for dead letters: each costs every change of status,
 * and what is looked for are a few rows among the finished, by people.
 */
export async function walkDeadLetters(
  { order, after, limit }: DeadLetterRequest,
  { bounds, look }: WalkSteps,
): ReturnType<DeadLetterStore['find']> {
  const known = await bounds()
  if (known === undefined) return { rows: [], next: null, last: null }
  const { first, last } = known
  const until = performance.now() + PATIENCE_MS
  const rows: DeadLetter[] = []
  const isOldestFirst = order === 'oldest'
  // What has not been looked at: from `low` to `high`, both included.
  let low = isOldestFirst && after !== null && BigInt(after) >= first ? BigInt(after) + 1n : first
  let high = !isOldestFirst && after !== null && BigInt(after) <= last ? BigInt(after) - 1n : last
  while (low <= high && rows.length < limit && performance.now() < until) {
    const most = limit - rows.length
    const from = isOldestFirst ? low : larger(low, high - WINDOW + 1n)
    const below = isOldestFirst ? smaller(high, low + WINDOW - 1n) + 1n : high + 1n
    const found = await look({
      from: String(from),
      below: String(below),
      limit: most,
      direction: isOldestFirst ? 'ASC' : 'DESC',
    })
    rows.push(...found.map(deadLetterOf))
    const lastFound = found.length === most ? found.at(-1) : undefined
    if (isOldestFirst) low = lastFound === undefined ? below : BigInt(lastFound.seq) + 1n
    else high = lastFound === undefined ? from - 1n : BigInt(lastFound.seq) - 1n
  }
  const next = low > high ? null : String(isOldestFirst ? low - 1n : high + 1n)
  return { rows, next, last: String(last) }
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b
}
