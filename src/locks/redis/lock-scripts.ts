import type { Redis } from 'ioredis'
import { z } from 'zod'
import type { ExecutionKey } from '../../ports/store.ts'
import type { RedisNode } from './node.ts'

/** Whose locks these are, and how long they last. */
export interface LockOwner {
  /** Before every key: installations that share a server have different ones. */
  readonly keyPrefix: string
  /** The instance. */
  readonly owner: string
  /** In milliseconds. */
  readonly timeToLiveMs: number
}

/** In Lua: the epoch of the execution that holds a lock, where it is one of this owner's; else false. */
const OWN_EPOCH = `
local mine = ARGV[1] .. ':'
local function ownEpoch(held)
  return held and string.sub(held, 1, #mine) == mine and tonumber(string.sub(held, #mine + 1))
end`

/**
 * Takes what is free of many locks, and prolongs what this owner has; 1 or 0 for each, in order. An older
 * execution of this owner gives way to a newer one of the same job, never the other way round.
 *
 * KEYS: the locks. ARGV: the owner, the time to live, an epoch for each lock.
 */
const TAKE = `${OWN_EPOCH}
local taken = {}
for i, key in ipairs(KEYS) do
  local epoch = ARGV[i + 2]
  taken[i] = 1
  if not redis.call('SET', key, mine .. epoch, 'NX', 'PX', ARGV[2]) then
    local own = ownEpoch(redis.call('GET', key))
    if own and own <= tonumber(epoch) then
      redis.call('SET', key, mine .. epoch, 'PX', ARGV[2])
    else
      taken[i] = 0
    end
  end
end
return taken`

/**
 * Gives back those of many locks that this owner has, unless a newer execution of his has them.
 *
 * KEYS: the locks. ARGV: the owner, an epoch for each lock.
 */
const RELEASE = `${OWN_EPOCH}
local released = 0
for i, key in ipairs(KEYS) do
  local own = ownEpoch(redis.call('GET', key))
  if own and own <= tonumber(ARGV[i + 1]) then
    released = released + redis.call('DEL', key)
  end
end
return released`

const answers = z.array(z.union([z.literal(0), z.literal(1)]))

/** Takes or prolongs locks on one node. `undefined`: no answer. */
export async function takeOn(
  node: RedisNode,
  owner: LockOwner,
  keys: readonly ExecutionKey[],
  limitMs: number,
): Promise<readonly (0 | 1)[] | undefined> {
  return await node.ask(
    (client) =>
      client.eval(
        TAKE,
        keys.length,
        ...keys.map(({ jobId }) => lockKey(owner, jobId)),
        owner.owner,
        owner.timeToLiveMs,
        ...keys.map(({ epoch }) => epoch),
      ),
    answers.length(keys.length),
    limitMs,
  )
}

/** Gives locks back on one node. Resolves to whether it answered. */
export async function releaseOn(
  node: RedisNode,
  owner: LockOwner,
  keys: readonly ExecutionKey[],
  limitMs: number,
): Promise<boolean> {
  const released = await node.ask(
    (client) =>
      client.eval(
        RELEASE,
        keys.length,
        ...keys.map(({ jobId }) => lockKey(owner, jobId)),
        owner.owner,
        ...keys.map(({ epoch }) => epoch),
      ),
    z.number(),
    limitMs,
  )
  return released !== undefined
}

/** Does what taking does, with a key that stands for no job: it fails where a real one would. */
export function probeLocks(client: Redis, { keyPrefix }: Pick<LockOwner, 'keyPrefix'>) {
  return client.eval(TAKE, 1, `${keyPrefix}:lock:probe`, 'probe', 1_000, 0)
}

function lockKey({ keyPrefix }: LockOwner, jobId: string): string {
  return `${keyPrefix}:lock:job:${jobId}`
}
