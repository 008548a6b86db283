import { HttpError } from '@microsoft/signalr'
import { connectionTrouble } from '../../src/domain/connection-trouble.ts'
import { errorMessage } from '../../src/domain/errors.ts'

/** What the answers of hubs, and of what stands before them, mean for a connection. */
const STATUSES: ReadonlyMap<number, string> = new Map([
  [401, 'the hub does not take our access token: look at access_token'],
  [403, 'the hub does not let us in: look at the rights that access_token gives'],
  [404, 'there is no hub at this address: look at url'],
  [405, 'there is no hub at this address: look at url'],
  [429, 'the hub has too much to do, or too many clients: look at its limits'],
  [503, 'the hub is not ready for clients: look at its own log'],
])

/** Texts of the library, which has no codes for them. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [
    /protocol '\w+' is not supported/,
    'the hub does not speak this protocol: set protocol to the other one',
  ],
  [
    /None of the transports|available transports/,
    'the hub offers no transport that works: look at transport and protocol',
  ],
  [/status code: 1006/, 'the connection broke: the hub went away, or something on the way cut it'],
  [
    /Server timeout elapsed/,
    'the hub fell silent: look whether it runs; its keep-alive must be shorter than server_timeout',
  ],
  [
    /ASP\.NET SignalR Server/,
    'this is a hub of the older ASP.NET SignalR, which speaks another protocol',
  ],
]

/**
 * Why a hub is not reached, or was lost, as words that say what to do, with the library's own words in brackets.
 * @param cause the last error of a request, if there was one: the library keeps nothing but its text
 */
export function hubTrouble(error: unknown, cause: unknown): string {
  const own = errorMessage(error)
  if (cause instanceof HttpError) {
    const sentence = STATUSES.get(cause.statusCode)
    if (sentence !== undefined) return `${sentence} (${own})`
  }
  const text = TEXTS.find(([pattern]) => pattern.test(own))
  if (text !== undefined) return `${text[1]} (${own})`
  // Of `fetch`, which tells the reason in its cause.
  if (cause instanceof Error && cause.cause instanceof Error) return connectionTrouble(cause.cause)
  return own
}
