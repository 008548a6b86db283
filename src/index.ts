export { CrossdockError, PermanentError, isCrossdockError } from './domain/errors.ts'
export type { ErrorCode, ErrorExtras } from './domain/errors.ts'
export type { Headers } from './domain/job.ts'
export type { Json, JsonObject } from './domain/json.ts'
export { cancel, snooze } from './domain/outcome.ts'
export type { Cancel, Snooze } from './domain/outcome.ts'
export { defineBatchHandler } from './handler-kit/define-batch-handler.ts'
export { defineHandler } from './handler-kit/define-handler.ts'
export type {
  EnqueueOptions,
  Handler,
  HandlerContext,
  HandlerJob,
  HandlerReturn,
  PublishMessage,
  Transaction,
} from './ports/handler.ts'
export type { Log } from './ports/log.ts'

export { startCrossdock } from './app.ts'
export type { CrossdockInstance, Part, StartOptions } from './app.ts'
