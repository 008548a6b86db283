import type { AdapterHealth, RunningAdapter } from '../../../src/ports/adapter.ts'
import type { Publishing } from '../../../src/ports/outbound.ts'
import { createUnit, type UnitSignals } from '../../../src/integrations/unit.ts'
import { recordingLog } from '../../integration/worker/recording-log.ts'
import { manualClock } from '../worker/manual-clock.ts'

/** One start of an adapter, which the test answers. */
export interface SeenStart {
  readonly signals: UnitSignals
  /** How often what it brought was stopped. */
  stops: number
  succeed(adapter?: Partial<RunningAdapter>): void
  fail(error: unknown): void
}

/** A unit on a clock that the test drives, whose starts wait for the test. */
export function setUpUnit({ random = () => 0 }: { readonly random?: () => number } = {}) {
  const clock = manualClock()
  const log = recordingLog()
  const starts: SeenStart[] = []
  const connected: boolean[] = []
  const unit = createUnit({
    start: (signals) => {
      const { promise, resolve, reject } = Promise.withResolvers<RunningAdapter>()
      const seen: SeenStart = {
        signals,
        stops: 0,
        succeed: (adapter = {}) => {
          resolve({
            health: (): AdapterHealth => ({ status: 'ok' }),
            publish: async (_, messages): Promise<readonly Publishing[]> =>
              messages.map(() => ({ outcome: 'published' })),
            ...adapter,
            stop: async () => {
              seen.stops += 1
              await adapter.stop?.()
            },
          })
        },
        fail: reject,
      }
      starts.push(seen)
      return promise
    },
    onConnected: (isConnected) => connected.push(isConnected),
    clock,
    random,
    log,
  })
  return { clock, log, starts, connected, unit }
}
