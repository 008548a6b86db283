import { describe, expect, it } from 'vitest'
import { receiverHealth } from '../../../adapters/kafka/inbound/receiver-health.ts'
import { OPEN_FLOW } from '../../../src/ports/flow.ts'

const JOINED = { hasJoined: () => true, missing: () => [] }
const COMMON = { session: JOINED, problem: undefined, lags: [], flow: OPEN_FLOW }
const STILL = { topic: 't', partition: 1, waiting: 7, stillMs: 61_000 }

describe('the health of a subscription of Kafka', () => {
  it('is ok in its group, and down before and while it fails', () => {
    expect(receiverHealth(COMMON)).toEqual({ status: 'ok' })
    expect(receiverHealth({ ...COMMON, session: undefined }).status).toBe('down')
    expect(receiverHealth({ ...COMMON, problem: 'away' })).toEqual({
      status: 'down',
      detail: 'away; it is tried again',
    })
  })

  it('names topics that do not exist', () => {
    const session = { ...JOINED, missing: () => ['a', 'b'] }
    expect(receiverHealth({ ...COMMON, session })).toEqual({
      status: 'degraded',
      detail: 'the topics a, b do not exist',
    })
  })

  it('tells of records that wait while nothing moves, unless nothing is to be taken in', () => {
    expect(receiverHealth({ ...COMMON, lags: [STILL, { ...STILL, partition: 2 }] })).toEqual({
      status: 'degraded',
      detail: 't/1 and 1 more has 7 waiting and has not moved for 61 s',
    })
    const flow = { ...OPEN_FLOW, closed: () => ({ reason: 'paused' as const, retryAfterMs: 1 }) }
    expect(receiverHealth({ ...COMMON, lags: [STILL], flow }).status).toBe('ok')
  })
})
