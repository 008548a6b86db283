import { CrossdockError, errorMessage } from '../domain/errors.ts'
import type { InputProblem } from '../ports/adapter.ts'
import type { Handler, ParsedInput, StoredPayload } from '../ports/handler.ts'
import { decodePayload } from './stored-payload.ts'

/** More problems than this are counted, not listed: they go into a column and an HTTP answer. */
const MAX_PROBLEMS = 20

/**
 * Decodes a stored payload and checks it against the handler's `input`. Never rejects: a schema that
 * throws makes a problem, because one bad message must stop nothing else.
 */
export async function parseInput(
  handler: Pick<Handler, 'input'>,
  stored: StoredPayload,
): Promise<ParsedInput> {
  const decoded = decodePayload(stored)
  if (!decoded.ok) return invalid(`The payload ${decoded.problem}.`)
  if (handler.input === undefined) return decoded
  try {
    // Standard Schema and not zod's own methods: synchronous and asynchronous schemas, of any copy of zod.
    const checked = await handler.input['~standard'].validate(decoded.value)
    return checked.issues === undefined
      ? { ok: true, value: checked.value }
      : { ok: false, problems: inputProblems(checked.issues) }
  } catch (error) {
    return invalid(`The handler's check of its input threw: ${errorMessage(error)}`)
  }
}

/** The error of a job whose input is wrong: permanent, since the payload does not change. */
export function inputInvalid(
  handlerName: string,
  problems: readonly InputProblem[],
): CrossdockError {
  const list = problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  return new CrossdockError(
    'input_invalid',
    `The payload is no valid input for handler ${JSON.stringify(handlerName)}. ${list.join('; ')}`,
    { details: { handler: handlerName, problems } },
  )
}

interface Issue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

function inputProblems(issues: readonly Issue[]): readonly InputProblem[] {
  const listed = issues.slice(0, MAX_PROBLEMS).map(({ message, path = [] }) => ({
    path: path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
    message,
  }))
  const more = issues.length - listed.length
  return more === 0 ? listed : [...listed, { path: '', message: `and ${String(more)} more` }]
}

function invalid(message: string): ParsedInput {
  return { ok: false, problems: [{ path: '', message }] }
}
