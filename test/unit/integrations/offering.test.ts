import { expect, it } from 'vitest'
import { CrossdockError } from '../../../src/domain/errors.ts'
import type { InboundMessage } from '../../../src/domain/message.ts'
import { createOffering } from '../../../src/integrations/offering.ts'
import type { MessageSink } from '../../../src/ports/adapter.ts'
import { OPEN_FLOW } from '../../../src/ports/flow.ts'
import type { Offered, OfferingOptions } from '../../../src/ports/offering.ts'
import { recordingLog } from '../../integration/worker/recording-log.ts'
import { manualClock } from '../worker/manual-clock.ts'

const RETRY_AFTER_MS = 1_000

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

function held(place: number, line = `t/${place}`): Offered {
  const message: InboundMessage = {
    protocol: 'mqtt',
    subscription: 's',
    method: line,
    identity: `m-${place}`,
    body: Buffer.from('x'),
    headers: {},
  }
  return { message, line }
}

function start(deliver: MessageSink['deliver'], more: Partial<OfferingOptions<Offered>> = {}) {
  const clock = manualClock()
  const done: string[] = []
  const offering = createOffering<Offered>(
    { sink: { deliver }, clock },
    {
      flow: OPEN_FLOW,
      isDurable: true,
      settled: (settled) => {
        done.push(...settled.map((one) => one.held.message.identity ?? ''))
      },
      log: recordingLog(),
      ...more,
    },
  )
  return { clock, offering, done }
}

const store: MessageSink['deliver'] = async (messages) =>
  messages.map(() => ({ outcome: 'stored', jobId: 'job' }))

it('asks a closed flow again by one timer, however much arrives meanwhile', async () => {
  let isClosed = true
  let asked = 0
  const { clock, offering, done } = start(store, {
    flow: {
      closed: () => {
        asked += 1
        return isClosed ? { reason: 'paused', retryAfterMs: RETRY_AFTER_MS } : undefined
      },
      onChange: () => () => undefined,
    },
  })
  for (let place = 0; place < 20; place += 1) {
    offering.add(held(place))
    await turn()
  }
  asked = 0
  for (let time = 0; time < 10; time += 1) {
    await clock.advance(RETRY_AFTER_MS)
    await turn()
  }
  expect(asked).toBeGreaterThan(5)
  expect(asked).toBeLessThanOrEqual(10)
  isClosed = false
  await clock.advance(RETRY_AFTER_MS)
  await turn()
  await turn()
  expect(done).toHaveLength(20)
  await offering.finish()
})

it.each([
  ['refused once', 1],
  ['refused for good', Number.POSITIVE_INFINITY],
])('offers a message and those behind it at the end: %s', async (_name, refusals) => {
  let offered = 0
  const refused: Offered[] = []
  const { offering, done } = start(
    async (messages) =>
      messages.map(({ identity }) => {
        if (identity === 'm-0') offered += 1
        return identity === 'm-0' && offered <= refusals
          ? { outcome: 'refused', error: new CrossdockError('database_error', 'not now') }
          : { outcome: 'stored', jobId: 'job' }
      }),
    { isDurable: false, refused: (one) => refused.push(one) },
  )
  offering.add(held(0, 't'))
  await turn()
  await turn()
  expect(offered).toBe(1)
  for (const place of [1, 2]) offering.add(held(place, 't'))
  await offering.finish()
  expect(offered).toBe(2)
  expect(refused).toHaveLength(1)
  expect(done).toEqual(refusals === 1 ? ['m-0', 'm-1', 'm-2'] : ['m-1', 'm-2'])
})

it('lets go of a line: what waits or rests is offered no more, what is in a call still settles', async () => {
  const offers: string[] = []
  const first = Promise.withResolvers<undefined>()
  const { clock, offering, done } = start(async (messages) => {
    offers.push(...messages.map(({ identity }) => identity ?? ''))
    if (offers.length === 1) await first.promise
    return messages.map(({ method }) =>
      method === 'rests'
        ? { outcome: 'refused', error: new CrossdockError('database_error', 'not now') }
        : { outcome: 'stored', jobId: 'job' },
    )
  })
  offering.add(held(0, 'gone'))
  await turn()
  offering.add(held(1, 'gone'))
  offering.add(held(2, 'rests'))
  offering.add(held(3, 'stays'))
  await turn()
  await turn()
  let isDropped = false
  const dropping = offering
    .drop(({ line }) => line !== 'stays')
    .then(() => {
      isDropped = true
    })
  await turn()
  expect(isDropped).toBe(false)
  first.resolve(undefined)
  await dropping
  for (let time = 0; time < 20; time += 1) {
    await clock.advance(10_000)
    await turn()
  }
  expect(offers).toEqual(['m-0', 'm-2', 'm-3'])
  expect(done.toSorted()).toEqual(['m-0', 'm-3'])
  // The line is free for what comes to it later.
  offering.add(held(4, 'gone'))
  await offering.finish()
  expect(done).toContain('m-4')
})

it('goes on when an adapter throws while it is told', async () => {
  const log = recordingLog()
  const told: string[] = []
  const { offering } = start(store, {
    log,
    settled: (settled) => {
      told.push(...settled.map((one) => one.held.message.identity ?? ''))
      throw new Error('a fault of the adapter')
    },
  })
  offering.add(held(0, 't'))
  await turn()
  await turn()
  offering.add(held(1, 't'))
  await offering.finish()
  expect(told).toEqual(['m-0', 'm-1'])
  expect(JSON.stringify(log.lines)).toContain('an adapter failed')
})

it('offers a line in its order, whatever is refused, and others beside it', async () => {
  const stored: string[] = []
  let refusals = 2
  const { clock, offering } = start(async (messages) =>
    messages.map(({ identity = '' }) => {
      if (identity === 'm-1' && refusals > 0) {
        refusals -= 1
        return { outcome: 'refused', error: new CrossdockError('database_error', 'not now') }
      }
      stored.push(identity)
      return { outcome: 'stored', jobId: 'job' }
    }),
  )
  offering.add(held(0, 'a'))
  offering.add(held(1, 'a'))
  await turn()
  await turn()
  for (const place of [2, 3]) offering.add(held(place, 'a'))
  offering.add(held(4, 'b'))
  await turn()
  await turn()
  // Those behind the one that rests wait, another line does not.
  expect(stored).toEqual(['m-0', 'm-4'])
  for (let time = 0; time < 10; time += 1) {
    await clock.advance(1_000)
    await turn()
  }
  expect(stored).toEqual(['m-0', 'm-4', 'm-1', 'm-2', 'm-3'])
  await offering.finish()
})
