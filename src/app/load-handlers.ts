import type { Configuration } from '../config/configuration.ts'
import { loadHandlers } from '../handler-kit/load-folder.ts'
import type { Log } from '../ports/log.ts'

/** Loads the handlers of the configured folders, and says which there are. */
export async function loadHandlerFolders(
  configuration: Configuration,
  log: Log,
): Promise<{ readonly names: readonly string[] }> {
  const registry = await loadHandlers({ folders: configuration.jobs.handlerFolders, log })
  return { names: registry.names() }
}
