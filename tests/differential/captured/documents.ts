/**
 * Documents with every way in which a captured workload may call a port, or be called. Addresses of services are the API server's.
 *
 * @module
 */

/** Those of the mesh's services. */
const SERVICES = `
---
apiVersion: v1
kind: Service
metadata: {name: reviews}
spec:
  selector: {app: reviews}
  ports:
  - {name: http, port: 9080, targetPort: 9081}
  - {name: tcp-db, port: 3306, targetPort: 3306}
  - {name: plain, port: 7000, targetPort: 7000}
  - {name: https, port: 443, targetPort: 8443}
---
apiVersion: v1
kind: Service
metadata: {name: ratings}
spec:
  selector: {app: ratings}
  ports:
  - {name: http, port: 9080, targetPort: 9080}
  - {name: http-80, port: 80, targetPort: 8080}
  - {name: tcp-db, port: 3306, targetPort: 3306}
  - {name: grpc, port: 7001, targetPort: 7001}
---
apiVersion: v1
kind: Service
metadata: {name: mixed}
spec:
  selector: {app: ratings}
  ports:
  - {name: tcp-on-http, port: 9080, targetPort: 3306}
  - {name: auto, port: 9090, targetPort: 7000}
  - {name: tls, port: 443, targetPort: 8443}
---
apiVersion: v1
kind: Service
metadata: {name: head}
spec:
  clusterIP: None
  ports:
  - {name: http, port: 8000, targetPort: 8000}
  - {name: tcp, port: 8001, targetPort: 8011}
  - {name: auto, port: 8002, targetPort: 8002}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: head-x, labels: {kubernetes.io/service-name: head}}
addressType: IPv4
ports: [{name: http, port: 8000}, {name: tcp, port: 8011}, {name: auto, port: 8002}]
endpoints: [{addresses: [10.1.0.20], conditions: {ready: true}}, {addresses: [10.1.0.21], conditions: {ready: true}}]
`;

/** Two hosts that have one port in common, of each pair of protocols. */
const PAIRS = [
  ["TCP", "TCP"],
  ["HTTP", "TCP"],
  ["TCP", "HTTP"],
  ["", "HTTP"],
  ["TLS", "HTTPS"],
  ["TLS", "HTTP"],
  ["HTTP", ""],
  ["", "TCP"],
  ["TLS", ""],
  ["", ""],
] as const;

const ports = (side: 0 | 1): string =>
  PAIRS.map((pair, i) => {
    const protocol = pair[side];
    return `{number: ${6500 + i}, name: p${i}${protocol === "" ? "" : `, protocol: ${protocol}`}}`;
  }).join(", ");

const entry = (name: string, spec: string): string => `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ${name}}
spec: {${spec}}
`;

const OUTSIDE = [
  entry("a", `hosts: [a.example.com], resolution: DNS, location: MESH_EXTERNAL, ports: [${ports(0)}]`),
  entry("b", `hosts: [b.example.com], resolution: DNS, location: MESH_EXTERNAL, ports: [${ports(1)}]`),
  entry(
    "wild",
    'hosts: ["*.wild.example.com"], resolution: NONE, location: MESH_EXTERNAL, ports: [{number: 443, name: tls, protocol: TLS}, {number: 80, name: http, protocol: HTTP}]',
  ),
  entry("mongo", "hosts: [mongo.example.com], resolution: NONE, ports: [{number: 27017, name: tcp, protocol: TCP}]"),
  entry(
    "net",
    "hosts: [net.example.com], addresses: [10.50.0.0/16, 10.60.0.1], resolution: STATIC, location: MESH_INTERNAL, endpoints: [{address: 10.1.0.99}], ports: [{number: 6000, name: tcp, protocol: TCP}]",
  ),
  entry(
    "web",
    "hosts: [web.example.com], addresses: [10.70.0.0/16], resolution: STATIC, location: MESH_INTERNAL, endpoints: [{address: 10.1.0.99}], ports: [{number: 6001, name: http, protocol: HTTP}, {number: 6002, name: found}]",
  ),
].join("");

const RULES = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: connections}
spec:
  hosts: [reviews, one.reviews, two.reviews]
  tls:
  - match: [{port: 443, sniHosts: [one.reviews]}]
    route: [{destination: {host: a.example.com, port: {number: 6504}}}]
  - match: [{port: 443, sniHosts: [two.reviews], destinationSubnets: [10.0.0.0/8]}]
    route: [{destination: {host: a.example.com, port: {number: 6504}}}]
  tcp:
  - match: [{port: 3306, destinationSubnets: [10.0.0.0/8]}]
    route:
    - {destination: {host: b.example.com, port: {number: 6500}}, weight: 50}
    - {destination: {host: a.example.com, port: {number: 6500}}, weight: 50}
  - match: [{port: 3306, destinationSubnets: [10.1.0.0/16]}]
    route: [{destination: {host: a.example.com, port: {number: 6500}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: requests}
spec:
  hosts: [only.rules.example.com]
  http:
  - route: [{destination: {host: ratings, port: {number: 80}}}]
`;

const WORKLOADS = ["reviews", "ratings", "side", "open", "client"]
  .map(
    (app, i) => `
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: ${app}-0}
spec: {address: 10.1.0.${10 + i}, labels: {app: ${app}}}
`,
  )
  .join("");

const POLICIES = `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict}
spec:
  selector: {matchLabels: {app: reviews}}
  mtls: {mode: STRICT}
  portLevelMtls: {"3306": {mode: DISABLE}, "9999": {mode: DISABLE}}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: open}
spec:
  selector: {matchLabels: {app: open}}
  mtls: {mode: DISABLE}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: side}
spec:
  workloadSelector: {labels: {app: side}}
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
  ingress:
  - {port: {number: 9080, protocol: HTTP, name: http}, defaultEndpoint: 127.0.0.1:8888}
  - {port: {number: 9081, protocol: TCP, name: tcp}}
  egress:
  - {port: {number: 6501, protocol: HTTP, name: x}, hosts: ["*/a.example.com"]}
  - {hosts: ["*/reviews.default.svc.cluster.local", "*/ratings.default.svc.cluster.local"]}
`;

export const DOCUMENTS = SERVICES + OUTSIDE + RULES + WORKLOADS + POLICIES;

export interface Subject {
  readonly app: string;
  readonly address: string;
  /** What services and Sidecars make of it. */
  readonly ports: readonly number[];
}

/** Callers and called, each with another policy. */
export const SUBJECTS: readonly Subject[] = [
  { app: "client", address: "10.1.0.14", ports: [] },
  { app: "reviews", address: "10.1.0.10", ports: [9081, 3306, 7000, 8443] },
  { app: "ratings", address: "10.1.0.11", ports: [9080, 8080, 3306, 7001, 7000, 8443] },
  { app: "side", address: "10.1.0.12", ports: [9080, 9081] },
  { app: "open", address: "10.1.0.13", ports: [] },
];
