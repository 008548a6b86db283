import type { RunningProgram } from '../e2e/program.ts'

/** What `/status` of an instance says of its only subscription. */
export interface SubscriptionStatus {
  /** How many wait, by line; `null`: nobody can say. */
  readonly lags: Readonly<Record<string, number | null>>
  /** Messages that came to this instance and were stored already. */
  readonly duplicates: number
}

/** Asks the instance. */
export async function subscriptionStatus({ url }: RunningProgram): Promise<SubscriptionStatus> {
  const answer = await fetch(`${url}/status`)
  const { integrations } = (await answer.json()) as {
    integrations: {
      subscriptions: {
        lag: { line: string; waiting: number | null }[] | null
        counts: { duplicate: number }
      }[]
    }
  }
  const [subscription] = integrations.subscriptions
  return {
    lags: Object.fromEntries((subscription?.lag ?? []).map(({ line, waiting }) => [line, waiting])),
    duplicates: subscription?.counts.duplicate ?? 0,
  }
}
