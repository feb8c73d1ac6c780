/**
 * What is there whatever the documents of a comparison say: services, who stands behind them, and a marker by which one sees
 * that what was published has arrived.
 *
 * @module
 */
import type { ConfigDocument } from "./document.ts";
import type { Application } from "./upstreams.ts";

/** A process behind services. */
export interface Backend extends Application {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

const backend = (name: string, address: string, namespace: string, labels: Backend["labels"]): Backend => ({
  name,
  address,
  namespace,
  labels,
});

/** Behind each host `h-0`, `h-1`, … stand v1 to v3; the others have one process each. */
export const BACKENDS: readonly Backend[] = [
  backend("v1", "127.0.10.1", "default", { app: "echo", version: "v1", tier: "pair" }),
  backend("v2", "127.0.10.2", "default", { app: "echo", version: "v2", tier: "pair" }),
  backend("v3", "127.0.10.3", "default", { app: "echo", version: "v3", tier: "lone" }),
  backend("peer", "127.0.10.4", "default", { app: "peer", version: "v1" }),
  backend("far", "127.0.10.5", "other", { app: "far", version: "v1" }),
];

/** Who calls, by a proxy of its own each way. */
export interface Caller {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  /** Its address, as Istio is told: that of its kind where a proxy without capturing listens. */
  readonly address: string;
  readonly loopback: "127.0.0.1" | "::1";
}

export type CallerName = "client" | "guest";

export const CALLERS: Readonly<Record<CallerName, Caller>> = {
  client: {
    name: "client",
    namespace: "default",
    labels: { app: "client", version: "v1" },
    serviceAccount: "client",
    address: "127.0.0.6",
    loopback: "127.0.0.1",
  },
  // Of another namespace. Both of Istio's Envoys listen at all service ports, so this one does so on the other loopback address.
  guest: {
    name: "guest",
    namespace: "other",
    labels: { app: "guest", version: "v2" },
    serviceAccount: "guest",
    address: "fd00::6",
    loopback: "::1",
  },
};

export interface WorldPorts {
  /** Of services: the first and the second. */
  readonly service: readonly number[];
  /** Of the backends. */
  readonly target: readonly number[];
}

export const MARKER = "marker";
export const MARKER_HOST = "marker.default.svc.cluster.local";
/** How many hosts `h-N` there are. */
export const HOSTS = 150;

export const hostOf = (slot: number): string => `h-${slot}`;

/** For both control planes. */
export function commonDocuments(ports: WorldPorts): readonly ConfigDocument[] {
  const named = [
    ...Array.from({ length: HOSTS }, (_, slot) => ({ name: hostOf(slot), namespace: "default", app: "echo" })),
    { name: MARKER, namespace: "default", app: "echo" },
    { name: "peer", namespace: "default", app: "peer" },
    { name: "far", namespace: "other", app: "far" },
    { name: "empty", namespace: "default", app: "nobody" },
  ];
  return [
    plainText,
    ...workloadEntries,
    ...named.map(({ name, namespace, app }) => serviceOf(name, namespace, app, ports)),
  ];
}

/** Kubernetes makes the others itself. */
export const namespaces: readonly ConfigDocument[] = ["other", "istio-system"].map((name) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, namespace: "" },
  spec: {},
}));

/** Mutual TLS has tests of its own. */
const plainText: ConfigDocument = {
  apiVersion: "security.istio.io/v1",
  kind: "PeerAuthentication",
  metadata: { name: "default", namespace: "istio-system" },
  spec: { mtls: { mode: "DISABLE" } },
};

const serviceOf = (name: string, namespace: string, app: string, ports: WorldPorts): ConfigDocument => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: {
    selector: { app },
    ports: [
      { name: "http", port: ports.service[0], targetPort: ports.target[0] },
      { name: "http-alt", port: ports.service[1], targetPort: ports.target[1] },
    ],
  },
});

/** Who runs. */
const workloadEntries: readonly ConfigDocument[] = BACKENDS.map(({ name, namespace, address, labels }) => ({
  apiVersion: "networking.istio.io/v1",
  kind: "WorkloadEntry",
  metadata: { name, namespace },
  spec: { address, labels },
}));

/** Who calls, as Tulle is told; Istio hears it from the proxies themselves. */
export const callerDocuments: readonly ConfigDocument[] = Object.values(CALLERS).map(
  ({ labels, name, namespace, serviceAccount }) => ({
    apiVersion: "tulle.dev/v1",
    kind: "Workload",
    metadata: { name, namespace, labels },
    spec: { serviceAccount },
  }),
);

/** Say `generation` themselves once they have arrived: the VirtualService in an answer, the DestinationRule by its subset. */
export function markerDocuments(generation: string): readonly ConfigDocument[] {
  const document = (kind: string, spec: unknown): ConfigDocument => ({
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: { name: MARKER, namespace: "default" },
    spec,
  });
  const subset = `g${generation}`;
  return [
    document("DestinationRule", { host: MARKER, subsets: [{ name: subset, labels: { version: "v1" } }] }),
    document("VirtualService", {
      hosts: [MARKER],
      http: [
        { match: [{ uri: { exact: "/rule" } }], directResponse: { status: 200, body: { string: generation } } },
        { route: [{ destination: { host: MARKER, subset } }] },
      ],
    }),
  ];
}
