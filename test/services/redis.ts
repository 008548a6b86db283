import { existsSync } from 'node:fs'
import { Redis } from 'ioredis'
import { unpackService } from './debian-packages.ts'
import { startRedisServer, type RedisPrograms } from './redis-server.ts'
import type { RedisService } from './redis-service.ts'
import { ServiceUnavailable } from './require.ts'

/**
 * Starts a real Redis: the one that CROSSDOCK_TEST_REDIS_URL names, else Debian's packages in a cache
 * folder, else an installed one where there is no apt. It ends with this process, however that ends.
 * @throws ServiceUnavailable when none of these can be had
 */
export async function startRedis(): Promise<RedisService> {
  const url = foreignUrl()
  if (url !== '') return foreignServer(url)
  const { programs, origin } = await findPrograms()
  return startRedisServer(programs, origin)
}

/**
 * Fetches what {@link startRedis} needs, so that no test's time limit has to cover a download.
 * @throws ServiceUnavailable
 */
export async function prepareRedis(): Promise<void> {
  if (foreignUrl() === '') await findPrograms()
}

function foreignUrl(): string {
  return process.env['CROSSDOCK_TEST_REDIS_URL'] ?? ''
}

async function findPrograms(): Promise<{
  programs: RedisPrograms
  origin: 'debian' | 'installed'
}> {
  try {
    const { root, libraryPath } = await unpackService({
      name: 'redis',
      packages: async () => ['redis-server'],
      // Settings of the machine, and its C library.
      omit: /perl|^(libc-|libc6|adduser|passwd|usrmerge|lsb-|debconf|init-system|sysvinit|systemd)/,
    })
    return {
      programs: { file: `${root}/usr/bin/redis-server`, env: { LD_LIBRARY_PATH: libraryPath } },
      origin: 'debian',
    }
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error
    if (!existsSync('/usr/bin/redis-server')) throw error
    process.stderr.write(`Tests use the installed Redis, as ${error.message}\n`)
    return { programs: { file: '/usr/bin/redis-server', env: {} }, origin: 'installed' }
  }
}

async function foreignServer(url: string): Promise<RedisService> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => undefined)
  await client.connect()
  const information = await client.info('server')
  client.disconnect()
  const refuse = (): never => {
    throw new ServiceUnavailable('the server of CROSSDOCK_TEST_REDIS_URL is not ours to stop')
  }
  return {
    url,
    version: /redis_version:(\S+)/.exec(information)?.[1] ?? '',
    origin: 'CROSSDOCK_TEST_REDIS_URL',
    controllable: false,
    pid: undefined,
    stop: async () => undefined,
    restart: async () => refuse(),
    kill: async () => refuse(),
    pause: refuse,
    resume: refuse,
  }
}
