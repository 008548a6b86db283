import type { IPublishPacket } from 'mqtt'
import type { Headers } from '../../src/domain/job.ts'
import type { InboundMessage } from '../../src/domain/message.ts'
import { IDEMPOTENCY_HEADER } from '../../src/domain/outbound.ts'
import { validTraceparent } from '../../src/domain/traceparent.ts'

const MAX_COLUMN_CHARACTERS = 255

/** A message as it came in, as one of this subscription. With MQTT 3.1.1 it has no properties. */
export function inboundMessage(packet: IPublishPacket, subscription: string): InboundMessage {
  const { topic, properties = {}, qos, retain, dup } = packet
  const headers = headersOf(properties.userProperties)
  const { contentType, responseTopic, messageExpiryInterval } = properties
  const correlation = correlationOf(properties.correlationData)
  return {
    protocol: 'mqtt',
    subscription,
    method: topic,
    body: typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload,
    contentType: fits(contentType) ? contentType : undefined,
    headers,
    identity: first(headers, IDEMPOTENCY_HEADER) || undefined,
    traceparent: validTraceparent(first(headers, 'traceparent')),
    correlationId: fits(correlation?.text) ? correlation?.text : first(headers, 'correlation-id'),
    facts: {
      topic,
      qos,
      retain,
      dup,
      ...(responseTopic !== undefined && { response_topic: responseTopic }),
      ...(correlation !== undefined && { correlation_data: correlation.shown }),
      ...(messageExpiryInterval !== undefined && { message_expiry: messageExpiryInterval }),
    },
  }
}

type UserProperties = NonNullable<IPublishPacket['properties']>['userProperties']

/** Names as sent, an array where one repeats. */
function headersOf(properties: UserProperties): Headers {
  // Object.fromEntries defines its members: a property named __proto__ is only a property.
  return Object.fromEntries(Object.entries(properties ?? {}))
}

function first(headers: Headers, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined
  const one: unknown = Array.isArray(value) ? value[0] : value
  return typeof one === 'string' && one.length <= MAX_COLUMN_CHARACTERS ? one : undefined
}

/** Bytes that are text are shown as text, others as base64. */
function correlationOf(
  data: Buffer | undefined,
): { readonly shown: string; readonly text?: string } | undefined {
  if (data === undefined) return undefined
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data)
    if (!text.includes('\0')) return { shown: text, text }
  } catch {
    // Not text.
  }
  return { shown: `base64:${data.toString('base64')}` }
}

function fits(text: string | undefined): boolean {
  return text !== undefined && text !== '' && text.length <= MAX_COLUMN_CHARACTERS
}
