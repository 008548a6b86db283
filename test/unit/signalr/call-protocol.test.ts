import { type IHubProtocol, JsonHubProtocol, MessageType, NullLogger } from '@microsoft/signalr'
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack'
import { describe, expect, it } from 'vitest'
import { Call, callProtocol, HubRefusal } from '../../../adapters/signalr/call-protocol.ts'

const logger = NullLogger.instance
const plain: Readonly<Record<'json' | 'messagepack', IHubProtocol>> = {
  json: new JsonHubProtocol(),
  messagepack: new MessagePackHubProtocol(),
}

describe.each(['json', 'messagepack'] as const)('the hub protocol by %s', (name) => {
  const protocol = callProtocol(name, () => undefined)

  it('gives a handler the whole call', () => {
    const invocation = { type: MessageType.Invocation, target: 'ordered', arguments: [1, 'two'] }
    const headers = { 'x-a': 'b' }
    const awaited = plain[name].writeMessage({ ...invocation, headers, invocationId: '7' } as never)
    const sent = plain[name].writeMessage({ ...invocation, headers } as never)
    const calls = [awaited, sent].flatMap((text) => protocol.parseMessages(text, logger))
    expect(calls.map((call) => ('arguments' in call ? (call.arguments as unknown) : []))).toEqual([
      [new Call({ target: 'ordered', args: [1, 'two'], headers, isAwaited: true })],
      [new Call({ target: 'ordered', args: [1, 'two'], headers, isAwaited: false })],
    ])
  })

  it('writes a call as its arguments, with its headers', () => {
    const headers = { 'idempotency-key': 'job-1' }
    const call = new Call({ target: 'Take', args: [{ id: 7 }, null], headers, isAwaited: true })
    const written = protocol.writeMessage({
      type: MessageType.Invocation,
      target: 'Take',
      invocationId: '1',
      arguments: [call],
    })
    const [read] = plain[name].parseMessages(written, logger)
    expect(read).toMatchObject({ target: 'Take', headers, arguments: [{ id: 7 }, null] })
  })

  it('tells what the hub refuses from every other end', () => {
    const error = { type: MessageType.Completion, invocationId: '1', error: 'no' } as const
    const result = {
      type: MessageType.Completion,
      invocationId: '1',
      result: { error: 'x' },
    } as const
    const read = [error, result]
      .map((message) => plain[name].writeMessage(message))
      .flatMap((text) => protocol.parseMessages(text, logger))
    expect(read.map((one) => ('result' in one ? (one.result as unknown) : undefined))).toEqual([
      new HubRefusal('no'),
      { error: 'x' },
    ])
    expect(read[0]).not.toHaveProperty('error')
  })

  it('passes everything else on, and tells that something came', () => {
    let heard = 0
    const watched = callProtocol(name, () => (heard += 1))
    const ping = plain[name].writeMessage({ type: MessageType.Ping })
    expect(watched.parseMessages(ping, logger)).toMatchObject([{ type: MessageType.Ping }])
    expect(watched.writeMessage({ type: MessageType.Ping })).toEqual(ping)
    expect(heard).toBe(1)
  })
})
