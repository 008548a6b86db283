import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'

let isDone = false

/**
 * After every request the library sets a timer for requests that are throttled or wait, also when there are none: then it is
 * due in the year 1970, and Node complains of that on the standard error of every process. Where nothing waits there is
 * nothing to look for. The version is fixed in package.json. May be called twice.
 */
export function dropIdleTimers(): void {
  if (isDone) return
  isDone = true
  const { prototype } = RequestQueue
  const schedule = prototype.scheduleCheckPendingRequests
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this)
  }
}
