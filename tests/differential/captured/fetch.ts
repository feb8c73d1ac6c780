/**
 * What a real istiod gives to the proxy of a captured workload.
 *
 * @module
 */
import { systemClock } from "../../../src/base/clock.ts";
import { silentLog } from "../../../src/base/log.ts";
import { bunNetwork } from "../../../src/net/bun-network.ts";
import { AdsClient } from "../../../src/xds/client/ads-client.ts";
import { GrpcClient } from "../../../src/xds/grpc-client.ts";
import { Cluster } from "../../../src/xds/proto/cluster.ts";
import { HttpConnectionManager } from "../../../src/xds/proto/http-connection-manager.ts";
import { Listener } from "../../../src/xds/proto/listener.ts";
import { RouteConfiguration } from "../../../src/xds/proto/route.ts";
import { type Resource, TypeUrl } from "../../../src/xds/resources.ts";
import { type AnyMessage, isAny } from "../../../src/xds/types/any.ts";
import { decodeTolerant } from "../../../src/xds/types/codec.ts";
import type { MessageType } from "../../../src/xds/types/message.ts";
import { eventually } from "../../e2e/support/eventually.ts";

export interface Given {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  readonly routes: readonly RouteConfiguration[];
}

export interface CapturedNode {
  readonly name: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Fields that our tables do not have are of newer Envoys, and nothing to the comparison. */
export const read = <T>({ bytes }: AnyMessage, type: MessageType<T>): T => decodeTolerant(type, bytes);

const LIMIT_MS = 10_000;

/** Resolves when everything that the listeners ask for is there and `isWhole` holds, or has not held for long. */
export async function given(
  xdsPort: number,
  { address, labels, name }: CapturedNode,
  isWhole: (given: Given) => boolean,
): Promise<Given> {
  const held = new Map<string, Map<string, Resource>>();
  const of = (typeUrl: string): Resource[] => [...(held.get(typeUrl) ?? [])].map(([, resource]) => resource);
  const grpc = new GrpcClient({
    network: bunNetwork(systemClock),
    clock: systemClock,
    target: () => ({ address: "127.0.0.1", port: xdsPort, connectTimeoutMs: 5000 }),
    authority: "istiod",
  });
  const client: AdsClient = new AdsClient({
    grpc,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
    node: {
      id: `sidecar~${address}~${name}.default~default.svc.cluster.local`,
      cluster: name,
      metadata: { ...METADATA, LABELS: { ...labels }, INSTANCE_IPS: address },
    },
    onUpdate: (typeUrl, changed, removed) => {
      const known = held.get(typeUrl) ?? new Map<string, Resource>();
      held.set(typeUrl, known);
      for (const it of changed) known.set(it.name, it);
      for (const gone of removed) known.delete(gone);
      if (typeUrl === TypeUrl.lds) client.subscribe(TypeUrl.rds, routesOf(listeners()));
      return [];
    },
  });
  const listeners = (): Listener[] => of(TypeUrl.lds).map(({ any }) => read(any, Listener));
  const now = (): Given => ({
    listeners: listeners(),
    clusters: of(TypeUrl.cds).map(({ any }) => read(any, Cluster)),
    routes: of(TypeUrl.rds).map(({ any }) => read(any, RouteConfiguration)),
  });
  client.subscribe(TypeUrl.cds, ["*"]);
  client.subscribe(TypeUrl.lds, ["*"]);
  client.start();
  try {
    await eventually(
      `istiod tells ${name} everything`,
      () => {
        const it = now();
        return it.listeners.length > 0 && it.routes.length === new Set(routesOf(it.listeners)).size && isWhole(it);
      },
      LIMIT_MS,
    ).catch((cause: unknown) => {
      // What is missing is told better by what is there.
      if (listeners().length === 0) throw cause;
    });
    return now();
  } finally {
    client.stop();
    grpc.close();
  }
}

const METADATA = {
  NAMESPACE: "default",
  SERVICE_ACCOUNT: "default",
  CLUSTER_ID: "Kubernetes",
  ISTIO_VERSION: "1.30.0",
  INTERCEPTION_MODE: "REDIRECT",
};

function routesOf(listeners: readonly Listener[]): string[] {
  const filters = listeners
    .flatMap(({ defaultFilterChain, filterChains = [] }) =>
      defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain],
    )
    .flatMap((chain) => chain.filters ?? []);
  return filters.flatMap(({ typedConfig }) => {
    if (typedConfig === undefined || !isAny(typedConfig, HttpConnectionManager)) return [];
    return read(typedConfig, HttpConnectionManager).rds?.routeConfigName ?? [];
  });
}
