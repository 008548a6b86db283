import { CrossdockError, errorMessage, isCrossdockError } from '../domain/errors.ts'
import type { InstancePart, RunningInstance } from './application.ts'
import type { AddCommand } from './command.ts'
import { type ConfigurationOption, configurationOption, loadFor } from './configuration-option.ts'
import { EXIT } from './exit-code.ts'
import { FaultWatch } from './fault-watch.ts'
import { parseParts, parsePort, parseQueues } from './option-values.ts'
import { startBanner } from './start-banner.ts'
import { StopRequest } from './stop-request.ts'
import { otherPortAdvice, takenPortAdvice } from './taken-port.ts'
import type { Terminal } from './terminal.ts'
import { untilConnected } from './until-connected.ts'

/** How long the process may live on after the instance has stopped, in milliseconds. */
const LINGER_MS = 500

interface StartOptions extends ConfigurationOption {
  readonly only?: readonly InstancePart[]
  readonly queues?: readonly string[]
  readonly port?: number
}

/** `crossdock start`: runs an instance until a signal ends it. */
export const startCommand: AddCommand = (program, terminal, finish) => {
  program
    .command('start')
    .summary('run an instance until a signal ends it')
    .description(
      'Runs an instance: receives, stores and runs jobs. Ctrl-C or SIGTERM lets running handlers finish and ends it; a second Ctrl-C ends it at once. What it listens on goes to standard output, the log to standard error.',
    )
    .addOption(configurationOption())
    .option('--only <parts>', 'run these parts alone: api, ingest, worker, scheduler', parseParts)
    .option('--queues <names>', 'work on these queues alone', parseQueues)
    .option('--port <n>', 'listen on this port instead of http.port; 0: any free one', parsePort)
    .addHelpText(
      'after',
      `
Examples:
  crossdock start
  crossdock start --port 8081
  crossdock start --only api,ingest
  crossdock start --only worker --queues mail,reports
  crossdock start --only scheduler`,
    )
    .action(async (options: StartOptions) => {
      const code = await start(terminal, options)
      finish(code)
      // A handler that ignored its signal may still hold timers and sockets: they end with the process.
      setTimeout(() => terminal.exit(code), LINGER_MS).unref()
    })
}

async function start(terminal: Terminal, options: StartOptions): Promise<number> {
  // From the first moment: a signal must not leave a half-started database behind.
  const stop = new StopRequest(terminal)
  const faults = new FaultWatch(terminal)
  try {
    const instance = await launch(terminal, options)
    await untilConnected(instance, Promise.race([stop.requested, instance.stopped]))
    if (!stop.isRequested) terminal.out(await startBanner(instance, options.config))
    return await runUntilStopped(terminal, instance, stop, faults)
  } finally {
    faults.forget()
    stop.forget()
  }
}

async function launch(terminal: Terminal, options: StartOptions): Promise<RunningInstance> {
  const application = await terminal.application()
  try {
    return await application.startCrossdock({ ...options, env: terminal.env })
  } catch (error) {
    if (isCrossdockError(error, 'broker_listen_failed')) {
      throw await withOtherPort(error, terminal, options)
    }
    if (!isCrossdockError(error, 'http_listen_failed')) throw error
    // Another port helps against no other reason, such as an address that this machine does not have.
    if (error.details['reason'] !== 'EADDRINUSE') throw error
    const advice = takenPortAdvice(await loadFor(terminal, options), options.port)
    throw new CrossdockError(error.code, `${error.message}\n${advice}`, { cause: error })
  }
}

/** The error of a taken port, with the variable that sets it. */
async function withOtherPort(
  error: CrossdockError,
  terminal: Terminal,
  options: StartOptions,
): Promise<CrossdockError> {
  const { reason, key, port } = error.details
  if (reason !== 'EADDRINUSE') return error
  const advice = otherPortAdvice(await loadFor(terminal, options), String(key), Number(port))
  if (advice === undefined) return error
  return new CrossdockError(error.code, `${error.message}\n${advice}`, { cause: error })
}

async function runUntilStopped(
  terminal: Terminal,
  instance: RunningInstance,
  stop: StopRequest,
  faults: FaultWatch,
): Promise<number> {
  const asked = stop.requested.then((signal) => ({ signal }))
  const ended = instance.stopped.then(() => ({ signal: undefined }))
  const faulty = faults.exception.then(() => ({ signal: 'exception' as const }))
  const { signal } = await Promise.race([asked, ended, faulty])
  if (signal === undefined) {
    terminal.err('error: the instance ended by itself; the log says why')
    return EXIT.failure
  }
  const seconds = instance.configuration.jobs.shutdownGraceMs / 1_000
  const embedded =
    instance.configuration.database.type === 'embedded'
      ? '; the embedded PostgreSQL then goes on, and the next start finds it'
      : ''
  terminal.err(
    `${signal}: taking nothing in any more, and waiting up to ${seconds} s for handlers that run. A second Ctrl-C ends at once${embedded}.`,
  )
  try {
    await instance.shutdown(signal)
  } catch (error) {
    terminal.err(`error: the shutdown was not clean: ${errorMessage(error)}`)
    return EXIT.failure
  }
  terminal.err('Stopped.')
  return signal === 'exception' ? EXIT.failure : EXIT.ok
}
