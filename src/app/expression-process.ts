// The process that evaluates expressions: started by mappings.ts, and imported by nobody.
import { runExpressionProcess } from '../expressions/run-process.ts'

runExpressionProcess()
