import type { Json, JsonObject } from '../domain/json.ts'
import type { InboundMessage } from '../domain/message.ts'
import type { MappingInput } from '../ports/expressions.ts'
import type { MappedValues } from './mapped-values.ts'

/** Facts of an adapter that expressions see under their own names. */
const FACTS = ['timestamp', 'partition', 'offset', 'qos', 'retain', 'path'] as const

/** How the bodies of a subscription are read. */
export type BodyKind = 'json' | 'text' | 'binary'

/**
 * A message as expressions see it, or `undefined`: its body is to be text and is not UTF-8.
 * @param receivedAtMs when it came in, in milliseconds since 1970
 */
export function mappingInput(
  message: InboundMessage,
  kind: BodyKind,
  receivedAtMs: number,
): MappingInput | undefined {
  const payload = payloadOf(message.body, kind)
  if (payload === undefined) return undefined
  return { payload, headers: message.headers, facts: factsOf(message, receivedAtMs), receivedAtMs }
}

/**
 * The same as the routes of its subscription see it: what the subscription's map made of it.
 */
export function routeInput(
  message: InboundMessage,
  kind: BodyKind,
  mapped: Pick<MappedValues, 'payload' | 'headers' | 'key'>,
  receivedAtMs: number,
): MappingInput | undefined {
  const payload =
    mapped.payload === undefined
      ? payloadOf(message.body, kind)
      : ({ kind: 'json', text: mapped.payload } as const)
  if (payload === undefined) return undefined
  const facts = factsOf({ ...message, key: mapped.key ?? message.key }, receivedAtMs)
  return { payload, headers: mapped.headers ?? message.headers, facts, receivedAtMs }
}

function payloadOf(body: Uint8Array, kind: BodyKind): MappingInput['payload'] | undefined {
  if (kind === 'binary') {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    return { kind: 'base64', text: bytes.toString('base64') }
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
    return { kind, text }
  } catch {
    return undefined
  }
}

function factsOf(message: InboundMessage, receivedAtMs: number): JsonObject {
  const { protocol, subscription, method, key, facts = {}, query, params } = message
  const isBroker = protocol === 'kafka' || protocol === 'mqtt' || protocol === 'activemq'
  const known: Readonly<Record<string, Json | undefined>> = {
    ...Object.fromEntries(FACTS.map((name) => [name, facts[name]])),
    protocol,
    subscription,
    received_at: new Date(receivedAtMs).toISOString(),
    key,
    topic: isBroker ? (facts['topic'] ?? method) : undefined,
    method: isBroker ? undefined : method,
    query,
    params,
  }
  const given: Record<string, Json> = {}
  for (const [name, value] of Object.entries(known)) {
    if (value !== undefined) given[name] = value
  }
  return given
}
