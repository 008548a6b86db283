import type { IClientPublishOptions } from 'mqtt'
import type { Json } from '../../src/domain/json.ts'
import { IDEMPOTENCY_HEADER } from '../../src/domain/outbound.ts'
import type { OutboundMessage } from '../../src/ports/outbound.ts'
import type { MqttPublicationOptions } from './options/publication.ts'
import { topicNameProblem } from './topics.ts'

/** What is given to the library, or why this message can never be sent. */
export type OutboundPacket =
  | {
      readonly ok: true
      readonly topic: string
      readonly payload: Buffer
      readonly options: IClientPublishOptions
    }
  | { readonly ok: false; readonly problem: string }

/** What the length field of the protocol can say. */
const MAX_PACKET_BYTES = 268_435_455
/** Of a text in a packet. */
const MAX_TEXT_BYTES = 65_535

/**
 * A job's message as a packet. With MQTT 5 its headers are user properties, `idempotency-key` with the job's id
 * among them; MQTT 3.1.1 has no place for either.
 */
export function outboundPacket(
  options: MqttPublicationOptions,
  message: OutboundMessage,
  version: '3.1.1' | '5',
): OutboundPacket {
  const { target } = message
  const topic = textOf(target['topic']) ?? options.topic
  const problem = topicNameProblem(topic)
  if (problem !== undefined)
    return { ok: false, problem: `The topic '${topic.slice(0, 200)}' ${problem}.` }
  const payload = Buffer.from(message.payload)
  if (payload.length + 2 * MAX_TEXT_BYTES > MAX_PACKET_BYTES) {
    return { ok: false, problem: `The payload of ${payload.length} bytes fits no MQTT packet.` }
  }
  const common = { qos: options.qos, retain: options.retain }
  if (version === '3.1.1') return { ok: true, topic, payload, options: common }
  const properties = propertiesOf(options, message)
  const tooLong = Object.entries(properties.userProperties).find(([name, value]) =>
    [name, ...[value].flat()].some((text) => Buffer.byteLength(text) > MAX_TEXT_BYTES),
  )
  if (tooLong !== undefined) {
    return {
      ok: false,
      problem: `The property '${tooLong[0].slice(0, 200)}' is too long for MQTT.`,
    }
  }
  return { ok: true, topic, payload, options: { ...common, properties } }
}

type Properties = NonNullable<IClientPublishOptions['properties']> & {
  readonly userProperties: Record<string, string | string[]>
}

function propertiesOf(
  { message_expiry: expiryMs }: MqttPublicationOptions,
  { target, headers, contentType, id }: OutboundMessage,
): Properties {
  const responseTopic = textOf(target['response_topic'])
  const correlation = textOf(target['correlation_data']) ?? textOf(headers['correlation-id'])
  const type = textOf(target['content_type']) ?? contentType
  return {
    userProperties: userProperties({ ...headers, ...objectOf(target['user_properties']) }, id),
    ...(type !== undefined && { contentType: type }),
    ...(expiryMs !== undefined && { messageExpiryInterval: Math.ceil(expiryMs / 1_000) }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlation !== undefined && { correlationData: Buffer.from(correlation) }),
  }
}

function userProperties(
  values: Readonly<Record<string, unknown>>,
  id: string,
): Record<string, string | string[]> {
  const entries = Object.entries(values).flatMap(([name, value]) => {
    const texts = [value].flat().flatMap((one: unknown) => propertyText(one) ?? [])
    const [only] = texts
    if (only === undefined) return []
    return [[name, texts.length === 1 ? only : texts] as const]
  })
  return { ...Object.fromEntries(entries), [IDEMPOTENCY_HEADER]: id }
}

/** Bytes stay base64: a user property is text. */
function propertyText(value: unknown): string | undefined {
  if (typeof value === 'object' && value !== null && 'base64' in value) {
    return typeof value.base64 === 'string' ? value.base64 : undefined
  }
  return textOf(value)
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\0', '')
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return undefined
}

function objectOf(value: Json | undefined): object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
}
