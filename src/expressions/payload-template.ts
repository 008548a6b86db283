import { CrossdockError } from '../domain/errors.ts'
import { jsonText, MAX_PAYLOAD_CHARACTERS } from './json-text.ts'
import { parseExpression } from './syntax.ts'

/** A payload that holds expressions: `texts` stand around them, one more than there are. */
export interface PayloadTemplate {
  readonly texts: readonly string[]
  readonly places: readonly {
    readonly source: string
    /** Within a JSON string: what it gives becomes part of the string. */
    readonly inString: boolean
  }[]
  /** All of them as one expression: an object of what each gives, by its place. */
  readonly expression: string
}

/**
 * Reads `{{ jsonata }}` out of the JSON text of a payload. The text around is not parsed: numbers, order and
 * spaces stay as they are. The first `}}` ends an expression.
 * @throws CrossdockError `input_invalid`
 */
export function readTemplate(text: string): PayloadTemplate {
  const texts: string[] = []
  const places: { readonly source: string; readonly inString: boolean }[] = []
  let from = 0
  let inString = false
  for (;;) {
    const begin = text.indexOf('{{', from)
    const piece = text.slice(from, begin === -1 ? undefined : begin)
    texts.push(piece)
    if (begin === -1) break
    inString = endsInString(piece, inString)
    const end = text.indexOf('}}', begin)
    if (end === -1) throw wrong(`'${shown(text.slice(begin))}' has no }} that ends it`)
    const source = text.slice(begin + 2, end).trim()
    if (source === '') throw wrong('{{ }} holds no expression')
    const parsed = parseExpression(source)
    if (!parsed.ok) throw wrong(`in '{{ ${shown(source)} }}': ${parsed.problem}`)
    places.push({ source, inString })
    from = end + 2
  }
  const members = places.map(({ source }, place) => `"${place}": (\n${source}\n)`)
  return { texts, places, expression: `{ ${members.join(', ')} }` }
}

/**
 * The payload, with what the expressions gave: inside a JSON string their text, elsewhere their JSON.
 * @param given by place, as {@link PayloadTemplate.expression} gives it
 * @throws CrossdockError `input_invalid`
 */
export function fillTemplate(
  { texts, places }: PayloadTemplate,
  given: Readonly<Record<string, unknown>>,
): string {
  const pieces = places.map(({ source, inString }, place) => {
    const value = given[String(place)]
    if (value === undefined) throw wrong(`'{{ ${shown(source)} }}' gives nothing`)
    const json = jsonText(value, MAX_PAYLOAD_CHARACTERS)
    if (!inString) return json
    return typeof value === 'string' ? json.slice(1, -1) : JSON.stringify(json).slice(1, -1)
  })
  const text = texts.map((piece, place) => piece + (pieces[place] ?? '')).join('')
  try {
    JSON.parse(text)
  } catch {
    throw wrong('with what its expressions give it is no JSON')
  }
  return text
}

function endsInString(piece: string, began: boolean): boolean {
  let inString = began
  for (let at = 0; at < piece.length; at += 1) {
    if (piece[at] === '"') inString = !inString
    else if (inString && piece[at] === '\\') at += 1
  }
  return inString
}

const MAX_SHOWN = 60

function shown(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text
}

function wrong(message: string): CrossdockError {
  return new CrossdockError('input_invalid', message)
}
