import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

// In a process of Node's own: in this one, vitest transforms modules before Node's hooks see them.
const SCRIPT = `
import { loadHandlers } from ${JSON.stringify(sourceUrl('handler-kit/load-folder.ts'))}
import { PermanentError } from ${JSON.stringify(sourceUrl('domain/errors.ts'))}
import { z } from 'zod'

const said = []
const note = (fields, message) => { said.push(message) }
const log = { debug() {}, info: note, warn: note, error: note, child: () => log }
const report = { said }
try {
  const registry = await loadHandlers({ folders: process.argv.slice(1), log })
  report.names = registry.names()
  report.ran = {}
  for (const name of registry.names()) {
    try {
      report.ran[name] = await registry.get(name).run({ input: { z, PermanentError } })
    } catch (error) {
      report.ran[name] = { threw: error.message, permanent: error instanceof PermanentError }
    }
  }
} catch (error) {
  report.error = { code: error.code, message: error.message, problems: error.details?.problems }
}
console.log(JSON.stringify(report))
`

const HANDLER = `import { defineHandler } from 'crossdock'\n`

interface Report {
  readonly names?: readonly string[]
  readonly ran?: Readonly<Record<string, unknown>>
  readonly error?: {
    readonly code: string
    readonly message: string
    readonly problems: readonly { code: string; file: string; line?: number; message: string }[]
  }
  readonly said: readonly string[]
  readonly stderr: string
}

let root: string

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'crossdock handlers-')))
})

afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

describe('a handler folder', () => {
  it('holds TypeScript outside any project, which imports crossdock and zod', async () => {
    await write({
      'h/order.ts': `${HANDLER}
        import { z } from 'zod'
        const input = z.object({ id: z.string() })
        type Order = z.infer<typeof input>
        export default defineHandler({ name: 'order', input, run({ input }: { input: any }) {
          return { sameZod: input.z === z } satisfies object
        } })`,
    })
    const { names, ran, stderr } = await load('h')
    expect(names).toEqual(['order'])
    expect(ran).toEqual({ order: { sameZod: true } })
    expect(stderr).toBe('')
  })

  it('throws the very PermanentError that the worker looks for', async () => {
    await write({
      'h/a.ts': `import { defineHandler, PermanentError } from 'crossdock'
        export default defineHandler({ name: 'a', run() { throw new PermanentError('no') } })`,
    })
    expect((await load('h')).ran).toEqual({ a: { threw: 'no', permanent: true } })
  })

  it('is not led astray by another crossdock and another zod installed beside it', async () => {
    await write({
      'node_modules/crossdock/package.json': '{"type":"module","exports":"./index.js"}',
      'node_modules/crossdock/index.js': 'throw new Error("the wrong copy")',
      'node_modules/zod/package.json': '{"type":"module","exports":"./index.js"}',
      'node_modules/zod/index.js': 'export const z = "wrong"',
      'lib/fail.ts': `import { PermanentError } from 'crossdock'
        export function fail(): never { throw new PermanentError('from a library') }`,
      'h/a.ts': `${HANDLER}
        import { z } from 'zod'
        import { fail } from '../lib/fail.ts'
        export const a = defineHandler({ name: 'a', run: ({ input }: any) => input.z === z })
        export const b = defineHandler({ name: 'b', run: () => fail() })`,
    })
    const { ran } = await load('h')
    expect(ran).toEqual({ a: true, b: { threw: 'from a library', permanent: true } })
  })

  it('leaves packages that handlers import with the zod of their own', async () => {
    await write({
      'node_modules/zod/package.json': '{"type":"module","exports":"./index.js"}',
      'node_modules/zod/index.js': 'export const z = "their own"',
      'node_modules/other/package.json': '{"type":"module","exports":"./index.js"}',
      'node_modules/other/index.js': 'export { z } from "zod"',
      'h/a.ts': `${HANDLER}
        import { z } from 'other'
        export default defineHandler({ name: 'a', run: () => z })`,
    })
    expect((await load('h')).ran).toEqual({ a: 'their own' })
  })

  it('gives linked packages of the same repository its copies too', async () => {
    await write({
      'packages/shared/package.json': '{"type":"module","exports":"./index.ts"}',
      'packages/shared/index.ts': `import { PermanentError } from 'crossdock'
        export const fail = (): never => { throw new PermanentError('shared') }`,
      'h/a.ts': `${HANDLER}
        import { fail } from 'shared'
        export default defineHandler({ name: 'a', run: () => fail() })`,
    })
    await mkdir(join(root, 'node_modules'))
    await symlink(join(root, 'packages/shared'), join(root, 'node_modules/shared'))
    expect((await load('h')).ran).toEqual({ a: { threw: 'shared', permanent: true } })
  })

  it('may lie below node_modules', async () => {
    await write({
      'node_modules/pack/h/a.ts': `${HANDLER}
        import { double } from './_double.ts'
        export default defineHandler({ name: 'a', run: (): number => double(2) })`,
      'node_modules/pack/h/_double.ts': 'export const double = (n: number): number => n * 2',
    })
    expect((await load('node_modules/pack/h')).ran).toEqual({ a: 4 })
  })

  it.each(['{"type":"commonjs"}', '{}'])('may lie beside a package.json of %s', async (json) => {
    await write({
      'package.json': json,
      'h/a.ts': `${HANDLER} export default defineHandler({ name: 'a', run: (): number => 1 })`,
    })
    const { ran, stderr } = await load('h')
    expect(ran).toEqual({ a: 1 })
    expect(stderr).toBe('')
  })

  it('may hold JavaScript of both kinds', async () => {
    await write({
      'h/a.mjs': `${HANDLER} export default defineHandler({ name: 'a', run: () => 1 })`,
      'h/b.js': `const { defineHandler } = require('crossdock'); const { z } = require('zod')
        module.exports = defineHandler({ name: 'b', run: ({ input }) => input.z === z })`,
    })
    expect((await load('h')).ran).toEqual({ a: 1, b: true })
  })

  it('holds folders, and files with several handlers', async () => {
    await write({
      'h/deep/er/a.mts': `${HANDLER}
        const make = (name: string) => defineHandler({ name, run: () => name })
        export default [make('a'), make('b')]
        export const c = make('c')
        export { c as again }
        export const limit = 3`,
      'h/index.ts': `export * from './deep/er/a.mts'`,
    })
    expect((await load('h')).names).toEqual(['a', 'b', 'c'])
  })

  it('passes over tests, declarations, hidden and private files, and node_modules', async () => {
    const broken = 'throw new Error("loaded")'
    await write({
      'h/a.ts': `${HANDLER} export default defineHandler({ name: 'a', run: () => 1 })`,
      'h/a.test.ts': broken,
      'h/a.spec.js': broken,
      'h/a.d.ts': broken,
      'h/_private.ts': broken,
      'h/.hidden.ts': broken,
      'h/_lib/b.ts': broken,
      'h/node_modules/x/c.js': broken,
      'h/readme.md': broken,
    })
    expect((await load('h')).names).toEqual(['a'])
  })

  it('may consist of symbolic links, as a mounted ConfigMap does', async () => {
    await write({
      'volume/a.ts': `${HANDLER} export default defineHandler({ name: 'a', run: (): number => 1 })`,
      'h/..data/b.ts': `${HANDLER} export default defineHandler({ name: 'b', run: (): number => 2 })`,
    })
    await symlink(join(root, 'volume/a.ts'), join(root, 'h/a.ts'))
    await symlink('..data/b.ts', join(root, 'h/b.ts'))
    await symlink(join(root, 'h'), join(root, 'h/loop'))
    await symlink(join(root, 'gone.ts'), join(root, 'h/gone.ts'))
    expect((await load('h', 'h')).ran).toEqual({ a: 1, b: 2 })
  })

  it('warns when it is empty', async () => {
    await mkdir(join(root, 'h'))
    expect(await load('h')).toMatchObject({
      names: [],
      said: [expect.stringContaining('no handler files')],
    })
  })
})

describe('the start is stopped', () => {
  it('by two handlers of one name, naming both files', async () => {
    const twin = `${HANDLER} export default defineHandler({ name: 'twin', run: () => 1 })`
    await write({ 'h/a.ts': twin, 'h/b.ts': twin })
    const { error } = await load('h')
    expect(error?.code).toBe('handler_duplicate')
    expect(error?.message).toContain('"twin"')
    expect(error?.message).toContain(join(root, 'h/a.ts'))
    expect(error?.message).toContain(join(root, 'h/b.ts'))
  })

  it.each([
    ['a syntax error in TypeScript', 'bad.ts', '\nconst a: = 1', 2, /Unexpected token/],
    ['a syntax error in JavaScript', 'bad.mjs', '\n\nconst a = = 1', 3, /Unexpected token/],
    ['an enum', 'bad.ts', '\nenum A { b }\nexport default A', 2, /`as const`/],
    ['an error at its top level', 'bad.ts', '\n\n\nthrow new Error("boom")', 4, /boom/],
    ['a missing export', 'bad.ts', '\nimport { nope } from "crossdock"\nnope()', 2, /nope/],
    [
      'a type imported as a value',
      'bad.ts',
      '\nimport { HandlerContext } from "crossdock"\nlet a: HandlerContext',
      2,
      /`import type \{ HandlerContext \}`/,
    ],
    ['a missing package', 'bad.ts', 'import "not-installed"', undefined, /Install it/],
    ['a TypeScript file named .js', 'bad.ts', 'import "./x.js"', undefined, /`\.ts`/],
  ])('by %s, with file and line', async (_what, file, text, line, message) => {
    await write({ [`h/${file}`]: text })
    const { error } = await load('h')
    expect(error?.code).toBe('handler_load_failed')
    expect(error?.problems).toEqual([
      {
        code: 'handler_load_failed',
        file: join(root, 'h', file),
        message: expect.stringMatching(message) as unknown,
        ...(line === undefined ? {} : { line }),
      },
    ])
    expect(error?.message).toContain(
      join(root, 'h', file) + (line === undefined ? '' : `:${String(line)}`),
    )
  })

  it('by an error in a file that a handler imports, naming that file', async () => {
    await write({ 'h/a.ts': 'import "../lib/b.ts"', 'lib/b.ts': '\nconst a: = 1' })
    expect((await load('h')).error?.problems).toMatchObject([
      { file: join(root, 'lib/b.ts'), line: 2 },
    ])
  })

  it.each(['../lib/prices', '../lib/prices.js'])(
    'by the import of %s where prices.ts was meant, naming it',
    async (specifier) => {
      await write({ 'h/a.ts': `import ${JSON.stringify(specifier)}`, 'lib/prices.ts': '' })
      expect((await load('h')).error?.message).toContain('Did you mean `../lib/prices.ts`?')
    },
  )

  it('by a syntax error below node_modules, with file and line', async () => {
    await write({ 'node_modules/x/h/a.ts': '\nenum A { b }' })
    expect((await load('node_modules/x/h')).error?.problems).toMatchObject([
      { file: join(root, 'node_modules/x/h/a.ts'), line: 2 },
    ])
  })

  it('by a file that exports no handler', async () => {
    await write({ 'h/a.ts': 'export default { name: "a", run() {} }' })
    const { error } = await load('h')
    expect(error?.code).toBe('handler_invalid')
    expect(error?.message).toContain(join(root, 'h/a.ts'))
    expect(error?.message).toContain('defineHandler')
  })

  it('by a wrong definition, with the place', async () => {
    await write({ 'h/a.ts': `${HANDLER}\nexport default defineHandler({ name: 'a' } as any)` })
    const { error } = await load('h')
    expect(error).toMatchObject({ code: 'handler_invalid', problems: [{ line: 3 }] })
  })

  it('by an option that this version does not have', async () => {
    await write({
      'h/a.ts': `${HANDLER} export default defineHandler({ name: 'a', lock: 'x', run() {} } as any)`,
      'h/b.ts': `import { defineBatchHandler } from 'crossdock'; export default defineBatchHandler({})`,
    })
    const { error } = await load('h')
    expect(error?.code).toBe('not_available')
    expect(error?.problems).toHaveLength(2)
  })

  it('by a folder that does not exist, and by a file in its place', async () => {
    await write({ 'h.ts': '' })
    const { error } = await load('nowhere', 'h.ts')
    expect(error?.problems.map(({ file }) => file)).toEqual([
      join(root, 'nowhere'),
      join(root, 'h.ts'),
    ])
  })

  it('once for everything that is wrong', async () => {
    const good = `${HANDLER} export default defineHandler({ name: 'a', run() {} })`
    await write({ 'h/a.ts': good, 'h/b.ts': good, 'h/c.ts': 'nope()', 'h/d.ts': 'export {}' })
    const { error } = await load('h', 'nowhere')
    expect(error?.code).toBe('handler_load_failed')
    expect(error?.problems.map(({ code }) => code).sort()).toEqual([
      'handler_duplicate',
      'handler_invalid',
      'handler_load_failed',
      'handler_load_failed',
    ])
  })
})

it('the example handlers load and run', async () => {
  const examples = [sourceUrl('../handlers/examples'), sourceUrl('../examples/handlers')]
  const { names, error } = await run(examples.map((url) => fileURLToPath(url)))
  expect(error).toBeUndefined()
  expect(names).toEqual(expect.arrayContaining(['examples.hello', 'examples.slow', 'orders.place']))
})

function sourceUrl(path: string): string {
  return pathToFileURL(join(import.meta.dirname, '../../src', path)).href
}

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true })
    await writeFile(join(root, name), text)
  }
}

async function load(...folders: string[]): Promise<Report> {
  return run(folders.map((folder) => join(root, folder)))
}

async function run(folders: readonly string[]): Promise<Report> {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', SCRIPT, '--', ...folders],
    { cwd: join(import.meta.dirname, '../..') },
  )
  return { ...(JSON.parse(stdout) as Omit<Report, 'stderr'>), stderr }
}
