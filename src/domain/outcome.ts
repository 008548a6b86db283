import { CrossdockError } from './errors.ts'

/** Returned by a handler to run the job again later without counting an attempt. */
export interface Snooze {
  readonly kind: 'crossdock:snooze'
  readonly delayMs: number
}

/** Returned by a handler to cancel its own job. */
export interface Cancel {
  readonly kind: 'crossdock:cancel'
  readonly reason: string
}

/** The longest snooze: a year, in milliseconds. */
const MAX_SNOOZE_MS = 366 * 24 * 3_600_000

/** Run this job again in `delayMs` milliseconds; the attempt does not count. At most a year. */
export function snooze(delayMs: number): Snooze {
  if (Number.isNaN(delayMs)) {
    throw new CrossdockError(
      'permanent',
      'snooze() was given no number: check what it is computed from',
    )
  }
  return { kind: 'crossdock:snooze', delayMs: Math.min(Math.max(0, delayMs), MAX_SNOOZE_MS) }
}

/** End this job as cancelled, with a reason for people. */
export function cancel(reason: string): Cancel {
  return { kind: 'crossdock:cancel', reason }
}

/** Whether a handler returned {@link snooze}. */
export function isSnooze(value: unknown): value is Snooze {
  return hasKind(value, 'crossdock:snooze') && 'delayMs' in value && Number.isFinite(value.delayMs)
}

/** Whether a handler returned {@link cancel}. */
export function isCancel(value: unknown): value is Cancel {
  return hasKind(value, 'crossdock:cancel')
}

function hasKind(value: unknown, kind: string): value is { readonly kind: string } {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind
}
