import type { MappingInput, MappingResult, MappingRules } from '../ports/expressions.ts'

/** Which of the rules, by position; or rules that the process was not given before. */
export type BatchRules = number | MappingRules

/** To the process: first the rules, once; then batches, one at a time. Plain JSON. */
export type ToProcess =
  | {
      readonly kind: 'rules'
      readonly rules: readonly MappingRules[]
      /** How long one message may take. */
      readonly limitMs: number
    }
  | {
      readonly kind: 'batch'
      readonly messages: readonly { readonly rules: BatchRules; readonly input: MappingInput }[]
    }

/** From the process: once that it is ready; then what became of each batch. */
export type FromProcess =
  | { readonly kind: 'ready' }
  | { readonly kind: 'results'; readonly results: readonly MappingResult[] }

/** The most messages of a batch: the place of each fits into one byte. */
export const MAX_BATCH = 100

/**
 * The file descriptor on which the process writes the place of each message that it begins, after the
 * first: who stands there when it falls silent is the one to blame.
 */
export const BEGINS_FD = 3
