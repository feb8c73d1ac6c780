/**
 * One bootstrap for an Envoy and for our proxy: listeners of UDP, each for something to compare.
 *
 * @module
 */
import { Bootstrap } from "../../../src/xds/proto/bootstrap.ts";
import { FileAccessLog } from "../../../src/xds/proto/access-loggers.ts";
import type { Cluster } from "../../../src/xds/proto/cluster.ts";
import { UdpProxyConfig, UdpRoute } from "../../../src/xds/proto/filter-udp-proxy.ts";
import type { Listener } from "../../../src/xds/proto/listener.ts";
import {
  type Matcher,
  type MatcherOnMatch,
  RuntimeFraction,
  SourceIPInput,
  SourcePortInput,
} from "../../../src/xds/proto/xds-matcher.ts";
import { pack } from "../../../src/xds/types/any.ts";
import { toJson } from "../../../src/xds/types/codec.ts";
import type { MessageType } from "../../../src/xds/types/message.ts";

export const LISTENERS = [
  "plain",
  "idle",
  "spread",
  "shares",
  "addresses",
  "hashed",
  "limited",
  "dead",
  "sick",
  "missing",
  "large",
] as const;
export type ListenerName = (typeof LISTENERS)[number];

export interface Places {
  readonly admin: number;
  readonly portOf: (name: ListenerName) => number;
  /** Echoes, three of them. */
  readonly echoes: readonly number[];
  /** Where nobody listens. */
  readonly dead: number;
  readonly accessLog: string;
}

export const IDLE_MS = 400;
const FORMAT =
  "%UPSTREAM_HOST% rx=%BYTES_RECEIVED% tx=%BYTES_SENT% flags=%RESPONSE_FLAGS% local=%DOWNSTREAM_LOCAL_ADDRESS% " +
  "remote=%DOWNSTREAM_REMOTE_ADDRESS% code=%RESPONSE_CODE% proto=%PROTOCOL%\n";

const typed = (type: MessageType<object>) => ({ name: "input", typedConfig: pack(type, {}) });
const to = (cluster: string): MatcherOnMatch => ({
  action: { name: "route", typedConfig: pack(UdpRoute, { cluster }) },
});

/** About a third of the ports to each of two, the rest to nobody. */
const byPort: Matcher = {
  matcherList: {
    matchers: [333_333, 666_667].map((numerator, i) => ({
      predicate: {
        singlePredicate: {
          input: typed(SourcePortInput),
          customMatch: {
            name: "share",
            typedConfig: pack(RuntimeFraction, {
              runtimeFraction: { defaultValue: { numerator, denominator: "MILLION" } },
              seed: 7,
            }),
          },
        },
      },
      onMatch: to(["app", "second"][i] ?? ""),
    })),
  },
};

const byAddress: Matcher = {
  matcherTree: {
    input: typed(SourceIPInput),
    prefixMatchMap: { map: { "127.1.": to("second"), "127.1.0.9": to("missing") } },
  },
  onNoMatch: to("app"),
};

const cluster = (name: string, ports: readonly number[], over: Partial<Cluster> = {}, healthy = true): Cluster => ({
  name,
  type: "STATIC",
  connectTimeout: 1000,
  loadAssignment: {
    clusterName: name,
    endpoints: [
      {
        lbEndpoints: ports.map((portValue) => ({
          healthStatus: healthy ? "HEALTHY" : "UNHEALTHY",
          endpoint: { address: { socketAddress: { protocol: "UDP", address: "127.0.0.1", portValue } } },
        })),
      },
    ],
  },
  ...over,
});

export function udpBootstrapText(places: Places): string {
  const { accessLog, admin, dead, echoes, portOf } = places;
  const log = {
    name: "file",
    typedConfig: pack(FileAccessLog, { path: accessLog, logFormat: { textFormatSource: { inlineString: FORMAT } } }),
  };
  const listener = (name: ListenerName, proxy: UdpProxyConfig, over: Partial<Listener> = {}): Listener => ({
    name,
    address: { socketAddress: { protocol: "UDP", address: "127.0.0.1", portValue: portOf(name) } },
    listenerFilters: [
      {
        name: "envoy.filters.udp_listener.udp_proxy",
        typedConfig: pack(UdpProxyConfig, { statPrefix: name, accessLog: [log], ...proxy }),
      },
    ],
    ...over,
  });
  const large = { maxRxDatagramSize: 65_535 };
  const [first = 0, second = 0] = echoes;
  const bootstrap: Bootstrap = {
    node: { id: "udp", cluster: "udp" },
    admin: { address: { socketAddress: { address: "127.0.0.1", portValue: admin } } },
    staticResources: {
      listeners: [
        listener("plain", { matcher: { onNoMatch: to("app") } }),
        listener("idle", { matcher: { onNoMatch: to("app") }, idleTimeout: IDLE_MS }),
        listener("spread", { matcher: { onNoMatch: to("all") }, usePerPacketLoadBalancing: true }),
        listener("shares", { matcher: byPort }),
        listener("addresses", { matcher: byAddress }),
        listener("hashed", { matcher: { onNoMatch: to("ring") }, hashPolicies: [{ sourceIp: true }] }),
        listener("limited", { matcher: { onNoMatch: to("limited") }, idleTimeout: IDLE_MS }),
        listener("dead", { matcher: { onNoMatch: to("dead") } }),
        listener("sick", { matcher: { onNoMatch: to("sick") } }),
        listener("missing", { matcher: { onNoMatch: to("missing") } }),
        listener(
          "large",
          { matcher: { onNoMatch: to("app") }, upstreamSocketConfig: large },
          { udpListenerConfig: { downstreamSocketConfig: large } },
        ),
      ],
      clusters: [
        cluster("app", [first]),
        cluster("second", [second]),
        cluster("all", echoes, { lbPolicy: "ROUND_ROBIN" }),
        cluster("ring", echoes, { lbPolicy: "RING_HASH" }),
        cluster("limited", [first], { circuitBreakers: { thresholds: [{ maxConnections: 2 }] } }),
        cluster("dead", [dead]),
        cluster("sick", [first], { commonLbConfig: { healthyPanicThreshold: { value: 0 } } }, false),
      ],
    },
  };
  return JSON.stringify(toJson(Bootstrap, bootstrap));
}
