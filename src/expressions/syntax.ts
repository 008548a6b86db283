import jsonata from 'jsonata'
import type { ExpressionReport } from '../ports/expressions.ts'
import type { PlainExpression } from './plain.ts'

/** A node of JSONata's syntax tree, whose published type lacks most of its parts. */
type SyntaxNode = Readonly<Record<string, unknown>>

/** An expression that was understood, or why not. */
export type ParsedExpression =
  | {
      readonly ok: true
      /** Where it can be evaluated without JSONata. */
      readonly plain: PlainExpression | undefined
      /** What it looks up in its input. */
      readonly names: readonly string[]
      /** Whether it may look at the payload. */
      readonly needsPayload: boolean
    }
  | { readonly ok: false; readonly problem: string }

/** The longest text of JSONata's that is passed on, in characters: it may quote values. */
const MAX_MESSAGE_CHARACTERS = 300

/** Understands an expression without running it. */
export function parseExpression(source: string): ParsedExpression {
  let root: unknown
  try {
    root = jsonata(source).ast()
  } catch (error) {
    return { ok: false, problem: `${expressionMessage(error)}${placeOf(error)}` }
  }
  const evaluated = findEval(root)
  if (evaluated !== undefined) {
    const problem = `$eval is not available: a message must not bring expressions along${placeOf(evaluated)}`
    return { ok: false, problem }
  }
  const plain = plainOf(root)
  const isPath = plain?.kind === 'path'
  return {
    ok: true,
    plain,
    names: [...new Set(topNames(root))],
    needsPayload: plain === undefined || (isPath && plain.names[0] === 'payload'),
  }
}

/** What is to be said of an expression before anything starts. */
export function reportExpression(source: string, names: readonly string[]): ExpressionReport {
  const parsed = parseExpression(source)
  if (!parsed.ok) return { problem: parsed.problem, unknownNames: [], isPath: false }
  const unknownNames = parsed.names.filter((name) => !names.includes(name))
  return { unknownNames, isPath: parsed.plain?.kind === 'path' }
}

/** The text of what JSONata threw: objects of its own, and errors of the engine. */
export function expressionMessage(thrown: unknown): string {
  const message: unknown =
    typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, 'message') : thrown
  return typeof message === 'string' && message !== ''
    ? message.slice(0, MAX_MESSAGE_CHARACTERS)
    : 'it failed without a reason'
}

function placeOf(value: unknown): string {
  const position: unknown =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'position') : undefined
  return typeof position === 'number' ? ` (up to character ${position} of the expression)` : ''
}

/** Only what has no part that is not known here: stages, sorting, grouping, `[]` go to JSONata. */
function plainOf(root: unknown): PlainExpression | undefined {
  if (!isNode(root)) return undefined
  const { type, value, steps } = root
  if ((type === 'string' || type === 'number' || type === 'value') && hasOnly(root, 'value')) {
    return { kind: 'literal', value }
  }
  if (type !== 'path' || !Array.isArray(steps) || !hasOnly(root, 'steps')) return undefined
  const names = steps.flatMap((step: unknown) => {
    const isName = isNode(step) && step['type'] === 'name' && hasOnly(step, 'value')
    return isName && typeof step['value'] === 'string' ? [step['value']] : []
  })
  return names.length === steps.length ? { kind: 'path', names } : undefined
}

function hasOnly(node: SyntaxNode, part: string): boolean {
  return Object.keys(node).every((name) => name === 'type' || name === 'position' || name === part)
}

/**
 * Names that are looked up in the input itself: not those behind a dot, within brackets or in a function,
 * which have a context of their own.
 */
function topNames(node: unknown): readonly string[] {
  if (Array.isArray(node)) return node.flatMap(topNames)
  if (!isNode(node)) return []
  switch (node['type']) {
    case 'path': {
      const steps: readonly unknown[] = Array.isArray(node['steps']) ? node['steps'] : []
      const [first] = steps
      if (!isNode(first)) return []
      return first['type'] === 'name' && typeof first['value'] === 'string'
        ? [first['value']]
        : topNames(first)
    }
    case 'binary':
    case 'apply':
      return [...topNames(node['lhs']), ...topNames(node['rhs'])]
    case 'bind':
      return topNames(node['rhs'])
    case 'condition':
      return ['condition', 'then', 'else'].flatMap((part) => topNames(node[part]))
    case 'function':
      return topNames(node['arguments'])
    case 'block':
      return topNames(node['expressions'])
    case 'unary':
      return ['expression', 'expressions', 'lhs'].flatMap((part) => topNames(node[part]))
    default:
      return []
  }
}

/** The first mention of `$eval`. */
function findEval(root: unknown): SyntaxNode | undefined {
  const rest: unknown[] = [root]
  while (rest.length > 0) {
    const node = rest.pop()
    if (typeof node !== 'object' || node === null) continue
    if (isNode(node) && node['type'] === 'variable' && node['value'] === 'eval') return node
    const parts: readonly unknown[] = Object.values(node)
    for (const part of parts) rest.push(part)
  }
  return undefined
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
