/*
 * How long we wait for a database; the same on every dialect. A server that stands still, or a network
 * that swallows everything, ends no connection: without limits of our own, leases would go unrenewed and
 * senders unanswered for as long as it lasts.
 */

/** The longest statement of ours by the server's clock, in milliseconds. */
export const STATEMENT_LIMIT_MS = 8_000

/** The same by our clock, for a server that does not answer; its connection is then given up. */
export const ANSWER_LIMIT_MS = 10_000

/** The longest way to a connection of ours: until one is made, or another call is done with one. In milliseconds. */
export const CONNECTION_WAIT_MS = 5_000

/**
 * The longest wait of a handler for a connection, in milliseconds. It waits for another handler, not for
 * the server.
 */
export const HANDLER_WAIT_MS = 60_000
