import { describe, expect, it } from 'vitest'
import type { TurnKey } from '../../../src/domain/turn.ts'
import { createTurnGiver } from '../../../src/worker/turns.ts'
import type { Announcement, WakeUpChannel } from '../../../src/ports/wake-ups.ts'
import { startWakeUps } from '../../../src/worker/wake-ups.ts'
import { silentLog, storeErrors } from '../ingest/fake-store.ts'
import { manualClock, settled } from './manual-clock.ts'

const key = (orderingKey: string): TurnKey => ({ tenantId: null, orderingKey })

async function setUp() {
  const clock = manualClock()
  let hear: (heard: Announcement) => void = () => undefined
  const channel: WakeUpChannel = {
    listen: (listener) => {
      hear = listener
      return Promise.resolve({ stop: () => Promise.resolve() })
    },
    announce: () => Promise.resolve(),
  }
  const wakeUps = await startWakeUps({ channels: [channel], clock, log: silentLog })
  const seen = {
    given: [] as string[][],
    walks: [] as (string | null)[],
    looks: 0,
    /** Where the steps of a round end. */
    ends: [null] as (string | null)[],
    away: false,
    woken: [] as string[][],
  }
  wakeUps.onReady((queues) => seen.woken.push([...(queues ?? ['any'])]))
  const ask = <T>(answer: T): Promise<T> =>
    seen.away ? Promise.reject(storeErrors.away()) : Promise.resolve(answer)
  const giver = createTurnGiver({
    store: {
      giveTurns: (keys) => {
        seen.given.push(keys.map(({ orderingKey }) => orderingKey))
        return ask({ queues: ['q'], count: keys.length })
      },
      walkTurns: ({ after }) => {
        seen.walks.push(after)
        const place = after === null ? -1 : seen.ends.indexOf(after)
        return ask({ queues: [], count: 0, after: seen.ends[place + 1] ?? null })
      },
      lateTurns: () => {
        seen.looks += 1
        return ask({ queues: [], count: 0, since: '1', more: false })
      },
    },
    wakeUps,
    clock,
    log: silentLog,
  })
  /** Its INSERT is committed, in whatever queue. */
  const otherProgram = (): void => {
    hear({ queues: null, schedules: false })
  }
  return { clock, wakeUps, otherProgram, seen, giver }
}

describe('who gives turns', () => {
  it('gives those that are asked for together, each once, and wakes their queues', async () => {
    const { wakeUps, seen, giver } = await setUp()
    giver.start()
    wakeUps.turns([key('a'), key('b')])
    wakeUps.turns([key('a')])
    await settled()
    expect(seen.given).toEqual([['a', 'b']])
    expect(seen.woken).toEqual([['q']])
  })

  it('walks along all lanes at the start, and then a part of them each second', async () => {
    const { clock, seen, giver } = await setUp()
    seen.ends = ['1', '2', '3', '4', '5', '6', '7', null]
    giver.start()
    await settled()
    expect(seen.walks).toEqual([null, '1', '2', '3', '4', '5', '6', '7'])
    await clock.advance(1_000)
    expect(seen.walks.slice(8)).toEqual([null, '1', '2', '3', '4'])
    await clock.advance(1_000)
    expect(seen.walks.slice(13)).toEqual(['5', '6', '7'])
  })

  it('walks on though other programs wake it all the time', async () => {
    const { clock, otherProgram, seen, giver } = await setUp()
    giver.start()
    await settled()
    for (let round = 0; round < 50; round += 1) {
      otherProgram()
      await clock.advance(100)
    }
    expect(seen.looks).toBeGreaterThanOrEqual(50)
    expect(seen.walks.length).toBeGreaterThanOrEqual(5)
    expect(seen.walks.length).toBeLessThanOrEqual(7)
  })

  it('goes on by its sweeps after the database was away', async () => {
    const { clock, wakeUps, seen, giver } = await setUp()
    seen.away = true
    giver.start()
    wakeUps.turns([key('a')])
    await clock.advance(3_000)
    seen.away = false
    const { walks } = seen
    const before = walks.length
    await clock.advance(2_000)
    expect(walks.length).toBeGreaterThan(before)
    wakeUps.turns([key('b')])
    await settled()
    expect(seen.given.at(-1)).toEqual(['b'])
  })

  it('ends when it is stopped, and gives what was asked for before', async () => {
    const { clock, wakeUps, seen, giver } = await setUp()
    giver.start()
    wakeUps.turns([key('a')])
    await giver.stop()
    expect(seen.given).toEqual([['a']])
    wakeUps.turns([key('b')])
    await clock.advance(5_000)
    expect(seen.given).toEqual([['a']])
  })
})
