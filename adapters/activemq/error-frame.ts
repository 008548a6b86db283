import type { Publishing } from '../../src/ports/outbound.ts'
import type { ReceivedFrame } from './received-frame.ts'

const MAX_CHARACTERS = 300

/**
 * What no repeat of the same message can change: its size, its headers, its name. What somebody may still allow
 * (a right, a full address, a destination that is not there yet) is not among them.
 */
const PERMANENT =
  /maximum (data|header) length|maximum number of headers|maximum frame size|Invalid queue name/i

/** What an ERROR frame says, in one line. Artemis shows the whole message with its headers there: that is cut off. */
export function frameText({ headers, body }: ReceivedFrame): string {
  const said = headers.get('message') ?? Buffer.from(body).toString()
  const text = said.replace(/\s*CoreMessage\[[\s\S]*$/, '').replaceAll(/\s+/g, ' ')
  return `the broker says: ${text.trim().slice(0, MAX_CHARACTERS) || 'ERROR, without a word'}`
}

/** What an ERROR frame means for the message that it is about. */
export function refusal(frame: ReceivedFrame): Publishing {
  const error = frameText(frame)
  return { outcome: 'refused', error, permanent: PERMANENT.test(error) }
}
