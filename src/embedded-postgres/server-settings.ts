import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** What of the server's settings a start decides. */
export interface ListenAddress {
  readonly socketFolder: string
  /** Names the socket's file; the port on 127.0.0.1 as well when `tcp` is set. */
  readonly port: number
  readonly tcp: boolean
}

/**
 * The command line of the server. Settings stand here, not in the folder's `postgresql.conf`, so
 * that a newer Crossdock changes them for an existing folder too.
 */
export function serverArguments(cluster: string, listen: ListenAddress): readonly string[] {
  const settings: Readonly<Record<string, string>> = {
    listen_addresses: listen.tcp ? '127.0.0.1' : '',
    port: String(listen.port),
    // A list: without the quotes a comma in the path would make two folders of it.
    unix_socket_directories: `"${listen.socketFolder}"`,
    unix_socket_permissions: '0700',
    password_encryption: 'scram-sha-256',
    max_connections: '100',
    shared_buffers: '128MB',
    fsync: 'on',
    // Short statements only: compiling them costs more than it gains.
    jit: 'off',
    // The queue's tables change all the time; the default of a minute lets dead rows pile up.
    autovacuum: 'on',
    autovacuum_naptime: '10s',
    TimeZone: 'UTC',
    log_timezone: 'UTC',
    logging_collector: 'off',
    log_destination: 'stderr',
    log_min_messages: 'warning',
    // "warning" lets every LOG line through: these would come each few minutes for ever.
    log_checkpoints: 'off',
    log_autovacuum_min_duration: '-1',
    // Statements and the rows they failed on may hold payloads; our own log names the failures.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
  }
  const named = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return ['-D', cluster, ...named]
}

/** The environment of PostgreSQL's programs: nothing of ours, least of all `PG…` variables. */
export function serverEnvironment(): Readonly<Record<string, string>> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }
}

const HOST_BASED_AUTHENTICATION = `# Written by Crossdock at each start.
# The socket lies in a folder that only the owner can enter; TCP always asks for the password.
local all all trust
host all all 127.0.0.1/32 scram-sha-256
`

/** Brings the folder's `pg_hba.conf` to what this version wants; keeps the file's owner and mode. */
export async function writeAuthentication(cluster: string): Promise<void> {
  const file = path.join(cluster, 'pg_hba.conf')
  const current = await readFile(file, 'utf8').catch(() => '')
  if (current !== HOST_BASED_AUTHENTICATION) await writeFile(file, HOST_BASED_AUTHENTICATION)
}
