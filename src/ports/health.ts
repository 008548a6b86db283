/** How a part is: `degraded` works with less than it should have. */
export type HealthStatus = 'ok' | 'degraded' | 'down'

/** How one component is. */
export interface ComponentHealth {
  readonly status: HealthStatus
  /** For people: what is wrong, and what to do. Shown to anybody who may ask for health. */
  readonly detail?: string | undefined
  /** Small facts for programs, such as a version or a latency. */
  readonly facts?: Readonly<Record<string, string | number | boolean | null>> | undefined
}

/** How the instance is, component by component. */
export interface HealthReport {
  /** `down`: the database is; `degraded`: anything else is not ok. */
  readonly status: HealthStatus
  readonly components: Readonly<Record<string, ComponentHealth>>
}
