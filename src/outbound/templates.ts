import type { Json } from '../domain/json.ts'
import type { Headers } from '../domain/job.ts'
import { headerProblem } from '../domain/header-rules.ts'
import { PublicationError } from '../domain/publication-error.ts'
import { parseTemplate, type TemplatePart } from '../domain/template.ts'
import type { MapValue, MappingRules } from '../ports/expressions.ts'

/** The texts of a publication that are templates, at any depth. */
export interface TemplateTexts {
  /** Left out: `metadata.key` of the row. */
  readonly key?: string | undefined
  readonly headers: Readonly<Record<string, string>>
  /** By the adapter's own keys. */
  readonly target: Readonly<Record<string, Json>>
}

/** What the templates gave for one message. */
export interface Rendered {
  readonly key: string | undefined
  readonly headers: Headers
  readonly target: Readonly<Record<string, Json>>
}

/** The values of expressions as JSON texts, by their names in {@link Templates.rules}. */
export type ExpressionValues = Readonly<Record<string, string>>

/** The templates of one publication. */
export interface Templates {
  /** What has to be evaluated for each message; `undefined`: nothing. */
  readonly rules: MappingRules | undefined
  /** Whether the key is a template's, and not the row's. */
  readonly hasKey: boolean
  /** @throws PublicationError `template_failed` */
  render(values: ExpressionValues): Rendered
  /** Where the expression of this name stands: `headers.x-tenant`. */
  placeOf(name: string): string | undefined
}

/** Gives a value; `undefined`: nothing. */
type Render = (values: ExpressionValues) => Json | undefined

/** Takes the templates of a publication apart. Their syntax has been checked with the configuration. */
export function compileTemplates(texts: TemplateTexts): Templates {
  const sources: string[] = []
  const places: string[] = []

  /** The name of an expression. */
  function nameOf(source: string, place: string): string {
    const known = sources.indexOf(source)
    if (known >= 0) return String(known)
    places.push(place)
    return String(sources.push(source) - 1)
  }

  function text(template: string, place: string): Render {
    const parsed = parseTemplate(template)
    if (!parsed.ok) throw failed(place, parsed.problem)
    const [only] = parsed.parts
    if (parsed.parts.length === 1 && typeof only === 'object') {
      const name = nameOf(only.expression, place)
      return (values) => valueOf(values, name)
    }
    const pieces = parsed.parts.map((part: TemplatePart): Render => {
      if (typeof part === 'string') return () => part
      const name = nameOf(part.expression, place)
      return (values) => valueOf(values, name)
    })
    return (values) => pieces.map((piece) => asText(piece(values), place)).join('')
  }

  function any(value: Json, place: string): Render {
    if (typeof value === 'string') return text(value, place)
    if (Array.isArray(value)) {
      const items = value.map((item: Json, index) => any(item, `${place}.${index}`))
      return (values) =>
        items.map((item) => item(values)).filter((item): item is Json => item !== undefined)
    }
    if (typeof value !== 'object' || value === null) return () => value
    const members = Object.entries(value).map(
      ([name, member]) => [name, any(member, `${place}.${name}`)] as const,
    )
    return (values) => present(members.map(([name, member]) => [name, member(values)]))
  }

  const key = texts.key === undefined ? undefined : text(texts.key, 'key')
  const headers = Object.entries(texts.headers).map(
    ([name, template]) => [name, text(template, `headers.${name}`)] as const,
  )
  const target = Object.entries(texts.target).map(
    ([name, value]) => [name, any(value, name)] as const,
  )
  const map: Record<string, MapValue> = {}
  sources.forEach((expression, index) => {
    map[String(index)] = { expression }
  })
  return {
    rules: sources.length === 0 ? undefined : { map },
    hasKey: key !== undefined,
    placeOf: (name) => places[Number(name)],
    render: (values) => ({
      key: keyOf(key?.(values)),
      headers: headersOf(headers.map(([name, render]) => [name, render(values)])),
      target: Object.fromEntries(
        target.map(([name, render]) => {
          const value = render(values)
          // A target that is not there must not become another one.
          if (value === undefined) throw failed(name, 'it gave nothing')
          return [name, value]
        }),
      ),
    }),
  }
}

function valueOf(values: ExpressionValues, name: string): Json | undefined {
  const text = values[name]
  return text === undefined ? undefined : (JSON.parse(text) as Json)
}

function present(members: readonly (readonly [string, Json | undefined])[]): Json {
  return Object.fromEntries(
    members.filter((member): member is [string, Json] => member[1] !== undefined),
  )
}

function asText(value: Json | undefined, place: string): string {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (value === undefined || value === null) {
    // `/orders/` instead of `/orders/7` would be another address.
    throw failed(place, 'an expression within a text gave nothing')
  }
  throw failed(place, 'an expression within a text gave an object or a list; make a text of it')
}

function keyOf(value: Json | undefined): string | undefined {
  return value === undefined || value === null ? undefined : asText(value, 'key')
}

function headersOf(values: readonly (readonly [string, Json | undefined])[]): Headers {
  const headers: Record<string, Headers[string]> = {}
  for (const [name, value] of values) {
    if (value === undefined || value === null) continue
    const plain = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
    const problem = headerProblem(name, plain)
    if (problem !== undefined) throw failed(`headers.${name}`, problem)
    headers[name] = plain as Headers[string]
  }
  return headers
}

function failed(place: string, why: string): PublicationError {
  return new PublicationError('template_failed', `the template '${place}' failed: ${why}`)
}
