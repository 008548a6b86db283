import { DEFAULT_RETRY_POLICY } from '../domain/retry.ts'
import { durationMs } from './duration.ts'
import type { KeyPath } from './key-path.ts'
import { textAt, valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'

const POSTGRESQL = ['postgresql:', 'postgres:']
const MYSQL = ['mysql:', 'mariadb:']
const ADDRESS_FORM =
  'write postgresql://user:password@host:5432/database, special characters of the password percent-encoded'

/**
 * Checks keys against each other. Works on what zod has not accepted yet, so that these problems
 * come together with zod's.
 */
export function checkAcrossKeys(document: ResolvedDocument): void {
  checkDatabase(document)
  checkExposure(document)
  checkRetry(document)
}

/** Sentences on what is allowed and probably not meant. */
export function warningsOf(value: unknown): readonly string[] {
  const warnings: string[] = []
  if (valueAt(value, ['jobs', 'use_redis']) === true) {
    warnings.push(
      "'jobs.use_redis' has no effect: this version has no cache, and the database alone decides who runs what.",
    )
  }
  if (databaseType(value) === 'postgresql') {
    for (const key of ['data_dir', 'port']) {
      if (valueAt(value, ['database', key]) === undefined) continue
      warnings.push(`'database.${key}' has no effect: it is for the embedded database.`)
    }
  }
  return warnings
}

/** The type as stated, else as the address says. */
export function databaseType(value: unknown): 'embedded' | 'postgresql' {
  const stated = valueAt(value, ['database', 'type'])
  if (stated === 'embedded' || stated === 'postgresql') return stated
  return textAt(value, ['database', 'url']) === undefined ? 'embedded' : 'postgresql'
}

/** Whether only this machine can reach a server that listens on `host`. */
function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
  return plain === 'localhost' || plain === '::1' || /^127(\.\d{1,3}){3}$/.test(plain)
}

function checkDatabase(document: ResolvedDocument): void {
  const url = ['database', 'url']
  const directUrl = ['database', 'direct_url']
  const stated = valueAt(document.value, ['database', 'type'])
  const hasUrl = textAt(document.value, url) !== undefined
  checkAddress(document, url)
  checkAddress(document, directUrl)
  if (stated === 'postgresql' && !hasUrl && !document.isUnsettled(url)) {
    document.report(url, `is missing; the type postgresql needs it: ${ADDRESS_FORM}`)
  }
  if (stated === 'embedded' && hasUrl) {
    document.report(url, "contradicts database.type 'embedded'; remove one of the two")
  }
  const isEmbedded = databaseType(document.value) === 'embedded' && !document.isUnsettled(url)
  if (isEmbedded && textAt(document.value, directUrl) !== undefined) {
    document.report(directUrl, 'needs database.url beside it, the address of the pooler')
  }
}

/** Never shows the address: it holds a password. */
function checkAddress(document: ResolvedDocument, path: KeyPath): void {
  const text = textAt(document.value, path)
  if (text === undefined) return
  const protocol = URL.canParse(text) ? new URL(text).protocol : ''
  if (POSTGRESQL.includes(protocol)) return
  if (MYSQL.includes(protocol)) {
    document.report(path, 'MySQL and MariaDB are not available in this version; use PostgreSQL')
  } else {
    document.report(path, `is no address of a PostgreSQL server; ${ADDRESS_FORM}`)
  }
}

function checkExposure(document: ResolvedDocument): void {
  const host = textAt(document.value, ['http', 'host'])
  const allow = ['auth', 'allow_anonymous']
  const mode = ['auth', 'mode']
  if (host === undefined || isLoopback(host)) return
  if (valueAt(document.value, allow) === true || document.isUnsettled(allow)) return
  if (document.isUnsettled(mode)) return
  document.report(
    ['http', 'host'],
    "others than this machine could call, and auth.mode is 'none'; listen on 127.0.0.1, or set auth.allow_anonymous to true where the network keeps strangers out",
  )
}

function checkRetry(document: ResolvedDocument): void {
  const initial = ['jobs', 'retry', 'initial']
  const initialMs = durationAt(document.value, initial)
  const maxMs = durationAt(document.value, ['jobs', 'retry', 'max']) ?? DEFAULT_RETRY_POLICY.maxMs
  if (initialMs !== undefined && initialMs > maxMs) {
    document.report(
      initial,
      'is longer than jobs.retry.max; make it shorter, or raise jobs.retry.max',
    )
  }
}

function durationAt(value: unknown, path: KeyPath): number | undefined {
  const found = valueAt(value, path)
  return typeof found === 'number' || typeof found === 'string' ? durationMs(found, 's') : undefined
}
