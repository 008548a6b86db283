/** Paths that are ours: no subscription may have them, nor anything below them. */
export const RESERVED_PATHS = [
  '/api',
  '/docs',
  '/health',
  '/livez',
  '/metrics',
  '/openapi.json',
  '/readyz',
  '/status',
] as const

/** Whether a path is one of {@link RESERVED_PATHS}, or below one. */
export function isReservedPath(path: string): boolean {
  return RESERVED_PATHS.some((reserved) => path === reserved || path.startsWith(`${reserved}/`))
}
