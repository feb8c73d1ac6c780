/**
 * The listeners for what a captured workload calls: nobody dials them, `virtualOutbound` hands connections over by where they were meant to go.
 *
 * Source: istiod, for interception REDIRECT: `0.0.0.0_9080` for HTTP, which says by itself whom it is for; `10.96.0.10_3306` for other
 * bytes to a service's own address; `10.1.0.20_3306` for each endpoint of a headless service, but the workload's own.
 *
 * Differs: an opaque port has two clusters (docs/adr/0012); the time for detection ends.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Instance, Service, ServicePort } from "../../model/service.ts";
import { TcpProxy } from "../../xds/proto/filter-tcp-proxy.ts";
import type { Listener, NetworkFilter } from "../../xds/proto/listener.ts";
import { pack } from "../../xds/types/any.ts";
import type { CalledService, FilterFrom } from "../connections.ts";
import { targetsOf } from "../destination.ts";
import { detection, httpInspector, tlsInspector } from "../detection.ts";
import { PASSTHROUGH_CLUSTER } from "../discovery.ts";
import { socketAddress } from "../endpoints.ts";
import { accessLogs } from "../http-manager.ts";
import { isHttp, mayBeHttp, mayBeTcp } from "../mesh-index.ts";
import type { TranslateOptions } from "../options.ts";
import { outboundManager } from "../outbound-listener.ts";
import { namedServices } from "../visible-mesh.ts";
import { listenerMetadata } from "../workload-metadata.ts";
import { BLACK_HOLE_CLUSTER } from "./clusters.ts";
import { addConnections } from "./connections.ts";
import { Place } from "./place.ts";

/** All addresses. */
export const ANYWHERE = "0.0.0.0";

export interface OutboundInput extends FilterFrom {
  /** As the workload sees it. */
  readonly mesh: Mesh;
  readonly instance: Instance;
  readonly instances: readonly Instance[];
}

export interface OutboundListeners {
  readonly listeners: readonly Listener[];
  /** Ports whose routes are asked for by their number. */
  readonly ports: ReadonlySet<number>;
  /** Service ports whose routes are asked for by name. */
  readonly services: readonly CalledService[];
}

export function outboundListeners(input: OutboundInput): OutboundListeners {
  const places = new Places(input);
  for (const service of namedServices(input.mesh))
    for (const port of service.ports)
      for (const where of placesOf(input, service, port)) places.add({ service, port }, where);
  return places.made;
}

/** An address at which a service port is called. */
interface Where {
  readonly address: string;
  /** `address` is anywhere, and this is what of it is meant. */
  readonly range?: string;
}

const anywhere: readonly Where[] = [{ address: ANYWHERE }];

function placesOf({ instance, instances, mesh }: OutboundInput, service: Service, port: ServicePort): readonly Where[] {
  if (isHttp(port.protocol)) return anywhere;
  if (service.isHeadless === true) {
    const own = new Set(instance.ports.map(({ inbound }) => inbound.address));
    const found = targetsOf(mesh, instances, { service, port, subset: undefined }).flatMap(({ address }) =>
      "address" in address && !own.has(address.address) ? [address.address] : [],
    );
    return [...new Set(found)].map((address) => ({ address }));
  }
  if (service.addresses.length === 0) return anywhere;
  return service.addresses.map((it) => (it.includes("/") ? { address: ANYWHERE, range: it } : { address: it }));
}

class Places {
  readonly #input: OutboundInput;
  readonly #places = new Map<string, Place>();
  readonly #ports = new Set<number>();
  readonly #services = new Map<string, CalledService>();
  readonly #nowhere: NetworkFilter;

  constructor(input: OutboundInput) {
    this.#input = input;
    this.#nowhere = tcpFilter(BLACK_HOLE_CLUSTER, input.options);
  }

  add(called: CalledService, { address, range }: Where): void {
    const { number, protocol } = called.port;
    const place = this.#at(address, number);
    const isShared = address === ANYWHERE;
    const wasSaidToBeHttp = place.isSaidToBeHttp;
    if (mayBeHttp(protocol)) this.#addHttp(place, called, isShared);
    if (!mayBeTcp(protocol) || (wasSaidToBeHttp && protocol === "auto")) return;
    addConnections(place, this.#input, called, { range, isShared }, this.#nowhere);
  }

  #at(address: string, port: number): Place {
    const key = `${address}_${port}`;
    const place = this.#places.get(key) ?? new Place(address, port);
    this.#places.set(key, place);
    return place;
  }

  #addHttp(place: Place, called: CalledService, isShared: boolean): void {
    const { mesh, scope, options } = this.#input;
    const { number, protocol } = called.port;
    const name = isShared ? String(number) : `${called.service.hostname}:${number}`;
    if (isShared) this.#ports.add(number);
    else this.#services.set(name, called);
    place.addHttp(isHttp(protocol) ? "said" : "found", () =>
      outboundManager(mesh, `outbound_${place.address}_${number}`, name, scope, options),
    );
  }

  get made(): OutboundListeners {
    const listeners = [...this.#places.values()].map((place) => this.#listener(place));
    return { listeners, ports: this.#ports, services: [...this.#services.values()] };
  }

  #listener(place: Place): Listener {
    const { instance, mesh, options } = this.#input;
    const { chains, rest } = place;
    const inspectors = [...(place.asksForNames ? [tlsInspector] : []), ...(place.isHttp ? [httpInspector] : [])];
    const others = rest === undefined ? passedOn(mesh, options) : { filters: [rest] };
    return {
      name: `${place.address}_${place.port}`,
      address: socketAddress(place),
      bindToPort: false,
      ...detection(mesh, inspectors),
      filterChains: chains.length === 0 ? [others] : chains,
      defaultFilterChain: chains.length === 0 ? undefined : others,
      trafficDirection: "OUTBOUND",
      metadata: listenerMetadata(instance, options.clusterId, undefined),
    };
  }
}

/** For what is no service's. */
const passedOn = (mesh: Mesh, options: TranslateOptions) => ({
  name: "PassthroughFilterChain",
  filters: [othersFilter(mesh, options)],
});

/** @param mesh As the workload sees it. */
export const othersFilter = ({ settings }: Mesh, options: TranslateOptions): NetworkFilter =>
  tcpFilter(settings.outboundTrafficPolicy === "ALLOW_ANY" ? PASSTHROUGH_CLUSTER : BLACK_HOLE_CLUSTER, options);

export const tcpFilter = (cluster: string, options: TranslateOptions): NetworkFilter => ({
  name: "envoy.filters.network.tcp_proxy",
  typedConfig: pack(TcpProxy, { statPrefix: cluster, cluster, accessLog: accessLogs(options) }),
});
