import { errorMessage } from '../domain/errors.ts'
import type { MappingCheck } from '../ports/expressions.ts'

/** Judges expressions and schemas. Its libraries are loaded when there is the first one to judge. */
export const mappingCheck: MappingCheck = {
  expression: async (source, names) => {
    const { reportExpression } = await import('./syntax.ts')
    return reportExpression(source, names)
  },
  schema: async (text) => {
    const { compileSchema } = await import('./schema.ts')
    try {
      compileSchema(text)
      return undefined
    } catch (error) {
      return errorMessage(error)
    }
  },
}
