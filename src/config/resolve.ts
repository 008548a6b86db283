import { findNodeAtLocation, getNodeValue, type Node } from 'jsonc-parser'
import type { ConfigurationDocument } from './document.ts'
import { parseText } from './interpolate.ts'
import { isWithin, type KeyPath, pathText } from './key-path.ts'
import { looksSecret, MASK, maskUrls, namingKey } from './mask.ts'
import type { ProblemList } from './problem.ts'
import { fillReferences, type ReferenceSource } from './references.ts'
import {
  acceptedTypes,
  alternatives,
  childNodes,
  expectation,
  type SchemaNode,
} from './schema-node.ts'
import { isUnavailableKey, isUnavailableValue } from './unavailable.ts'
import { unknownKeyMessage } from './unknown-key.ts'

/** What a document is resolved with. */
export interface ResolveOptions extends ReferenceSource {
  readonly document: ConfigurationDocument
  readonly schema: SchemaNode
  readonly problems: ProblemList
}

/** A value, and the same with secrets masked. */
interface ValuePair {
  readonly value: unknown
  readonly masked: unknown
}

const NOTHING: ValuePair = { value: undefined, masked: undefined }
const NUMBER = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i
const SHOWN_LENGTH = 60

/**
 * From the text of a configuration to the value that zod checks: references replaced and given the
 * type that their key needs; unknown and unavailable keys reported and left out.
 */
export class ResolvedDocument {
  /** Keys and values as in the file. */
  value: unknown
  /** The same with secrets masked. */
  masked: unknown
  /** Variables by the path of the text that names them. */
  readonly variables = new Map<string, readonly string[]>()
  readonly #options: ResolveOptions
  readonly #unsettled: KeyPath[] = []

  private constructor(options: ResolveOptions) {
    this.#options = options
  }

  /** Resolves a whole document. What is wrong goes to `options.problems`. */
  static async of(options: ResolveOptions): Promise<ResolvedDocument> {
    const resolved = new ResolvedDocument(options)
    const pair = await resolved.#pair(options.document.root, [options.schema], [])
    resolved.value = pair.value
    resolved.masked = pair.masked
    return resolved
  }

  /** Whether the value at `path` has been reported as having none: it cannot be judged further. */
  isUnsettled(path: KeyPath): boolean {
    return this.#unsettled.some((unsettled) => isWithin(path, unsettled))
  }

  /** The nodes of the schema for the value at `path`. */
  nodesAt(path: KeyPath): readonly SchemaNode[] {
    return path.reduce(childNodes, [this.#options.schema])
  }

  /** Notes a problem of the value at `path`. */
  report(path: KeyPath, message: string): void {
    this.#options.problems.add(path, this.#options.document.positionOf(path), message)
  }

  /** Notes that the value at `path` is not what its key takes. */
  reportValue(path: KeyPath): void {
    const expected = expectation(this.nodesAt(path))
    const node = findNodeAtLocation(this.#options.document.root, [...path])
    if (node === undefined) this.report(path, `is missing; it must be ${expected}`)
    else this.report(path, `must be ${expected}, but ${shown(node, path)}`)
  }

  async #pair(node: Node, schema: readonly SchemaNode[], path: KeyPath): Promise<ValuePair> {
    const accepted = acceptedTypes(schema)
    const fits = accepted.size === 0 || accepted.has(node.type)
    // A value of the wrong type is reported as a whole, by zod; what is in it does not matter.
    if (node.type === 'object' && fits) return this.#objectPair(node, schema, path)
    if (node.type === 'array' && fits) return this.#arrayPair(node, schema, path)
    const plain: unknown = getNodeValue(node)
    return typeof plain === 'string'
      ? this.#textPair(node, plain, schema, path)
      : { value: plain, masked: plain }
  }

  async #objectPair(node: Node, schema: readonly SchemaNode[], path: KeyPath): Promise<ValuePair> {
    const value: Record<string, unknown> = {}
    const masked: Record<string, unknown> = {}
    const seen = new Set<string>()
    for (const { children: [keyNode, valueNode] = [] } of node.children ?? []) {
      const key: unknown = keyNode?.value
      if (keyNode === undefined || valueNode === undefined || typeof key !== 'string') continue
      const keyPath = [...path, key]
      if (seen.has(key)) this.#reportKey(keyNode, keyPath, 'stands here twice; keep one of them')
      seen.add(key)
      // An assignment to this name would change the prototype instead of adding a key.
      const nodes = key === '__proto__' ? [] : childNodes(schema, key)
      if (nodes.length === 0) {
        this.#reportKey(keyNode, keyPath, this.#misplacedMessage(keyPath, schema))
        continue
      }
      const pair = await this.#pair(valueNode, nodes, keyPath)
      if (pair.value === undefined) continue
      value[key] = pair.value
      masked[key] = pair.masked
    }
    return { value, masked }
  }

  async #arrayPair(node: Node, schema: readonly SchemaNode[], path: KeyPath): Promise<ValuePair> {
    const pairs: ValuePair[] = []
    for (const [index, child] of (node.children ?? []).entries()) {
      pairs.push(await this.#pair(child, childNodes(schema, index), [...path, index]))
    }
    return { value: pairs.map((pair) => pair.value), masked: pairs.map((pair) => pair.masked) }
  }

  async #textPair(
    node: Node,
    text: string,
    schema: readonly SchemaNode[],
    path: KeyPath,
  ): Promise<ValuePair> {
    // `payload.lines.${sku: q}` is JSONata, and would look like a reference with a default.
    if (isExpression(schema)) return { value: text, masked: text }
    const filled = await fillReferences(text, namingKey(path), this.#options)
    if (filled.variables.length > 0) this.variables.set(pathText(path), filled.variables)
    for (const problem of filled.problems) this.#reportKey(node, path, problem)
    if (filled.text === undefined) {
      this.#unsettled.push(path)
      return NOTHING
    }
    const value = filled.whole ? typed(filled.text, acceptedTypes(schema)) : filled.text
    if (isUnavailableValue(pathText(path), value)) {
      this.#reportKey(
        node,
        path,
        `'${pathText(path)}': ${JSON.stringify(value)} is not available in this version`,
      )
      this.#unsettled.push(path)
      return NOTHING
    }
    return { value, masked: filled.masked === filled.text ? value : filled.masked }
  }

  #reportKey(node: Node, path: KeyPath, message: string): void {
    this.#options.problems.add(path, this.#options.document.positionOfNode(node), message)
  }

  #misplacedMessage(path: KeyPath, schema: readonly SchemaNode[]): string {
    if (isUnavailableKey(path)) return `'${pathText(path)}' is not available in this version`
    return unknownKeyMessage(path, schema, this.#options.schema)
  }
}

/** Whether a text at these nodes is a JSONata expression. */
function isExpression(schema: readonly SchemaNode[]): boolean {
  return schema.flatMap(alternatives).some((node) => node['expression'] === true)
}

/** A whole reference's text as the type that its key needs; as it is where no type fits it. */
function typed(text: string, types: ReadonlySet<string>): unknown {
  const trimmed = text.trim()
  if ((types.has('number') || types.has('integer')) && NUMBER.test(trimmed)) return Number(trimmed)
  if (types.has('boolean') && (trimmed === 'true' || trimmed === 'false')) return trimmed === 'true'
  if (types.has('array') && trimmed.startsWith('[')) {
    try {
      return JSON.parse(trimmed)
    } catch {
      return text
    }
  }
  return text
}

/** What stands in the file, for a message: never what a reference was replaced by. */
function shown(node: Node, path: KeyPath): string {
  if (node.type === 'object') return 'it is an object'
  if (node.type === 'array') return 'it is a list'
  const value: unknown = getNodeValue(node)
  const isSecret = looksSecret(namingKey(path))
  if (typeof value !== 'string') {
    return typeof value === 'number' && isSecret ? `it is ${MASK}` : `it is ${String(value)}`
  }
  // Also where it has references: what stands beside them, and their defaults, may be the secret.
  if (isSecret) return `it is "${MASK}"`
  const { pieces } = parseText(value)
  const asWritten = JSON.stringify(maskUrls(value))
  if (pieces.some((piece) => typeof piece === 'object'))
    return `${asWritten} stands for something else`
  return asWritten.length > SHOWN_LENGTH
    ? `it is ${asWritten.slice(0, SHOWN_LENGTH)}…"`
    : `it is ${asWritten}`
}
