/** Says that an instance of this id lives, and will for `leaseMs`. */
export interface InstanceRequest {
  readonly id: string
  /** Tells this process from another one that was given the same id. */
  readonly token: string
  readonly leaseMs: number
}

/** Whether the id is this process's. */
export type Registration =
  | { readonly registered: true }
  /** Another process has it: until when, unless it says again that it lives, in milliseconds from now. */
  | { readonly registered: false; readonly expiresInMs: number }
