import { expect, it } from 'vitest'
import { watchHeartBeat } from '../../../adapters/activemq/heart-beat.ts'
import { manualClock } from '../worker/manual-clock.ts'

function setUp(header = '10000,30000') {
  const clock = manualClock()
  let beats = 0
  const silences: number[] = []
  const heartBeat = watchHeartBeat({
    outgoingMs: 30_000,
    incomingMs: 10_000,
    beat: () => {
      beats += 1
    },
    silent: (ms) => silences.push(ms),
    clock,
  })
  heartBeat.begin(header)
  return { clock, heartBeat, silences, beats: () => beats }
}

/** Once around the loop and once more, as it looks. */
async function aroundTheLoop(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

it('is heard three times as often as promised', async () => {
  const { clock, beats, heartBeat } = setUp()
  await clock.advance(60_000)
  expect(beats()).toBe(6)
  heartBeat.end()
  await clock.advance(60_000)
  expect(beats()).toBe(6)
  expect(clock.pending()).toBe(0)
})

it('says that the broker is silent after twice its interval', async () => {
  const { clock, silences, heartBeat } = setUp()
  await clock.advance(19_000)
  heartBeat.heard()
  await clock.advance(19_000)
  await aroundTheLoop()
  expect(silences).toEqual([])
  await clock.advance(5_000)
  await aroundTheLoop()
  expect(silences).toHaveLength(1)
})

it('takes no broker for dead that was heard while the process was blocked', async () => {
  const { clock, silences, heartBeat } = setUp()
  clock.standStill(60_000)
  await clock.advance(10_000)
  // What waited in the socket is read now.
  setImmediate(() => {
    heartBeat.heard()
  })
  await aroundTheLoop()
  expect(silences).toEqual([])
})

it('looks at nothing while nothing is read', async () => {
  const { clock, silences, heartBeat } = setUp()
  heartBeat.pause()
  await clock.advance(120_000)
  await aroundTheLoop()
  expect(silences).toEqual([])
  heartBeat.resume()
  await clock.advance(31_000)
  await aroundTheLoop()
  expect(silences.length).toBeGreaterThan(0)
})

it('does nothing that the broker does not want, or cannot', async () => {
  const { clock, beats } = setUp('0,0')
  await clock.advance(600_000)
  expect([beats(), clock.pending()]).toEqual([0, 0])
})
