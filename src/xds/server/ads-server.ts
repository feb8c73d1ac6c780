/**
 * The discovery server: aggregated (ADS) and one service a type, delta and state-of-the-world.
 *
 * @module
 */
import type { CallHandler, Method, ServerCall } from "../grpc-server.ts";
import { TypeUrl } from "../resources.ts";
import { AdsCall, type AdsServerOptions } from "./ads-call.ts";
import type { Nack } from "./ads-stream.ts";
import type { ClientStatus } from "./status.ts";
import type { Subscription, SubscriptionRequest } from "./subscription.ts";
import { delta, sotw, type Variant } from "./variant.ts";

/** A rejection with the node that sent it. */
export interface NodeNack extends Nack {
  readonly nodeId: string;
}

/** Rejections that are kept after their streams have gone. */
const MAX_NACKS = 100;

const ADS = "/envoy.service.discovery.v3.AggregatedDiscoveryService";

/** Services of one type: name of the package and service, and of what it streams. */
const SINGLE: readonly (readonly [service: string, plural: string, typeUrl: string])[] = [
  ["cluster.v3.ClusterDiscoveryService", "Clusters", TypeUrl.cds],
  ["endpoint.v3.EndpointDiscoveryService", "Endpoints", TypeUrl.eds],
  ["listener.v3.ListenerDiscoveryService", "Listeners", TypeUrl.lds],
  ["route.v3.RouteDiscoveryService", "Routes", TypeUrl.rds],
  ["secret.v3.SecretDiscoveryService", "Secrets", TypeUrl.sds],
];

export class AdsServer {
  /** For a `GrpcServer`. */
  readonly methods: Readonly<Record<string, Method>>;
  readonly #options: Required<AdsServerOptions>;
  readonly #calls = new Set<Pick<AdsCall<SubscriptionRequest, Subscription<SubscriptionRequest>>, "status" | "end">>();
  readonly #nacks: NodeNack[] = [];

  constructor(options: AdsServerOptions) {
    const { onNack } = options;
    this.#options = {
      onConnect() {},
      onDisconnect() {},
      orderTimeoutMs: 5000,
      ...options,
      onNack: (nodeId, nack) => {
        this.#nacks.push({ ...nack, nodeId });
        if (this.#nacks.length > MAX_NACKS) this.#nacks.shift();
        onNack?.(nodeId, nack);
      },
    };
    this.methods = this.#methods();
  }

  /** Each stream whose node is known. */
  get clients(): readonly ClientStatus[] {
    return [...this.#calls].flatMap(({ status }) => status ?? []);
  }

  /** The latest rejections, oldest first, also of nodes that have gone. */
  get nacks(): readonly NodeNack[] {
    return this.#nacks;
  }

  /** Ends every stream, so that clients connect elsewhere: discovery streams never end by themselves. */
  drain(): void {
    for (const call of this.#calls) call.end("the server is going away");
  }

  #methods(): Readonly<Record<string, Method>> {
    const methods: Record<string, Method> = {
      [`${ADS}/DeltaAggregatedResources`]: (call) => this.#serve(call, delta, undefined),
      [`${ADS}/StreamAggregatedResources`]: (call) => this.#serve(call, sotw, undefined),
    };
    for (const [service, plural, typeUrl] of SINGLE) {
      methods[`/envoy.service.${service}/Delta${plural}`] = (call) => this.#serve(call, delta, typeUrl);
      methods[`/envoy.service.${service}/Stream${plural}`] = (call) => this.#serve(call, sotw, typeUrl);
    }
    return methods;
  }

  #serve<R extends SubscriptionRequest, S extends Subscription<R>>(
    call: ServerCall,
    variant: Variant<R, S>,
    onlyType: string | undefined,
  ): CallHandler {
    const ads: AdsCall<R, S> = new AdsCall(call, variant, this.#options, onlyType, () => void this.#calls.delete(ads));
    this.#calls.add(ads);
    return ads;
  }
}
