import { closeSync, openSync } from 'node:fs'
import { open, stat, truncate } from 'node:fs/promises'

const MAX_BYTES = 10 * 1024 * 1024
const TAIL_BYTES = 8 * 1024
const TAIL_LINES = 20

/** The open log of one start of the server. */
export interface ServerLog {
  /** For the server's stdout and stderr: a file, so that it outlives this process. */
  readonly descriptor: number
  /** The last lines written since it was opened. */
  tail(): Promise<string>
  /** Closes this process's descriptor; the server keeps its own. */
  close(): void
}

/** Opens the server's log for appending; one that has grown above 10 MB is emptied first. */
export async function openServerLog(file: string): Promise<ServerLog> {
  const before = await stat(file).catch(() => undefined)
  if (before !== undefined && before.size > MAX_BYTES) await truncate(file)
  const start = before === undefined || before.size > MAX_BYTES ? 0 : before.size
  const descriptor = openSync(file, 'a', 0o600)
  return {
    descriptor,
    tail: () => readTail(file, start),
    close: () => {
      closeSync(descriptor)
    },
  }
}

async function readTail(file: string, start: number): Promise<string> {
  const handle = await open(file, 'r').catch(() => undefined)
  if (handle === undefined) return ''
  try {
    const { size } = await handle.stat()
    const from = Math.max(start, size - TAIL_BYTES)
    if (from >= size) return ''
    const buffer = Buffer.alloc(size - from)
    await handle.read(buffer, 0, buffer.length, from)
    return buffer.toString('utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
  } finally {
    await handle.close()
  }
}
