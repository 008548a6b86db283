import { describe, expect, it } from 'vitest'
import { servedQueues } from '../../../src/app/pools.ts'
import type { JobsConfiguration, QueueConfiguration } from '../../../src/config/configuration.ts'

function served(
  queues: Readonly<Record<string, Partial<QueueConfiguration>>>,
  { workers = 5, only }: { workers?: number; only?: readonly string[] } = {},
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
  const { pools, serves } = servedQueues(jobs, only)
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
