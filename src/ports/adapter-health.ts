import type { AdapterHealth } from './adapter.ts'

/** How one part of an adapter is, under the name that people know it by. */
export interface PartHealth {
  readonly name: string
  readonly health: AdapterHealth
}

/** How an adapter is by its parts. Down: all of them are. Degraded: one of them is not well. */
export function healthTogether(parts: readonly PartHealth[]): AdapterHealth {
  const details = parts.flatMap(({ name, health }) =>
    health.detail === undefined ? [] : [`${name}: ${health.detail}`],
  )
  const detail = details.length === 0 ? {} : { detail: details.join('; ') }
  if (parts.every(({ health }) => health.status === 'ok')) return { status: 'ok', ...detail }
  const isDown = parts.every(({ health }) => health.status === 'down')
  return { status: isDown ? 'down' : 'degraded', ...detail }
}

/** How publishing is: down while there is a problem. */
export function publishingHealth(problem: string | undefined): PartHealth {
  const health: AdapterHealth =
    problem === undefined ? { status: 'ok' } : { status: 'down', detail: problem }
  return { name: 'publications', health }
}
