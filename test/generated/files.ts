import { readFile } from 'node:fs/promises'

/** A file of the repository that a program writes, so that it cannot disagree with its source. */
export interface GeneratedFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string
  /** Makes the whole text, the newline at its end included. */
  readonly make: () => Promise<string>
}

/** Every generated file. `npm run generate` writes them; `npm test` fails where one is out of date. */
export const generatedFiles: readonly GeneratedFile[] = [
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
  {
    path: 'docs/adapters/mqtt.md',
    async make() {
      const { adapterTable } = await import('../../src/config/reference-table.ts')
      const { mqttAdapter } = await import('../../adapters/mqtt/index.ts')
      const page = await readFile(new URL('../../docs/adapters/mqtt.md', import.meta.url), 'utf8')
      return page.replace(KEYS, (_match, begin: string, end: string) => {
        return begin + adapterTable(mqttAdapter) + end
      })
    },
  },
  {
    path: 'docs/adapters/signalr.md',
    async make() {
      const { adapterTable } = await import('../../src/config/reference-table.ts')
      const { signalrAdapter } = await import('../../adapters/signalr/index.ts')
      const page = await readFile(
        new URL('../../docs/adapters/signalr.md', import.meta.url),
        'utf8',
      )
      return page.replace(KEYS, (_match, begin: string, end: string) => {
        return begin + adapterTable(signalrAdapter) + end
      })
    },
  },
]

/** Where the table of keys stands in a page; the rest is written by hand. */
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
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
}
