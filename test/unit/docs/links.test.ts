import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '../../..')

/** The pages at the top level, and all below docs. */
async function pages(): Promise<readonly string[]> {
  const top = await readdir(root)
  const below = await readdir(path.join(root, 'docs'), { recursive: true })
  return [...top, ...below.map((name) => path.join('docs', name))].filter((name) =>
    name.endsWith('.md'),
  )
}

/** Headings as GitHub makes them into fragments. */
function fragments(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

async function brokenLinks(page: string): Promise<readonly string[]> {
  const text = await readFile(path.join(root, page), 'utf8')
  const broken: string[] = []
  for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue
    const [file = '', fragment] = link.split('#')
    const target = file === '' ? path.join(root, page) : path.resolve(root, page, '..', file)
    const found = await stat(target).catch(() => undefined)
    const known =
      fragment === undefined ||
      (found?.isFile() === true && fragments(await readFile(target, 'utf8')).includes(fragment))
    if (found === undefined || !known) broken.push(`${page}: ${link}`)
  }
  return broken
}

test('every link from one page to a file or a heading leads somewhere', async () => {
  const all = await pages()
  expect(all).toContain('README.md')
  const broken = await Promise.all(all.map((page) => brokenLinks(page)))
  expect(broken.flat()).toEqual([])
})
