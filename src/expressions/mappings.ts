import { CrossdockError } from '../domain/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { MappingInput, MappingResult, MappingRules, Mappings } from '../ports/expressions.ts'
import type { Log } from '../ports/log.ts'
import { createBatches } from './batches.ts'
import { compileDirect, MAX_DIRECT_CHARACTERS } from './direct.ts'
import { startExpressionProcess } from './process-keeper.ts'
import type { ApplyRules } from './rules.ts'

/** What {@link createMappings} needs. */
export interface MappingsOptions {
  /** By name: a subscription's, or a publication's address. */
  readonly ruleSets: readonly { readonly name: string; readonly rules: MappingRules }[]
  /** The file of the process. */
  readonly script: URL
  /** How long one message may take; default 250 ms. */
  readonly limitMs?: number
  /** Old space of the process's heap; default 256 MiB. */
  readonly heapMib?: number
  readonly clock: Clock
  readonly log: Log
}

/** Rules, and where they are applied. */
interface Compiled {
  /** Their place among those of the process. */
  readonly place: number
  readonly direct: ApplyRules | undefined
}

const DEFAULT_LIMIT_MS = 250
const DEFAULT_HEAP_MIB = 256

/**
 * Applies rules: plain expressions here and now, everything else, and large bodies, in a process that is
 * started when the first rules need it. Rules that are empty are left out.
 * @throws CrossdockError `config_invalid` when an expression is wrong
 */
export function createMappings(options: MappingsOptions): Mappings {
  const { script, clock, log } = options
  const limitMs = options.limitMs ?? DEFAULT_LIMIT_MS
  const all = options.ruleSets.filter(({ rules }) => !isEmpty(rules))
  const compiled = new Map(
    all.map(({ name, rules }, place): [string, Compiled] => [
      name,
      { place, direct: compileDirect(rules) },
    ]),
  )
  const begin = (): ReturnType<typeof createBatches> =>
    createBatches({
      start: (events) =>
        startExpressionProcess(
          {
            script,
            rules: all.map(({ rules }) => rules),
            limitMs,
            heapMib: options.heapMib ?? DEFAULT_HEAP_MIB,
            log,
          },
          events,
        ),
      limitMs,
      clock,
      log,
    })
  // At once where every message needs it, so that the first one need not wait for its start.
  let batches = [...compiled.values()].some(({ direct }) => direct === undefined)
    ? begin()
    : undefined
  let stopped = false

  function evaluateOne({ place, direct }: Compiled, input: MappingInput): Promise<MappingResult> {
    if (direct !== undefined && input.payload.text.length <= MAX_DIRECT_CHARACTERS) {
      return direct(input)
    }
    batches ??= begin()
    return batches.evaluate(place, input)
  }

  return {
    has: (name) => compiled.has(name),
    evaluate: async (name, inputs) => {
      const rules = compiled.get(name)
      if (rules === undefined) {
        throw new CrossdockError('usage', `'${name}' has no rules`)
      }
      if (stopped) {
        throw new CrossdockError('instance_stopping', 'expressions are not evaluated any more', {
          retryable: true,
        })
      }
      return await Promise.all(inputs.map((input) => evaluateOne(rules, input)))
    },
    stop: async () => {
      stopped = true
      await batches?.stop()
    },
  }
}

function isEmpty({ filter, map, schema }: MappingRules): boolean {
  return filter === undefined && schema === undefined && Object.keys(map ?? {}).length === 0
}
