import type { Configuration } from '../config/configuration.ts'
import type { AdapterServices } from './adapter-services.ts'

/** A running instance. */
export interface CrossdockInstance {
  /** Where it listens; `undefined`: it serves no HTTP. */
  readonly url: string | undefined
  readonly configuration: Configuration
  /** What comes with it, such as a broker, and where that is. */
  readonly services: AdapterServices['services']
  /** What `/status` shows. */
  status(): Promise<object>
  isRunning(): boolean
  /** How busy its workers are; `undefined`: it has none. */
  statistics(): object | undefined
  /**
   * Takes nothing in any more, lets running handlers finish within the grace period, gives back what has
   * not begun, and ends. With the reason `exception`, handlers that still run then have failed an
   * attempt. May be called twice.
   */
  shutdown(reason?: string): Promise<void>
  /**
   * Resolves when it has ended. Rejects as soon as it cannot go on (its embedded database has ended by
   * itself, another live process has its `instance.id`), while the rest of it is still being ended; {@link CrossdockInstance.shutdown} then waits for that.
   */
  readonly stopped: Promise<void>
}
