import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'

const manifest = z.object({ name: z.string(), version: z.string() })

/**
 * The version in our package.json: the nearest one above this file that is ours, for the file lies
 * deeper when it is built.
 */
export function programVersion(start: string = import.meta.dirname): string {
  for (let folder = start; ; folder = path.dirname(folder)) {
    const found = readManifest(path.join(folder, 'package.json'))
    if (found?.name === 'crossdock') return found.version
    if (folder === path.dirname(folder)) return 'unknown'
  }
}

function readManifest(file: string): z.output<typeof manifest> | undefined {
  try {
    return manifest.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return undefined
  }
}
