import { performance } from 'node:perf_hooks'
import { afterEach, describe, expect, it } from 'vitest'
import type { JobLocks } from '../../../src/ports/job-locks.ts'
import type { ExecutionKey } from '../../../src/ports/store.ts'
import { until } from '../worker/harness.ts'
import { executions, untilHealth, useRedis } from './redis-harness.ts'

const redis = useRedis({ ours: true })

/** What a claim waits for a Redis that does not answer, once. */
const ONE_WAIT_MS = 150

/** How long a claim waits for its locks. */
async function takes(
  locks: JobLocks,
  keys: readonly ExecutionKey[],
): Promise<{ readonly through: readonly ExecutionKey[]; readonly ms: number }> {
  const began = performance.now()
  const through = await locks.take(keys)
  return { through, ms: performance.now() - began }
}

afterEach(async () => {
  redis.services[0]?.resume()
  await redis.services[0]?.restart()
})

describe('while Redis', () => {
  it('was never there, every claim is let through at once, and health says what to do', async () => {
    await redis.services[0]!.kill()
    const one = redis.open('one')
    await until(() => one.logged.length > 0, 'a line in the log')
    const keys = executions(5)
    let waited = 0
    for (let round = 0; round < 20; round += 1) {
      const { through, ms } = await takes(one.locks, keys)
      expect(through).toEqual(keys)
      waited += ms
    }
    expect(waited).toBeLessThan(ONE_WAIT_MS)
    expect(one.locks.health()).toMatchObject({
      status: 'degraded',
      detail: expect.stringContaining('Start Redis, or correct cache.redis.nodes') as unknown,
      facts: { nodes: 1, answering: 0, held: 0 },
    })
    await redis.services[0]!.restart()
    await untilHealth(one.locks, 'ok')
    const other = await redis.ready('other')
    // What was let through while it was away is locked now.
    await until(async () => (await redis.lockOf(keys[4]!)) === 'one:1', 'the lock')
    expect(await other.locks.take(keys)).toEqual([])
    expect(one.lost).toEqual([])
  })

  it('goes and comes back, claims are let through, and locks are there again afterwards', async () => {
    const one = await redis.ready('one')
    const keys = executions(3)
    await one.locks.take(keys)
    await redis.services[0]!.kill()
    await untilHealth(one.locks, 'degraded')
    const during = executions(2)
    const { through, ms } = await takes(one.locks, during)
    expect(through).toEqual(during)
    expect(ms).toBeLessThan(ONE_WAIT_MS)
    one.locks.release([keys[0]!])
    await redis.services[0]!.restart()
    await untilHealth(one.locks, 'ok')
    await until(async () => (await redis.lockOf(during[1]!)) === 'one:1', 'the lock')
    expect(await redis.lockOf(keys[1]!)).toBe('one:1')
    expect(await redis.lockOf(keys[0]!)).toBeNull()
    expect(one.lost).toEqual([])
    expect(one.logged.map(({ level }) => level)).toEqual(['warn', 'info'])
  })

  it('does not answer, one claim waits a moment for it, and the next ones not at all', async () => {
    const one = await redis.ready('one')
    const before = executions(2)
    await one.locks.take(before)
    redis.services[0]!.pause()
    const keys = executions(2)
    const first = await takes(one.locks, keys)
    expect(first.through).toEqual(keys)
    expect(first.ms).toBeGreaterThan(ONE_WAIT_MS - 20)
    expect(first.ms).toBeLessThan(5 * ONE_WAIT_MS)
    expect(one.locks.health().status).toBe('degraded')
    let waited = 0
    for (let round = 0; round < 20; round += 1) {
      const { through, ms } = await takes(one.locks, executions(1))
      expect(through).toHaveLength(1)
      waited += ms
    }
    expect(waited).toBeLessThan(ONE_WAIT_MS)
    // It ends while the server is silent: its lock is given back when the server speaks again.
    one.locks.release([before[0]!, keys[0]!])
    redis.services[0]!.resume()
    await untilHealth(one.locks, 'ok')
    await until(async () => (await redis.lockOf(before[0]!)) === null, 'the late release')
    await until(async () => (await redis.lockOf(keys[0]!)) === null, 'the other one')
    await until(async () => (await redis.lockOf(keys[1]!)) === 'one:1', 'the lock')
    expect(await redis.lockOf(before[1]!)).toBe('one:1')
  })

  it('stops answering while nobody asks for a lock, health says so all the same', async () => {
    const one = await redis.ready('one')
    redis.services[0]!.pause()
    await untilHealth(one.locks, 'degraded')
    redis.services[0]!.resume()
    await untilHealth(one.locks, 'ok')
  })

  it('is emptied, what is held is locked again, and nothing is lost', async () => {
    const one = await redis.ready('one', { leaseMs: 900 })
    const keys = executions(2)
    await one.locks.take(keys)
    await redis.client().flushall()
    await until(async () => (await redis.lockOf(keys[1]!)) === 'one:1', 'the lock')
    expect(await redis.lockOf(keys[0]!)).toBe('one:1')
    expect(one.lost).toEqual([])
  })

  it('is away, the end of an instance is not held up', async () => {
    const one = await redis.ready('one')
    await one.locks.take(executions(2))
    redis.services[0]!.pause()
    const began = performance.now()
    await one.locks.stop()
    await one.close()
    expect(performance.now() - began).toBeLessThan(3_000)
  })
})

describe('this thread standing still for longer than a claim waits', () => {
  it('is not taken for a Redis that does not answer', async () => {
    const one = await redis.ready('one')
    const keys = executions(2)
    const client = redis.client()
    await client.ping()
    // Goes on as a socket has been read: timers come before the next one is.
    await client.ping()
    const taking = one.locks.take(keys)
    const end = performance.now() + 400
    while (performance.now() < end);
    expect(await taking).toEqual(keys)
    expect(one.locks.health()).toMatchObject({ status: 'ok', facts: { held: 2 } })
    expect(one.logged).toEqual([])
  })
})

describe('a password', () => {
  it('is in no line of the log, right or wrong, whatever the server says', async () => {
    const url = new URL(redis.services[0]!.url)
    const right = redis.open('right')
    url.password = 'wr%C3%B6ng-%2Fsecret'
    const wrong = redis.open('wrong', { urls: [url.href] })
    await untilHealth(right.locks, 'ok')
    await redis.services[0]!.kill()
    await until(() => right.logged.length > 0 && wrong.logged.length > 0, 'lines')
    const said = JSON.stringify([
      right.logged,
      wrong.logged,
      right.locks.health(),
      wrong.locks.health(),
    ])
    expect(said).toContain('WRONGPASS')
    for (const secret of ['crossdock-test', 'wröng', 'wr%C3', 'secret'])
      expect(said).not.toContain(secret)
    // One line for each change, however often it tries.
    expect(wrong.logged).toHaveLength(1)
    expect(right.logged).toHaveLength(1)
  })
})

describe('a login that may do only what operations.md lists', () => {
  it('locks and wakes, in a database of its own', async () => {
    await redis
      .client()
      .call(
        ...['ACL', 'SETUSER', 'app', 'reset', 'on', '>a/b:c', `~${redis.keyPrefix}:lock:*`],
        ...[`&${redis.keyPrefix}:wake-ups`, '+hello', '+select', '+eval', '+set', '+get', '+del'],
        ...['+publish', '+subscribe', '+ping'],
      )
    const url = new URL(redis.services[0]!.url)
    const address = `redis://app:a%2Fb%3Ac@${url.host}/3`
    const one = redis.open('one', { urls: [address] })
    await untilHealth(one.locks, 'ok')
    const [key] = executions(1)
    expect(await one.locks.take([key!])).toEqual([key])
    const heard: unknown[] = []
    const listening = await one.wakeUps.listen((said) => heard.push(said))
    await until(() => heard.length === 1, 'the subscription')
    const other = redis.open('other', { urls: [address] })
    await untilHealth(other.locks, 'ok')
    await other.wakeUps.announce({ queues: ['mail'], schedules: false })
    await until(() => heard.length === 2, 'the announcement')
    expect(await redis.lockOf(key!)).toBeNull()
    const third = redis.client()
    await third.select(3)
    expect(await third.get(`${redis.keyPrefix}:lock:job:${key!.jobId}`)).toBe('one:1')
    await listening.stop()
    one.locks.release([key!])
    await until(
      async () => (await third.exists(`${redis.keyPrefix}:lock:job:${key!.jobId}`)) === 0,
      'the release',
    )
    expect([...one.logged, ...other.logged]).toEqual([])
  })
})
