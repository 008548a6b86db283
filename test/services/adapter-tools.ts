import { systemClock } from '../../src/app/system-clock.ts'
import { createOffering } from '../../src/integrations/offering.ts'
import type { AdapterContext, MessageSink } from '../../src/ports/adapter.ts'

/** What an instance gives to an adapter beside its connection: the real things, over a sink of the test's own. */
export function adapterTools(
  sink: MessageSink,
): Pick<AdapterContext<unknown>, 'sink' | 'makeOffering' | 'clock' | 'random'> {
  return {
    sink,
    makeOffering: (options) => createOffering({ sink, clock: systemClock }, options),
    clock: systemClock,
    random: Math.random,
  }
}
