const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A duration as text: `250ms`, `30s`, `5m`, `2h`, `1d`. */
export const DURATION_TEXT = /^(\d+(?:\.\d+)?) ?(ms|s|m|h|d)$/

/** The milliseconds that a number in `unit`, or a duration as text, stands for; `undefined`: neither. */
export function durationMs(input: number | string, unit: 'ms' | 's'): number | undefined {
  if (typeof input === 'number') {
    return Number.isFinite(input) ? Math.round(input * UNIT_MS[unit]) : undefined
  }
  const match = DURATION_TEXT.exec(input)
  const suffix = match?.[2]
  if (suffix === undefined || !isUnit(suffix)) return undefined
  return Math.round(Number(match?.[1]) * UNIT_MS[suffix])
}

/** A duration as people write it: `250ms`, `30s`, `5m`; milliseconds in. */
export function durationText(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms >= UNIT_MS[unit] && ms % UNIT_MS[unit] === 0) return `${ms / UNIT_MS[unit]}${unit}`
  }
  return `${ms}ms`
}

function isUnit(text: string): text is keyof typeof UNIT_MS {
  return Object.hasOwn(UNIT_MS, text)
}
