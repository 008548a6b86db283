import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Sabotage } from './sabotage.ts'

/** A copy of the repository, in which one line at a time is broken. */
export interface BrokenCopy {
  readonly root: string
  /** The files that were broken so far, mended or not, as paths in the repository. */
  changed(): readonly string[]
  /** Breaks the line; throws when it does not stand in its file exactly once. */
  breakLine(sabotage: Sabotage): Promise<void>
  /** Puts it back. */
  mend(sabotage: Sabotage): Promise<void>
  remove(): Promise<void>
}

/** What a run needs of the repository; packages and unpacked servers are shared with it. */
const PARTS = [
  'adapters',
  'bin',
  'config',
  'docs',
  'handlers',
  'migrations',
  'src',
  'test',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
]

/** Copies the repository into the temporary folder. */
export async function copyRepository(from: string): Promise<BrokenCopy> {
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'crossdock-sabotage-')))
  const changed = new Set<string>()
  for (const part of PARTS) {
    await cp(path.join(from, part), path.join(root, part), { recursive: true })
  }
  await symlink(path.join(from, 'node_modules'), path.join(root, 'node_modules'))
  const fileOf = (sabotage: Sabotage): string => path.join(root, sabotage.file)
  return {
    root,
    changed: () => [...changed],
    breakLine: async (sabotage) => {
      changed.add(sabotage.file)
      const text = await readFile(fileOf(sabotage), 'utf8')
      const pieces = text.split(sabotage.line)
      if (pieces.length !== 2) {
        throw new Error(
          `${sabotage.file} has the line ${pieces.length - 1} times instead of once: ${sabotage.line}` +
            '\nThe code has changed: correct the list, and see that its test still fails without the line.',
        )
      }
      await writeFile(fileOf(sabotage), pieces.join(sabotage.instead))
    },
    mend: async (sabotage) => {
      await cp(path.join(from, sabotage.file), fileOf(sabotage))
    },
    remove: () => rm(root, { recursive: true, force: true }),
  }
}
