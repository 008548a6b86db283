import type { DeadTrial, TryDeadReport } from './application.ts'

/** Dead letters of one handler that have the same to say. */
interface Group {
  readonly handler: string
  /** The first one's words. */
  readonly reason: string
  readonly jobs: readonly string[]
}

/** Ids that a group shows; all of them are in `--json`. */
const SHOWN = 3

/** What became of dead letters, for people. */
export function deadText(report: TryDeadReport): string {
  const { trials, more, brokenOff } = report
  const of = tried(report)
  if (trials.length === 0 && !more) return 'There are no dead letters.'
  const untried = trials.filter(({ outcome }) => outcome === 'untried')
  return [
    `${succeeding(report)} of ${of} would succeed now`,
    ...groups(trials, 'fails').map(line),
    ...(untried.length === 0 ? [] : [`${untried.length} cannot be tried`]),
    ...groups(trials, 'untried').map(line),
    ...(brokenOff ? ['It was broken off: there may be more.'] : []),
    ...(more && !brokenOff ? ['These are the newest ones; --limit takes more.'] : []),
  ].join('\n')
}

/** The same as one line of JSON. */
export function deadJson(report: TryDeadReport): string {
  const { trials, more, brokenOff } = report
  const listed = (wanted: DeadTrial['outcome']): readonly object[] =>
    trials
      .filter(({ outcome }) => outcome === wanted)
      .map(({ id, handler, reason }) => ({ job_id: id, handler, reason }))
  return JSON.stringify({
    tried: tried(report),
    succeeding: succeeding(report),
    more,
    broken_off: brokenOff,
    effects_may_have_stayed: trials
      .filter(({ mayHaveStayed }) => mayHaveStayed)
      .map(({ id }) => id),
    groups: groups(trials, 'fails').map(({ handler, reason, jobs }) => ({
      handler,
      reason,
      count: jobs.length,
      job_ids: jobs,
    })),
    failing: listed('fails'),
    untried: listed('untried'),
  })
}

function tried({ trials }: TryDeadReport): number {
  return trials.filter(({ outcome }) => outcome !== 'untried').length
}

function succeeding({ trials }: TryDeadReport): number {
  return trials.filter(({ outcome }) => outcome === 'succeeds').length
}

/** By handler and reason, most first. Reasons that differ in numbers, ids and quoted words alone are one. */
function groups(trials: readonly DeadTrial[], outcome: DeadTrial['outcome']): readonly Group[] {
  const found = Map.groupBy(
    trials.filter((trial) => trial.outcome === outcome),
    ({ handler, reason = '' }) => `${handler} ${alike(reason)}`,
  )
  return [...found.values()]
    .map((alikes) => ({
      handler: alikes[0]?.handler ?? '',
      reason: alikes[0]?.reason ?? '',
      jobs: alikes.map(({ id }) => id),
    }))
    .sort((one, other) => other.jobs.length - one.jobs.length)
}

function alike(reason: string): string {
  return reason
    .replaceAll(/"[^"]*"|'[^']*'/g, '?')
    .replaceAll(/\b[\da-f]{8}-[\da-f-]{27}\b|\d+/gi, '#')
}

function line({ handler, reason, jobs }: Group): string {
  const more = jobs.length > SHOWN ? ', …' : ''
  const words = reason.replaceAll(/\p{Cc}+/gu, ' ')
  return `${String(jobs.length).padStart(6)}  ${handler}: ${words}\n        ${jobs.slice(0, SHOWN).join(', ')}${more}`
}
