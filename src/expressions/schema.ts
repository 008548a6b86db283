import { Ajv, type ErrorObject, type Options } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { CrossdockError, errorMessage } from '../domain/errors.ts'
import type { InputProblem } from '../ports/adapter.ts'

/** Checks one payload; no problems: it fits. */
export type SchemaCheck = (payload: unknown) => readonly InputProblem[]

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/
const DRAFT_2020 = /^https:\/\/json-schema\.org\/draft\/2020-12\/schema#?$/

/** The most problems that are told of one payload. */
const MAX_PROBLEMS = 20

const OPTIONS: Options = {
  // A misspelt keyword would check nothing.
  strict: true,
  // These only ask for more words in schemas that are right.
  strictTypes: false,
  strictRequired: false,
  strictTuples: false,
  // JSON Schema does not check formats unless asked to, and no library for them is here.
  validateFormats: false,
  // The first problem ends it: a payload cannot make the list long.
  allErrors: false,
  // Default values and conversions would change what was received.
  useDefaults: false,
  coerceTypes: false,
  ownProperties: true,
  logger: false,
}

/**
 * Compiles the text of a JSON Schema: draft 2020-12, and draft-07 where `$schema` says so. References
 * stay within the text: none is fetched.
 * @throws CrossdockError `config_invalid`
 */
export function compileSchema(text: string): SchemaCheck {
  const schema = parse(text)
  const dialect: unknown = typeof schema === 'object' ? Reflect.get(schema, '$schema') : undefined
  if (typeof dialect !== 'string' && dialect !== undefined) throw invalid('its $schema is no text')
  const isDraft07 = dialect !== undefined && DRAFT_07.test(dialect)
  if (dialect !== undefined && !isDraft07 && !DRAFT_2020.test(dialect)) {
    throw invalid(
      `it is of ${JSON.stringify(dialect)}; draft 2020-12 and draft-07 are known: https://json-schema.org/draft/2020-12/schema`,
    )
  }
  const ajv = isDraft07 ? new Ajv(OPTIONS) : new Ajv2020(OPTIONS)
  try {
    const check = ajv.compile(schema)
    if ('$async' in check) throw invalid('$async is not available')
    return (payload) => {
      // What has no JSON text has no value either.
      if (check(payload === undefined ? null : payload)) return []
      return (check.errors ?? []).slice(0, MAX_PROBLEMS).map(problemOf)
    }
  } catch (error) {
    throw invalid(errorMessage(error))
  }
}

function parse(text: string): boolean | object {
  let schema: unknown
  try {
    schema = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw invalid(`it is not valid JSON: ${errorMessage(error)}`)
  }
  if (typeof schema === 'boolean') return schema
  if (typeof schema === 'object' && schema !== null && !Array.isArray(schema)) return schema
  throw invalid('a schema is an object, true or false')
}

function problemOf({ instancePath, message, params, keyword }: ErrorObject): InputProblem {
  const path = instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .join('.')
  const extra: unknown = keyword === 'additionalProperties' ? params['additionalProperty'] : ''
  const name = typeof extra === 'string' && extra !== '' ? `: ${extra.slice(0, 100)}` : ''
  return { path: path.slice(0, 500), message: `${message ?? 'does not fit'}${name}` }
}

function invalid(message: string): CrossdockError {
  return new CrossdockError('config_invalid', message.slice(0, 1_000))
}
