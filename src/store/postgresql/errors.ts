import { CrossdockError, isCrossdockError, type ErrorCode } from '../../domain/errors.ts'
import type { Contention } from '../contention.ts'
import { NETWORK_CODES } from '../network-codes.ts'

/** SQLSTATEs, by their first characters, longest match first. */
const SQLSTATES: readonly (readonly [prefix: string, code: ErrorCode])[] = [
  ['CD001', 'lease_lost'],
  ['CD002', 'transaction_lost'],
  ['25P01', 'transaction_lost'],
  ['25P02', 'transaction_lost'],
  // Idle in transaction for too long: the server has ended the session.
  ['25P03', 'transaction_lost'],
  // A standby, or a primary that was demoted.
  ['25006', 'database_unavailable'],
  ['40001', 'database_retryable'],
  ['40P01', 'database_retryable'],
  ['55P03', 'database_locked'],
  ['57014', 'database_locked'],
  ['57P', 'database_unavailable'],
  ['08', 'database_unavailable'],
  ['53', 'database_unavailable'],
  ['28', 'database_unavailable'],
  ['3D000', 'database_unavailable'],
  ['23', 'database_constraint'],
  ['22', 'database_data'],
  ['54000', 'payload_too_large'],
]

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'database_unavailable',
  'database_retryable',
  'database_locked',
])

/** An error of `pg` as one of ours. Ours pass through. */
export function translateError(error: unknown): CrossdockError {
  if (isCrossdockError(error)) return error
  const code = codeOf(error)
  const message = error instanceof Error ? error.message : String(error)
  return new CrossdockError(code, sentence(code, message), {
    cause: error,
    retryable: RETRYABLE.has(code),
    details: { sqlstate: property(error, 'code'), constraint: property(error, 'constraint') },
  })
}

/** What the server reported of rows that somebody else holds, if anything. */
export function contentionOf(error: unknown): Contention | undefined {
  const sqlstate = isCrossdockError(error) ? error.details['sqlstate'] : property(error, 'code')
  switch (sqlstate) {
    case '40P01':
      return 'deadlock'
    case '40001':
      return 'serialization_failure'
    case '55P03':
      return 'lock_timeout'
    default:
      return undefined
  }
}

function codeOf(error: unknown): ErrorCode {
  const code = property(error, 'code')
  if (typeof code === 'string') {
    if (NETWORK_CODES.has(code)) return 'database_unavailable'
    const known = SQLSTATES.find(([prefix]) => code.startsWith(prefix))
    if (known !== undefined) return known[1]
    if (code.length === 5) return 'database_error'
  }
  // What pg throws without a code is about its connection: ended, terminated, timed out while connecting.
  const message = error instanceof Error ? error.message : ''
  if (/connection|connect|timeout|not queryable|Cannot use a pool after/i.test(message)) {
    return 'database_unavailable'
  }
  // Longer than a JavaScript string, or than the protocol's length field.
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
