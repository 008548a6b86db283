import { readdirSync, readFileSync } from 'node:fs'

/** Of `/proc/PID/stat`, in a second: Linux has had so many for decades. */
const TICKS_PER_SECOND = 100

interface Found {
  readonly parent: number
  readonly name: string
  readonly seconds: number
}

/**
 * The processor time so far of the processes below this one, in seconds, by name: what a busy machine changes
 * least. Without `/proc` it is empty.
 */
export function processorTime(): ReadonlyMap<string, number> {
  const all = new Map<number, Found>()
  for (const entry of entries()) {
    const found = readProcess(entry)
    if (found !== undefined) all.set(Number(entry), found)
  }
  const sums = new Map<string, number>()
  for (const { parent, name, seconds } of all.values()) {
    let above: number | undefined = parent
    while (above !== undefined && above !== process.pid) above = all.get(above)?.parent
    if (above !== undefined) sums.set(name, (sums.get(name) ?? 0) + seconds)
  }
  return sums
}

function entries(): readonly string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** `undefined`: it has ended meanwhile. */
function readProcess(pid: string): Found | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const from = text.indexOf('(')
    const to = text.lastIndexOf(')')
    const fields = text.slice(to + 2).split(' ')
    return {
      name: text.slice(from + 1, to),
      parent: Number(fields[1]),
      // With that of the children that it has waited for.
      seconds:
        fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND,
    }
  } catch {
    return undefined
  }
}
