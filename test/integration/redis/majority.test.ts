import { afterEach, describe, expect, it } from 'vitest'
import { until } from '../worker/harness.ts'
import { executions, untilHealth, useRedis } from './redis-harness.ts'

const redis = useRedis({ count: 3, ours: true })

/** Kills servers; they are back after the test. */
async function kill(...nodes: readonly number[]): Promise<void> {
  await Promise.all(nodes.map((node) => redis.services[node]!.kill()))
}

afterEach(async () => {
  await Promise.all(redis.services.map((service) => service.restart()))
})

const answering = (count: number) => ({ facts: { nodes: 3, answering: count } })

describe('with three nodes', () => {
  it('a lock stands on each of them', async () => {
    const one = await redis.ready('one')
    await until(() => one.locks.health().facts?.['answering'] === 3, 'three nodes')
    const [key] = executions(1)
    await one.locks.take([key!])
    for (const node of [0, 1, 2]) expect(await redis.lockOf(key!, node)).toBe('one:1')
  })

  it('one that is down changes nothing, and gets the locks when it is back', async () => {
    await kill(2)
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const keys = executions(3)
    expect(await one.locks.take(keys)).toEqual(keys)
    expect(await other.locks.take(keys)).toEqual([])
    expect(one.locks.health()).toMatchObject({
      status: 'ok',
      detail: '1 of 3 Redis nodes does not answer; locks are kept by the others',
      ...answering(2),
    })
    await redis.services[2]!.restart()
    await until(async () => (await redis.lockOf(keys[2]!, 2)) === 'one:1', 'the lock')
    expect(one.lost).toEqual([])
  })

  it('two that are down leave no majority: claims are let through, and health is degraded', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const keys = executions(2)
    await one.locks.take(keys)
    await kill(0, 1)
    await untilHealth(one.locks, 'degraded')
    await untilHealth(other.locks, 'degraded')
    expect(await other.locks.take(keys)).toEqual(keys)
    expect(other.locks.health()).toMatchObject(answering(1))
    other.locks.release(keys)
    await redis.services[0]!.restart()
    await untilHealth(one.locks, 'ok')
    await until(async () => (await redis.lockOf(keys[0]!, 0)) === 'one:1', 'the lock')
    expect(one.lost).toEqual([])
  })

  it('what only a minority gives is given back', async () => {
    const one = await redis.ready('one')
    await until(() => one.locks.health().facts?.['answering'] === 3, 'three nodes')
    const [key, free] = executions(2)
    for (const node of [0, 1])
      await redis.client(node).set(`${redis.keyPrefix}:lock:job:${key!.jobId}`, 'other:1')
    expect(await one.locks.take([key!, free!])).toEqual([free])
    await until(async () => (await redis.lockOf(key!, 2)) === null, 'the minority to be given back')
    expect(await redis.lockOf(key!, 0)).toBe('other:1')
    expect(await redis.lockOf(free!, 2)).toBe('one:1')
  })

  it('a lock that others have on a minority is not lost; on a majority it is', async () => {
    const one = await redis.ready('one', { leaseMs: 900 })
    await until(() => one.locks.health().facts?.['answering'] === 3, 'three nodes')
    const [minority, majority] = executions(2)
    await one.locks.take([minority!, majority!])
    const steal = async (jobId: string, node: number): Promise<unknown> =>
      redis.client(node).set(`${redis.keyPrefix}:lock:job:${jobId}`, 'thief:2')
    await steal(minority!.jobId, 0)
    await steal(majority!.jobId, 0)
    await steal(majority!.jobId, 1)
    await until(() => one.lost.length > 0, 'the loss')
    expect(one.lost).toEqual([majority])
    // Nothing of it is left on the node where nobody else has it.
    await until(async () => (await redis.lockOf(majority!, 2)) === null, 'the rest')
    expect(await redis.lockOf(minority!, 2)).toBe('one:1')
  })

  it('one that does not answer delays one claim, and no further one', async () => {
    const one = await redis.ready('one')
    await until(() => one.locks.health().facts?.['answering'] === 3, 'three nodes')
    redis.services[1]!.pause()
    const keys = executions(2)
    expect(await one.locks.take(keys)).toEqual(keys)
    expect(one.locks.health()).toMatchObject({ status: 'ok', ...answering(2) })
    const began = performance.now()
    await one.locks.take(executions(1))
    expect(performance.now() - began).toBeLessThan(140)
  })
})
