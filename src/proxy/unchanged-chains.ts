/**
 * Which filter chains of a listener another version of it leaves as they are: they go on with what they have, such as half-empty
 * buckets of rate limits.
 *
 * Source: Envoy's update of filter chains in place: a chain whose message is the same stays, unless the listener around it has changed.
 *
 * @module
 */
import type { CompiledChain } from "../engine/listener/listener.ts";
import { FilterChain, Listener } from "../xds/proto/listener.ts";
import { encode } from "../xds/types/codec.ts";
import type { LiveChain } from "./live-chain.ts";

/** A version of a listener, and what was made of its chains, in their order; the default one last. */
export interface ListenerVersion<Chain> {
  readonly message: Listener;
  readonly chains: Iterable<Chain>;
}

export function unchangedChains(
  last: ListenerVersion<LiveChain>,
  next: ListenerVersion<CompiledChain>,
): (known: LiveChain, chain: CompiledChain) => boolean {
  if (Buffer.compare(around(last.message), around(next.message)) !== 0) return () => false;
  const before = bytesOf(last);
  const now = bytesOf(next);
  return (known, chain) => {
    const [was, is] = [before.get(known), now.get(chain)];
    return was !== undefined && is !== undefined && Buffer.compare(was, is) === 0;
  };
}

const around = (message: Listener): Uint8Array =>
  encode(Listener, { ...message, filterChains: undefined, defaultFilterChain: undefined });

function bytesOf<Chain>({ message, chains }: ListenerVersion<Chain>): ReadonlyMap<Chain, Uint8Array> {
  const { filterChains = [], defaultFilterChain } = message;
  const messages = defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain];
  return new Map([...chains].map((chain, i) => [chain, encode(FilterChain, messages[i] ?? {})]));
}
