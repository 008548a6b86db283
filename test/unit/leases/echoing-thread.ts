// A thread that tells back what it is told to hold, as lost; it fails once, when it is told of 'fail'.
import { parentPort, workerData } from 'node:worker_threads'
import type { FromKeeper, ToKeeper } from '../../../src/leases/messages.ts'

const failures = new Int32Array((workerData as { readonly failures: SharedArrayBuffer }).failures)

parentPort?.on('message', (message: ToKeeper) => {
  if (message.kind === 'stop') {
    parentPort?.close()
    return
  }
  if (message.jobIds.includes('fail') && Atomics.add(failures, 0, 1) === 0) throw new Error('fails')
  const keys = message.jobIds.map((jobId, index) => ({ jobId, epoch: message.epochs[index] ?? 0 }))
  const lost: FromKeeper = { kind: 'lost', keys }
  parentPort?.postMessage(lost)
  const renewed: FromKeeper = { kind: 'renewed' }
  parentPort?.postMessage(renewed)
})
