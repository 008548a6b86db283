import { adaptersSabotages } from './parts/adapters.ts'
import { ingestSabotages } from './parts/ingest.ts'
import { outboundSabotages } from './parts/outbound.ts'
import { schedulerSabotages } from './parts/scheduler.ts'
import { storeSabotages } from './parts/store.ts'
import { turnsSabotages } from './parts/turns.ts'
import { workerSabotages } from './parts/worker.ts'
import type { Sabotage } from './sabotage.ts'

/** All of them, by part. It grows with every invariant; within a part the order is the invariants'. */
export const sabotages: readonly Sabotage[] = [
  ...adaptersSabotages,
  ...ingestSabotages,
  ...storeSabotages,
  ...workerSabotages,
  ...turnsSabotages,
  ...schedulerSabotages,
  ...outboundSabotages,
]
