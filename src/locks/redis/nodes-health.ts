import type { ComponentHealth } from '../../ports/health.ts'
import type { RedisNode } from './node.ts'
import { quorumOf } from './quorum.ts'

/** How locks are: names no host, for health is shown to anybody. */
export function nodesHealth(nodes: readonly RedisNode[], held: number): ComponentHealth {
  const answering = nodes.filter((node) => node.isUp()).length
  const facts = { nodes: nodes.length, answering, held }
  if (answering === nodes.length) return { status: 'ok', facts }
  const silent = nodes.length - answering
  const missing = `${silent} of ${nodes.length} Redis nodes ${silent === 1 ? 'does' : 'do'} not answer`
  if (answering >= quorumOf(nodes.length)) {
    return { status: 'ok', detail: `${missing}; locks are kept by the others`, facts }
  }
  return {
    status: 'degraded',
    detail: `${missing}: jobs run without locks, and leases in the database alone decide. Start Redis, or correct cache.redis.nodes; the log names the nodes`,
    facts,
  }
}
