/**
 * The endpoints of a cluster to which connections bring their own: a destination is an endpoint from its first call on, until it was not
 * called for a while.
 *
 * Source: Envoy's ORIGINAL_DST clusters. A connection that was not led here (`SO_ORIGINAL_DST`) has no destination, and no endpoint.
 *
 * Differs: calls that would come back to this proxy's own listeners end here; there are at most 10 000 destinations, of which those that nobody is
 * connected to make room; one with an idle connection is not forgotten before that is closed.
 *
 * @module
 */
import { type Endpoint, endpointKey } from "../engine/cluster/endpoint.ts";
import type { EndpointSet } from "../engine/cluster/endpoints.ts";
import type { DialedHosts as Settings } from "../engine/cluster/original-destination.ts";
import type { SocketAddress } from "../net/socket.ts";
import type { LbEndpoint } from "../xds/proto/endpoint.ts";

interface Dialed extends SocketAddress {
  readonly endpoint: Endpoint;
  usedMs: number;
}

/** Somebody is connected to each of them, or was a moment ago. */
const MAX_HOSTS = 10_000;

export class DialedHosts {
  readonly #settings: Settings;
  readonly #set: EndpointSet;
  /** Whether this process listens there. */
  readonly #isOwn: (address: string, port: number) => boolean;
  readonly #maxHosts: number;
  readonly #hosts = new Map<string, Dialed>();

  constructor(
    settings: Settings,
    set: EndpointSet,
    isOwn: (address: string, port: number) => boolean,
    maxHosts = MAX_HOSTS,
  ) {
    this.#settings = settings;
    this.#set = set;
    this.#isOwn = isOwn;
    this.#maxHosts = maxHosts;
  }

  /** Where a connection was meant to go; undefined where it was dialed to this proxy, or too much is called already. */
  endpointOf(to: SocketAddress | undefined, nowMs: number): Endpoint | undefined {
    // Asked each time: it may have begun to listen there since.
    if (to === undefined || this.#isOwn(to.address, to.port)) return undefined;
    const key = endpointKey(to.address, to.port);
    let found = this.#hosts.get(key);
    if (found === undefined) {
      if (!this.#hasRoom()) return undefined;
      found = { ...to, endpoint: this.#set.join(lbEndpoint(to)), usedMs: nowMs };
      this.#hosts.set(key, found);
    }
    found.usedMs = nowMs;
    return found.endpoint;
  }

  #hasRoom(): boolean {
    if (this.#hosts.size >= this.#maxHosts) this.#forget(isIdle);
    return this.#hosts.size < this.#maxHosts;
  }

  /** They leave the set, and with it their connections. */
  #forget(which: (host: Dialed) => boolean): void {
    const before = this.#hosts.size;
    for (const [key, host] of this.#hosts) if (which(host)) this.#hosts.delete(key);
    if (this.#hosts.size === before) return;
    this.#set.update({ endpoints: [{ lbEndpoints: [...this.#hosts.values()].map(lbEndpoint) }] });
  }

  sweep(nowMs: number): void {
    this.#forget((host) => nowMs - host.usedMs >= this.#settings.cleanupMs && isIdle(host));
  }
}

const lbEndpoint = ({ address, port }: SocketAddress): LbEndpoint => ({
  endpoint: { address: { socketAddress: { address, portValue: port } } },
});

/** Nobody is connected, nor about to be. */
const isIdle = ({ endpoint }: Dialed): boolean => endpoint.activeConnections + endpoint.activeRequests === 0;
