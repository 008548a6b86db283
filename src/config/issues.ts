import type { z } from 'zod'
import type { KeyPath } from './key-path.ts'
import type { ResolvedDocument } from './resolve.ts'
import { alternatives, expectation, type SchemaNode } from './schema-node.ts'

type Issue = z.core.$ZodIssue

/** Reports what zod found, in our words; what has been reported before is left out. */
export function reportIssues(
  issues: readonly Issue[],
  document: ResolvedDocument,
  base: KeyPath = [],
): void {
  for (const issue of issues) reportIssue(issue, document, base)
}

function reportIssue(issue: Issue, document: ResolvedDocument, base: KeyPath): void {
  const path = [...base, ...issue.path.map(step)]
  if (document.isUnsettled(path)) return
  const nodes = document.nodesAt(path)
  switch (issue.code) {
    case 'invalid_union': {
      const meant = meantAlternative(issue.errors)
      if (meant === undefined) document.reportValue(path)
      else reportIssues(meant, document, path)
      return
    }
    case 'invalid_key': {
      const rules = document
        .nodesAt(path.slice(0, -1))
        .flatMap(alternatives)
        .flatMap(({ propertyNames }) => (typeof propertyNames === 'object' ? [propertyNames] : []))
      document.report(path, `the name must be ${expectation(rules)}`)
      return
    }
    case 'unrecognized_keys':
      document.report(path, `unknown keys: ${issue.keys.join(', ')}; remove them`)
      return
    case 'custom':
    case 'invalid_type':
    case 'too_big':
    case 'too_small':
    case 'invalid_format':
    case 'not_multiple_of':
    case 'invalid_element':
    case 'invalid_value':
      if (speaksForItself(issue, nodes)) document.report(path, issue.message)
      else document.reportValue(path)
      return
  }
}

/** The one alternative of a union whose type the value has, if there is one: its issues say more. */
function meantAlternative(
  alternatives: readonly (readonly Issue[])[],
): readonly Issue[] | undefined {
  const fitting = alternatives.filter(
    (issues) =>
      !issues.some((issue) => issue.path.length === 0 && issue.code !== 'unrecognized_keys'),
  )
  return fitting.length === 1 ? fitting[0] : undefined
}

/** Whether an adapter gave its rule a sentence, which says more than the rule's form. */
function speaksForItself(issue: Issue, nodes: readonly SchemaNode[]): boolean {
  if (issue.code === 'custom' && issue.message.startsWith('must ')) return true
  if (nodes.some((node) => typeof node['expects'] === 'string')) return false
  return !/^(Invalid|Too) /.test(issue.message)
}

function step(part: PropertyKey): string | number {
  return typeof part === 'symbol' ? String(part) : part
}
