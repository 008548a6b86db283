import { hash } from 'node:crypto'
import type { ReceivedFrame } from './received-frame.ts'

/**
 * Which message it is, as long as one broker has it: its id there, when it was sent, and what is in it. The id alone
 * will not do: Artemis counts from the same numbers on every broker, and after a failover it may be another message.
 */
export function messageIdentity({ headers, body }: ReceivedFrame): string {
  const id = headers.get('message-id') ?? ''
  // Of Artemis `consumer,message`: another consumer has another number for the same message.
  const own = id.slice(id.lastIndexOf(',') + 1)
  const parts = [own, headers.get('timestamp'), headers.get('destination')]
  return `${parts.join(' ')} ${hash('sha256', body, 'base64')}`
}
