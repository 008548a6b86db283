import { drawn } from './draw.ts'

/** What one field of a cron expression may hold. */
export interface FieldRule {
  /** For messages, such as `minute`. */
  readonly name: string
  readonly min: number
  readonly max: number
  /** Names in the place of numbers, the first for `min`. */
  readonly names?: readonly string[]
  /** The largest value that `H` draws, where that is not `max`. */
  readonly maxDrawn?: number
}

/** Numbers of a field: whole, sorted, each once. */
export type FieldValues = readonly number[]

/** What is wrong with an expression, in one sentence. */
export class CronProblem extends Error {}

/**
 * Reads a list of numbers, names, ranges and steps: `*`, `5`, `MON`, `1-5`, `*\/10`, `5/10`, `1-20/5`, and `H`,
 * which is drawn by the seed.
 * @throws CronProblem
 */
export function readField(text: string, rule: FieldRule, seed: string): FieldValues {
  const values = new Set(text.split(',').flatMap((item) => itemValues(item, rule, seed)))
  return [...values].sort((one, other) => one - other)
}

function itemValues(item: string, rule: FieldRule, seed: string): readonly number[] {
  const [range = '', step, ...more] = item.split('/')
  if (more.length > 0) throw problem(item, rule, 'has more than one /')
  const every = step === undefined ? 1 : readStep(step, item, rule)
  const { from, to } = readRange(range, {
    item,
    step: step === undefined ? undefined : every,
    rule,
    seed,
  })
  if (from > to) {
    throw problem(
      item,
      rule,
      `runs backwards: write two ranges, such as ${from}-${rule.max},${rule.min}-${to}`,
    )
  }
  const values: number[] = []
  for (let value = from; value <= to; value += every) values.push(value)
  return values
}

function readStep(step: string, item: string, rule: FieldRule): number {
  const every = /^\d{1,4}$/.test(step) ? Number(step) : 0
  if (every < 1) throw problem(item, rule, 'has no whole number from 1 behind its /')
  if (every > rule.max - rule.min + 1) {
    throw problem(item, rule, `has a step of more than its ${rule.max - rule.min + 1} values`)
  }
  return every
}

function readRange(
  range: string,
  {
    item,
    step,
    rule,
    seed,
  }: {
    readonly item: string
    readonly step: number | undefined
    readonly rule: FieldRule
    readonly seed: string
  },
): { readonly from: number; readonly to: number } {
  if (range === '*') return { from: rule.min, to: rule.max }
  const hash = /^H(?:\((.+)\))?$/i.exec(range)
  if (hash !== null) {
    const [, within] = hash
    const most = { from: rule.min, to: rule.maxDrawn ?? rule.max }
    const bounds = within === undefined ? most : between(within, item, rule)
    if (bounds.from > bounds.to) throw problem(item, rule, 'runs backwards')
    // With a step only where it begins is drawn.
    const width = Math.min(bounds.to - bounds.from + 1, step ?? Infinity)
    const from = bounds.from + drawn(`${seed}/${rule.name}`, width)
    return { from, to: step === undefined ? from : bounds.to }
  }
  if (range.includes('-')) return between(range, item, rule)
  const from = readValue(range, item, rule)
  return { from, to: step === undefined ? from : rule.max }
}

function between(
  range: string,
  item: string,
  rule: FieldRule,
): { readonly from: number; readonly to: number } {
  const [from = '', to = '', ...more] = range.split('-')
  if (more.length > 0 || to === '') throw problem(item, rule, 'is no range such as 1-5')
  return { from: readValue(from, item, rule), to: readValue(to, item, rule) }
}

/**
 * One number or name.
 * @throws CronProblem
 */
export function readValue(text: string, item: string, rule: FieldRule): number {
  const place = rule.names?.indexOf(text.toUpperCase()) ?? -1
  if (place >= 0) return rule.min + place
  if (!/^\d{1,4}$/.test(text)) {
    const names = rule.names === undefined ? '' : `, or ${rule.names.join(', ')}`
    throw problem(item, rule, `is none: it takes ${rule.min} to ${rule.max}${names}`)
  }
  const value = Number(text)
  if (value >= rule.min && value <= rule.max) return value
  throw problem(item, rule, `is out of range: it takes ${rule.min} to ${rule.max}`)
}

/** A sentence on one item of a field. */
export function problem(item: string, { name }: FieldRule, what: string): CronProblem {
  return new CronProblem(`its ${name} '${item}' ${what}`)
}
