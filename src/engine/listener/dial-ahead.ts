/**
 * Whether a listener calls an endpoint for a client that is silent, before its time to speak is over: the server may be
 * the one to speak first. Differs from Envoy, which calls nobody before that (docs/adr/0017).
 *
 * @module
 */
import type { ListenerFilters } from "./listener-filters.ts";
import type { CompiledChain } from "./listener.ts";

/**
 * How long a client is silent before its endpoint is called. Clients of HTTP usually speak as soon as they are
 * connected; what a server that speaks first says is this much late.
 */
export const DIAL_AHEAD_AFTER_MS = 50;

/** A chain that takes a connection as it comes, so that its endpoint may be heard before its client. */
export const carriesPlainBytes = ({ terminal, tls }: CompiledChain): boolean =>
  terminal.t === "tcp" && tls === undefined;

/**
 * The times that a client's first bytes are waited for, one after the other: behind each but the last a look is taken,
 * and behind the one before the last an endpoint is called. In two halves, since a process that was busy finds its timers
 * due before it has read: between two of them it reads.
 */
export function inspectionWaits(
  { continueOnTimeout, timeoutMs }: ListenerFilters,
  chains: readonly CompiledChain[],
): readonly number[] {
  const dialsAhead = continueOnTimeout && timeoutMs > DIAL_AHEAD_AFTER_MS && chains.some(carriesPlainBytes);
  if (!dialsAhead) return [timeoutMs];
  return [DIAL_AHEAD_AFTER_MS / 2, DIAL_AHEAD_AFTER_MS / 2, timeoutMs - DIAL_AHEAD_AFTER_MS];
}
