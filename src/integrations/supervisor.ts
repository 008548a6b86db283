import { addressOf } from '../domain/outbound.ts'
import { type CrossdockError, type ErrorCode, isCrossdockError } from '../domain/errors.ts'
import type { Protocol } from '../domain/job-type.ts'
import type { RunningAdapter } from '../ports/adapter.ts'
import type { Clock } from '../ports/clock.ts'
import type { ConnectionReport, PublicationCounts } from '../ports/integrations.ts'
import type { LineLag } from '../ports/line-lag.ts'
import type { Log } from '../ports/log.ts'
import type { Publishing } from '../ports/outbound.ts'
import type { Publisher } from '../ports/publisher.ts'
import { createListeners } from './listeners.ts'
import { type AdapterUnit, createUnit, type UnitSignals } from './unit.ts'
import { unitHealth } from './unit-health.ts'

/** One connection that is to be kept at work. */
export interface ConnectionPlan {
  readonly protocol: Protocol
  /** `undefined`: what needs no connection. */
  readonly connection: string | undefined
  readonly subscriptions: readonly string[]
  readonly publications: readonly string[]
  /** Starts its adapter, each time anew. */
  readonly start: (signals: UnitSignals) => Promise<RunningAdapter>
  /** With the connection bound. */
  readonly log: Log
}

/** Keeps the adapters at work. */
export interface Supervisor extends Publisher {
  /**
   * Starts every connection, side by side, and waits for each for a few seconds.
   * @throws CrossdockError where the first try met what the operator alone can mend: `http_listen_failed`,
   *   `config_invalid`
   */
  start(): Promise<void>
  connections(): readonly ConnectionReport[]
  counts(address: string): PublicationCounts
  /** How far behind the lines of a subscription are; `undefined`: its adapter does not say, or does not run. */
  lag(address: string): readonly LineLag[] | undefined
  /** May be called twice, and while it starts. */
  stop(): Promise<void>
}

/** What {@link createSupervisor} needs. */
export interface SupervisorOptions {
  readonly plans: readonly ConnectionPlan[]
  readonly clock: Clock
  /** Chance in [0, 1). */
  readonly random: () => number
  readonly log: Log
}

/** No repeat helps against these, and whoever starts the program is there to read them. */
const FOR_THE_OPERATOR: readonly ErrorCode[] = ['http_listen_failed', 'config_invalid']

type Counts = { -readonly [Key in keyof PublicationCounts]: PublicationCounts[Key] }

/** A unit for each connection, and the way to each publication. */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { clock, random, log } = options
  const listeners = createListeners<readonly [readonly string[], boolean]>(log)
  const counted = new Map<string, Counts>()
  const units = options.plans.map((plan) => {
    const addresses = plan.publications.map((name) => addressOf(plan.protocol, name))
    const unit = createUnit({
      start: plan.start,
      onConnected: (isConnected) => {
        if (addresses.length > 0) listeners.tell([addresses, isConnected])
      },
      clock,
      random,
      log: plan.log,
    })
    return { plan, unit }
  })
  const byAddress = new Map(
    units.flatMap(({ plan, unit }) =>
      plan.publications.map((name) => [addressOf(plan.protocol, name), { unit, name }] as const),
    ),
  )

  function countsOf(address: string): Counts {
    const known = counted.get(address)
    if (known !== undefined) return known
    const fresh = { published: 0, refused: 0, unconfirmed: 0, unsent: 0, lastError: undefined }
    if (byAddress.has(address)) counted.set(address, fresh)
    return fresh
  }

  function count(address: string, answers: readonly Publishing[]): void {
    const counts = countsOf(address)
    for (const answer of answers) {
      counts[answer.outcome] += 1
      if (answer.outcome !== 'published') counts.lastError = answer.error
    }
  }

  async function startAll(all: readonly AdapterUnit[]): Promise<CrossdockError | undefined> {
    const results = await Promise.all(all.map((unit) => unit.start()))
    return results
      .map((result) => result?.error)
      .find((error) => isCrossdockError(error, ...FOR_THE_OPERATOR))
  }

  async function stop(): Promise<void> {
    await Promise.all(units.map(({ unit }) => unit.stop()))
  }

  return {
    start: async () => {
      const error = await startAll(units.map(({ unit }) => unit))
      if (error === undefined) return
      await stop()
      throw error
    },
    connections: () =>
      units.map(({ plan: { protocol, connection, subscriptions, publications }, unit }) => {
        const { failures, lastError, ...state } = unit.state()
        const isConnected = publications.length > 0 ? state.isConnected : null
        const health = unitHealth(unit)
        const shown = { protocol, connection, subscriptions, publications }
        return { ...shown, health, isConnected, failures, lastError }
      }),
    counts: countsOf,
    lag: (address) => {
      for (const { plan, unit } of units) {
        const name = plan.subscriptions.find((one) => addressOf(plan.protocol, one) === address)
        if (name !== undefined) return unit.running()?.lag?.(name)
      }
      return undefined
    },
    publish: async (address, messages, signal) => {
      const target = byAddress.get(address)
      if (target === undefined) {
        const error = `this instance has no publication ${address}`
        return messages.map(() => ({ outcome: 'unsent', error }))
      }
      const answers = await target.unit.publish(target.name, messages, signal)
      count(address, answers)
      return answers
    },
    isConnected: (address) => byAddress.get(address)?.unit.state().isConnected ?? false,
    onConnected: (listener) =>
      listeners.add(([addresses, isConnected]) => {
        listener(addresses, isConnected)
      }),
    stop,
  }
}
