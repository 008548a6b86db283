import { httpAdapter } from '../../adapters/http/index.ts'

/** The adapters of this package: what may stand below `integrations` in a configuration. */
export const adapters = [httpAdapter] as const

/** Judges the expressions of a configuration. */
export { mappingCheck } from '../expressions/check.ts'
