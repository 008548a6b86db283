import { InvalidArgumentError } from 'commander'
import type { InstancePart } from './application.ts'

const PARTS: readonly InstancePart[] = ['api', 'ingest', 'worker', 'scheduler']

/** `--queues a,b` as a list. @throws InvalidArgumentError */
export function parseQueues(text: string): readonly string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.some((name) => name === '')) {
    throw new InvalidArgumentError('Write names with commas between them, such as default,mail.')
  }
  return names
}

/** `--only api,worker` as a list. @throws InvalidArgumentError */
export function parseParts(text: string): readonly InstancePart[] {
  return parseQueues(text).map((name) => {
    const part = PARTS.find((one) => one === name)
    if (part !== undefined) return part
    throw new InvalidArgumentError(`The parts are ${PARTS.join(', ')}.`)
  })
}

/** `--port n`. @throws InvalidArgumentError */
export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d+$/.test(text) && port <= 65_535) return port
  throw new InvalidArgumentError('A port is a whole number from 0 to 65535.')
}

/** `--limit n`. @throws InvalidArgumentError */
export function parseCount(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= 1 && Number.isSafeInteger(count)) return count
  throw new InvalidArgumentError('Write a whole number from 1.')
}

/** `--timeout seconds`. @throws InvalidArgumentError */
export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (/^\d+(?:\.\d+)?$/.test(text) && seconds > 0 && seconds <= 2_000_000) return seconds
  throw new InvalidArgumentError('Write seconds, such as 10 or 0.5.')
}
