/**
 * What an operator sees of the clients of a discovery server.
 *
 * @module
 */
import type { Nack, TypeState } from "./ads-stream.ts";
import type { Subscription, SubscriptionRequest } from "./subscription.ts";

/**
 * `synced` the client has accepted what it should have; `pending` a response waits for its answer; `rejected` the
 * last answer was a NACK; `waiting` nothing has been sent yet.
 */
export type SyncState = "synced" | "pending" | "rejected" | "waiting";

export interface TypeStatus {
  readonly typeUrl: string;
  readonly state: SyncState;
  readonly wildcard: boolean;
  /** Names asked for; 0 for a wildcard alone. */
  readonly names: number;
  /** Resources that the client holds. */
  readonly resources: number;
  readonly sentVersion: string | undefined;
  readonly ackedVersion: string | undefined;
  readonly pushes: number;
  readonly nacks: number;
  readonly lastNack: Nack | undefined;
}

/** One stream. A node may have several, for a moment after a reconnect or when it does not aggregate. */
export interface ClientStatus {
  readonly nodeId: string;
  readonly cluster: string;
  /** `envoy 1.40.0`, as the client calls itself; empty when it does not. */
  readonly userAgent: string;
  readonly variant: "delta" | "sotw";
  /** `address:port`. */
  readonly remote: string;
  /** Identity of its certificate; undefined on plaintext. */
  readonly spiffeId: string | undefined;
  /** Milliseconds since 1970. */
  readonly certificateNotAfterMs: number | undefined;
  readonly connectedSinceMs: number;
  readonly types: readonly TypeStatus[];
}

export function typeStatus(state: TypeState<Subscription<SubscriptionRequest>>): TypeStatus {
  const { subscription, sentVersion, ackedVersion, pushes, nacks, lastNack } = state;
  return {
    typeUrl: subscription.typeUrl,
    state: syncState(state),
    wildcard: subscription.wildcard,
    names: subscription.names.size,
    resources: subscription.held,
    sentVersion,
    ackedVersion,
    pushes,
    nacks,
    lastNack,
  };
}

function syncState(state: TypeState<Subscription<SubscriptionRequest>>): SyncState {
  if (state.subscription.inFlight !== undefined) return "pending";
  if (state.lastNack !== undefined && state.lastNack.version === state.sentVersion) return "rejected";
  // A client that resumed has what it should have without having been sent anything.
  return state.sentVersion === undefined && state.subscription.held === 0 ? "waiting" : "synced";
}
