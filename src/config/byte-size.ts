import { z } from 'zod'

const TEXT = /^(\d+) ?([bB]|[kKmM][iI]?[bB])$/
const KIB = 1024

/**
 * The schema of a size: a number of bytes, or text such as `512kb`, `1mb` (1 kb is 1,024 bytes, as
 * in other servers' settings). Its output is bytes.
 */
export function byteSize({ max }: { readonly max: number }) {
  return z
    .union([z.int(), z.string().regex(TEXT)])
    .transform((input, context) => {
      const bytes = byteCount(input)
      if (bytes >= 1 && bytes <= max) return bytes
      context.addIssue({ code: 'custom', message: 'out of range' })
      return z.NEVER
    })
    .meta({
      expects: `a size: a number of bytes, or text such as "512kb", "1mb"; at most ${max / KIB / KIB}mb`,
      term: 'size (bytes)',
    })
}

function byteCount(input: number | string): number {
  if (typeof input === 'number') return input
  const match = TEXT.exec(input)
  const unit = match?.[2]?.toLowerCase() ?? 'b'
  return Number(match?.[1]) * (unit.startsWith('m') ? KIB * KIB : unit.startsWith('k') ? KIB : 1)
}
