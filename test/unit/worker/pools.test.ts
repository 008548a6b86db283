import { describe, expect, it } from 'vitest'
import { servedQueues } from '../../../src/app/pools.ts'
import type { JobsConfiguration, QueueConfiguration } from '../../../src/config/configuration.ts'

function served(
  queues: Readonly<Record<string, Partial<QueueConfiguration>>>,
  {
    workers = 5,
    only,
    published = [],
  }: { workers?: number; only?: readonly string[]; published?: readonly string[] } = {},
) {
  const jobs = {
    workers,
    queues: Object.fromEntries(
      Object.entries(queues).map(([name, queue]) => [
        name,
        { workers: 2, paused: false, ...queue },
      ]),
    ),
  } as unknown as JobsConfiguration
  const { pools, serves } = servedQueues(
    jobs,
    only,
    published.map((queue) => ({ name: queue, queue, workers: 100 })),
  )
  return {
    pools: pools.map(({ name, queue, workers: count }) => [name, queue, count]),
    serves: (...names: string[]) => names.map((name) => serves(name)),
  }
}

describe('the pools', () => {
  it('are one for every queue, unless queues are listed', () => {
    const { pools, serves } = served({})
    expect(pools).toEqual([['rest', undefined, 5]])
    expect(serves('default', 'any')).toEqual([true, true])
  })

  it('are one for each listed queue, and one for the rest', () => {
    const { pools, serves } = served({ mail: { workers: 3 } })
    expect(pools).toEqual([
      ['mail', 'mail', 3],
      ['rest', undefined, 5],
    ])
    expect(serves('mail', 'default')).toEqual([true, true])
  })

  it('are there for a paused queue too, which somebody may resume', () => {
    const { pools, serves } = served({ paused: { paused: true } })
    expect(pools[0]).toEqual(['paused', 'paused', 2])
    expect(serves('paused')).toEqual([true])
  })

  it('leave a queue without workers to nobody: not to the rest either', () => {
    const { pools, serves } = served({ none: { workers: 0 } })
    expect(pools).toEqual([['rest', undefined, 5]])
    expect(serves('none', 'default')).toEqual([false, true])
  })

  it('are narrowed to some queues', () => {
    const only = ['mail']
    const listed = served({ mail: {}, other: {} }, { only })
    expect(listed.pools).toEqual([['mail', 'mail', 2]])
    expect(listed.serves('mail', 'other', 'default')).toEqual([true, false, false])

    const unlisted = served({ other: {} }, { only })
    expect(unlisted.pools).toEqual([['rest', undefined, 5]])
    expect(unlisted.serves('mail', 'other', 'default')).toEqual([true, false, false])

    const both = served({ mail: {} }, { only: ['mail', 'default'] })
    expect(both.pools).toHaveLength(2)
    expect(both.serves('mail', 'default', 'third')).toEqual([true, true, false])
  })

  it('have no workers for the rest where there are to be none', () => {
    const { pools } = served({ mail: {} }, { workers: 0 })
    expect(pools).toEqual([['mail', 'mail', 2]])
  })

  it('know a queue by the very name, also one that objects have', () => {
    const { serves } = served({ mail: {} })
    expect(serves('Mail', 'mail ', 'constructor', '__proto__')).toEqual([true, true, true, true])
  })
})

describe('the pools of publications', () => {
  const published = ['kafka:a', 'kafka:b']

  it('are one each, as large as may be in flight, and no part of the rest', () => {
    const { pools, serves } = served({ 'kafka:b': { workers: 3 } }, { published })
    expect(pools).toEqual([
      ['kafka:a', 'kafka:a', 100],
      ['kafka:b', 'kafka:b', 100],
      ['rest', undefined, 5],
    ])
    expect(serves('kafka:a', 'kafka:elsewhere')).toEqual([true, true])
  })

  it('rest where their queue has no workers, and nobody else takes their messages', () => {
    const { pools, serves } = served({ 'kafka:b': { workers: 0 } }, { published })
    expect(pools).toEqual([
      ['kafka:a', 'kafka:a', 100],
      ['rest', undefined, 5],
    ])
    expect(serves(...published)).toEqual([true, false])
  })

  it('are there where their queue is paused: somebody may resume it', () => {
    const { pools } = served({ 'kafka:a': { paused: true } }, { published })
    expect(pools[0]).toEqual(['kafka:a', 'kafka:a', 100])
  })

  it('are narrowed by --queues as others are', () => {
    const { pools, serves } = served({}, { published, only: ['kafka:a'] })
    expect(pools).toEqual([['kafka:a', 'kafka:a', 100]])
    expect(serves('kafka:a', 'kafka:b', 'default')).toEqual([true, false, false])
  })
})
