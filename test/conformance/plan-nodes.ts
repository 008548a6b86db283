/** A node of a plan, as `EXPLAIN (FORMAT JSON)` gives it. */
export interface PlanNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly 'Index Cond'?: string
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly Plans?: readonly PlanNode[]
}

/** The nodes that read a table. */
function scans(node: PlanNode, table: string): readonly PlanNode[] {
  const below = (node.Plans ?? []).flatMap((child) => scans(child, table))
  const reads = node['Node Type'].endsWith('Scan') && node['Relation Name'] === table
  return reads ? [node, ...below] : below
}

/** How each scan goes: by which index, whether through all of it, or its kind where it walks no index. */
export function ways(plan: PlanNode, table = 'queue_jobs'): readonly string[] {
  return scans(plan, table).map((scan) => {
    const walk = scan['Node Type'] === 'Bitmap Heap Scan' ? (scan.Plans?.[0] ?? scan) : scan
    const index = walk['Index Name']
    if (index === undefined) return walk['Node Type']
    return walk['Index Cond'] === undefined ? `${index}, all of it` : index
  })
}

/** How many rows of a table were looked at. */
export function rowsRead(plan: PlanNode, table = 'queue_jobs'): number {
  return scans(plan, table).reduce((all, scan) => {
    const each =
      (scan['Actual Rows'] ?? 0) +
      (scan['Rows Removed by Filter'] ?? 0) +
      (scan['Rows Removed by Index Recheck'] ?? 0)
    return all + each * (scan['Actual Loops'] ?? 0)
  }, 0)
}

/** The kinds of all nodes. */
export function kinds(plan: PlanNode): readonly string[] {
  return [plan['Node Type'], ...(plan.Plans ?? []).flatMap(kinds)]
}
