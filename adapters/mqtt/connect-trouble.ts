import { connectionTrouble } from '../../src/domain/connection-trouble.ts'
import { errorMessage } from '../../src/domain/errors.ts'

const VERSION =
  'the broker does not speak this version of MQTT: set version of the connection to the other one'
const IDENTIFIER = 'the broker does not take the client id: set client_id of the connection'
const CREDENTIALS = 'the broker does not take name and password: look at username and password'
const RIGHTS =
  'the broker does not let this client in: look at username and password, and at the rights that it gives them'
const AWAY = 'the broker is not ready for clients: look at its own log'
const BUSY = 'the broker has too much to do, or too many clients: look at its limits'

/** Return codes of CONNACK. Sources: MQTT 3.1.1, section 3.2.2.3; MQTT 5, section 3.2.2.2. */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [1, VERSION],
  [2, IDENTIFIER],
  [3, AWAY],
  [4, CREDENTIALS],
  [5, RIGHTS],
  [0x84, VERSION],
  [0x85, IDENTIFIER],
  [0x86, CREDENTIALS],
  [0x87, RIGHTS],
  [0x88, AWAY],
  [0x89, BUSY],
  [0x8a, 'the broker has banned this client: look at its list'],
  [0x8c, CREDENTIALS],
  [0x97, BUSY],
  [0x9f, BUSY],
])

/**
 * Why a broker is not reached, as words that say what to do, with the library's or OpenSSL's own words in brackets.
 * Never a secret.
 */
export function connectTrouble(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (typeof code === 'number') {
    const sentence = REFUSALS.get(code)
    return sentence === undefined ? errorMessage(error) : `${sentence} (${errorMessage(error)})`
  }
  // The library's own clock, between its connect and the broker's answer.
  if (/connack timeout/.test(errorMessage(error))) {
    return `the broker did not answer in time: look at host and port, and whether MQTT is spoken there (${errorMessage(error)})`
  }
  return connectionTrouble(error)
}
