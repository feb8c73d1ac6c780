/**
 * The endpoints of a cluster to which connections bring their own: a destination is an endpoint from its first call on, until it was not
 * called for a while.
 *
 * Source: Envoy's ORIGINAL_DST clusters. A connection that was not led here (`SO_ORIGINAL_DST`) has no destination, and no endpoint.
 *
 * Differs: calls that would come back to this proxy's own listeners end here; there are at most 1024 destinations, of which those that nobody is
 * connected to make room; one with an idle connection is not forgotten before that is closed.
 *
 * @module
 */
import { type Endpoint, endpointKey } from "../engine/cluster/endpoint.ts";
import type { EndpointSet } from "../engine/cluster/endpoints.ts";
import type { DialedHosts as Settings } from "../engine/cluster/original-destination.ts";
import type { SocketAddress } from "../net/socket.ts";

interface Dialed extends SocketAddress {
  endpoint: Endpoint | undefined;
  usedMs: number;
}

const MAX_HOSTS = 1024;

export class DialedHosts {
  readonly #settings: Settings;
  readonly #set: EndpointSet;
  /** Whether this process listens there. */
  readonly #isOwn: (address: string, port: number) => boolean;
  readonly #hosts = new Map<string, Dialed>();

  constructor(settings: Settings, set: EndpointSet, isOwn: (address: string, port: number) => boolean) {
    this.#settings = settings;
    this.#set = set;
    this.#isOwn = isOwn;
  }

  /** Where a connection was meant to go; undefined where it was dialed to this proxy, or too much is called already. */
  endpointOf(to: SocketAddress | undefined, nowMs: number): Endpoint | undefined {
    if (to === undefined) return undefined;
    const key = endpointKey(to.address, to.port);
    let found = this.#hosts.get(key);
    if (found === undefined) {
      if (this.#isOwn(to.address, to.port) || !this.#hasRoom()) return undefined;
      found = { ...to, endpoint: undefined, usedMs: nowMs };
      this.#hosts.set(key, found);
      this.#update();
    }
    found.usedMs = nowMs;
    return found.endpoint;
  }

  #hasRoom(): boolean {
    if (this.#hosts.size >= MAX_HOSTS) for (const [key, host] of this.#hosts) if (isIdle(host)) this.#hosts.delete(key);
    return this.#hosts.size < MAX_HOSTS;
  }

  /** Endpoints that are not called any more leave the set, and with it their connections. */
  #update(): void {
    const lbEndpoints = [...this.#hosts.values()].map(({ address, port }) => ({
      endpoint: { address: { socketAddress: { address, portValue: port } } },
    }));
    this.#set.update({ endpoints: [{ lbEndpoints }] });
    for (const it of this.#hosts.values()) it.endpoint = this.#set.get(endpointKey(it.address, it.port));
  }

  sweep(nowMs: number): void {
    let forgotten = 0;
    for (const [key, host] of this.#hosts) {
      if (nowMs - host.usedMs < this.#settings.cleanupMs || !isIdle(host)) continue;
      this.#hosts.delete(key);
      forgotten++;
    }
    if (forgotten > 0) this.#update();
  }
}

/** Nobody is connected, nor about to be. */
const isIdle = ({ endpoint }: Dialed): boolean =>
  (endpoint?.activeConnections ?? 0) + (endpoint?.activeRequests ?? 0) === 0;
