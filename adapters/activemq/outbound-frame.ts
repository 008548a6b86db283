import { isJsonType, mediaType } from '../../src/domain/content-type.ts'
import { IDEMPOTENCY_HEADER } from '../../src/domain/outbound.ts'
import type { OutboundMessage } from '../../src/ports/outbound.ts'
import { destinationOf, type BrokerKind } from './destination.ts'
import type { ActivemqPublicationOptions } from './options/publication.ts'

/** What is sent, or why this message can never be. */
export type OutboundFrame =
  | {
      readonly ok: true
      readonly headers: Readonly<Record<string, string>>
      /** A text is a TextMessage, bytes are a BytesMessage. */
      readonly body: string | Uint8Array
    }
  | { readonly ok: false; readonly problem: string }

/** What the frame itself says; a job's header of this name would take its place. */
const OURS: ReadonlySet<string> = new Set([
  ...['destination', 'destination-type', 'receipt', 'transaction', 'content-length'],
  ...['id', 'ack', 'subscription', 'message-id', 'timestamp', 'redelivered'],
  // What the publication alone says: of HTTP's `priority` and `expires` the brokers break the connection, or drop the message.
  ...['priority', 'expires', 'persistent', 'type', 'reply-to'],
  ...['amq-msg-type', 'transformation', 'transformation-error'],
])

/** What begins like this is the brokers' own: when to deliver, what counts as a repeat, the fields of JMS. */
const OF_BROKERS = /^(amq_scheduled_|_amq_|_hq_|jms|activemq\.)/i

/** A job's message as a SEND frame, for {@link import('./stomp-line.ts').StompLine.send}. */
export function outboundFrame(
  broker: BrokerKind,
  options: ActivemqPublicationOptions,
  message: OutboundMessage,
): OutboundFrame {
  const target = textOf(message.target['destination']) ?? options.destination
  const { name, routing } = destinationOf(broker, target, options.routing)
  if (name.trim() === '') return { ok: false, problem: 'The destination is empty.' }
  const body = bodyOf(options, message)
  if (body === undefined) {
    return { ok: false, problem: 'The payload is no text, as body of the publication has it.' }
  }
  const headers = {
    ...jobHeaders(message),
    ...publicationHeaders(options, message),
    [IDEMPOTENCY_HEADER]: message.id,
    ...(routing !== undefined && { 'destination-type': routing }),
    destination: name,
  }
  const problem = headersProblem(headers)
  return problem === undefined ? { ok: true, headers, body } : { ok: false, problem }
}

function publicationHeaders(
  options: ActivemqPublicationOptions,
  { target, headers, contentType }: OutboundMessage,
): Readonly<Record<string, string>> {
  const texts = {
    'content-type': textOf(target['content_type']) ?? contentType,
    'correlation-id': textOf(target['correlation_id']) ?? textOf(headers['correlation-id']),
    'reply-to': textOf(target['reply_to']),
    type: textOf(target['type']),
    JMSXGroupID: textOf(target['group']),
    priority: textOf(options.priority),
    // The broker's clock decides; STOMP has no way to say how long.
    expires: options.expires_in === undefined ? undefined : String(Date.now() + options.expires_in),
    // Both brokers take it, in milliseconds.
    AMQ_SCHEDULED_DELAY: textOf(options.delay),
  }
  const given = Object.entries(texts).filter((entry): entry is [string, string] => {
    const [, text] = entry
    return text !== undefined && text !== ''
  })
  return { persistent: String(options.persistent), ...Object.fromEntries(given) }
}

function jobHeaders({ headers }: OutboundMessage): Readonly<Record<string, string>> {
  const entries = Object.entries(headers).flatMap(([name, value]) => {
    // Of headers that repeat the brokers keep the first alone: a list is one value.
    const texts = [value].flat().flatMap((one: unknown) => headerText(one) ?? [])
    const isOurs = name === '' || OURS.has(name.toLowerCase()) || OF_BROKERS.test(name)
    return isOurs || texts.length === 0 ? [] : [[name, texts.join(', ')] as const]
  })
  return Object.fromEntries(entries)
}

/** Bytes stay base64: a header is text. */
function headerText(value: unknown): string | undefined {
  if (typeof value === 'object' && value !== null && 'base64' in value) {
    return typeof value.base64 === 'string' ? value.base64 : undefined
  }
  return textOf(value)
}

/** STOMP 1.1 has an escape for a line feed and a colon, and none for these. */
function headersProblem(headers: Readonly<Record<string, string>>): string | undefined {
  const isBad = (text: string): boolean => /[\r\0]/.test(text)
  const found = Object.entries(headers).find(([name, value]) => isBad(name) || isBad(value))
  return found === undefined
    ? undefined
    : `The header ${JSON.stringify(found[0].slice(0, 100))} has a carriage return or a NUL, which STOMP cannot carry.`
}

/** `undefined`: it should be text, and is none. */
function bodyOf(
  { body }: ActivemqPublicationOptions,
  { payload, contentType }: OutboundMessage,
): string | Uint8Array | undefined {
  if (body === 'binary' || (body === 'auto' && !isTextType(contentType))) return payload
  const text = decoded(payload)
  return text ?? (body === 'auto' ? payload : undefined)
}

function isTextType(contentType: string | undefined): boolean {
  const type = mediaType(contentType)
  const isXml = type === 'application/xml' || type.endsWith('+xml')
  return type.startsWith('text/') || isJsonType(type) || isXml
}

/** A text message ends at its first NUL. */
function decoded(payload: Uint8Array): string | undefined {
  if (payload.includes(0)) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload)
  } catch {
    return undefined
  }
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return undefined
}
