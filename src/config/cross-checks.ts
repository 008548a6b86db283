import { durationMs } from '../domain/duration.ts'
import { isLoopback } from '../domain/loopback.ts'
import { DEFAULT_RETRY_POLICY } from '../domain/retry.ts'
import { cacheWarnings, checkCache } from './cache-checks.ts'
import type { DatabaseConfiguration } from './configuration.ts'
import type { KeyPath } from './key-path.ts'
import { textAt, valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'

const POSTGRESQL = ['postgresql:', 'postgres:']
const MYSQL = ['mysql:', 'mariadb:']
const ADDRESS_FORMS = {
  postgresql: 'postgresql://user:password@host:5432/database',
  mysql: 'mysql://user:password@host:3306/database',
}

/** Of both kinds of row, where nothing is said. */
const DEFAULT_DAYS = 90
const ENCODING = 'special characters of the password percent-encoded'

/**
 * Checks keys against each other. Works on what zod has not accepted yet, so that these problems
 * come together with zod's.
 */
export function checkAcrossKeys(document: ResolvedDocument): void {
  checkDatabase(document)
  checkCache(document)
  checkExposure(document)
  checkRetry(document)
}

/** Sentences on what is allowed and probably not meant. */
export function warningsOf(value: unknown): readonly string[] {
  const warnings = [...cacheWarnings(value)]
  const type = databaseType(value)
  if (type !== 'embedded') {
    for (const key of ['data_dir', 'port']) {
      if (valueAt(value, ['database', key]) === undefined) continue
      warnings.push(`'database.${key}' has no effect: it is for the embedded database.`)
    }
  }
  if (type === 'mysql' && valueAt(value, ['database', 'notify']) === true) {
    warnings.push(
      "'database.notify' has no effect: MySQL tells nobody of new rows, and those of other programs wait for jobs.poll_interval.",
    )
  }
  if (
    valueAt(value, ['database', 'allow_unsafe_conditions']) === true &&
    textAt(value, ['database', 'condition_url']) === undefined &&
    type !== 'embedded'
  ) {
    warnings.push(
      'Conditions of schedules run with the login of database.url: whoever may write into jobs can do what it may do. Give database.condition_url a login that can only SELECT.',
    )
  }
  const [historyDays, jobDays] = [
    valueAt(value, ['jobs', 'job_history_retention_days']) ?? DEFAULT_DAYS,
    valueAt(value, ['jobs', 'job_retention_days']) ?? DEFAULT_DAYS,
  ]
  if (Number(jobDays) > 0 && (Number(historyDays) === 0 || Number(jobDays) < Number(historyDays))) {
    warnings.push(
      "'jobs.job_retention_days' is less than 'jobs.job_history_retention_days': a job is kept as long as its histories. Make both less.",
    )
  }
  return warnings
}

/** The type as stated, else as the address says. */
export function databaseType(value: unknown): DatabaseConfiguration['type'] {
  const stated = valueAt(value, ['database', 'type'])
  if (stated === 'embedded' || stated === 'postgresql') return stated
  if (stated === 'mysql' || stated === 'mariadb') return 'mysql'
  const url = textAt(value, ['database', 'url'])
  if (url === undefined) return 'embedded'
  return MYSQL.includes(protocolOf(url)) ? 'mysql' : 'postgresql'
}

/** The database that an address of MySQL names; empty: none. */
export function databaseOfAddress(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1))
}

function checkDatabase(document: ResolvedDocument): void {
  const url = ['database', 'url']
  const directUrl = ['database', 'direct_url']
  const stated = valueAt(document.value, ['database', 'type'])
  const type = databaseType(document.value)
  const hasUrl = textAt(document.value, url) !== undefined
  const conditionUrl = ['database', 'condition_url']
  for (const path of [url, conditionUrl]) {
    if (type === 'mysql') checkMysqlAddress(document, path)
    else checkAddress(document, path)
  }
  if (type !== 'embedded' && !hasUrl && !document.isUnsettled(url)) {
    document.report(
      url,
      `is missing; the type ${String(stated)} needs it: ${ADDRESS_FORMS[type]}, ${ENCODING}`,
    )
  }
  if (type === 'mysql') {
    if (textAt(document.value, directUrl) !== undefined) {
      document.report(directUrl, 'is for PostgreSQL behind a PgBouncer; remove it')
    }
    return
  }
  checkAddress(document, directUrl)
  if (stated === 'embedded' && hasUrl) {
    document.report(url, "contradicts database.type 'embedded'; remove one of the two")
  }
  const isEmbedded = type === 'embedded' && !document.isUnsettled(url)
  if (isEmbedded && textAt(document.value, directUrl) !== undefined) {
    document.report(directUrl, 'needs database.url beside it, the address of the pooler')
  }
}

/** Never shows the address: it holds a password. */
function checkAddress(document: ResolvedDocument, path: KeyPath): void {
  const text = textAt(document.value, path)
  if (text === undefined) return
  const protocol = protocolOf(text)
  if (POSTGRESQL.includes(protocol)) return
  const mysql = path.at(-1) === 'url' ? `, or ${ADDRESS_FORMS.mysql}` : ''
  document.report(
    path,
    MYSQL.includes(protocol)
      ? 'is an address of MySQL, and this is about PostgreSQL: change one of the two'
      : `is no address of a server; write ${ADDRESS_FORMS.postgresql}${mysql}, ${ENCODING}`,
  )
}

/** Never shows the address either. */
function checkMysqlAddress(document: ResolvedDocument, path: KeyPath): void {
  const text = textAt(document.value, path)
  if (text === undefined) return
  const form = `write ${ADDRESS_FORMS.mysql}, ${ENCODING}`
  if (!MYSQL.includes(protocolOf(text))) {
    document.report(path, `is no address of a MySQL or MariaDB server; ${form}`)
    return
  }
  const { hostname, pathname, search } = new URL(text)
  if (hostname === '' || !/^\/[^/%]+$/.test(pathname)) {
    document.report(path, `names no host or no database; ${form}`)
  } else if (search !== '') {
    // A driver takes some of its own and drops the rest: `ssl-mode=REQUIRED` would not encrypt.
    document.report(path, 'takes nothing after a "?" on MySQL; for encryption set database.tls')
  }
}

function protocolOf(address: string): string {
  return URL.canParse(address) ? new URL(address).protocol : ''
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
