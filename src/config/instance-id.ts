import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'

/** A name for this process that no other has: host, process id and a random part. */
export function makeInstanceId(): string {
  const host = hostname().replaceAll(/[^A-Za-z0-9._-]/g, '-') || 'host'
  return `${host}-${process.pid}-${randomBytes(4).toString('hex')}`
}
