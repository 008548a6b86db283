import type { HandlerSchedule } from '../ports/handler.ts'

const OPTIONS: Readonly<
  Record<keyof HandlerSchedule, 'string' | 'number' | 'boolean' | 'time' | 'any'>
> = {
  name: 'string',
  description: 'string',
  cron: 'string',
  everySeconds: 'number',
  timezone: 'string',
  payload: 'any',
  condition: 'string',
  misfire: 'string',
  overlap: 'string',
  jitterSeconds: 'number',
  enabled: 'boolean',
  startAt: 'time',
  endAt: 'time',
  maxExecutions: 'number',
  tenantId: 'string',
}

/** What is wrong with the `schedule` of a handler, as half a sentence. What its times mean is checked at start. */
export function scheduleProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null)
    return 'must be an object with `cron` or `everySeconds`'
  for (const [option, given] of Object.entries(value)) {
    const kind = Object.hasOwn(OPTIONS, option)
      ? OPTIONS[option as keyof HandlerSchedule]
      : undefined
    if (kind === undefined)
      return `has \`${option}\`, which is no option of it (there are ${Object.keys(OPTIONS).join(', ')})`
    if (given === undefined || kind === 'any') continue
    if (kind === 'time') {
      if (!(given instanceof Date) || Number.isNaN(given.getTime()))
        return `has a \`${option}\` that is no Date`
    } else if (typeof given !== kind) return `has a \`${option}\` that is no ${kind}`
  }
  const { cron, everySeconds } = value as HandlerSchedule
  if ((cron === undefined) === (everySeconds === undefined))
    return 'needs `cron` or `everySeconds`, one of the two'
  if (everySeconds !== undefined && !(Number.isInteger(everySeconds) && everySeconds >= 1)) {
    return 'has an `everySeconds` that is no whole number from 1'
  }
  return undefined
}
