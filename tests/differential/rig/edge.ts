/**
 * The gateway: where it stands, the doors that calls from outside come in by, and a marker of its own.
 *
 * One gateway serves Istio's Gateways and those of the Gateway API, each at doors of their own.
 *
 * @module
 */
import { freePorts } from "../../../src/net/free-ports.ts";
import type { ConfigDocument } from "./document.ts";
import { type Caller, MARKER, MARKER_HOST, type WorldPorts } from "./world.ts";

export const EDGE: Caller = {
  name: "edge",
  namespace: "default",
  labels: { app: "edge", istio: "edge" },
  serviceAccount: "edge",
  address: "127.0.0.7",
  loopback: "127.0.0.1",
};

/** By the numbers that stand for them in documents and hosts. */
export const DOORS = { http: 30_080, httpAlt: 30_081, api: 30_082, apiAlt: 30_083 } as const;

export type Door = keyof typeof DOORS;

/** Where each of {@link DOORS} is: the port of the gateway's Service, which documents name, and its target, where Istio's gateway listens. */
export type DoorPorts = Readonly<Record<Door, { readonly port: number; readonly target: number }>>;

export function freeDoors(): DoorPorts {
  const names = Object.keys(DOORS);
  const free = freePorts(names.length * 2);
  const doors = names.map((name, i) => [name, { port: free[i * 2], target: free[i * 2 + 1] }]);
  return Object.fromEntries(doors) as DoorPorts;
}

/** A text with the ports of the gateway's Service in place of the numbers that stand for them. */
export function withDoors(text: string, ports: DoorPorts): string {
  return text.replace(/\b3008[0-3]\b/g, (number) => {
    const door = Object.entries(DOORS).find(([, stands]) => String(stands) === number)?.[0] as Door | undefined;
    return door === undefined ? number : String(ports[door].port);
  });
}

const document = (apiVersion: string, kind: string, name: string, spec: unknown): ConfigDocument => ({
  apiVersion,
  kind,
  metadata: { name, namespace: EDGE.namespace },
  spec,
});

/** The Gateway API knows no subsets: a Service of each version. */
export const VERSIONS = ["v1", "v2", "v3"] as const;

/** For both control planes. */
export const edgeDocuments = (ports: DoorPorts, world: WorldPorts): readonly ConfigDocument[] => [
  document("v1", "Service", EDGE.name, {
    selector: { app: EDGE.labels["app"] },
    ports: Object.entries(ports).map(([name, { port, target }]) => ({
      name: `http-${name.toLowerCase()}`,
      port,
      targetPort: target,
    })),
  }),
  ...VERSIONS.map((version) =>
    document("v1", "Service", version, {
      selector: { app: "echo", version },
      ports: [{ name: "http", port: world.service[0], targetPort: world.target[0] }],
    }),
  ),
  apiGateway(ports.api.port),
  document("networking.istio.io/v1", "Gateway", MARKER, {
    selector: { istio: EDGE.labels["istio"] },
    servers: Object.entries(ports).map(([name, { port }]) => ({
      port: { number: port, name: `http-${name.toLowerCase()}`, protocol: "HTTP" },
      hosts: [EDGE_MARKER],
    })),
  }),
];

/** Who the gateway is, as Istio is told. */
export const edgeOfIstio: ConfigDocument = document("networking.istio.io/v1", "WorkloadEntry", EDGE.name, {
  address: EDGE.address,
  labels: EDGE.labels,
});

/** Who the gateway is, as Tulle is told. */
export const edgeOfTulle: ConfigDocument = {
  apiVersion: "tulle.dev/v1",
  kind: "Workload",
  metadata: { name: EDGE.name, namespace: EDGE.namespace, labels: EDGE.labels },
  spec: { serviceAccount: EDGE.serviceAccount, role: "gateway" },
};

export const EDGE_MARKER = "marker.edge";
/** Of the Gateway API, whose documents an istiod works into others first: they may come later. */
export const API_MARKER = "marker.edge.api";
const API_GROUP = "gateway.networking.k8s.io";
const API_GATEWAY = "marker-api";

const apiGateway = (port: number): ConfigDocument =>
  document(`${API_GROUP}/v1`, "Gateway", API_GATEWAY, {
    gatewayClassName: "istio",
    addresses: [{ type: "Hostname", value: `${EDGE.name}.${EDGE.namespace}.svc.cluster.local` }],
    listeners: [
      { name: "marker", port, protocol: "HTTP", hostname: API_MARKER, allowedRoutes: { namespaces: { from: "Same" } } },
    ],
  });

/** Says the generation in where it sends to. */
export const apiMarker = (generation: string): ConfigDocument =>
  document(`${API_GROUP}/v1`, "HTTPRoute", API_GATEWAY, {
    parentRefs: [{ group: API_GROUP, kind: "Gateway", name: API_GATEWAY, namespace: EDGE.namespace }],
    hostnames: [API_MARKER],
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: "/" } }],
        filters: [
          {
            type: "RequestRedirect",
            requestRedirect: { path: { type: "ReplaceFullPath", replaceFullPath: `/${generation}` }, statusCode: 302 },
          },
        ],
      },
    ],
  });

/** As the mesh's marker does: the VirtualService in an answer, a DestinationRule by its subset. */
export const edgeMarker = (generation: string, servicePort: number): ConfigDocument =>
  document("networking.istio.io/v1", "VirtualService", "marker-edge", {
    hosts: [EDGE_MARKER],
    gateways: [MARKER],
    http: [
      { match: [{ uri: { exact: "/rule" } }], directResponse: { status: 200, body: { string: generation } } },
      { route: [{ destination: { host: MARKER_HOST, subset: `g${generation}`, port: { number: servicePort } } }] },
    ],
  });
