import type { AdapterHealth } from '../../../src/ports/adapter.ts'
import type { Publishing } from '../../../src/ports/outbound.ts'

const MAX_ERROR_CHARACTERS = 200

/** What the last attempts of each publication came to. */
export interface Attempts {
  note(publication: string, publishing: Publishing): void
  /** `degraded` while the last attempt of any publication failed for a reason that is not the message's. */
  health(): AdapterHealth
}

interface Standing {
  readonly failed: number
  readonly last: string | undefined
  readonly at: string | undefined
}

const NONE: Standing = { failed: 0, last: undefined, at: undefined }

/** Nothing has been tried yet. @param now milliseconds since 1970 */
export function createAttempts(publications: readonly string[], now: () => number): Attempts {
  const standings = new Map(publications.map((name): [string, Standing] => [name, NONE]))
  return {
    note: (publication, publishing) => {
      const { failed } = standings.get(publication) ?? NONE
      const at = new Date(now()).toISOString()
      const error = faultOf(publishing)
      standings.set(
        publication,
        error === undefined
          ? { failed: 0, last: publishing.outcome, at }
          : { failed: failed + 1, last: error, at },
      )
    },
    health: () => {
      const all = [...standings]
      const isFailing = all.some(([, { failed }]) => failed > 0)
      const detail = all.map(([name, standing]) => `${name}: ${words(standing)}`).join('; ')
      return { status: isFailing ? 'degraded' : 'ok', detail }
    },
  }
}

/** A message that is refused for good says nothing about the next one. */
function faultOf(publishing: Publishing): string | undefined {
  if (publishing.outcome === 'published') return undefined
  if (publishing.outcome === 'refused' && publishing.permanent) return undefined
  return publishing.error.slice(0, MAX_ERROR_CHARACTERS)
}

function words({ failed, last, at }: Standing): string {
  if (last === undefined) return 'nothing was sent yet'
  return failed === 0
    ? `last ${last} at ${at ?? ''}`
    : `${failed} failed in a row, at ${at ?? ''}: ${last}`
}
