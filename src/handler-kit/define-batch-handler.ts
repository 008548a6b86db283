import { CrossdockError } from '../domain/errors.ts'

/**
 * Not available in this version. It is exported so that a handler file that imports it is told so,
 * instead of failing on a missing export.
 * @throws CrossdockError `not_available`, always.
 */
export function defineBatchHandler(_definition: unknown): never {
  throw new CrossdockError(
    'not_available',
    '`defineBatchHandler` is not available in this version: use `defineHandler`, which is given one job at a time.',
  )
}
