/** What one statement of a text gave. */
export interface StatementResult {
  /** `SELECT`, `INSERT`, … */
  readonly command: string
  /** Rows given or written; `null`: the statement does neither. */
  readonly rowCount: number | null
  readonly columns: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}
