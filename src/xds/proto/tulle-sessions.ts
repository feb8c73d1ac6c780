/**
 * `tulle.sessions.v1`: sessions that Envoy's `stateful_session` cannot keep: they end, and choose among the weighted clusters of a route. Optional
 * wherever it stands, so that who does not know it takes the sessions of `stateful_session` beside it.
 *
 * @module
 */
import { type Infer, message } from "../types/message.ts";
import { bool, string, uint64 } from "../types/scalars.ts";
import { duration } from "../types/time.ts";

/** A filter, and its configuration for a route. Without a name it keeps nothing. */
export const KeptSession = message("tulle.sessions.v1.KeptSession", {
  /** Of the cookie or header. */
  name: string(1),
  inHeader: bool(2),
  /** Of the cookie. Empty: none is said, and it is for every request. */
  path: string(3),
  /** From the first answer on. Unset: no end. */
  absoluteTimeout: duration(4),
  /** Without a request. Unset: no end. */
  idleTimeout: duration(5),
  /** The cookie outlives the browser's session, by `absolute_timeout`. */
  isPermanent: bool(6),
});
export type KeptSession = Infer<typeof KeptSession>;

/** What the client carries, in base64. Times are of the wall clock. */
export const SessionValue = message("tulle.sessions.v1.SessionValue", {
  address: string(1),
  /** Hash of the cluster's name. */
  cluster: string(2),
  beganMs: uint64(3),
  usedMs: uint64(4),
});
