import jsonata from 'jsonata'
import { CrossdockError } from '../domain/errors.ts'
import type { ExpressionInput } from './input.ts'
import { expressionMessage } from './syntax.ts'

/** What one evaluation is about. */
export interface Evaluation {
  readonly input: ExpressionInput
  readonly receivedAtMs: number
  /** How long it may still take. */
  readonly remainingMs: () => number
}

/** Evaluates one expression; rejects with the reason when it fails. One at a time. */
export type Evaluate = (evaluation: Evaluation) => Promise<unknown>

/** How deep calls may be nested: below what the stack of the process holds. */
const MAX_DEPTH = 500

/** JSONata's code for an evaluation that was too long. */
const TIMED_OUT = 'D1012'

const FORMAT_TIME = jsonata('$fromMillis($time, $picture, $zone)')

/**
 * Compiles an expression. `$now()` and `$millis()` are the time at which the message was received, so that
 * all expressions of one message agree; `$eval` is not there.
 * @param limitMs of a message, for what is said when it has been reached
 * @throws what JSONata throws, for mistakes of syntax
 */
export function compileJsonata(source: string, limitMs: number): Evaluate {
  const options = { stack: MAX_DEPTH, timeout: 1 }
  const expression = jsonata(source, options)
  let time = 0
  expression.registerFunction('millis', () => time, '<:n>')
  expression.registerFunction(
    'now',
    async (picture: unknown, zone: unknown): Promise<unknown> =>
      FORMAT_TIME.evaluate({}, { time, picture, zone }),
    '<s?s?:s>',
  )
  expression.registerFunction('eval', () => {
    throw new CrossdockError('input_invalid', '$eval is not available')
  })
  return async ({ input, receivedAtMs, remainingMs }) => {
    time = receivedAtMs
    options.timeout = Math.max(1, Math.ceil(remainingMs()))
    try {
      return (await expression.evaluate(input)) as unknown
    } catch (error) {
      if (codeOf(error) === TIMED_OUT) {
        throw new CrossdockError('input_invalid', `took longer than ${limitMs} ms`)
      }
      throw new CrossdockError('input_invalid', expressionMessage(error), { cause: error })
    }
  }
}

function codeOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, 'code') : undefined
}
