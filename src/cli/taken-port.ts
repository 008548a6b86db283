import type { LoadedConfiguration } from '../config/load.ts'

/** What to do about a taken port that stands at `key`; `undefined`: no variable sets it. */
export function otherPortAdvice(
  { variables }: Pick<LoadedConfiguration, 'variables'>,
  key: string,
  taken: number,
): string | undefined {
  const variable = variables.get(key)?.[0]
  if (variable === undefined) return undefined
  return `Set ${variable} to another port, such as ${variable}=${taken < 65_535 ? taken + 1 : 1_883}.`
}

/**
 * What to do about a port that another program has: the variable that sets it, where there is one.
 * @param given the port of `--port`, which goes before the configuration's
 */
export function takenPortAdvice(
  { configuration, variables }: LoadedConfiguration,
  given: number | undefined,
): string {
  const taken = given ?? configuration.http.port
  const other = taken < 65_535 ? taken + 1 : 0
  if (given !== undefined) return `Give another one, such as --port ${other}.`
  const variable = variables.get('http.port')?.[0]
  const place = configuration.file ?? 'the configuration'
  const setting =
    variable === undefined
      ? `Change http.port in ${place}`
      : `Set ${variable} to another port, such as ${variable}=${other}`
  return `${setting}, or give --port ${other}.`
}
