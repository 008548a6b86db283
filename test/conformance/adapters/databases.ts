import { PROGRAM_DATABASES, type ProgramDatabase } from '../../services/program-database.ts'

type Name = keyof typeof PROGRAM_DATABASES

const IS_LONG = process.env['CROSSDOCK_TEST_LONG'] === '1'

/**
 * The databases that an adapter is tried on: in the long form all, in the short form one, since every statement has
 * its conformance suite on each, and an adapter knows nothing of them.
 */
export function databasesFor(
  short: Name,
): readonly (readonly [Name, () => Promise<ProgramDatabase | undefined>])[] {
  const names = IS_LONG ? (Object.keys(PROGRAM_DATABASES) as Name[]) : [short]
  return names.map((name) => [name, PROGRAM_DATABASES[name]])
}
