/** The numbers in `queue_jobs.typeid`, by the words that the HTTP API uses. */
export const JOB_TYPE = { integration: 0, scheduled: 1, manual: 2, system: 3 } as const

/** A job's type as a word. */
export type JobTypeWord = keyof typeof JOB_TYPE

/** Every type word, in the order of the numbers. */
export const JOB_TYPE_WORDS = Object.keys(JOB_TYPE) as readonly JobTypeWord[]

/** The values of `queue_jobs.direction`. */
export const DIRECTIONS = ['inbound', 'outbound', 'internal'] as const

/** Which way a job's message travels; `internal` for a job that is no message. */
export type Direction = (typeof DIRECTIONS)[number]

/** The values of `queue_jobs.protocol`. */
export const PROTOCOLS = ['http', 'signalr', 'kafka', 'mqtt', 'activemq'] as const

/** A protocol that an adapter speaks. */
export type Protocol = (typeof PROTOCOLS)[number]
