import type { Connection as CallbackConnection, QueryError } from 'mysql2'
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'

/** What the server gave: rows, or what a statement that gives none did. */
export type ServerAnswer = ResultSetHeader | RowDataPacket[]

/**
 * Sends a statement of ours, its values already in its text, to a connection of a pool. By the driver's
 * callbacks: its promises keep a stack for each statement, at 30 µs each, and it looks through the whole text
 * for placeholders where it is not told that there are no values.
 */
export function ask(connection: Connection, text: string): Promise<ServerAnswer> {
  const driver = (connection as unknown as { readonly connection: CallbackConnection }).connection
  return new Promise((resolve, reject) => {
    driver.query<ServerAnswer>(
      { sql: text, values: null },
      (error: QueryError | null, answer: ServerAnswer) => {
        if (error === null) resolve(answer)
        else reject(error)
      },
    )
  })
}
