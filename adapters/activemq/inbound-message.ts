import type { Headers } from '../../src/domain/job.ts'
import type { InboundMessage } from '../../src/domain/message.ts'
import { IDEMPOTENCY_HEADER } from '../../src/domain/outbound.ts'
import { validTraceparent } from '../../src/domain/traceparent.ts'
import type { ReceivedFrame } from './received-frame.ts'

const MAX_COLUMN_CHARACTERS = 255

/** What the protocol and the brokers say about a message; the others are its sender's own. */
const PROTOCOL_HEADERS: ReadonlySet<string> = new Set([
  ...['destination', 'subscription', 'message-id', 'ack', 'content-length', 'content-type'],
  ...['redelivered', 'persistent', 'priority', 'timestamp', 'expires', 'reply-to', 'type'],
  ...['correlation-id', 'destination-type', 'JMSXGroupID', '_AMQ_GROUP_ID'],
  // Artemis hands on what the sender wanted of the broker alone.
  ...['receipt', 'AMQ_SCHEDULED_DELAY', 'AMQ_SCHEDULED_TIME'],
])

/** A message as it came in, as one of this subscription. */
export function inboundMessage(
  { headers, body }: ReceivedFrame,
  subscription: string,
): InboundMessage {
  const destination = headers.get('destination') ?? ''
  const group = groupOf(headers)
  return {
    protocol: 'activemq',
    subscription,
    method: destination,
    body,
    contentType: column(headers.get('content-type')),
    headers: ownHeaders(headers),
    identity: column(headers.get(IDEMPOTENCY_HEADER)),
    ...(group !== undefined && { key: group }),
    traceparent: validTraceparent(headers.get('traceparent')),
    correlationId: column(headers.get('correlation-id')),
    facts: {
      destination,
      redelivered: headers.get('redelivered') === 'true',
      persistent: headers.get('persistent') === 'true',
      ...text('message_id', headers.get('message-id')),
      ...number('priority', headers.get('priority')),
      ...number('timestamp', headers.get('timestamp')),
      ...number('expires', headers.get('expires')),
      ...text('reply_to', headers.get('reply-to')),
      ...text('type', headers.get('type')),
    },
  }
}

/** The message group: Classic and Artemis name it differently. */
function groupOf(headers: ReceivedFrame['headers']): string | undefined {
  return headers.get('JMSXGroupID') ?? headers.get('_AMQ_GROUP_ID')
}

function ownHeaders(headers: ReceivedFrame['headers']): Headers {
  // Object.fromEntries defines its members: a header named __proto__ is only a header.
  return Object.fromEntries([...headers].filter(([name]) => !PROTOCOL_HEADERS.has(name)))
}

function column(value: string | undefined): string | undefined {
  return value !== undefined && value !== '' && value.length <= MAX_COLUMN_CHARACTERS
    ? value
    : undefined
}

function text(name: string, value: string | undefined): Readonly<Record<string, string>> {
  return value === undefined || value === '' ? {} : { [name]: value }
}

/** Zero says that there is none: no end, no time. */
function number(name: string, value: string | undefined): Readonly<Record<string, number>> {
  const read = Number(value ?? 0)
  return Number.isFinite(read) && read > 0 ? { [name]: read } : {}
}
