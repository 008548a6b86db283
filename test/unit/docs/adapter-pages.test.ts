import { expect, test } from 'vitest'
import { z } from 'zod'
import type { AdapterDefinition } from '../../../src/ports/adapter.ts'
import { adapterPage, withAdapterTables } from '../../generated/adapter-page.ts'

/** An adapter that the generator has never heard of. */
const pigeons = {
  protocol: 'pigeons',
  connectionOptions: z.strictObject({ loft: z.string().describe('Where they live.') }),
  subscriptionOptions: z.strictObject({ ring: z.int().prefault(7).describe('Whose letters.') }),
  publicationOptions: z.strictObject({}),
} as unknown as AdapterDefinition

const end = '<!-- keys:end -->'

test('a page has the keys of its adapter between its markers, and the rest as it was', async () => {
  const page = `# Pigeons\n\n<!-- keys:begin (generated) -->\n\nold\n\n${end}\n\nCoo.\n`
  const made = await withAdapterTables(page, pigeons)
  expect(made).toMatch(/^# Pigeons\n\n<!-- keys:begin \(generated\) -->\n/)
  expect(made).toContain('| `connections.NAME.loft` | string | required | Where they live. |')
  expect(made).toContain('| `subscriptions[].ring` | integer | `7` | Whose letters. |')
  expect(made).not.toContain('old')
  expect(made).toMatch(/\n\n<!-- keys:end -->\n\nCoo\.\n$/)
  expect(await withAdapterTables(made, pigeons)).toBe(made)
})

test('the parts of the keys may stand at places of their own', async () => {
  const page = `<!-- keys:begin subscription, generated -->\n${end}\nBetween.\n<!-- keys:begin connection -->\n${end}\n`
  const [first = '', second = ''] = (await withAdapterTables(page, pigeons)).split('Between.')
  expect(first).toContain('subscriptions[].ring')
  expect(first).not.toContain('loft')
  expect(second).toContain('connections.NAME.loft')
  expect(second).not.toContain('subscriptions')
})

test.each([
  {
    wrong: 'without markers',
    page: '# Pigeons\n',
    says: 'the page has no table of the keys of connection, subscription; add <!-- keys:begin connection subscription',
  },
  {
    wrong: 'with one part missing',
    page: `<!-- keys:begin connection -->\n${end}\n`,
    says: 'the page has no table of the keys of subscription; add',
  },
  {
    wrong: 'with a part twice',
    page: `<!-- keys:begin -->\n${end}\n<!-- keys:begin connection -->\n${end}\n`,
    says: 'the keys of connection stand in two tables; remove one',
  },
  {
    wrong: 'with a part that the adapter does not have',
    page: `<!-- keys:begin connection subscription publication -->\n${end}\n`,
    says: 'of the keys of "publication", and the adapter has keys of connection, subscription alone',
  },
  {
    wrong: 'with a table that does not end',
    page: `<!-- keys:begin connection -->\n<!-- keys:begin subscription -->\n${end}\n`,
    says: 'has no <!-- keys:end --> behind it',
  },
])('a page $wrong is refused with a sentence', async ({ page, says }) => {
  await expect(withAdapterTables(page, pigeons)).rejects.toThrow(says)
})

test('an adapter without a page is told which to write', async () => {
  await expect(adapterPage(pigeons)).rejects.toThrow(
    'the adapter for pigeons has no page; write docs/adapters/pigeons.md, with <!-- keys:begin',
  )
})
