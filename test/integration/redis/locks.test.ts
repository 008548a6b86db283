import { describe, expect, it } from 'vitest'
import { until } from '../worker/harness.ts'
import { executions, useRedis } from './redis-harness.ts'

const redis = useRedis()

describe('locks in Redis', () => {
  it('are given for what is free of a claim, and not for the rest', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const keys = executions(6)
    expect(await one.locks.take([keys[1]!, keys[4]!])).toEqual([keys[1], keys[4]])
    expect(await other.locks.take(keys)).toEqual([keys[0], keys[2], keys[3], keys[5]])
    expect(await one.locks.take(keys)).toEqual([keys[1], keys[4]])
    expect(await redis.lockOf(keys[1]!)).toBe('one:1')
    expect(await redis.lockOf(keys[0]!)).toBe('other:1')
  })

  it('are given for thousands of executions by one call', async () => {
    const one = await redis.ready('one')
    const keys = executions(1_201)
    expect(await one.locks.take(keys)).toEqual(keys)
    expect(one.locks.health()).toMatchObject({ status: 'ok', facts: { held: 1_201 } })
    expect(await one.locks.take([])).toEqual([])
  })

  it('let others in soon after they were given back', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const keys = executions(3)
    await one.locks.take(keys)
    one.locks.release([keys[0]!])
    one.locks.release([keys[2]!, ...executions(1)])
    await until(async () => (await redis.lockOf(keys[2]!)) === null, 'the release')
    expect(await other.locks.take(keys)).toEqual([keys[0], keys[2]])
  })

  it('go to a newer execution of the same owner, whose older one can neither take nor release them', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const [key] = executions(1)
    const newer = { ...key!, epoch: 10 }
    await one.locks.take([{ ...key!, epoch: 9 }])
    expect(await other.locks.take([newer])).toEqual([])
    expect(await one.locks.take([newer])).toEqual([newer])
    expect(await redis.lockOf(newer)).toBe('one:10')
    expect(await one.locks.take([{ ...key!, epoch: 9 }])).toEqual([])
    one.locks.release([{ ...key!, epoch: 9 }])
    const [last] = executions(1)
    await one.locks.take([last!])
    one.locks.release([last!])
    await until(async () => (await redis.lockOf(last!)) === null, 'a later release')
    expect(await redis.lockOf(newer)).toBe('one:10')
    one.locks.release([newer])
    await until(async () => (await redis.lockOf(newer)) === null, 'the release')
  })

  it('are not given back when the same execution takes them again before the release was sent', async () => {
    const one = await redis.ready('one')
    const keys = executions(2)
    await one.locks.take(keys)
    one.locks.release(keys)
    expect(await one.locks.take([keys[0]!])).toEqual([keys[0]])
    await until(async () => (await redis.lockOf(keys[1]!)) === null, 'the release')
    expect(await redis.lockOf(keys[0]!)).toBe('one:1')
  })

  it('live on beyond their time to live, until they are given back', async () => {
    const one = await redis.ready('one', { leaseMs: 600 })
    const [key] = executions(1)
    await one.locks.take([key!])
    const client = redis.client()
    const name = `${redis.keyPrefix}:lock:job:${key!.jobId}`
    let prolonged = 0
    let before = await client.pttl(name)
    // The time to live jumps up at each prolongation, a third of it after the last: four are more than a life.
    await until(async () => {
      const left = await client.pttl(name)
      if (left > before) prolonged += 1
      before = left
      return prolonged >= 4
    }, 'four prolongations')
    expect(await redis.lockOf(key!)).toBe('one:1')
    expect(one.lost).toEqual([])
  })

  it('end by themselves when their owner has died', async () => {
    const other = await redis.ready('other', { leaseMs: 1_000 })
    const [key] = executions(1)
    const client = redis.client()
    await client.set(`${redis.keyPrefix}:lock:job:${key!.jobId}`, 'dead:1', 'PX', 300)
    expect(await other.locks.take([key!])).toEqual([])
    await until(async () => (await other.locks.take([key!])).length === 1, 'the lock')
  })

  it('are taken again, and not lost, when their keys were deleted', async () => {
    const one = await redis.ready('one', { leaseMs: 1_500 })
    const keys = executions(2)
    await one.locks.take(keys)
    const client = redis.client()
    await client.del(...keys.map(({ jobId }) => `${redis.keyPrefix}:lock:job:${jobId}`))
    await until(async () => (await redis.lockOf(keys[0]!)) === 'one:1', 'the lock')
    expect(await redis.lockOf(keys[1]!)).toBe('one:1')
    expect(one.lost).toEqual([])
  })

  it('are told to be lost, once, when somebody else has them', async () => {
    const one = await redis.ready('one', { leaseMs: 900 })
    const keys = executions(2)
    await one.locks.take(keys)
    await redis.client().set(`${redis.keyPrefix}:lock:job:${keys[0]!.jobId}`, 'thief:2')
    await until(() => one.lost.length > 0, 'the loss')
    expect(one.lost).toEqual([keys[0]])
    expect(one.locks.health()).toMatchObject({ facts: { held: 1 } })
    // A release of what was lost leaves the other's lock alone.
    one.locks.release(keys)
    await until(async () => (await redis.lockOf(keys[1]!)) === null, 'the release')
    expect(await redis.lockOf(keys[0]!)).toBe('thief:2')
    expect(one.lost).toEqual([keys[0]])
  })

  it('are all given back at the end, which may come twice', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const keys = executions(700)
    await one.locks.take(keys)
    await Promise.all([one.locks.stop(), one.locks.stop()])
    expect(await other.locks.take(keys)).toEqual(keys)
    expect(await one.locks.take(keys)).toHaveLength(0)
    await one.close()
    await one.close()
    expect(await one.locks.take(keys)).toEqual(keys)
  })
})
