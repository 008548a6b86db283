/** One line of a list. */
export interface ShownPause {
  readonly name: string
  readonly paused: boolean
  readonly by: string | null
  /** ISO 8601. */
  readonly on: string | null
  readonly reason: string | null
}

/** A list for people, or one JSON object a line for programs. */
export function pausesText(shown: readonly ShownPause[], isJson: boolean): readonly string[] {
  if (isJson) return shown.map((one) => JSON.stringify(one))
  if (shown.length === 0) return ['There are none.']
  const width = Math.max(...shown.map(({ name }) => name.length))
  return shown.map(({ name, paused, by, on, reason }) => {
    if (!paused) return `open    ${name}`
    const since = [by === null ? '' : `by ${by}`, on === null ? '' : `since ${on}`, reason ?? '']
    return `paused  ${name.padEnd(width)}  ${since.filter((part) => part !== '').join(', ')}`
  })
}
