import { parseArgs } from 'node:util'
import { areaNames } from './areas.ts'
import { staticCheckNames } from './static-checks.ts'

/** What one run was asked for. */
export interface TestOptions {
  /** Every round of chaos and every sabotage; minutes become hours. */
  readonly long: boolean
  /** Names of areas, all where none was named. */
  readonly areas: readonly string[]
  /** Passed on to vitest, such as a part of a file's name, or `-t` and a part of a test's. */
  readonly vitestArguments: readonly string[]
}

export const USAGE = `npm test -- [--long] [--only area,area] [-- arguments of vitest]

areas: ${areaNames.join(', ')}; static is all of the first ${staticCheckNames.length}`

/** Reads the command line. @throws TypeError for an option or an area that does not exist. */
export function readCommandLine(args: readonly string[]): TestOptions {
  const end = args.indexOf('--')
  const own = end === -1 ? args : args.slice(0, end)
  const { values } = parseArgs({
    args: [...own],
    options: {
      long: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
    },
  })
  const named = (values.only ?? []).flatMap((list) => list.split(','))
  const areas = named.flatMap((name) => (name === 'static' ? staticCheckNames : [name]))
  const unknown = areas.filter((name) => !areaNames.includes(name))
  if (unknown.length > 0) throw new TypeError(`There is no area ${unknown.join(', ')}.`)
  return {
    long: values.long,
    areas: areas.length === 0 ? areaNames : areas,
    vitestArguments: end === -1 ? [] : args.slice(end + 1),
  }
}
