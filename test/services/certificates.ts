import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A certificate and its key, as PEM texts. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** An authority, and what it has signed: by name, each for the host of that name and 127.0.0.1. */
export interface Authority {
  readonly ca: string
  readonly signed: Readonly<Record<string, Certificate>>
}

/** Makes an authority that signs a certificate for each of the names, with openssl. */
export async function makeAuthority(...names: readonly string[]): Promise<Authority> {
  const folder = await mkdtemp(path.join(tmpdir(), 'crossdock-tls-'))
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder })
  const read = (file: string) => readFile(path.join(folder, file), 'utf8')
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  try {
    await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=ca')
    const signed: Record<string, Certificate> = {}
    for (const name of names) {
      await openssl('req', ...key, '-keyout', 'one.key', '-out', 'one.csr', '-subj', `/CN=${name}`)
      await writeFile(
        path.join(folder, 'one.ext'),
        `subjectAltName=DNS:${name}${name === 'client' ? '' : ',IP:127.0.0.1'}\n`,
      )
      const by = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'one.ext']
      await openssl('x509', '-req', '-in', 'one.csr', ...by, '-out', 'one.pem', '-days', '2')
      signed[name] = { cert: await read('one.pem'), key: await read('one.key') }
    }
    return { ca: await read('ca.pem'), signed }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
