import { expect, test } from 'vitest'
import type { z } from 'zod'
import { takeOnMajority, type Round } from '../../../src/locks/redis/quorum.ts'
import type { RedisNode } from '../../../src/locks/redis/node.ts'
import { manualClock } from '../worker/manual-clock.ts'

/** What a node says of two locks; `silent`: nothing in time; `down`: it is not asked. */
type Answer = readonly [0 | 1, 0 | 1] | 'silent' | 'down'

const keys = [
  { jobId: 'a', epoch: 1 },
  { jobId: 'b', epoch: 7 },
]

/** One round of nodes that answer so, after `tookMs`. */
async function round(answers: readonly Answer[], tookMs = 0): Promise<Round> {
  const clock = manualClock()
  const nodes = answers.map((answer): RedisNode => ({
    address: {
      name: 'node:6379',
      host: 'node',
      port: 6379,
      username: undefined,
      password: undefined,
      database: 0,
      tls: false,
    },
    isUp: () => answer !== 'down',
    ask: <T>(_send: unknown, shape: z.ZodType<T>) => {
      clock.standStill(tookMs)
      return Promise.resolve(answer === 'silent' ? undefined : shape.parse(answer))
    },
    onUp: () => undefined,
    close: () => undefined,
  }))
  const owner = { keyPrefix: 'test', owner: 'one', timeToLiveMs: 1_000 }
  return await takeOnMajority(nodes, owner, keys, { limitMs: 150, clock })
}

test('a lock is ours when a majority of all nodes gave it, also of those that were not asked', async () => {
  expect(await round([[1, 0]])).toEqual({ verdicts: ['ours', 'others'], stray: [] })
  expect(await round([[1, 1], [1, 0], 'down'])).toEqual({
    verdicts: ['ours', 'split'],
    stray: [keys[1]],
  })
  expect((await round([[1, 0], [1, 0], [0, 1], [0, 0], 'down'])).verdicts).toEqual([
    'split',
    'others',
  ])
})

test('without answers of a majority nothing is known', async () => {
  const cases: readonly (readonly Answer[])[] = [
    ['down'],
    ['silent'],
    [[1, 1], 'down', 'silent'],
    [[1, 1], 'down'],
  ]
  for (const answers of cases) {
    expect(await round(answers)).toEqual({ verdicts: undefined, stray: [] })
  }
})

test('what a minority gave, or a silent node may have given, is to be given back', async () => {
  const others = [0, 0] as const
  expect((await round([[1, 0], others, others])).stray).toEqual([keys[0]])
  expect((await round([others, others, 'silent'])).stray).toEqual(keys)
  expect((await round([others, others, 'down'])).stray).toEqual([])
})

test('a lock is ours only while some of its time to live is left, less the drift of clocks', async () => {
  // 1 % and 2 ms of a second.
  expect((await round([[1, 1]], 987)).verdicts).toEqual(['ours', 'ours'])
  expect((await round([[1, 1]], 988)).verdicts).toBeUndefined()
})
