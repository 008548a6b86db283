import { parseTemplate } from '../domain/template.ts'
import type { AdapterDefinition } from '../ports/adapter.ts'
import { TEMPLATE_NAMES, type MappingCheck } from '../ports/expressions.ts'
import { type KeyPath, pathText } from './key-path.ts'
import { valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'
import { closest } from './suggestion.ts'

/**
 * Checks every template of every publication: what cannot be taken apart is a problem, a name that is nothing
 * a warning. Returns the warnings.
 */
export async function checkTemplates(
  document: ResolvedDocument,
  adapters: readonly AdapterDefinition[],
  check: MappingCheck,
): Promise<readonly string[]> {
  const warnings: string[] = []
  for (const { protocol, templates } of adapters) {
    const list = ['integrations', protocol, 'publications']
    for (const name of Object.keys(asObject(valueAt(document.value, list)))) {
      for (const key of ['key', 'headers', ...templates]) {
        for (const [at, text] of textsBelow(document.value, [...list, name, key])) {
          warnings.push(...(await checkTemplate(document, at, text, check)))
        }
      }
    }
  }
  return warnings
}

async function checkTemplate(
  document: ResolvedDocument,
  at: KeyPath,
  text: string,
  check: MappingCheck,
): Promise<readonly string[]> {
  const parsed = parseTemplate(text)
  if (!parsed.ok) {
    document.report(at, `is no template: ${parsed.problem}`)
    return []
  }
  const warnings: string[] = []
  for (const part of parsed.parts) {
    if (typeof part === 'string') continue
    const { problem, unknownNames } = await check.expression(part.expression, TEMPLATE_NAMES)
    if (problem !== undefined) {
      document.report(at, `has no JSONata expression in {{ ${part.expression} }}: ${problem}`)
    }
    const [unknown] = unknownNames
    if (unknown === undefined) continue
    const meant = closest(unknown, TEMPLATE_NAMES)
    const advice =
      meant === undefined
        ? `write payload.${unknown} for what is in the payload`
        : `did you mean ${meant}?`
    warnings.push(
      `'${pathText(at)}': ${JSON.stringify(unknown)} is nothing that a template can see, and gives nothing; ${advice}.`,
    )
  }
  return warnings
}

/** Every text at a place or below it. */
function textsBelow(root: unknown, at: KeyPath): readonly (readonly [KeyPath, string])[] {
  const value = valueAt(root, at)
  if (typeof value === 'string') return [[at, value]]
  if (Array.isArray(value)) {
    return Array.from(value.keys()).flatMap((index) => textsBelow(root, [...at, index]))
  }
  return Object.keys(asObject(value)).flatMap((key) => textsBelow(root, [...at, key]))
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}
