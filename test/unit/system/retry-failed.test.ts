import { expect, test } from 'vitest'
import type { DeadLetters } from '../../../src/ports/dead-letters.ts'
import { retryFailedHandler } from '../../../src/system/retry-failed.ts'
import { runHandler } from './handler-run.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const HOUR_MS = 3_600_000

interface Letter {
  readonly id: string
  /** So long ago it died. */
  readonly hours: number
  readonly replayedAs?: string
  readonly parentJobId?: string
  readonly metadata?: object
}

/** Dead letters, the latest first, two on a page. */
function setUp(letters: readonly Letter[], refuses: readonly string[] = []) {
  const asked: string[] = []
  const pages: (string | null)[] = []
  const double = {
    list: async ({ after }: { readonly after: string | null }) => {
      pages.push(after)
      const from = Number(after ?? 0)
      return {
        rows: letters
          .slice(from, from + 2)
          .map((each) => ({ ...each, diedAt: new Date(NOW - each.hours * HOUR_MS) })),
        next: from + 2 < letters.length ? String(from + 2) : null,
      }
    },
    show: async (id: string) => {
      const nothing = { parentJobId: null, metadata: null }
      const job = { ...nothing, ...letters.find((each) => each.id === id) }
      return { job, replayedAs: undefined }
    },
    replay: async (id: string) => {
      asked.push(id)
      return { outcome: refuses.includes(id) ? 'refused' : 'replayed' }
    },
  }
  const deadLetters = double as unknown as DeadLetters
  const handler = retryFailedHandler({ deadLetters: () => deadLetters, now: async () => NOW })
  const run = async (payload: unknown): Promise<unknown> =>
    await runHandler(handler, { input: handler.input!.parse(payload) })
  return { asked, pages, run, handler }
}

test('its schedule is off', () => {
  expect(setUp([]).handler.schedule).toMatchObject({ enabled: false, everySeconds: 3_600 })
})

test('it replays each dead letter of the last day once, the oldest first, and no replay', async () => {
  const { asked, pages, run } = setUp(
    [
      { id: 'latest', hours: 1 },
      { id: 'again', hours: 2, metadata: { replay_of: 'before' } },
      { id: 'done', hours: 3, replayedAs: 'x' },
      { id: 'bad', hours: 4 },
      { id: 'oldest', hours: 23 },
      { id: 'too old', hours: 25 },
    ],
    ['bad'],
  )
  expect(await run(null)).toEqual({ replayed: 2, refused: 1, left: 0 })
  expect(asked).toEqual(['oldest', 'bad', 'latest'])
  expect(pages).toEqual([null, '2', '4'])
})

test('it takes so many at most, and says what it left', async () => {
  const { asked, run } = setUp(
    ['d', 'c', 'b', 'a'].map((id, index) => ({ id, hours: index + 0.5 })),
  )
  expect(await run({ limit: 2, max_age_hours: 3 })).toEqual({ replayed: 2, refused: 0, left: 1 })
  expect(asked).toEqual(['b', 'c'])
})

test('what names a parent is no replay for that; what says that it is one, is', async () => {
  const { asked, run } = setUp([
    { id: 'again', hours: 1, parentJobId: 'p', metadata: { replay_of: 'p' } },
    { id: 'keyed', hours: 1, parentJobId: 'p', metadata: { key: 'k' } },
    { id: 'enqueued', hours: 1, parentJobId: 'p' },
  ])
  expect(await run(null)).toEqual({ replayed: 2, refused: 0, left: 0 })
  expect(asked).toEqual(['enqueued', 'keyed'])
})

test('it finds what came long ago and died lately, and ends where nothing has for ten looks', async () => {
  const old = (count: number) => Array.from({ length: count }, () => ({ id: 'old', hours: 99 }))
  const { asked, pages, run } = setUp([
    ...old(18),
    { id: 'late', hours: 1 },
    ...old(21),
    { id: 'too far', hours: 1 },
    ...old(9),
  ])
  expect(await run(null)).toEqual({ replayed: 1, refused: 0, left: 0 })
  expect(asked).toEqual(['late'])
  expect(pages).toHaveLength(20)
})
