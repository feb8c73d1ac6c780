/**
 * A discovery server and clients on an in-memory network with a clock that the test moves.
 */
import { silentLog } from "../../src/base/log.ts";
import { ManualClock } from "../../src/base/manual-clock.ts";
import { MemoryNetwork } from "../../src/net/memory-network.ts";
import type { PeerIdentity, Socket } from "../../src/net/socket.ts";
import type { GrpcStatus } from "../../src/wire/grpc.ts";
import { GrpcClient } from "../../src/xds/grpc-client.ts";
import { GrpcServer } from "../../src/xds/grpc-server.ts";
import { Cluster } from "../../src/xds/proto/cluster.ts";
import {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "../../src/xds/proto/discovery.ts";
import { ClusterLoadAssignment } from "../../src/xds/proto/endpoint.ts";
import { Listener } from "../../src/xds/proto/listener.ts";
import { RouteConfiguration } from "../../src/xds/proto/route.ts";
import type { AdsServerOptions } from "../../src/xds/server/ads-call.ts";
import { AdsServer } from "../../src/xds/server/ads-server.ts";
import type { NamedMessage } from "../../src/xds/sheets.ts";
import { SnapshotCache } from "../../src/xds/snapshot-cache.ts";
import { pack } from "../../src/xds/types/any.ts";
import { decode, encode } from "../../src/xds/types/codec.ts";

export const NODE = "node-1";
export const DELTA = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
export const SOTW = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const PORT = 15_010;

/** Small resources whose content shows a label. */
export const make = {
  cluster: (name: string, label = "1"): NamedMessage => ({ name, any: pack(Cluster, { name, altStatName: label }) }),
  endpoints: (name: string, label = "1"): NamedMessage => ({
    name,
    any: pack(ClusterLoadAssignment, { clusterName: name, endpoints: [{ priority: Number(label) }] }),
  }),
  listener: (name: string, label = "1"): NamedMessage => ({ name, any: pack(Listener, { name, statPrefix: label }) }),
  route: (name: string, label = "1"): NamedMessage => ({
    name,
    any: pack(RouteConfiguration, { name, virtualHosts: [{ name: label, domains: ["*"] }] }),
  }),
};

/** The label that {@link make} put in. */
export function labelOf(any: NamedMessage["any"]): string {
  switch (any.typeUrl) {
    case Cluster.typeUrl:
      return decode(Cluster, any.bytes).altStatName ?? "";
    case ClusterLoadAssignment.typeUrl:
      return String(decode(ClusterLoadAssignment, any.bytes).endpoints?.[0]?.priority ?? "");
    case Listener.typeUrl:
      return decode(Listener, any.bytes).statPrefix ?? "";
    default:
      return decode(RouteConfiguration, any.bytes).virtualHosts?.[0]?.name ?? "";
  }
}

/** A stream that answers nothing by itself. */
export interface RawStream<Request, Response> {
  send(request: Request): void;
  readonly responses: Response[];
  readonly ended: GrpcStatus | undefined;
  cancel(): void;
}

export class AdsRig {
  readonly clock = new ManualClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly cache = new SnapshotCache();
  readonly server: AdsServer;
  readonly grpc: GrpcServer;
  readonly accepted: Socket[] = [];

  /** @param peer Certificate that every client has. */
  constructor(options: Partial<AdsServerOptions> = {}, peer?: PeerIdentity) {
    const { cache, clock } = this;
    this.server = new AdsServer({ cache, clock, log: silentLog, authorize: () => ({ t: "ok" }), ...options });
    this.grpc = new GrpcServer({ clock, log: silentLog, methods: this.server.methods });
    void this.network.listen({ address: "127.0.0.1", port: PORT }, (socket) => {
      if (peer !== undefined) Object.assign(socket, { peer });
      this.accepted.push(socket);
      this.grpc.accept(socket);
    });
  }

  client(): GrpcClient {
    const target = () => ({ address: "127.0.0.1", port: PORT, connectTimeoutMs: 1000 });
    return new GrpcClient({ network: this.network, clock: this.clock, target, authority: "tulle" });
  }

  flush(): void {
    this.network.flush();
  }

  /** Lets time pass in steps, so that what is sent on the way arrives on the way. */
  pass(ms: number, stepMs = 1000): void {
    this.flush();
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      this.flush();
    }
  }

  delta(path = DELTA): RawStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse> {
    return this.#stream(
      path,
      (it) => encode(DeltaDiscoveryRequest, it),
      (it) => decode(DeltaDiscoveryResponse, it),
    );
  }

  sotw(path = SOTW): RawStream<DiscoveryRequest, DiscoveryResponse> {
    return this.#stream(
      path,
      (it) => encode(DiscoveryRequest, it),
      (it) => decode(DiscoveryResponse, it),
    );
  }

  #stream<Q, S>(path: string, toBytes: (it: Q) => Uint8Array, from: (it: Uint8Array) => S): RawStream<Q, S> {
    const stream = { responses: [] as S[], ended: undefined as GrpcStatus | undefined };
    const call = this.client().call(path, {
      onMessage: (message) => void stream.responses.push(from(message)),
      onEnd: (status) => void (stream.ended = status),
    });
    return Object.assign(stream, { send: (it: Q) => call.send(toBytes(it)), cancel: () => call.cancel() });
  }
}
