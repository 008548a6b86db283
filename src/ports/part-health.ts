import type { AdapterHealth } from './adapter.ts'

/** One of the things that an adapter does over one connection, and how it is. */
export interface PartHealth {
  readonly name: string
  readonly health: AdapterHealth
}

/** How an adapter is of which these are the parts. Down: all of it. Degraded: a part of it. */
export function healthOfParts(parts: readonly PartHealth[]): AdapterHealth {
  const details = parts.flatMap(({ name, health }) =>
    health.detail === undefined ? [] : [`${name}: ${health.detail}`],
  )
  const detail = details.length === 0 ? {} : { detail: details.join('; ') }
  if (parts.every(({ health }) => health.status === 'ok')) return { status: 'ok', ...detail }
  const isDown = parts.every(({ health }) => health.status === 'down')
  return { status: isDown ? 'down' : 'degraded', ...detail }
}
