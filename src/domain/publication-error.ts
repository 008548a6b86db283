import { CrossdockError } from './errors.ts'

/** What came with a message that was not published. */
export interface PublicationExtras {
  /** What the far side said. */
  readonly answer?: string | undefined
  /** Not again before this. */
  readonly retryAfterMs?: number | undefined
  /** Of a message that never left: when it is ready again; default 0. */
  readonly delayMs?: number | undefined
}

/** Why one message was not published. Only the program's own outbound handlers throw it. */
export class PublicationError extends CrossdockError {
  readonly answer: string | undefined
  readonly retryAfterMs: number | undefined
  readonly delayMs: number

  constructor(
    code: 'publication_failed' | 'publication_refused' | 'publication_unsent' | 'template_failed',
    message: string,
    extras: PublicationExtras = {},
  ) {
    super(code, message, { retryable: code === 'publication_failed' })
    this.answer = extras.answer
    this.retryAfterMs = extras.retryAfterMs
    this.delayMs = extras.delayMs ?? 0
  }
}

/** Whether `error` is a {@link PublicationError}. Anything may be thrown, also what throws when it is looked at. */
export function isPublicationError(error: unknown): error is PublicationError {
  try {
    return error instanceof PublicationError
  } catch {
    return false
  }
}
