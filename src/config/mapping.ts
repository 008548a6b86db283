import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { errorMessage } from '../domain/errors.ts'
import type { AdapterDefinition } from '../ports/adapter.ts'
import { INPUT_NAMES, MAP_KEYS, type MappingCheck, ROUTE_MAP_KEYS } from '../ports/expressions.ts'
import { type KeyPath, pathText } from './key-path.ts'
import { elementsAt, textAt, valueAt } from './loose-value.ts'
import { checkTemplates } from './templates.ts'
import type { ResolvedDocument } from './resolve.ts'
import { closest } from './suggestion.ts'

/** What {@link checkMapping} needs beside the document. */
export interface MappingCheckOptions {
  readonly adapters: readonly AdapterDefinition[]
  readonly check: MappingCheck
  /** What the paths of schemas are relative to. */
  readonly directory: string
  /** Default: the file system. */
  readonly readFile?: ((file: string) => Promise<string>) | undefined
}

/** What the expressions and schemas of a configuration came to. */
export interface MappingFindings {
  /** Sentences on what is allowed and probably not meant. */
  readonly warnings: readonly string[]
  /** The texts of JSON Schemas, by absolute path. */
  readonly schemas: ReadonlyMap<string, string>
}

/** A text that is one reference, and would be replaced anywhere else. */
const WHOLE_REFERENCE = /^\s*\$\{(?:file:[^}]*|[A-Z_][A-Z0-9_]*(?::[^}]*)?)\}\s*$/

/** Checks every expression and every schema, so that what cannot work is told before anything starts. */
export async function checkMapping(
  document: ResolvedDocument,
  options: MappingCheckOptions,
): Promise<MappingFindings> {
  const warnings: string[] = []
  const schemas = new Map<string, string>()
  for (const { protocol } of options.adapters) {
    const list = ['integrations', protocol, 'subscriptions']
    for (const index of elementsAt(document.value, list).keys()) {
      const base = [...list, index]
      await checkSchema(document, [...base, 'schema'], options, schemas)
      await checkExpression(document, [...base, 'filter'], options.check, warnings)
      for (const key of MAP_KEYS) {
        await checkExpression(document, [...base, 'map', key], options.check, warnings)
      }
    }
  }
  for (const index of elementsAt(document.value, ['routes']).keys()) {
    const base = ['routes', index]
    await checkExpression(document, [...base, 'filter'], options.check, warnings)
    for (const key of ROUTE_MAP_KEYS) {
      await checkExpression(document, [...base, 'map', key], options.check, warnings)
    }
  }
  warnings.push(...(await checkTemplates(document, options.adapters, options.check)))
  return { warnings, schemas }
}

async function checkSchema(
  document: ResolvedDocument,
  at: KeyPath,
  { check, directory, readFile: read = readUtf8 }: MappingCheckOptions,
  schemas: Map<string, string>,
): Promise<void> {
  const stated = textAt(document.value, at)
  if (stated === undefined) return
  const file = path.resolve(directory, stated)
  let text: string
  try {
    text = await read(file)
  } catch (error) {
    document.report(at, `the file ${stated} cannot be read: ${errorMessage(error)}`)
    return
  }
  const problem = await check.schema(text)
  if (problem !== undefined) document.report(at, `the JSON Schema ${stated} is wrong: ${problem}`)
  schemas.set(file, text)
}

async function checkExpression(
  document: ResolvedDocument,
  at: KeyPath,
  check: MappingCheck,
  warnings: string[],
): Promise<void> {
  const source = valueAt(document.value, at)
  if (typeof source !== 'string' || source === '') return
  const isMap = at.includes('map')
  if (WHOLE_REFERENCE.test(source)) {
    const literal = `{ "value": ${JSON.stringify(source.trim())} }`
    document.report(
      at,
      `is an expression, in which references are not replaced${isMap ? `; for a literal write ${literal}` : ''}`,
    )
    return
  }
  const { problem, unknownNames, isPath } = await check.expression(source, INPUT_NAMES)
  if (problem !== undefined) {
    document.report(at, `is no JSONata expression: ${problem}`)
    return
  }
  const [unknown] = unknownNames
  if (unknown === undefined) return
  const meant = closest(unknown, INPUT_NAMES)
  const advice =
    meant === undefined
      ? `write payload.${unknown} for what is in the payload`
      : `did you mean ${meant}?`
  const what = `${JSON.stringify(unknown)} is nothing that an expression can see`
  if (!isMap) {
    // It would give nothing for every message, and all of them would be dropped.
    document.report(at, `${what}; ${advice}`)
    return
  }
  const literal = `{ "value": ${JSON.stringify(source)} }`
  warnings.push(
    `'${pathText(at)}': ${what}, and gives nothing; ${advice}${isPath ? `, or, for a literal, ${literal}` : ''}.`,
  )
}

function readUtf8(file: string): Promise<string> {
  return readFile(file, 'utf8')
}
