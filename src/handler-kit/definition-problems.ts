import { OUTBOUND_HANDLER } from '../domain/outbound.ts'
import type { Handler } from '../ports/handler.ts'
import { scheduleProblem } from './schedule-problem.ts'

/** Options of the contract that this version does not have. */
export const UNAVAILABLE_OPTIONS = ['lock', 'concurrency', 'isolate'] as const

/** The columns are 32-bit integers; the lowest priority has no negative there, and ranks are negatives. */
const MAX_INT = 2_147_483_647
/** Timers of Node with a longer delay fire at once. */
const MAX_TIMER_MS = 2_147_483_647
const MAX_NAME_LENGTH = 255
const MAX_QUEUE_LENGTH = 100

type Check = (value: unknown) => string | undefined

/** What each option must be. `name` and `run` are needed, the rest may be left out. */
const CHECKS: Readonly<Record<Exclude<keyof Handler, 'takes'>, Check>> = {
  name: (value) =>
    value === OUTBOUND_HANDLER
      ? 'is taken: publications have it'
      : nameProblem(value, MAX_NAME_LENGTH),
  run: (value) => (typeof value === 'function' ? undefined : 'must be a function'),
  input: optional((value) =>
    isValidator(value) ? undefined : 'must be a zod schema, such as `z.object({ … })`',
  ),
  maxRetries: optional((value) => integerProblem(value, 0, MAX_INT)),
  retryDelay: optional((value) =>
    typeof value === 'function' || (isFinite(value) && value >= 0)
      ? undefined
      : 'must be a number of milliseconds from 0, or a function that returns one',
  ),
  timeoutMs: optional((value) =>
    isFinite(value) && value > 0 && value <= MAX_TIMER_MS
      ? undefined
      : `must be a number of milliseconds above 0 and at most ${String(MAX_TIMER_MS)}`,
  ),
  queue: optional((value) => nameProblem(value, MAX_QUEUE_LENGTH)),
  priority: optional((value) => integerProblem(value, -MAX_INT, MAX_INT)),
  transaction: optional((value) =>
    value === 'handler' || value === 'none' ? undefined : "must be 'handler' or 'none'",
  ),
  schedule: optional(scheduleProblem),
}

/** Everything that is wrong with a definition, each as half a sentence; empty: nothing. */
export function definitionProblems(definition: object): readonly string[] {
  const wrong = Object.entries(CHECKS).flatMap(([option, check]) => {
    const problem = check(Reflect.get(definition, option))
    return problem === undefined ? [] : [`\`${option}\` ${problem}`]
  })
  // A misspelt option would otherwise be a silent default.
  const unknown = Object.keys(definition)
    .filter((option) => !Object.hasOwn(CHECKS, option) && !isUnavailable(option))
    .map((option) => `\`${option}\` is no option (there are ${Object.keys(CHECKS).join(', ')})`)
  return [...wrong, ...unknown]
}

function optional(check: Check): Check {
  return (value) => (value === undefined ? undefined : check(value))
}

function nameProblem(value: unknown, maxLength: number): string | undefined {
  if (typeof value !== 'string' || value === '') return 'must be a text that is not empty'
  if (value.length > maxLength) return `must have at most ${String(maxLength)} characters`
  // Names compare byte by byte in the database: an invisible difference would be a missing handler.
  if (value !== value.trim() || /\p{Cc}/u.test(value) || !value.isWellFormed()) {
    return 'must not begin or end with a space, nor hold control characters'
  }
  return undefined
}

function integerProblem(value: unknown, min: number, max: number): string | undefined {
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max
    ? undefined
    : `must be a whole number from ${String(min)} to ${String(max)}`
}

function isFinite(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** By shape and not by class: a zod schema of another copy, or any Standard Schema, checks as well. */
function isValidator(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard: unknown = Reflect.get(value, '~standard')
  return (
    typeof standard === 'object' &&
    standard !== null &&
    typeof Reflect.get(standard, 'validate') === 'function'
  )
}

function isUnavailable(option: string): boolean {
  return UNAVAILABLE_OPTIONS.some((unavailable) => unavailable === option)
}
