import mysql, { type FieldPacket, type ResultSetHeader } from 'mysql2/promise'
import type { StatementResult } from '../statement-result.ts'
import { options, type MysqlConnection } from './connection-options.ts'
import { translateError } from './errors.ts'
import { sessionStatement } from './session.ts'

type Row = readonly unknown[]
type Answer = ResultSetHeader | readonly Row[]

/** The first word of a statement, behind comments and brackets. */
const FIRST_WORD = /^(?:\s|\(|--\s[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*(?![!M])[^]*?\*\/)*(\w+)/

/** What stands between statements, or hides a semicolon: quoted texts and comments. */
const PIECES =
  /'(?:[^'\\]|\\[^]|'')*'|"(?:[^"\\]|\\[^]|"")*"|`[^`]*`|--\s[^\n]*|#[^\n]*|\/\*[^]*?\*\/|;|[^'"`;#/-]+|[^]/g

const WRITES = new Set(['INSERT', 'UPDATE', 'DELETE', 'REPLACE', 'LOAD'])

/**
 * Runs a text of one statement or several, as a person gave it, on a connection of its own, in one
 * transaction as on PostgreSQL; DDL commits all the same.
 */
export async function runScript(
  connection: MysqlConnection,
  schema: string,
  text: string,
): Promise<readonly StatementResult[]> {
  try {
    const opened = await mysql.createConnection({
      ...options(connection, 'crossdock sql'),
      connectTimeout: 10_000,
      // The server divides the text: it knows what is one statement.
      multipleStatements: true,
      rowsAsArray: true,
      // Numbers as numbers, as long as they are exact; rows that an UPDATE found are counted.
      bigNumberStrings: false,
      flags: [],
    })
    opened.on('error', () => undefined)
    try {
      // A person may wait for an hour in the middle of nothing: it is his transaction.
      await opened.query(sessionStatement({ autocommit: false, idleInTransactionMs: 3_600_000 }))
      await opened.query(`USE ${mysql.escapeId(schema, true)}`)
      const [answer, fields] = await opened.query<never>(text)
      const results = resultsOf(text, answer, fields)
      await opened.query('COMMIT')
      return results
    } finally {
      // What was not committed is undone with the connection.
      await opened.end().catch(() => undefined)
    }
  } catch (error) {
    throw translateError(error)
  }
}

/** The driver answers one statement otherwise than several. */
function resultsOf(text: string, answer: unknown, fields: unknown): readonly StatementResult[] {
  const lists = fields as readonly (FieldPacket | readonly FieldPacket[] | undefined)[] | undefined
  const isOne = lists === undefined || lists.every((each) => each !== undefined && 'name' in each)
  const answers = isOne ? [answer as Answer] : (answer as readonly Answer[])
  const columns = isOne ? [lists] : lists
  const words = commandsOf(text)
  return answers.map((each, index) =>
    // A procedure gives several answers to one statement.
    result(
      each,
      columns[index] as readonly FieldPacket[] | undefined,
      words.length === answers.length ? words[index] : undefined,
    ),
  )
}

function result(
  answer: Answer,
  fields: readonly FieldPacket[] | undefined,
  word: string | undefined,
): StatementResult {
  if (isRows(answer)) {
    const columns = (fields ?? []).map(({ name }) => name)
    return { command: word ?? 'SELECT', rowCount: answer.length, columns, rows: answer }
  }
  const writes = answer.affectedRows > 0 || (word !== undefined && WRITES.has(word))
  return {
    command: word ?? 'OK',
    rowCount: writes ? answer.affectedRows : null,
    columns: [],
    rows: [],
  }
}

function isRows(answer: Answer): answer is readonly Row[] {
  return Array.isArray(answer)
}

/** The first word of each statement, for the name of its result alone. */
function commandsOf(text: string): readonly string[] {
  let statement = ''
  const statements: string[] = []
  for (const [piece] of text.matchAll(PIECES)) {
    if (piece === ';') statements.push(statement)
    statement = piece === ';' ? '' : statement + piece
  }
  return [...statements, statement].flatMap((one) => FIRST_WORD.exec(one)?.[1]?.toUpperCase() ?? [])
}
