// Writes every generated file: `npm run generate`.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { generatedFiles, makeText } from './files.ts'

const root = path.resolve(import.meta.dirname, '../..')

for (const file of generatedFiles) {
  const text = await makeText(file)
  const target = path.join(root, file.path)
  await mkdir(path.dirname(target), { recursive: true })
  await writeFile(target, text)
  console.log(`wrote ${file.path}`)
}
