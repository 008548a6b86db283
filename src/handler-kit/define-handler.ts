import { CrossdockError } from '../domain/errors.ts'
import type { Handler } from '../ports/handler.ts'
import { definitionProblems, UNAVAILABLE_OPTIONS } from './definition-problems.ts'

/**
 * Marks what `defineHandler` returned. `Symbol.for` and not a class or a private symbol: a handler made
 * by a second loaded copy of this package must be recognised too.
 */
const BRAND = Symbol.for('crossdock.handler')

/**
 * Makes a handler, and checks its definition at once. The type of `input` in `run` follows from the
 * schema; without a schema it is `unknown`. Returns a frozen copy.
 * @throws CrossdockError `handler_invalid` when the definition is wrong, naming everything that is;
 *   `not_available` for an option that this version does not have.
 */
export function defineHandler<Input = unknown>(definition: Handler<Input>): Handler<Input> {
  const given: unknown = definition
  if (typeof given !== 'object' || given === null) {
    throw new CrossdockError(
      'handler_invalid',
      'defineHandler was not given an object: pass one with `name` and `run`.',
    )
  }
  const label = labelOf(definition)
  for (const option of UNAVAILABLE_OPTIONS) {
    if (Reflect.get(definition, option) === undefined) continue
    throw new CrossdockError(
      'not_available',
      `Handler ${label} uses \`${option}\`, which is not available in this version: leave it out.`,
      { details: { handler: definition.name, option } },
    )
  }
  const problems = definitionProblems(definition)
  if (problems.length > 0) {
    throw new CrossdockError(
      'handler_invalid',
      `Handler ${label} is wrong: ${problems.join('; ')}.`,
      {
        details: { handler: definition.name, problems },
      },
    )
  }
  const handler: Handler<Input> = {
    name: definition.name,
    input: definition.input,
    maxRetries: definition.maxRetries,
    retryDelay: definition.retryDelay,
    timeoutMs: definition.timeoutMs,
    queue: definition.queue,
    priority: definition.priority,
    transaction: definition.transaction,
    schedule: definition.schedule,
    // Called on the definition, so that `this` in `run` is what the author sees.
    run: (context) => definition.run(context),
  }
  return Object.freeze(Object.defineProperty(handler, BRAND, { value: true }))
}

/** Whether `value` was made by {@link defineHandler}, of this copy of the package or of another. */
export function isHandler(value: unknown): value is Handler {
  return typeof value === 'object' && value !== null && Reflect.get(value, BRAND) === true
}

function labelOf(definition: object): string {
  const name: unknown = Reflect.get(definition, 'name')
  return typeof name === 'string' && name !== '' ? JSON.stringify(name) : 'without a name'
}
