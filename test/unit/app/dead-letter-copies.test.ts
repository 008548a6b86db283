import { expect, it } from 'vitest'
import { deadLetterCopies } from '../../../src/app/dead-letter-copies.ts'
import type { FailedJob } from '../../../src/domain/dead-letter.ts'

const ENDING = { kind: 'failed', error: 'no\nway', deadReason: 'retries_exhausted' } as const

const job: FailedJob = {
  id: 'job-1',
  handler: 'order',
  protocol: 'http',
  method: 'POST',
  contentType: 'application/json',
  payloadEncoding: null,
  headers: { 'X-Shop': 'a', Authorization: 'secret' },
  metadata: { subscription: 'orders', key: 'k' },
  retryCount: 3,
  tenantId: 't',
  correlationId: 'c',
  payload: '{"a":1}',
}

const copies = deadLetterCopies(
  [
    {
      protocol: 'http',
      name: 'orders',
      contentType: 'json',
      options: {},
      deadLetter: { protocol: 'kafka', publication: 'dead' },
    },
    { protocol: 'http', name: 'plain', contentType: 'json', options: {}, handler: 'h' },
  ],
  () => 'copy-1',
)!

it('a job that fails for good is told of, with its payload and why', () => {
  expect(copies(job, ENDING)).toEqual([
    {
      id: 'copy-1',
      handler: 'outbound.publish',
      type: 'integration',
      direction: 'outbound',
      protocol: 'kafka',
      method: 'dead',
      queue: 'kafka:dead',
      payload: '{"a":1}',
      contentType: 'application/json',
      headers: {
        'X-Shop': 'a',
        'crossdock-dead-reason': 'retries_exhausted',
        'crossdock-dead-error': 'no way',
        'crossdock-subscription': 'http:orders',
        'crossdock-handler': 'order',
        'crossdock-method': 'POST',
        'crossdock-job-id': 'job-1',
        'crossdock-attempts': '4',
      },
      metadata: { dead_letter_of: 'job-1', key: 'k' },
      orderingKey: 'kafka:dead k',
      parentJobId: 'job-1',
      tenantId: 't',
      correlationId: 'c',
    },
  ])
})

it.each([
  ['of no subscription', { metadata: null }],
  ['of a subscription that is not in this file', { metadata: { subscription: 'other' } }],
  ['of a subscription without a dead_letter', { metadata: { subscription: 'plain' } }],
  ['that is such a copy itself', { metadata: { subscription: 'orders', dead_letter_of: 'x' } }],
  ['that could not be sent to that very place', { protocol: 'kafka', method: 'dead' }],
])('a job %s is not', (_, more) => {
  expect(copies({ ...job, ...more }, ENDING)).toEqual([])
})

it('nothing is to do where no subscription has one', () => {
  expect(deadLetterCopies([], () => '')).toBeUndefined()
})
