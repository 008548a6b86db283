import { expect, test } from 'vitest'
import type { DeadLetters } from '../../../src/ports/dead-letters.ts'
import { retryFailedHandler } from '../../../src/system/retry-failed.ts'
import { runHandler } from './handler-run.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const HOUR_MS = 3_600_000

interface Letter {
  readonly id: string
  readonly hours: number
  readonly replayedAs?: string
  readonly parentJobId?: string
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
          .map((each) => ({ ...each, createdAt: new Date(NOW - each.hours * HOUR_MS) })),
        next: from + 2 < letters.length ? String(from + 2) : null,
      }
    },
    show: async (id: string) => {
      const parentJobId = letters.find((each) => each.id === id)?.parentJobId ?? null
      return { job: { parentJobId }, replayedAs: undefined }
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
      { id: 'again', hours: 2, parentJobId: 'before' },
      { id: 'done', hours: 3, replayedAs: 'x' },
      { id: 'bad', hours: 4 },
      { id: 'oldest', hours: 23 },
      { id: 'too old', hours: 25 },
      { id: 'not looked at', hours: 26 },
      { id: 'nor this', hours: 27 },
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
