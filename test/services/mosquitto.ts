import { existsSync } from 'node:fs'
import { unpackService } from './debian-packages.ts'
import {
  startMosquittoServer,
  type MosquittoOptions,
  type MosquittoPrograms,
} from './mosquitto-server.ts'
import type { MosquittoService } from './mosquitto-service.ts'
import { ServiceUnavailable } from './require.ts'

/**
 * Starts a real MQTT broker: the one that CROSSDOCK_TEST_MQTT_URL names, else Debian's Mosquitto in a
 * cache folder, else an installed one where there is no apt. It ends with this process, however that ends.
 * @throws ServiceUnavailable when none of these can be had
 */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<MosquittoService> {
  const url = foreignUrl()
  if (url !== '') return foreignBroker(url)
  const { programs, origin } = await findPrograms()
  return startMosquittoServer(programs, origin, options)
}

/**
 * Fetches what {@link startMosquitto} needs, so that no test's time limit has to cover a download.
 * @throws ServiceUnavailable
 */
export async function prepareMosquitto(): Promise<void> {
  if (foreignUrl() === '') await findPrograms()
}

function foreignUrl(): string {
  return process.env['CROSSDOCK_TEST_MQTT_URL'] ?? ''
}

async function findPrograms(): Promise<{
  programs: MosquittoPrograms
  origin: 'debian' | 'installed'
}> {
  try {
    const { root, libraryPath } = await unpackService({
      name: 'mosquitto',
      packages: async () => ['mosquitto'],
      // Settings of the machine, and its C library.
      omit: /perl|^(libc-|libc6|adduser|passwd|usrmerge|lsb-|debconf|init-system|sysvinit|systemd)/,
    })
    return {
      programs: { file: `${root}/usr/sbin/mosquitto`, env: { LD_LIBRARY_PATH: libraryPath } },
      origin: 'debian',
    }
  } catch (error) {
    if (!(error instanceof ServiceUnavailable)) throw error
    if (!existsSync('/usr/sbin/mosquitto')) throw error
    process.stderr.write(`Tests use the installed Mosquitto, as ${error.message}\n`)
    return { programs: { file: '/usr/sbin/mosquitto', env: {} }, origin: 'installed' }
  }
}

function foreignBroker(url: string): MosquittoService {
  const refuse = async (): Promise<void> => {
    throw new ServiceUnavailable('the broker of CROSSDOCK_TEST_MQTT_URL is not ours to stop')
  }
  return {
    url,
    webSocketUrl: undefined,
    origin: 'CROSSDOCK_TEST_MQTT_URL',
    controllable: false,
    stop: async () => undefined,
    restart: refuse,
    kill: refuse,
  }
}
