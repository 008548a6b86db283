import type { AdapterHealth } from '../ports/adapter.ts'
import { shownError } from './shown-error.ts'
import type { AdapterUnit } from './unit.ts'

/** How a connection is: what its adapter says while it runs, else why it does not and when it is tried again. */
export function unitHealth(unit: Pick<AdapterUnit, 'state' | 'running'>): AdapterHealth {
  const { phase, lastError, nextTryInMs } = unit.state()
  const adapter = unit.running()
  if (adapter !== undefined) return adapterHealth(() => adapter.health())
  switch (phase) {
    case 'new':
    case 'starting':
      return { status: 'down', detail: 'it is being started' }
    case 'waiting': {
      const seconds = Math.ceil((nextTryInMs ?? 0) / 1_000)
      const next = seconds === 0 ? 'it is being tried again' : `the next try is in ${seconds} s`
      return { status: 'down', detail: `${lastError ?? 'it failed'}; ${next}` }
    }
    case 'running':
    case 'stopped':
      return { status: 'down', detail: 'stopped' }
  }
}

/** An adapter that cannot say how it is works with less than it should have. */
function adapterHealth(ask: () => AdapterHealth): AdapterHealth {
  try {
    const { status, detail } = ask()
    return detail === undefined ? { status } : { status, detail: shownError(detail) }
  } catch (error) {
    return { status: 'degraded', detail: `it cannot say how it is: ${shownError(error)}` }
  }
}
