import { describe, expect, it } from 'vitest'
import { backOffMs } from '../../../src/integrations/back-off.ts'
import { FIRST_TRY_MS, START_LIMIT_MS, STOP_LIMIT_MS } from '../../../src/integrations/unit.ts'
import { unitHealth } from '../../../src/integrations/unit-health.ts'
import type { OutboundMessage } from '../../../src/ports/outbound.ts'
import { settled } from '../worker/manual-clock.ts'
import { setUpUnit } from './unit-set-up.ts'

const away = new Error('connect ECONNREFUSED mqtt://user:secret@broker:1883')

const message: OutboundMessage = {
  id: 'job-1',
  payload: new Uint8Array(),
  contentType: undefined,
  key: undefined,
  headers: {},
  target: {},
  attempt: 1,
}

describe('the wait after a failure', () => {
  it('grows from 1 s to 15 s and up to twice as long by chance, never past 30 s', () => {
    const shortest = [1, 2, 3, 4, 5, 6, 1_000].map((failures) => backOffMs(failures, () => 0))
    expect(shortest).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
    expect(backOffMs(1, () => 0.999)).toBeCloseTo(1_999)
    expect(backOffMs(1_000, () => 0.999)).toBeLessThan(30_000)
  })
})

describe('a connection that does not start', () => {
  it('is tried again for ever, ever more seldom, with one line in the log', async () => {
    const { clock, log, starts, unit } = setUpUnit()
    const first = unit.start()
    starts[0]?.fail(away)
    expect(await first).toEqual({ error: away })
    for (const [index, waitMs] of [1_000, 2_000, 4_000, 8_000, 15_000, 15_000].entries()) {
      expect(starts).toHaveLength(index + 1)
      await clock.advance(waitMs - 1)
      expect(starts).toHaveLength(index + 1)
      await clock.advance(1)
      expect(starts).toHaveLength(index + 2)
      starts.at(-1)?.fail(away)
      await settled()
    }
    expect(unit.state()).toMatchObject({ phase: 'waiting', failures: 7 })
    const told = (): readonly string[] =>
      log.lines.filter(({ level }) => level !== 'debug').map(({ message: text }) => text)
    expect(told()).toEqual(['a connection failed; it is tried again, ever more seldom'])
    await clock.advance(15_000)
    starts.at(-1)?.succeed()
    await settled()
    expect(unit.state()).toMatchObject({ phase: 'running', failures: 0 })
    expect(told()).toHaveLength(2)
    expect(told()[1]).toBe('a connection works again')
  })

  it('is down, and says why and when the next try is, without the password', async () => {
    const { clock, starts, unit } = setUpUnit()
    const first = unit.start()
    expect(unitHealth(unit)).toEqual({ status: 'down', detail: 'it is being started' })
    starts[0]?.fail(away)
    await first
    expect(unitHealth(unit)).toEqual({
      status: 'down',
      detail: 'connect ECONNREFUSED mqtt://***@broker:1883; the next try is in 1 s',
    })
    await clock.advance(1_000)
    expect(unitHealth(unit).detail).toMatch(/it is being tried again$/)
  })

  it('keeps nobody waiting who starts it for longer than a few seconds', async () => {
    const { clock, starts, unit } = setUpUnit()
    const first = unit.start()
    await clock.advance(FIRST_TRY_MS)
    expect(await first).toBeUndefined()
    starts[0]?.succeed()
    await settled()
    expect(unit.state().phase).toBe('running')
  })
})

describe('a start that hangs', () => {
  it('is given up and told, and stopped should it still come about', async () => {
    const { clock, starts, unit } = setUpUnit()
    void unit.start()
    await clock.advance(START_LIMIT_MS)
    expect(unit.state()).toMatchObject({
      phase: 'waiting',
      lastError: 'it did not start within 30 s',
    })
    await clock.advance(1_000)
    expect(starts).toHaveLength(2)
    starts[1]?.succeed()
    starts[0]?.succeed()
    await settled()
    expect(starts.map(({ stops }) => stops)).toEqual([1, 0])
    expect(unit.state().phase).toBe('running')
  })

  it('is not begun ever again beside those that hang', async () => {
    const { clock, starts, unit } = setUpUnit()
    void unit.start()
    await clock.advance(600_000)
    expect(starts).toHaveLength(3)
    expect(unit.state().lastError).toBe('3 earlier starts still hang')
    starts[0]?.fail(away)
    await clock.advance(30_000)
    expect(starts).toHaveLength(4)
  })
})

describe('a connection that fails while it works', () => {
  it('is stopped first, and started when that is over', async () => {
    const { clock, starts, connected, unit } = setUpUnit()
    const stopping = Promise.withResolvers<void>()
    void unit.start()
    starts[0]?.succeed({ stop: () => stopping.promise })
    await settled()
    starts[0]?.signals.connected(true)
    starts[0]?.signals.failed(away)
    expect(connected).toEqual([true, false])
    await clock.advance(5_000)
    expect(starts).toHaveLength(1)
    stopping.resolve()
    await settled()
    expect(starts).toHaveLength(2)
    // A former start has nothing to say any more.
    starts[1]?.succeed()
    await settled()
    starts[0]?.signals.connected(true)
    starts[0]?.signals.failed(away)
    expect(unit.state()).toMatchObject({ phase: 'running', isConnected: false })
  })

  it('during its start has not started', async () => {
    const { starts, unit } = setUpUnit()
    const first = unit.start()
    starts[0]?.signals.failed(away)
    expect(await first).toEqual({ error: away })
    starts[0]?.succeed()
    await settled()
    expect(starts[0]?.stops).toBe(1)
    expect(unit.state().phase).toBe('waiting')
  })

  it('at the very end of its start has not started either', async () => {
    const { starts, unit } = setUpUnit()
    const first = unit.start()
    starts[0]?.succeed()
    starts[0]?.signals.failed(away)
    await first
    await settled()
    expect(starts[0]?.stops).toBe(1)
    expect(unit.state().phase).toBe('waiting')
  })

  it.each(['before', 'after'])(
    'a moment %s the end of its start is stopped first, and started when that is over',
    async (when) => {
      const { clock, starts, unit } = setUpUnit()
      const stopping = Promise.withResolvers<void>()
      const first = unit.start()
      if (when === 'before') starts[0]?.signals.failed(away)
      starts[0]?.succeed({ stop: () => stopping.promise })
      if (when === 'after') starts[0]?.signals.failed(away)
      expect(await first).toEqual({ error: away })
      await clock.advance(5_000)
      expect(starts.map(({ stops }) => stops)).toEqual([1])
      stopping.resolve()
      await settled()
      expect(starts).toHaveLength(2)
    },
  )

  it('during a start that never ends is started again all the same', async () => {
    const { clock, starts, unit } = setUpUnit()
    void unit.start()
    starts[0]?.signals.failed(away)
    await clock.advance(STOP_LIMIT_MS)
    expect(starts).toHaveLength(2)
    starts[0]?.succeed()
    await settled()
    expect(starts[0]?.stops).toBe(1)
  })

  it('after it has worked for long begins with the shortest wait', async () => {
    const { clock, starts, unit } = setUpUnit()
    void unit.start()
    starts[0]?.fail(away)
    await clock.advance(1_000)
    starts[1]?.fail(away)
    await clock.advance(2_000)
    starts[2]?.succeed()
    await clock.advance(30_000)
    starts[2]?.signals.failed(away)
    expect(unit.state()).toMatchObject({ failures: 1, nextTryInMs: 1_000 })
  })

  it('after it has worked for a moment waits longer than before', async () => {
    const { clock, starts, unit } = setUpUnit()
    void unit.start()
    starts[0]?.fail(away)
    await clock.advance(1_000)
    starts[1]?.succeed()
    await settled()
    starts[1]?.signals.failed(away)
    expect(unit.state()).toMatchObject({ failures: 2, nextTryInMs: 2_000 })
  })
})

describe('a connection that is stopped', () => {
  it('during its start waits for that, and stops what it brings', async () => {
    const { clock, starts, unit } = setUpUnit()
    void unit.start()
    let isStopped = false
    const stopped = unit.stop().then(() => (isStopped = true))
    await clock.advance(1_000)
    expect(isStopped).toBe(false)
    starts[0]?.succeed()
    await stopped
    expect(starts[0]?.stops).toBe(1)
    expect(clock.pending()).toBe(0)
  })

  it('while it waits is not started again', async () => {
    const { clock, starts, unit } = setUpUnit()
    void unit.start()
    starts[0]?.fail(away)
    await settled()
    await unit.stop()
    await unit.stop()
    await clock.advance(60_000)
    expect(starts).toHaveLength(1)
    expect(unitHealth(unit)).toEqual({ status: 'down', detail: 'stopped' })
  })

  it('and hangs in it keeps nobody for ever', async () => {
    const { clock, log, starts, unit } = setUpUnit()
    void unit.start()
    starts[0]?.succeed({ stop: () => new Promise(() => undefined) })
    await settled()
    const stopped = unit.stop()
    await clock.advance(STOP_LIMIT_MS)
    await stopped
    expect(log.lines.map(({ message: text }) => text)).toContain(
      'a connection did not stop within 10 s',
    )
  })

  it('before it was started never is', async () => {
    const { starts, unit } = setUpUnit()
    await unit.stop()
    await unit.start()
    expect(starts).toHaveLength(0)
  })
})

describe('a connection', () => {
  it('says that it is there once it can publish, not before', async () => {
    const { starts, connected, unit } = setUpUnit()
    void unit.start()
    starts[0]?.signals.connected(true)
    expect(connected).toEqual([])
    starts[0]?.succeed()
    await settled()
    starts[0]?.signals.connected(true)
    starts[0]?.signals.connected(false)
    expect(connected).toEqual([true, false])
  })

  it('whose health throws is degraded', async () => {
    const { starts, unit } = setUpUnit()
    void unit.start()
    starts[0]?.succeed({
      health: () => {
        throw away
      },
    })
    await settled()
    expect(unitHealth(unit)).toMatchObject({ status: 'degraded' })
  })

  it('that does not work sends nothing; one that does not answer has maybe sent', async () => {
    const { starts, unit } = setUpUnit()
    const { signal } = new AbortController()
    const outcomes = async (): Promise<readonly string[]> => {
      const answers = await unit.publish('out', [message, message], signal)
      return answers.map(({ outcome }) => outcome)
    }
    expect(await outcomes()).toEqual(['unsent', 'unsent'])
    void unit.start()
    expect(await outcomes()).toEqual(['unsent', 'unsent'])
    let answer = async (): Promise<readonly { readonly outcome: 'published' }[]> => [
      { outcome: 'published' },
    ]
    starts[0]?.succeed({ publish: () => answer() })
    await settled()
    expect(await outcomes()).toEqual(['published', 'unconfirmed'])
    answer = () => Promise.reject(away)
    expect(await outcomes()).toEqual(['unconfirmed', 'unconfirmed'])
    starts[0]?.signals.failed(away)
    expect(await outcomes()).toEqual(['unsent', 'unsent'])
  })
})
