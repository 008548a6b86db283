import { addressOf, OUTBOUND_HANDLER } from '../domain/outbound.ts'
import type { Protocol } from '../domain/job-type.ts'
import type { Mappings } from '../ports/expressions.ts'
import type { HandledJob, Handler } from '../ports/handler.ts'
import type { ComponentHealth } from '../ports/health.ts'
import type { PublicationDirectory, Publishers } from '../ports/outbound.ts'
import {
  createPublication,
  type Publication,
  type PublicationParts,
  type PublicationSettings,
  type PublicationStatus,
} from './publication.ts'

/** Every publication of an instance. */
export interface Publications {
  readonly directory: PublicationDirectory
  readonly publishers: Publishers
  readonly all: readonly Publication[]
  /** The handler of an outbound row; `undefined`: nobody here has its publication, or it is no outbound row. */
  handlerOf(job: HandledJob): Handler | undefined
  statuses(): readonly PublicationStatus[]
  /** Degraded while one of them is away or rests after failures. */
  health(): ComponentHealth
  /** Lets nothing more begin. May be called twice. */
  stop(): void
}

/** What {@link createPublications} needs. */
export interface PublicationsOptions extends Omit<PublicationParts, 'evaluate'> {
  readonly publications: readonly (Omit<PublicationSettings, 'address'> & {
    readonly protocol: Protocol
    readonly name: string
  })[]
  /** Has the rules of every publication whose templates have some, under its address. */
  readonly mappings: Pick<Mappings, 'evaluate'>
  readonly closest: (word: string, candidates: Iterable<string>) => string | undefined
}

/** Puts the publications of an instance together. */
export function createPublications(options: PublicationsOptions): Publications {
  const { mappings, closest, clock, log } = options
  const names = new Map(
    options.publications.map(({ protocol, name }) => [
      addressOf(protocol, name),
      { protocol, name },
    ]),
  )
  const byAddress = new Map(
    options.publications.map(({ protocol, name, ...settings }): [string, Publication] => {
      const address = addressOf(protocol, name)
      const evaluate: PublicationParts['evaluate'] = (inputs) => mappings.evaluate(address, inputs)
      return [address, createPublication({ ...settings, address }, { evaluate, clock, log })]
    }),
  )
  const all = [...byAddress.values()]

  return {
    all,
    directory: {
      find: (address) => names.get(address),
      closest: (address) => closest(address, names.keys()),
    },
    publishers: {
      connected: (address, isConnected) => byAddress.get(address)?.connected(isConnected),
      bind: (address, publish) => byAddress.get(address)?.bind(publish),
    },
    handlerOf: ({ handler, protocol, method }) =>
      handler === OUTBOUND_HANDLER && protocol !== null && method !== null
        ? byAddress.get(addressOf(protocol, method))?.handler
        : undefined,
    statuses: () => all.map((publication) => publication.status()),
    health: () => healthOf(all),
    stop: () => {
      for (const publication of all) publication.stop()
    },
  }
}

/** The names of what rests, and not the errors: health is shown to anybody. */
function healthOf(all: readonly Publication[]): ComponentHealth {
  const statuses = all.map((publication) => publication.status())
  const away = statuses.filter(({ connected }) => !connected).map(({ address }) => address)
  const resting = statuses
    .filter(({ connected, breaker }) => connected && breaker !== 'closed')
    .map(({ address }) => address)
  const facts = { publications: all.length, away: away.length, resting: resting.length }
  if (away.length + resting.length === 0) return { status: 'ok', facts }
  const details = [
    ...(away.length > 0 ? [`not connected: ${away.join(', ')}`] : []),
    ...(resting.length > 0 ? [`resting after failures: ${resting.join(', ')}`] : []),
  ]
  return { status: 'degraded', detail: `${details.join('; ')}; their messages wait`, facts }
}
