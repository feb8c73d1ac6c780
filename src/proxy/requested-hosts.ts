/**
 * The endpoints of a cluster whose requests name them: a host and port is an endpoint from its first request on, until it was not called for a
 * while. Its name is looked up for each new connection.
 *
 * Source: Envoy's dynamic forward proxy, its limits and times.
 *
 * Differs, so that nobody is led where he did not mean to go: a name that leads to a link-local address, where clouds keep their metadata, is
 * not called (the address itself may be, by whoever writes it); and calls that would come back to this proxy's own listeners, or
 * to its admin, end here.
 *
 * @module
 */
import { parseIp } from "../base/ip-address.ts";
import type { Endpoint } from "../engine/cluster/endpoint.ts";
import type { EndpointSet } from "../engine/cluster/endpoints.ts";
import type { DynamicHosts } from "../engine/cluster/names.ts";
import type { LbEndpoint } from "../xds/proto/endpoint.ts";
import { portStart } from "../engine/http/authority.ts";
import type { DnsNames, NameState } from "./dns-names.ts";
import { isLinkLocal } from "./reached-address.ts";

/** Gives the address of a name, now or later; exactly one of the two is called. */
export type Lookup = (onAddress: (address: string) => void, onFail: (reason: string) => void) => void;

interface Place {
  readonly host: string;
  readonly port: number;
}

interface Requested extends Place {
  readonly endpoint: Endpoint;
  usedMs: number;
}

const lbEndpoint = ({ host, port }: Place): LbEndpoint => ({
  endpoint: { address: { socketAddress: { address: host, portValue: port } }, hostname: host },
});

const HOST = /^[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]*[a-z0-9_])?)*\.?$/;
const MAX_HOST_LENGTH = 253;
const MAX_PORT = 65_535;

export class RequestedHosts {
  readonly #settings: DynamicHosts;
  readonly #set: EndpointSet;
  readonly #dns: DnsNames;
  /** Whether this process listens there. */
  readonly #isOwn: (address: string, port: number) => boolean;
  readonly #hosts = new Map<string, Requested>();
  readonly #stops = new Map<string, () => void>();
  readonly #states = new Map<string, NameState>();
  readonly #waiting = new Map<string, (() => void)[]>();
  #closed = false;

  constructor(
    settings: DynamicHosts,
    set: EndpointSet,
    dns: DnsNames,
    isOwn: (address: string, port: number) => boolean,
  ) {
    this.#settings = settings;
    this.#set = set;
    this.#dns = dns;
    this.#isOwn = isOwn;
  }

  /** The endpoint that a request names; undefined where that is no host, or too many are called already. */
  endpointOf(authority: string, nowMs: number): Endpoint | undefined {
    const key = authority.toLowerCase();
    let found = this.#hosts.get(key);
    if (found === undefined) {
      const place = this.#parse(key);
      if (place === undefined || this.#hosts.size >= this.#settings.maxHosts) return undefined;
      found = { ...place, endpoint: this.#set.join(lbEndpoint(place)), usedMs: nowMs };
      this.#hosts.set(key, found);
    }
    found.usedMs = nowMs;
    return found.endpoint;
  }

  #parse(authority: string): Place | undefined {
    const at = portStart(authority);
    const written = at < 0 ? authority : authority.slice(0, at);
    const port = at < 0 ? this.#settings.defaultPort : Number(authority.slice(at + 1));
    const isIpv6 = written.startsWith("[") && written.endsWith("]");
    const host = isIpv6 ? written.slice(1, -1) : written;
    const isHost = parseIp(host) !== undefined || (host.length <= MAX_HOST_LENGTH && HOST.test(host));
    return isHost && port > 0 && port <= MAX_PORT ? { host, port } : undefined;
  }

  /** For a connection to `endpoint`. */
  lookup({ address: host, port }: Endpoint): Lookup {
    return (onAddress, onFail) => {
      if (parseIp(host) !== undefined) return this.#allow(host, host, port, onAddress, onFail);
      this.#whenKnown(host, ({ addresses, failure }) => {
        const [address] = addresses;
        if (address === undefined) return onFail(failure ?? "no address");
        this.#allow(host, address, port, onAddress, onFail);
      });
    };
  }

  #allow(
    host: string,
    address: string,
    port: number,
    onAddress: (address: string) => void,
    onFail: (reason: string) => void,
  ): void {
    if (this.#isOwn(address, port)) return onFail(`${address}:${port} is this proxy itself`);
    if (host !== address && isLinkLocal(address))
      return onFail(`${host} leads to the link-local address ${address}, which must be called by itself`);
    onAddress(address);
  }

  #whenKnown(host: string, then: (state: NameState) => void): void {
    const known = this.#states.get(host);
    if (known !== undefined && (known.addresses.length > 0 || known.failure !== undefined)) return then(known);
    const tell = (): void => {
      const state = this.#states.get(host);
      if (state !== undefined) then(state);
    };
    const waiting = this.#waiting.get(host);
    if (waiting !== undefined) return void waiting.push(tell);
    this.#waiting.set(host, [tell]);
    if (this.#stops.has(host)) return;
    const stop = this.#dns.watch(host, this.#settings.names, (state) => this.#onState(host, state));
    this.#stops.set(host, stop);
    // Told at once, before there was something to stop.
    if (this.#closed && !this.#waiting.has(host)) stop();
  }

  #onState(host: string, state: NameState): void {
    this.#states.set(host, state);
    const waiting = this.#waiting.get(host) ?? [];
    this.#waiting.delete(host);
    for (const tell of waiting) tell();
    if (this.#closed) this.#stops.get(host)?.();
  }

  /** Names that were looked up and have no address, and why. */
  get failures(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#states].flatMap(([name, { failure }]) => (failure === undefined ? [] : [[name, failure] as const])),
    );
  }

  sweep(nowMs: number): void {
    let forgotten = 0;
    for (const [key, { endpoint, usedMs }] of this.#hosts) {
      if (nowMs - usedMs < this.#settings.hostTtlMs || endpoint.activeConnections > 0) continue;
      this.#hosts.delete(key);
      forgotten++;
    }
    if (forgotten === 0) return;
    // With their endpoints go their connections.
    this.#set.update({ endpoints: [{ lbEndpoints: [...this.#hosts.values()].map(lbEndpoint) }] });
    const named = new Set([...this.#hosts.values()].map(({ host }) => host));
    for (const [host, stop] of this.#stops) {
      if (named.has(host) || this.#waiting.has(host)) continue;
      stop();
      this.#stops.delete(host);
      this.#states.delete(host);
    }
  }

  /** Who waits for an address still gets it: requests that run end on the cluster that they began with. */
  close(): void {
    this.#closed = true;
    for (const [host, stop] of this.#stops) if (!this.#waiting.has(host)) stop();
  }
}
