import { errorMessage } from '../../src/domain/errors.ts'
import type { Publishing } from '../../src/ports/outbound.ts'

/**
 * Reason codes of PUBACK, PUBREC and PUBCOMP that no repeat of the same message can change: the topic's name, the
 * payload's format, the size. What somebody may still allow (authorisation, a quota) is not among them.
 * Source: MQTT 5, section 3.4.2.1.
 */
const PERMANENT = new Map([
  [0x90, 'topic name invalid'],
  [0x95, 'packet too large'],
  [0x99, 'payload format invalid'],
  [0x9a, 'retain not supported'],
  [0x9b, 'quality of service not supported'],
])

/** What a publish that ended with an error means: the broker's refusal, or that the library let go of it. */
export function refusal(error: Error): Publishing {
  const code = 'code' in error ? Number(error.code) : Number.NaN
  if (!(code >= 0x80)) return { outcome: 'unconfirmed', error: errorMessage(error) }
  return {
    outcome: 'refused',
    error: `the broker refuses it: ${errorMessage(error)} (0x${code.toString(16)})`,
    permanent: PERMANENT.has(code),
  }
}
