import { CrossdockError } from '../../src/domain/errors.ts'
import type { Clock } from '../../src/ports/clock.ts'

/**
 * The promise's value, if it comes in time: the library waits for ever.
 * @throws CrossdockError `connection_failed` with this message, when it does not
 */
export async function within<Value>(
  clock: Clock,
  limitMs: number,
  promise: Promise<Value>,
  message: string,
): Promise<Value> {
  return await new Promise<Value>((resolve, reject) => {
    const timer = clock.after(limitMs, () => {
      reject(new CrossdockError('connection_failed', message))
    })
    promise.then(resolve, reject).finally(() => {
      timer.cancel()
    })
  })
}
