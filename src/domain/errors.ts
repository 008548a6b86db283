/** Every code that a {@link CrossdockError} can carry; docs/errors.md explains each one. */
export const ERROR_CODES = [
  'adapter_hung',
  'broker_listen_failed',
  'cache_unavailable',
  'config_invalid',
  'config_not_found',
  'connection_failed',
  'database_unavailable',
  'database_constraint',
  'database_data',
  'database_locked',
  'database_retryable',
  'database_error',
  'embedded_unavailable',
  'embedded_start_failed',
  'handler_crashed',
  'handler_duplicate',
  'handler_invalid',
  'handler_load_failed',
  'handler_timeout',
  'http_listen_failed',
  'input_invalid',
  'instance_id_taken',
  'instance_stopping',
  'job_not_found',
  'lease_lost',
  'lock_lost',
  'mapping_unavailable',
  'message_invalid',
  'migration_changed',
  'migration_failed',
  'migration_newer',
  'migration_foreign_table',
  'migration_pending',
  'not_available',
  'payload_too_large',
  'permanent',
  'publication_failed',
  'publication_refused',
  'publication_unknown',
  'publication_unsent',
  'result_not_serializable',
  'template_failed',
  'transaction_forbidden',
  'transaction_lost',
  'usage',
] as const

/** One of {@link ERROR_CODES}. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** What may accompany a {@link CrossdockError}. */
export interface ErrorExtras {
  /** The error that led to this one. */
  readonly cause?: unknown
  /** Facts a program can read: never a payload, never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
  /** Whether the same call may succeed when made again; default false. */
  readonly retryable?: boolean
}

/** The one class of errors that Crossdock throws: a message for people, a `code` for programs. */
export class CrossdockError extends Error {
  override readonly name: string = 'CrossdockError'
  /** Stable, listed in docs/errors.md. */
  readonly code: ErrorCode
  /** Whether the same call may succeed when made again. */
  readonly retryable: boolean
  /** Facts a program can read. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause })
    this.code = code
    this.retryable = extras.retryable ?? false
    this.details = extras.details ?? {}
  }
}

/** Thrown by a handler to fail its job for good: no retry, whatever `maxRetries` says. */
export class PermanentError extends CrossdockError {
  override readonly name = 'PermanentError'

  constructor(message: string, extras: Omit<ErrorExtras, 'retryable'> = {}) {
    super('permanent', message, extras)
  }
}

/**
 * Whether `error` is a {@link CrossdockError} of one of `codes` (of any code, when none is given).
 * Reads the shape, not the class, so that an error of a second loaded copy counts too.
 */
export function isCrossdockError(error: unknown, ...codes: ErrorCode[]): error is CrossdockError {
  try {
    if (!(error instanceof Error) || !('code' in error) || !('retryable' in error)) return false
    const known: readonly unknown[] = codes.length > 0 ? codes : ERROR_CODES
    return known.includes(error.code)
  } catch {
    // Anything may be thrown, also what throws when it is looked at.
    return false
  }
}

/** The text of anything thrown, for `lasterror` and logs: an `Error`'s message, else its string form. */
export function errorMessage(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message === '' ? thrown.name : thrown.message
  try {
    return String(thrown)
  } catch {
    return 'a value that cannot be shown as text'
  }
}
