/**
 * The endpoints of a cluster that calls names: every address that they have (STRICT_DNS), or the first of the one (LOGICAL_DNS).
 *
 * Differs for LOGICAL_DNS: when the first address changes, connections to the last one take nothing new; Envoy goes on with them.
 *
 * @module
 */
import { isName, type NamedEndpoints } from "../engine/cluster/names.ts";
import type { ClusterLoadAssignment, LbEndpoint } from "../xds/proto/endpoint.ts";
import type { DnsNames, NameState } from "./dns-names.ts";

export class NamedMembers {
  readonly #of: NamedEndpoints;
  readonly #assign: (assignment: ClusterLoadAssignment) => void;
  readonly #states = new Map<string, NameState>();
  readonly #names: ReadonlySet<string>;
  readonly #stops: (() => void)[] = [];

  /** @param assign Gets the endpoints once every name has an answer, and whenever they change. */
  constructor(of: NamedEndpoints, dns: DnsNames, assign: (assignment: ClusterLoadAssignment) => void) {
    this.#of = of;
    this.#assign = assign;
    this.#names = new Set(endpointsOf(of.assignment).map(nameOf).filter(isName));
    for (const name of this.#names)
      this.#stops.push(
        dns.watch(name, of.names, (state) => {
          this.#states.set(name, state);
          this.#tell();
        }),
      );
  }

  /** Every name has had an answer. */
  get isKnown(): boolean {
    return this.#states.size === this.#names.size;
  }

  /** Names whose last lookup gave nothing, and why. */
  get failures(): ReadonlyMap<string, string> {
    const failed = [...this.#states].flatMap(([name, { failure }]) =>
      failure === undefined ? [] : [[name, failure] as const],
    );
    return new Map(failed);
  }

  #tell(): void {
    if (!this.isKnown) return;
    const { assignment } = this.#of;
    const endpoints = (assignment.endpoints ?? []).map((locality) => ({
      ...locality,
      lbEndpoints: (locality.lbEndpoints ?? []).flatMap((endpoint) => this.#addressed(endpoint)),
    }));
    this.#assign({ ...assignment, endpoints });
  }

  #addressed(message: LbEndpoint): readonly LbEndpoint[] {
    const name = nameOf(message);
    const { endpoint = {} } = message;
    if (!this.#names.has(name)) return [message];
    const addresses = this.#states.get(name)?.addresses ?? [];
    return (this.#of.isLogical ? addresses.slice(0, 1) : addresses).map((address) => ({
      ...message,
      endpoint: {
        ...endpoint,
        hostname: endpoint.hostname || name,
        address: { socketAddress: { ...endpoint.address?.socketAddress, address } },
      },
    }));
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }
}

const endpointsOf = ({ endpoints = [] }: ClusterLoadAssignment): readonly LbEndpoint[] =>
  endpoints.flatMap(({ lbEndpoints = [] }) => lbEndpoints);

const nameOf = ({ endpoint }: LbEndpoint): string => endpoint?.address?.socketAddress?.address ?? "localhost";
