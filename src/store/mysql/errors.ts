import { CrossdockError, isCrossdockError, type ErrorCode } from '../../domain/errors.ts'
import type { Contention } from '../contention.ts'
import { NETWORK_CODES } from '../network-codes.ts'

/** A deadlock: the server has rolled the whole transaction back. */
export const DEADLOCK = 1213

/** A wait for a row that ran out; the statement alone is undone. */
const LOCK_WAIT_TIMEOUT = 1205

/** A unique key is taken. */
export const DUPLICATE = 1062

/**
 * A column or a key that is there already or gone, a CHECK that is gone: what MySQL answers where MariaDB has
 * IF EXISTS.
 */
export const DONE_ALREADY: ReadonlySet<number | undefined> = new Set([1060, 1061, 1091, 3821, 3940])

const SYNTAX_ERROR = 1064

/** Of any trigger: somebody else's on our tables breaks in the same way. */
const BROKEN_TRIGGER = /trigger (?:'.*' )?has an error in its body/i

/** `RELEASE SAVEPOINT` of one that is not there. */
export const NO_SAVEPOINT = 1305

/**
 * Errors by their number: mysql2 names them by MySQL's list, and MariaDB's own numbers then have the
 * wrong names.
 */
const ERRNOS: readonly (readonly [code: ErrorCode, errnos: readonly number[]])[] = [
  ['database_retryable', [DEADLOCK]],
  // A row or a key that somebody holds, NOWAIT, and statements that took too long or were broken off.
  ['database_locked', [LOCK_WAIT_TIMEOUT, 1317, 1907, 1969, 3024, 3058, 3572]],
  [
    'database_unavailable',
    [
      // Too many connections, no access, no such database.
      ...[1040, 1044, 1045, 1049, 1129, 1130, 1203, 1226],
      // A server that stops, connections that it ended.
      ...[1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 4031],
      // A replica, or a primary that was demoted.
      ...[1290, 1792, 1836],
    ],
  ],
  [
    'database_constraint',
    // The last two: CHECK on MySQL and on MariaDB.
    [1022, 1048, DUPLICATE, 1169, 1216, 1217, 1364, 1451, 1452, 1557, 1586, 3819, 4025],
  ],
  [
    'database_data',
    [1264, 1265, 1292, 1300, 1366, 1367, 1406, 1411, 1441, 1690, 3140, 3141, 3156, 4037, 4038],
  ],
  ['payload_too_large', [1153, 1301]],
]

const BY_ERRNO = new Map(
  ERRNOS.flatMap(([code, errnos]) => errnos.map((errno) => [errno, code] as const)),
)

/** What mysql2 says itself of a connection. */
const DRIVER_CODES = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'PROTOCOL_PACKETS_OUT_OF_ORDER',
  'HANDSHAKE_NO_SSL_SUPPORT',
  'HANDSHAKE_SSL_ERROR',
])

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'database_unavailable',
  'database_retryable',
  'database_locked',
])

/** An error of `mysql2` as one of ours. Ours pass through. */
export function translateError(error: unknown): CrossdockError {
  if (isCrossdockError(error)) return error
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  return new CrossdockError(code, sentence(code, message), {
    cause: error,
    retryable: RETRYABLE.has(code),
    details: { errno: errnoOf(error), sqlstate: property(error, 'sqlState') },
  })
}

/**
 * What the server reported of rows that somebody else holds, if anything. It knows no serialization
 * failures: in our sessions' isolation there are none.
 */
export function contentionOf(error: unknown): Contention | undefined {
  const errno = errnoOf(error)
  if (errno === DEADLOCK) return 'deadlock'
  return errno === LOCK_WAIT_TIMEOUT ? 'lock_timeout' : undefined
}

/** The server's number of an error, translated or not; `undefined`: it is not the server's. */
export function errnoOf(error: unknown): number | undefined {
  const errno = isCrossdockError(error) ? error.details['errno'] : property(error, 'errno')
  // Node's sockets have negative numbers.
  return typeof errno === 'number' && errno > 0 ? errno : undefined
}

/**
 * Whether the server holds triggers for broken that it could not read to their end: a fault of its cache, which is
 * repaired (broken-triggers.ts), and not one of the statement.
 */
export function brokenTrigger(error: unknown): boolean {
  return (
    errnoOf(error) === SYNTAX_ERROR && error instanceof Error && BROKEN_TRIGGER.test(error.message)
  )
}

function codeOf(error: unknown): ErrorCode {
  if (brokenTrigger(error)) return 'database_unavailable'
  const known = BY_ERRNO.get(errnoOf(error) ?? 0)
  if (known !== undefined) return known
  const code = property(error, 'code')
  if (typeof code === 'string' && (NETWORK_CODES.has(code) || DRIVER_CODES.has(code))) {
    return 'database_unavailable'
  }
  if (errnoOf(error) !== undefined) return 'database_error'
  // What mysql2 throws without a number is about its connection: closed, ended, timed out.
  const message = error instanceof Error ? error.message : ''
  if (/connection|connect|timeout|closed state|Pool is closed/i.test(message)) {
    return 'database_unavailable'
  }
  if (error instanceof RangeError) return 'payload_too_large'
  return 'database_error'
}

function sentence(code: ErrorCode, message: string): string {
  return code === 'database_unavailable' ? `the database is out of reach: ${message}` : message
}

function property(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null && name in error
    ? (error as Record<string, unknown>)[name]
    : undefined
}
