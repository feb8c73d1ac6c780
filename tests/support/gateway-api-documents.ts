/**
 * Documents of the Gateway API that use everything that acts on traffic, for the services of `tests/envoy-accepts.test.ts`.
 */
const GROUP = "gateway.networking.k8s.io";

const FILTERS = `
      - {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-a, value: "50%"}], add: [{name: x-b, value: b}], remove: [x-c]}}
      - {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-d, value: d}], remove: [x-e]}}`;

const RULES = `
  - name: everything
    matches:
    - path: {type: Exact, value: /exact}
      method: GET
      headers: [{name: x-one, value: one}, {name: x-two, type: RegularExpression, value: "t.o"}]
      queryParams: [{name: q, value: one}, {name: r, type: RegularExpression, value: "[0-9]+"}]
    - path: {type: RegularExpression, value: "/re/[a-z]+"}
    filters: ${FILTERS}
      - {type: RequestMirror, requestMirror: {backendRef: {name: ratings, port: 80}, percent: 20}}
      - {type: RequestMirror, requestMirror: {backendRef: {name: reviews, port: 9081}, fraction: {numerator: 1, denominator: 3}}}
      - {type: CORS, cors: {allowOrigins: ["https://*.example.com"], allowMethods: [GET], allowHeaders: [x-a], exposeHeaders: [x-d], maxAge: 60, allowCredentials: true}}
    timeouts: {request: 10s, backendRequest: 2s}
    retry: {codes: [503, 500], attempts: 3, backoff: 100ms}
    backendRefs:
    - {name: reviews, port: 9080, weight: 3, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-f, value: f}]}}]}
    - {name: ratings, port: 80, weight: 1}
    - {name: nobody, port: 80, weight: 1}
  - matches: [{path: {value: /strip}}]
    filters: [{type: URLRewrite, urlRewrite: {hostname: other.example.com, path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}}]
    backendRefs: [{name: reviews, port: 9080}]
  - matches: [{path: {value: /full}}]
    filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: "/a\\\\b"}}}]
    backendRefs: [{name: reviews, port: 9080}]
  - matches: [{path: {value: /own}}]
    backendRefs:
    - {name: reviews, port: 9080, filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /a}}}]}
    - {name: ratings, port: 80, filters: [{type: RequestRedirect, requestRedirect: {statusCode: 307}}]}
  - matches: [{path: {value: /away}}]
    filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: a.example.com, port: 8443, statusCode: 308, path: {type: ReplacePrefixMatch, replacePrefixMatch: ""}}}]
  - matches: [{path: {value: /nobody}}]
    backendRefs: [{name: nobody, port: 80}]`;

const httpRoute = (name: string, parent: string, hostnames = ""): string => `
apiVersion: ${GROUP}/v1
kind: HTTPRoute
metadata: {name: ${name}}
spec:
  parentRefs: [${parent}]
  ${hostnames}
  rules: ${RULES}`;

const grpcRoute = (name: string, parent: string): string => `
apiVersion: ${GROUP}/v1
kind: GRPCRoute
metadata: {name: ${name}}
spec:
  parentRefs: [${parent}]
  hostnames: [grpc.example.com]
  rules:
  - matches:
    - {method: {service: a.B, method: C}, headers: [{name: x-one, value: one}]}
    - {method: {service: a.B}}
    - {method: {method: C}}
    - {method: {type: RegularExpression, service: "a[.].*"}}
    filters: ${FILTERS}
    backendRefs: [{name: reviews, port: 9083}]
  - backendRefs: [{name: nobody, port: 80}]`;

const connectionRoute = (kind: "TLSRoute" | "TCPRoute", name: string, parent: string, hostnames = ""): string => `
apiVersion: ${GROUP}/${kind === "TLSRoute" ? "v1" : "v1alpha2"}
kind: ${kind}
metadata: {name: ${name}}
spec: {parentRefs: [${parent}], ${hostnames} rules: [{backendRefs: [{name: reviews, port: 9082, weight: 2}, {name: reviews, port: 9084}, {name: nobody, port: 1}]}]}`;

const SHOWN = "tls: {certificateRefs: [{name: shown}]}";

export const GATEWAY_API_DOCUMENTS = [
  `
apiVersion: ${GROUP}/v1
kind: Gateway
metadata: {name: edge}
spec:
  gatewayClassName: tulle
  tls: {frontend: {default: {validation: {caCertificateRefs: [{group: "", kind: ConfigMap, name: roots}]}}}}
  listeners:
  - {name: http, port: 80, protocol: HTTP}
  - {name: narrow, port: 80, protocol: HTTP, hostname: "*.example.com"}
  - {name: https, port: 443, protocol: HTTPS, ${SHOWN}}
  - {name: https-narrow, port: 443, protocol: HTTPS, hostname: a.example.com, ${SHOWN}}
  - {name: passed, port: 8443, protocol: TLS, tls: {mode: Passthrough}}
  - {name: ended, port: 8444, protocol: TLS, hostname: "*.example.com", tls: {mode: Terminate, certificateRefs: [{name: shown}]}}
  - {name: bytes, port: 9000, protocol: TCP}
  - {name: datagrams, port: 9000, protocol: UDP}`,
  `
apiVersion: v1
kind: Service
metadata: {name: dns}
spec: {selector: {app: reviews}, ports: [{name: dns, port: 53, targetPort: 9080, protocol: UDP}, {name: second, port: 54, targetPort: 9080, protocol: UDP}]}`,
  `
apiVersion: ${GROUP}/v1alpha2
kind: UDPRoute
metadata: {name: datagrams}
spec:
  parentRefs: [{name: edge}]
  rules: [{backendRefs: [{name: dns, port: 53, weight: 7}, {name: dns, port: 54, weight: 2}, {name: nobody, port: 1}]}]`,
  `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: dns}
spec: {host: dns, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}, connectionPool: {tcp: {maxConnections: 7}}}}`,
  httpRoute("everywhere", "{name: edge}"),
  httpRoute("some", "{name: edge}", 'hostnames: [a.example.com, "*.b.example.com"]'),
  grpcRoute("calls", "{name: edge}"),
  connectionRoute("TLSRoute", "names", "{name: edge}", 'hostnames: [a.example.com, "*.c.example.com"],'),
  connectionRoute("TCPRoute", "bytes", "{name: edge, sectionName: bytes}"),
  httpRoute("mesh", '{group: "", kind: Service, name: reviews, port: 9080}'),
  grpcRoute("mesh-calls", '{group: "", kind: Service, name: reviews, port: 9083}'),
  connectionRoute(
    "TLSRoute",
    "mesh-names",
    '{group: "", kind: Service, name: reviews, port: 9085}',
    "hostnames: [a.example.com],",
  ),
  connectionRoute("TCPRoute", "mesh-bytes", '{group: "", kind: Service, name: reviews, port: 9082}'),
  `
apiVersion: ${GROUP}/v1
kind: BackendTLSPolicy
metadata: {name: reviews}
spec:
  targetRefs: [{group: "", kind: Service, name: reviews, sectionName: http-b}]
  validation:
    hostname: reviews.example.com
    subjectAltNames: [{type: URI, uri: "spiffe://a/b"}, {type: Hostname, hostname: a.example.com}]
    caCertificateRefs: [{group: "", kind: ConfigMap, name: roots}]`,
].join("\n---\n");

/** What must have come of them at the gateway, so that nothing is accepted because it is not there. */
export const EDGE_PARTS = [
  "default.everywhere.everything",
  "default.calls.0",
  "TLSRoute.default.names",
  "tcp.9000",
  "0.0.0.0_9000_udp",
  "outbound|53||dns.default.svc.cluster.local@udp",
  "kubernetes-gateway://default/shown",
  "misdirected",
  "runtimeFraction",
];
export const MESH_PARTS = [
  "default.mesh.everything",
  "default.mesh-calls.0",
  "TLSRoute.default.mesh-names",
  "invalid-backend",
];
