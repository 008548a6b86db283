import type { Headers } from '../domain/job.ts'

/**
 * Headers that are found by any spelling of their names: `headers.'X-Tenant'`, `headers."x-tenant"` and
 * `$lookup(headers, 'X-TENANT')` are one. A name as it was sent goes first; lists of names show those
 * alone. A view, because rewriting the paths of an expression would miss every other way to a header.
 */
export function anyCase(headers: Headers): Headers {
  const names = new Map<string, string>()
  for (const name of Object.keys(headers)) {
    const lower = name.toLowerCase()
    if (!names.has(lower)) names.set(lower, name)
  }
  const sent = (target: Headers, key: string | symbol): string | symbol =>
    typeof key === 'string' && !Object.hasOwn(target, key)
      ? (names.get(key.toLowerCase()) ?? key)
      : key
  return new Proxy(headers, {
    get: (target, key): unknown => Reflect.get(target, sent(target, key)),
    has: (target, key) => Reflect.has(target, sent(target, key)),
    getOwnPropertyDescriptor: (target, key) =>
      Reflect.getOwnPropertyDescriptor(target, sent(target, key)),
  })
}
