import { describe, expect, it } from 'vitest'
import { answerTo } from '../../../adapters/signalr/answers.ts'
import { inboundEvent } from '../../../adapters/signalr/inbound-event.ts'
import { Call } from '../../../adapters/signalr/call-protocol.ts'
import { signalrConnectionOptions } from '../../../adapters/signalr/options/connection.ts'
import { signalrPublicationOptions } from '../../../adapters/signalr/options/publication.ts'

const messageOf = (input: object): string =>
  signalrConnectionOptions.safeParse(input).error?.issues[0]?.message ?? ''

describe('options of SignalR', () => {
  it('refuse an address with a password, and other protocols', () => {
    for (const url of ['https://u:p@host/hub', 'ws://host/hub', 'host/hub']) {
      expect(messageOf({ url })).toContain('must be the address of a hub')
    }
    expect(messageOf({ url: 'https://host/hub?tenant=1' })).toBe('')
  })

  it('refuse MessagePack over a transport of text', () => {
    const url = 'https://host/hub'
    const transport = 'server_sent_events'
    expect(messageOf({ url, transport, protocol: 'messagepack' })).toContain('carries text')
    expect(messageOf({ url, transport })).toBe('')
  })

  it('refuse a token that no header can carry, without repeating it', () => {
    const parsed = signalrConnectionOptions.safeParse({
      url: 'https://host/hub',
      access_token: 'two words',
    })
    expect(parsed.success).toBe(false)
    expect(JSON.stringify(parsed.error?.issues)).not.toContain('two words')
  })

  it('keep the place of each argument', () => {
    const { args } = signalrPublicationOptions.parse({ method: 'M', args: ['a', null, [[1]]] })
    expect(args).toEqual({ 0: 'a', 1: null, 2: [[1]] })
  })
})

describe('an event', () => {
  const call = (...args: unknown[]): Call =>
    new Call({ target: 'e', args, headers: {}, isAwaited: false })
  const text = (one: Call, contentType: 'json' | 'text' | 'binary'): string =>
    Buffer.from(inboundEvent(one, { name: 's', contentType }).body).toString()

  it('of one text is the text itself where text is wanted, and JSON where JSON is', () => {
    expect(text(call('a "b"'), 'text')).toBe('a "b"')
    expect(text(call('a "b"'), 'binary')).toBe('a "b"')
    expect(text(call('a "b"'), 'json')).toBe('"a \\"b\\""')
    expect(text(call(undefined), 'json')).toBe('null')
    expect(text(call({ a: 1 }), 'text')).toBe('{"a":1}')
  })

  it('has no trace that is none, and no correlation that fits no column', () => {
    const headers = { Traceparent: 'x', 'correlation-id': 'c'.repeat(256) }
    const one = new Call({ target: 'e', args: [], headers, isAwaited: true })
    expect(inboundEvent(one, { name: 's', contentType: 'json' })).toMatchObject({
      traceparent: undefined,
      correlationId: undefined,
      headers,
      facts: { event: 'e', arguments: 0, awaited: true },
    })
  })
})

it('an answer tells a duplicate from what was stored, where it is asked for that', () => {
  const delivery = { outcome: 'duplicate', jobId: 'j' } as const
  expect(answerTo(delivery, 'job')).toEqual({ job_id: 'j', outcome: 'duplicate' })
  expect(answerTo(delivery, 'job_id')).toBe('j')
  expect(answerTo({ outcome: 'dead', jobId: 'd' }, 'true')).toBe(true)
  expect(answerTo({ outcome: 'filtered' }, 'job')).toEqual({ job_id: null, outcome: 'filtered' })
})
