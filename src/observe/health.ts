import { isCrossdockError } from '../domain/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { ComponentHealth, HealthReport, HealthStatus } from '../ports/health.ts'

/** Asks one component how it is. What it throws is its being down. */
export type HealthCheck = () => ComponentHealth | Promise<ComponentHealth>

/** What health is made of. */
export interface HealthOptions {
  /** By the component's name; `database` decides whether the instance is down. */
  readonly checks: Readonly<Record<string, HealthCheck>>
  /** Components that say how they are without being waited for; their number may change. Must not throw. */
  readonly further?: () => Readonly<Record<string, ComponentHealth>>
  readonly clock: Clock
}

/** The component without which nothing works. */
const DATABASE = 'database'
/** A component that has not answered by then is down. */
const CHECK_LIMIT_MS = 2_000
/** Pollers that come more often are given the last report. */
const CACHE_MS = 1_000

/**
 * A function that reports how the instance is. It may be called at any time and at once: calls share
 * one round of checks, a report is good for a second, and a check that hangs is not started again
 * before it has ended. Never rejects.
 */
export function createHealth({
  checks,
  further,
  clock,
}: HealthOptions): () => Promise<HealthReport> {
  const components = Object.entries(checks).map(([name, check]) => ({
    name,
    ask: limited(check, clock),
  }))
  let last: { readonly at: number; readonly report: Promise<HealthReport> } | undefined
  return () => {
    // Counted from the start of the round: a round that takes its two seconds is not run anew by
    // everybody who waited for it.
    const now = clock.monotonicMs()
    if (last === undefined || now - last.at >= CACHE_MS) {
      const round = Promise.all(
        components.map(async ({ name, ask }) => [name, await ask()] as const),
      )
      last = {
        at: now,
        report: round.then((answers) => report([...answers, ...Object.entries(further?.() ?? {})])),
      }
    }
    return last.report
  }
}

function report(answers: readonly (readonly [string, ComponentHealth])[]): HealthReport {
  return { status: overall(answers), components: Object.fromEntries(answers) }
}

function overall(answers: readonly (readonly [string, ComponentHealth])[]): HealthStatus {
  if (answers.some(([name, { status }]) => name === DATABASE && status === 'down')) return 'down'
  return answers.every(([, { status }]) => status === 'ok') ? 'ok' : 'degraded'
}

/** The check under its time limit; a run that outlived its limit is waited for, not doubled. */
function limited(check: HealthCheck, clock: Clock): () => Promise<ComponentHealth> {
  let underWay: Promise<ComponentHealth> | undefined
  const run = async (): Promise<ComponentHealth> => {
    try {
      return await check()
    } catch (error) {
      // The code and not the message: health is shown to anybody, and drivers name hosts and users.
      return {
        status: 'down',
        detail: isCrossdockError(error) ? error.code : 'the check of this component failed',
      }
    }
  }
  return async () => {
    const answer = (underWay ??= run().finally(() => {
      underWay = undefined
    }))
    const late = Promise.withResolvers<ComponentHealth>()
    const timer = clock.after(CHECK_LIMIT_MS, () =>
      late.resolve({
        status: 'down',
        detail: `no answer within ${CHECK_LIMIT_MS} ms`,
      }),
    )
    try {
      return await Promise.race([answer, late.promise])
    } finally {
      timer.cancel()
    }
  }
}
