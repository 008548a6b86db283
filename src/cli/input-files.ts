import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { CrossdockError, errorMessage } from '../domain/errors.ts'
import type { Terminal } from './terminal.ts'

/** Headers as an option gives them. */
export type GivenHeaders = Readonly<Record<string, string | readonly string[]>>

/** A file that a command was given. @throws CrossdockError `usage` */
export async function readInput({ cwd }: Terminal, file: string): Promise<Buffer> {
  try {
    return await readFile(path.resolve(cwd, file))
  } catch (cause) {
    throw new CrossdockError('usage', `${file} cannot be read: ${errorMessage(cause)}`, { cause })
  }
}

/** `--headers`: a JSON object, or a file of one. @throws CrossdockError `usage` */
export async function readHeaders(
  terminal: Terminal,
  given: string | undefined,
): Promise<GivenHeaders> {
  if (given === undefined) return {}
  const json = given.trim().startsWith('{') ? given : String(await readInput(terminal, given))
  let headers: unknown
  try {
    headers = JSON.parse(json)
  } catch (error) {
    throw new CrossdockError('usage', `--headers is not valid JSON: ${errorMessage(error)}`)
  }
  if (isHeaders(headers)) return headers
  throw new CrossdockError('usage', '--headers is an object of strings and lists of strings')
}

function isHeaders(value: unknown): value is GivenHeaders {
  const isText = (one: unknown): boolean => typeof one === 'string'
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((one) => isText(one) || (Array.isArray(one) && one.every(isText)))
  )
}
