import type { LoadedConfiguration } from '../config/load.ts'

/** What to do about a port that cannot be had: the variable that sets it, where there is one. */
export function takenPortAdvice({ configuration, variables }: LoadedConfiguration): string {
  const variable = variables.get('http.port')?.[0]
  const other = configuration.http.port < 65_535 ? configuration.http.port + 1 : 0
  const place = configuration.file ?? 'the configuration'
  const setting =
    variable === undefined
      ? `Change http.port in ${place}`
      : `Set ${variable} to another port, such as ${variable}=${other}`
  return `${setting}, or give --port ${other}.`
}
