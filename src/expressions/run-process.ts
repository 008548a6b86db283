import { writeSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { CrossdockError } from '../domain/errors.ts'
import type { MappingResult, MappingRules } from '../ports/expressions.ts'
import { compileJsonata } from './jsonata.ts'
import { BEGINS_FD, type BatchRules, type FromProcess, type ToProcess } from './messages.ts'
import { evaluatePlain } from './plain.ts'
import { type ApplyRules, compileRules } from './rules.ts'
import { compileSchema } from './schema.ts'
import { parseExpression } from './syntax.ts'

/** Rules kept of those that came with messages. */
const MAX_BROUGHT = 200

/** Ends this process when its parent has gone while an expression keeps it busy. */
const WATCH = `const parent = process.ppid
setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL') }, 1000)`

/** Evaluates what it is sent until its parent is gone. The whole of what the process is for. */
export function runExpressionProcess(): void {
  let rules: readonly ApplyRules[] = []
  const brought = new Map<string, ApplyRules>()
  let deadline = 0
  let limitMs = 0

  // The end of the terminal's other processes is no end of this one: what is under way is answered.
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
  process.on('disconnect', () => process.exit())
  // An expression that failed twice over is told once.
  process.on('unhandledRejection', () => undefined)
  new Worker(WATCH, { eval: true }).unref()

  process.on('message', (message: ToProcess) => {
    if (message.kind === 'rules') {
      limitMs = message.limitMs
      rules = message.rules.map((each) =>
        compile(each, limitMs, () => deadline - performance.now()),
      )
      // An expression must not leave anything behind for the next message.
      Object.preventExtensions(Object.prototype)
      Object.preventExtensions(Array.prototype)
      tell({ kind: 'ready' })
    } else {
      // Whoever waits is told by the end of the process that this batch has no results.
      evaluate(message).catch(() => process.exit(1))
    }
  })

  /** Rules that come with a message are kept: there are as many as there are templates. */
  function rulesOf(given: BatchRules): ApplyRules | undefined {
    if (typeof given === 'number') return rules[given]
    const name = JSON.stringify(given)
    const known = brought.get(name)
    if (known !== undefined) return known
    const made = compile(given, limitMs, () => deadline - performance.now())
    const [oldest] = brought.keys()
    if (brought.size >= MAX_BROUGHT && oldest !== undefined) brought.delete(oldest)
    brought.set(name, made)
    return made
  }

  async function evaluate({ messages }: Extract<ToProcess, { kind: 'batch' }>): Promise<void> {
    const results: MappingResult[] = []
    for (const [index, message] of messages.entries()) {
      if (index > 0) begin(index)
      deadline = performance.now() + limitMs
      const apply = rulesOf(message.rules)
      if (apply !== undefined) results.push(await apply(message.input))
    }
    tell({ kind: 'results', results })
  }
}

/** The rules with all of JSONata and JSON Schema; plain expressions directly, as on the main thread. */
function compile(rules: MappingRules, limitMs: number, remainingMs: () => number): ApplyRules {
  return compileRules(rules, {
    expression: (source) => {
      const parsed = parseExpression(source)
      if (!parsed.ok) throw new CrossdockError('config_invalid', parsed.problem)
      const { plain } = parsed
      if (plain !== undefined) return (input) => evaluatePlain(plain, input)
      const evaluate = compileJsonata(source, limitMs)
      return (input, { receivedAtMs }) => evaluate({ input, receivedAtMs, remainingMs })
    },
    schema: compileSchema,
    needsPayload: (source) => {
      const parsed = parseExpression(source)
      return !parsed.ok || parsed.needsPayload
    },
  })
}

function begin(index: number): void {
  writeSync(BEGINS_FD, Uint8Array.of(index))
}

function tell(message: FromProcess): void {
  process.send?.(message)
}
