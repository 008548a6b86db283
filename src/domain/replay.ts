import type { Job } from './job.ts'
import type { JsonObject } from './json.ts'

/** How the inbox key of a replay begins, and none of a subscription: no name begins so. */
export const REPLAY_KEY = '>replay:'

/**
 * Which metadata names the dead letter that a row is replayed from. The inbox key alone does not tell: one row of several has it, a
 * mapped or a hashed one says nothing, and a forced replay has none.
 */
const REPLAY_MARK = 'replay_of'

/** Metadata of a row that is a replay. */
export function replayMetadata(deadLetterId: string): JsonObject {
  return { [REPLAY_MARK]: deadLetterId }
}

/** Whether a job was made of a dead letter. A parent does not tell: handlers, the API and copies name one too. */
export function isReplay({ dedupeKey, metadata }: Pick<Job, 'dedupeKey' | 'metadata'>): boolean {
  return dedupeKey?.startsWith(REPLAY_KEY) === true || metadata?.[REPLAY_MARK] !== undefined
}
