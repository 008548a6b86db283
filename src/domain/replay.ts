import type { Job } from './job.ts'
import type { JsonObject } from './json.ts'

/**
 * Which metadata names the dead letter that a row is replayed from. The inbox key does not tell: one row of several has it, a
 * mapped or a hashed one says nothing, and a forced replay has none.
 */
const REPLAY_MARK = 'replay_of'

/** Metadata of a row that is a replay. */
export function replayMetadata(deadLetterId: string): JsonObject {
  return { [REPLAY_MARK]: deadLetterId }
}

/** Whether a job was made of a dead letter. A parent does not tell: handlers, the API and copies name one too. */
export function isReplay({ metadata }: Pick<Job, 'metadata'>): boolean {
  return metadata?.[REPLAY_MARK] !== undefined
}
