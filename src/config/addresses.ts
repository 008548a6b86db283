import { PROTOCOLS } from '../domain/job-type.ts'
import { addressOf, type PublicationAddress } from '../domain/outbound.ts'
import type { KeyPath } from './key-path.ts'
import { elementsAt, textAt, valueAt } from './loose-value.ts'
import type { ResolvedDocument } from './resolve.ts'
import { closest } from './suggestion.ts'

/** What an address may lead to. */
export interface Addressed {
  readonly address: string
  /** Where it stands in the file. */
  readonly at: KeyPath
}

/** Every subscription of the file that has a name. */
export function subscriptionsIn(document: ResolvedDocument): readonly Addressed[] {
  return PROTOCOLS.flatMap((protocol) => {
    const list = ['integrations', protocol, 'subscriptions']
    return elementsAt(document.value, list).flatMap((element, index) => {
      const name = textAt(element, ['name'])
      return name === undefined
        ? []
        : [{ address: addressOf(protocol, name), at: [...list, index] }]
    })
  })
}

/** Every publication of the file. */
export function publicationsIn(document: ResolvedDocument): readonly Addressed[] {
  return PROTOCOLS.flatMap((protocol) => {
    const at = ['integrations', protocol, 'publications']
    const entries = valueAt(document.value, at)
    if (typeof entries !== 'object' || entries === null) return []
    return Object.keys(entries).map((name) => ({
      address: addressOf(protocol, name),
      at: [...at, name],
    }))
  })
}

/**
 * What the address at `at` leads to. Reports one that leads nowhere; `undefined` then, and where there is no
 * address that can be read.
 */
export function addressedAt(
  document: ResolvedDocument,
  at: KeyPath,
  known: readonly Addressed[],
  kind: 'subscription' | 'publication',
): Addressed | undefined {
  const text = textAt(document.value, at)
  if (text === undefined || document.isUnsettled(at)) return undefined
  const found = known.find(({ address }) => address === text)
  if (found !== undefined) return found
  // What has not the form of an address at all has been told of already.
  if (!/^[a-z]+:[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text)) return undefined
  const names = known.map(({ address }) => address)
  const name = text.slice(text.indexOf(':') + 1)
  const meant = names.find((address) => address.endsWith(`:${name}`)) ?? closest(text, names)
  const advice =
    meant !== undefined
      ? `did you mean ${meant}?`
      : names.length === 0
        ? `there is none in this file`
        : `there are ${names.slice(0, 20).join(', ')}`
  document.report(at, `there is no ${kind} ${JSON.stringify(text)}; ${advice}`)
  return undefined
}

/** An address that was checked, in its parts; `undefined`: it has not the form of one. */
export function publicationAddress(text: string): PublicationAddress | undefined {
  const [word, ...rest] = text.split(':')
  const protocol = PROTOCOLS.find((one) => one === word)
  return protocol === undefined || rest.length !== 1
    ? undefined
    : { protocol, publication: rest.join(':') }
}
