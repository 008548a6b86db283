import { CrossdockError } from '../domain/errors.ts'

/** The instance stops. */
export function stopping(): CrossdockError {
  return new CrossdockError(
    'instance_stopping',
    'this instance is stopping; send it again in a moment',
    {
      retryable: true,
    },
  )
}

/** A message that no row takes. */
export function tooLarge(bytes: number, maxBytes: number): CrossdockError {
  return new CrossdockError(
    'payload_too_large',
    `a message of ${bytes} bytes is larger than the ${maxBytes} that are stored`,
  )
}

/** Memory is bounded. */
export function overloaded(): CrossdockError {
  return new CrossdockError(
    'database_unavailable',
    'more messages wait for the database than memory has room for; send it again in a moment',
    { retryable: true },
  )
}
