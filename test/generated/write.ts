// Writes every generated file: `npm run generate`. One that cannot be made is told, and the others are written.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { generatedFiles, makeText } from './files.ts'

const root = path.resolve(import.meta.dirname, '../..')

for (const file of await generatedFiles()) {
  try {
    const text = await makeText(file)
    const target = path.join(root, file.path)
    await mkdir(path.dirname(target), { recursive: true })
    await writeFile(target, text)
    console.log(`wrote ${file.path}`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exitCode = 1
  }
}
