import { Option } from 'commander'
import { type LoadedConfiguration, loadConfiguration } from '../config/load.ts'
import type { Terminal } from './terminal.ts'

/** What `--config` gives. */
export interface ConfigurationOption {
  readonly config?: string
}

/** `--config FILE`, the same for every command. */
export function configurationOption(): Option {
  return new Option(
    '-c, --config <file>',
    'configuration (default: $CROSSDOCK_CONFIG, ./configuration.json, ./config/configuration.json)',
  )
}

/** The configuration that a command works with. Its warnings go to standard error. */
export async function loadFor(
  terminal: Terminal,
  { config }: ConfigurationOption,
): Promise<LoadedConfiguration> {
  const { cwd, env, adapters, mappingCheck } = terminal
  const loaded = await loadConfiguration({ path: config, cwd, env, adapters, mappingCheck })
  for (const warning of loaded.configuration.warnings) terminal.err(`warning: ${warning}`)
  return loaded
}
