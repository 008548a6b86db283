import path from 'node:path'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * Files that take 20 s and longer, the longest first. In a fresh clone vitest knows no durations and begins with the
 * largest files: a suite that a file of three lines runs then comes last, and nothing is left to run beside it.
 */
export const SLOW_FILES: readonly string[] = [
  'test/e2e/start.test.ts',
  'test/e2e/hung-process-mariadb.test.ts',
  'test/e2e/hung-process-postgresql.test.ts',
  'test/e2e/pausing.test.ts',
  'test/e2e/mariadb.test.ts',
  'test/e2e/database-outage.test.ts',
  'test/chaos/kill-under-posts.test.ts',
  'test/chaos/outages.test.ts',
  'test/chaos/instances.test.ts',
  'test/chaos/outbox.test.ts',
  'test/chaos/mqtt-backlog.test.ts',
  'test/chaos/schedules.test.ts',
  'test/chaos/outbox-http.test.ts',
  'test/conformance/adapters/artemis.test.ts',
  'test/conformance/adapters/mqtt.test.ts',
  'test/conformance/adapters/kafka.test.ts',
  'test/conformance/adapters/activemq-classic.test.ts',
  'test/conformance/adapters/signalr.test.ts',
  'test/conformance/store/mariadb.test.ts',
  'test/conformance/store/embedded.test.ts',
  'test/conformance/adapters/http.test.ts',
  'test/integration/worker/mariadb.test.ts',
  'test/integration/embedded-postgres.test.ts',
  'test/integration/handler-folders.test.ts',
  'test/integration/scheduler/conditions.test.ts',
  'test/integration/embedded-postgres-accounts.test.ts',
  'test/integration/outbound/publishing-mariadb.test.ts',
  'test/integration/test-services.test.ts',
  'test/integration/worker/silent-mariadb.test.ts',
  'test/integration/scheduler/schedules-mariadb.test.ts',
  'test/integration/scheduler/schedules-postgresql.test.ts',
]

/** Begins with {@link SLOW_FILES}; the others come in vitest's own order. */
export class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}

function rank({ moduleId }: TestSpecification): number {
  const file = path.relative(process.cwd(), moduleId).replaceAll(path.sep, '/')
  const index = SLOW_FILES.indexOf(file)
  return index === -1 ? SLOW_FILES.length : index
}
