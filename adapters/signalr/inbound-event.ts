import type { InboundMessage } from '../../src/domain/message.ts'
import { validTraceparent } from '../../src/domain/traceparent.ts'
import type { Call } from './call-protocol.ts'

/** Which subscription an event is for. */
export interface EventSubscription {
  readonly name: string
  readonly contentType: 'json' | 'text' | 'binary'
}

const MAX_COLUMN_CHARACTERS = 255
const TYPES = { json: 'application/json', text: 'text/plain; charset=utf-8' } as const
const BINARY_TYPE = 'application/octet-stream'

/**
 * An event as a message of this subscription: one argument is the body itself, several are a list, none is an empty
 * one. It has no identity: the protocol gives it none.
 */
export function inboundEvent(call: Call, { name, contentType }: EventSubscription): InboundMessage {
  const { args, headers, isAwaited, target } = call
  const [only] = args
  const body = bodyOf(args.length === 1 ? only : args, contentType)
  const correlation = headerOf(headers, 'correlation-id')
  return {
    protocol: 'signalr',
    subscription: name,
    method: target,
    body: body.bytes,
    contentType: body.type,
    headers: { ...headers },
    traceparent: validTraceparent(headerOf(headers, 'traceparent')),
    correlationId:
      correlation !== undefined && correlation.length <= MAX_COLUMN_CHARACTERS
        ? correlation
        : undefined,
    facts: { event: target, arguments: args.length, awaited: isAwaited },
  }
}

function bodyOf(
  value: unknown,
  contentType: EventSubscription['contentType'],
): { readonly bytes: Uint8Array; readonly type: string } {
  // Only MessagePack has bytes; in JSON they are a text like any other.
  if (value instanceof Uint8Array) return { bytes: value, type: BINARY_TYPE }
  if (contentType !== 'json' && typeof value === 'string') {
    const type = contentType === 'text' ? TYPES.text : BINARY_TYPE
    return { bytes: Buffer.from(value), type }
  }
  return { bytes: Buffer.from(jsonOf(value)), type: TYPES.json }
}

/** Bytes within something else are base64, as headers have them. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, member: unknown) =>
    member instanceof Uint8Array ? { base64: Buffer.from(member).toString('base64') } : member,
  )
}

function headerOf(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  const found: unknown = Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1]
  return typeof found === 'string' && found !== '' ? found : undefined
}
