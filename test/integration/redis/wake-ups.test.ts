import { afterEach, describe, expect, it } from 'vitest'
import { ANYTHING, type Announcement, type WakeUpChannel } from '../../../src/ports/wake-ups.ts'
import { until } from '../worker/harness.ts'
import { untilHealth, useRedis } from './redis-harness.ts'

const redis = useRedis({ ours: true })

let stops: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const stop of stops) await stop()
  stops = []
  await redis.services[0]?.restart()
})

/** What a channel hears, the first word that anything may be left out. */
async function hear(channel: WakeUpChannel): Promise<Announcement[]> {
  const heard: Announcement[] = []
  const { stop } = await channel.listen((said) => heard.push(said))
  stops.push(stop)
  await until(() => heard.length > 0, 'the subscription')
  expect(heard.splice(0)).toEqual([ANYTHING])
  return heard
}

const jobs = (...queues: readonly string[]): Announcement => ({ queues, schedules: false })

describe('wake-ups over Redis', () => {
  it('are heard by the others, and not by who announces', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const heardByOne = await hear(one.wakeUps)
    const heardByOther = await hear(other.wakeUps)
    await one.wakeUps.announce(jobs('mail', 'ünicode'))
    await one.wakeUps.announce({ queues: null, schedules: true })
    await other.wakeUps.announce(jobs('last'))
    await until(() => heardByOne.length > 0 && heardByOther.length > 1, 'the announcements')
    expect(heardByOther).toEqual([jobs('mail', 'ünicode'), { queues: null, schedules: true }])
    expect(heardByOne).toEqual([jobs('last')])
  })

  it('mean anything where they are not ours, so that a PUBLISH of any text wakes all', async () => {
    const one = await redis.ready('one')
    const heard = await hear(one.wakeUps)
    const client = redis.client()
    const texts = [
      '',
      'hello',
      '[]',
      '{"from":"x","queues":"mail","schedules":false}',
      '{"from":1}',
    ]
    for (const text of texts) {
      expect(await client.publish(`${redis.keyPrefix}:wake-ups`, text)).toBe(1)
    }
    await until(() => heard.length === texts.length, 'the announcements')
    expect(heard).toEqual(texts.map(() => ANYTHING))
  })

  it('name no queues where there are too many to name', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const heard = await hear(other.wakeUps)
    await one.wakeUps.announce(jobs(...Array.from({ length: 10_000 }, (_, n) => `queue-${n}`)))
    await until(() => heard.length > 0, 'the announcement')
    expect(heard).toEqual([{ queues: null, schedules: false }])
  })

  it('say that anything may be when the server was away, and go on', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const heard = await hear(other.wakeUps)
    await redis.services[0]!.kill()
    await untilHealth(one.locks, 'degraded')
    await expect(one.wakeUps.announce(jobs('mail'))).rejects.toMatchObject({
      code: 'cache_unavailable',
      retryable: true,
    })
    await redis.services[0]!.restart()
    await until(() => heard.length > 0, 'the reconnect')
    expect(heard.splice(0)).toEqual([ANYTHING])
    await untilHealth(one.locks, 'ok')
    await one.wakeUps.announce(jobs('mail'))
    await until(() => heard.length > 0, 'the announcement')
    expect(heard).toEqual([jobs('mail')])
  })

  it('do not wait for a server that is not there, and are heard once it is', async () => {
    await redis.services[0]!.kill()
    const one = redis.open('one')
    const heard: Announcement[] = []
    const { stop } = await one.wakeUps.listen((said) => heard.push(said))
    stops.push(stop)
    expect(heard).toEqual([])
    await redis.services[0]!.restart()
    await until(() => heard.length > 0, 'the subscription')
    expect(heard).toEqual([ANYTHING])
  })

  it('are heard no more after the end', async () => {
    const [one, other] = [await redis.ready('one'), await redis.ready('other')]
    const heard = await hear(other.wakeUps)
    const stop = stops.pop()!
    await stop()
    await stop()
    await until(async () => {
      const counts = await redis.client().pubsub('NUMSUB', `${redis.keyPrefix}:wake-ups`)
      return counts[1] === 0
    }, 'the subscription to end')
    await one.wakeUps.announce(jobs('mail'))
    expect(heard).toEqual([])
  })
})
