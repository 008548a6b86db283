import { isCrossdockError } from '../domain/errors.ts'
import type { GivenTurns } from '../ports/given-turns.ts'

/** How late a row may be committed behind rows with a higher seq, and still be met by the next look. */
export const LATE_SEQS = 1_000

/** A head whose turn was free when it was looked at. */
export interface FreeHead {
  readonly queue: string
  /** Whether it got its turn here: another giver may have been quicker, or somebody has it locked. */
  readonly given: boolean
}

/** Gives the free ones of these turns in one commit. */
export type GiveGroup = (names: readonly string[]) => Promise<readonly FreeHead[]>

/** How often a group is tried as a whole. */
const TRIES = 3

/**
 * Gives turns, though another giver may be at the same ones. Two that looked at different moments may have
 * found different heads of one lane: the unique index lets the first of them through and refuses the other's
 * whole group, which looks again, and at last lane by lane.
 */
export async function giveAll(names: readonly string[], give: GiveGroup): Promise<GivenTurns> {
  const wanted = [...new Set(names)].sort()
  if (wanted.length === 0) return { queues: [], count: 0 }
  for (let attempt = 0; attempt < TRIES; attempt += 1) {
    const given = await giveUnlessTaken(wanted, give)
    if (given === 'locked') break
    if (given !== 'taken') return summary(given)
  }
  const given: FreeHead[] = []
  for (const name of wanted) {
    const some = await giveUnlessTaken([name], give)
    if (typeof some !== 'string') given.push(...some)
  }
  return summary(given)
}

async function giveUnlessTaken(
  names: readonly string[],
  give: GiveGroup,
): Promise<readonly FreeHead[] | 'taken' | 'locked'> {
  try {
    return await give(names)
  } catch (error) {
    if (isCrossdockError(error, 'database_constraint')) return 'taken'
    // Somebody stands still with one of these turns: the others must not wait for him.
    if (isCrossdockError(error, 'database_locked')) return 'locked'
    throw error
  }
}

/**
 * The queues of all these heads, given here or not. Two givers that meet at one head lock it one after the
 * other, and a claim that comes meanwhile, woken by the first, passes over a locked row: without a word of
 * the second nobody would look again.
 */
function summary(heads: readonly FreeHead[]): GivenTurns {
  return {
    queues: [...new Set(heads.map(({ queue }) => queue))],
    count: heads.filter(({ given }) => given).length,
  }
}
