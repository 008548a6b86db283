import { execFile } from 'node:child_process'
import { readFile, readlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * A text that stands for this very process: its pid may be given to another one later, the text is not.
 * `undefined` when no such process is alive; one that ended and was not yet collected counts as ended.
 */
export async function processToken(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return linuxToken(pid)
  // Elsewhere `ps` tells the second of the start; a pid is not given out again that fast.
  const line = await ps(pid, 'stat=,lstart=')
  if (line === undefined || line.startsWith('Z')) return undefined
  return line.replace(/^\S+\s+/, '')
}

/** Whether the process that was given this token still runs. */
export async function isSameProcess(pid: number, token: string): Promise<boolean> {
  return (await processToken(pid)) === token
}

/** Whether `pid` is a postmaster that serves this data directory. */
export async function isPostmasterOf(pid: number, cluster: string): Promise<boolean> {
  if (process.platform !== 'linux') {
    const command = await ps(pid, 'command=')
    return command !== undefined && command.includes('postgres') && command.includes(cluster)
  }
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  if (!/^(postgres|postmaster)$/.test(path.basename(words[0] ?? ''))) return false
  if (words[words.indexOf('-D') + 1] === cluster) return true
  // The folder was moved while the server ran: its working directory moved along.
  return (await readlink(`/proc/${pid}/cwd`).catch(() => '')) === cluster
}

async function linuxToken(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (stat === undefined) return undefined
  // "pid (name) state …": the name may hold spaces and parentheses. starttime is the 22nd field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state] = fields
  const startTime = fields[19]
  if (state === 'Z' || state === 'X' || startTime === undefined) return undefined
  // Ticks since boot: the same pid may start at the same tick of another boot.
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')
  return `${boot.trim()}:${startTime}`
}

async function ps(pid: number, columns: string): Promise<string | undefined> {
  try {
    const { stdout } = await run('ps', ['-ww', '-o', columns, '-p', String(pid)])
    return stdout.trim() === '' ? undefined : stdout.trim()
  } catch {
    return undefined
  }
}
