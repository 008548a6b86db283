import { STATUS } from '../../domain/status.ts'
import { written, type Ended } from '../endings.ts'
import type { Database, Run } from './connect.ts'
import { endOne, type LockedEnd } from './end-rows.ts'
import { literal, numberList } from './text.ts'

/** The completion of an execution whose row is known by its primary key. */
interface Completion {
  readonly seq: string
  readonly ended: Ended
  readonly result: string | null
}

/** Completions that one statement can write, and all other ends. */
export interface DividedEnds {
  readonly completions: readonly Completion[]
  readonly others: readonly Ended[]
}

/** Each row once among the completions: whatever is named again is seen to with the others. */
export function divideEnds(settlements: readonly Ended[]): DividedEnds {
  const completions = new Map<string, Completion>()
  const others: Ended[] = []
  for (const ended of settlements) {
    const completion = completionOf(ended)
    if (completion === undefined || completions.has(completion.seq)) others.push(ended)
    else completions.set(completion.seq, completion)
  }
  return {
    completions: [...completions.values()].sort(
      (a, b) => a.seq.length - b.seq.length || (a.seq < b.seq ? -1 : 1),
    ),
    others,
  }
}

function completionOf(ended: Ended): Completion | undefined {
  const { seq, ending, durationMs, recovered } = ended
  if (seq === undefined || !/^\d+$/.test(seq) || durationMs === null || recovered === true) return
  return ending.kind === 'completed' ? { seq, ended, result: ending.result } : undefined
}

/** The end of one execution, in one statement that guards itself. */
export function endText(database: Database, ended: Ended): string {
  const completion = completionOf(ended)
  return completion === undefined
    ? endOne(database, ended, written(ended.ending))
    : completeText(database, [completion])
}

/** What {@link endRows} and the history take of a completion. */
export function endOf({ seq, ended }: Completion): LockedEnd {
  return { seq, ended, writes: written(ended.ending) }
}

/**
 * Completes executions, in one statement that guards itself: it neither locks the rows first, nor joins
 * them to a table of values, which MariaDB writes to a temporary table and goes through a second time.
 * Walks the primary key, in its order.
 *
 * Returns whether all of them were still the caller's. Where not, nobody knows which were, and what it has
 * changed must be rolled back.
 */
export async function completeRows(
  run: Run,
  database: Database,
  completions: readonly Completion[],
): Promise<boolean> {
  const text = completeText(database, completions)
  const half = Math.ceil(completions.length / 2)
  if (half < completions.length && Buffer.byteLength(text) > (await database.maxStatementBytes())) {
    return (
      (await completeRows(run, database, completions.slice(0, half))) &&
      (await completeRows(run, database, completions.slice(half)))
    )
  }
  const { affected } = await run(text)
  return affected === completions.length
}

function completeText({ names }: Database, completions: readonly Completion[]): string {
  const seqs = completions.map(({ seq }) => seq)
  const each = (values: readonly string[]): string => valueBySeq(seqs, values)
  const micros = each(
    completions.map(({ ended }) => String(Math.round((ended.durationMs ?? 0) * 1000))),
  )
  return `UPDATE ${names.queueJobs} FORCE INDEX (PRIMARY) SET
      statusid = ${STATUS.completed},
      leaseepoch = leaseepoch + 1,
      lockedby = NULL,
      leaseexpiresat = NULL,
      startedat = UTC_TIMESTAMP(6) - INTERVAL ${micros} MICROSECOND,
      completedat = UTC_TIMESTAMP(6),
      result = ${each(completions.map(({ result }) => literal(result)))},
      deadreason = NULL,
      progress = progresstotal,
      recoveries = 0,
      modifiedon = UTC_TIMESTAMP(6)
    WHERE seq IN (${numberList(seqs)})
      AND leaseepoch = ${each(completions.map(({ ended }) => literal(ended.epoch)))}
      AND statusid + 0 = ${STATUS.processing} AND NOT cancelrequested`
}

/**
 * The value of the row's own place among ascending `seqs`, as an expression. INTERVAL looks for it by halves
 * and ELT takes it; a CASE would compare with each before.
 */
function valueBySeq(seqs: readonly string[], values: readonly string[]): string {
  const [first] = values
  if (first !== undefined && values.every((value) => value === first)) return first
  return `ELT(INTERVAL(seq, ${numberList(seqs)}), ${values.join(', ')})`
}
