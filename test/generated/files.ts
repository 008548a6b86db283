import { readFile } from 'node:fs/promises'
import { adapterPage, adapterPagePath, PageProblem } from './adapter-page.ts'

/** A file of the repository that a program writes, so that it cannot disagree with its source. */
export interface GeneratedFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  /** Makes the whole text, the newline at its end included. */
  readonly make: () => Promise<string>
}

/**
 * Every generated file, the page of each adapter among them. `npm run generate` writes them; `npm test` fails where
 * one is out of date.
 */
export async function generatedFiles(): Promise<readonly GeneratedFile[]> {
  return [...fixedFiles, ...(await adapterPages())]
}

const fixedFiles: readonly GeneratedFile[] = [
  {
    path: 'config/configuration.schema.json',
    // Imported when it is made: a source that cannot be loaded fails its own file, with its name.
    async make() {
      const { configurationJsonSchema } = await import('../../src/config/json-schema.ts')
      const { adapters } = await import('../../src/app/adapters.ts')
      return JSON.stringify(configurationJsonSchema(adapters), null, 2) + '\n'
    },
  },
  {
    path: 'docs/configuration.md',
    // The table of keys alone; the rest of the page is written by hand.
    async make() {
      const { configurationTable } = await import('../../src/config/reference-table.ts')
      const { adapters } = await import('../../src/app/adapters.ts')
      const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
      return page.replace(
        KEYS,
        (_match, begin: string, end: string) => begin + configurationTable(adapters) + end,
      )
    },
  },
]

/** One for each adapter of the list. None where that cannot be loaded: then the fixed files, which need it, say why. */
async function adapterPages(): Promise<readonly GeneratedFile[]> {
  const adapters = await import('../../src/app/adapters.ts').then(
    (module) => module.adapters,
    () => [],
  )
  return adapters.map((adapter) => ({
    path: adapterPagePath(adapter),
    make: () => adapterPage(adapter),
  }))
}

/** Where the table of keys stands in docs/configuration.md. */
const KEYS = /(<!-- keys:begin[^\n]*-->\n\n)[\s\S]*?(\n\n<!-- keys:end -->)/

/** Makes the text of one file. @throws Error that names the file, its cause being what went wrong. */
export async function makeText(file: GeneratedFile): Promise<string> {
  try {
    return await file.make()
  } catch (cause) {
    throw new Error(`${file.path} could not be made: ${describe(cause)}`, { cause })
  }
}

function describe(cause: unknown): string {
  if (cause instanceof PageProblem) return cause.message
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}
