/**
 * A real Envoy takes what the translation makes, for every feature of the model.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "../src/xds/proto/all.ts";
import { PLAIN_OPERATORS } from "../src/model/header-operators.ts";
import { defaultTranslateOptions } from "../src/translate/options.ts";
import { type MeshState, type ProxyResources, translate } from "../src/translate/translate.ts";
import { EDGE_DOCUMENTS } from "./e2e/agreement/edge-documents.ts";
import { TestCa } from "./support/certificates.ts";
import { ensureEnvoy } from "./support/envoy.ts";
import { EDGE_PARTS, GATEWAY_API_DOCUMENTS, MESH_PARTS } from "./support/gateway-api-documents.ts";
import { service, stateOf, withLoopbacks, workload } from "./support/mesh.ts";
import { staticBootstrap } from "./support/static-bootstrap.ts";

const ENVOY = await ensureEnvoy();
const LIMIT_MS = 20_000;
/** `max_grpc_timeout` is deprecated, which Envoy says of each route. */
const MAX_LOG_BYTES = 64 * 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "tulle-envoy-accepts-"));
const file = (name: string): string => join(folder, name);

beforeAll(() => {
  const ca = new TestCa();
  const svid = ca.svid("spiffe://cluster.local/ns/default/sa/client");
  writeFileSync(file("ca.pem"), ca.bundlePem);
  writeFileSync(file("cert.pem"), svid.certChainPem);
  writeFileSync(file("key.pem"), svid.privateKeyPem, { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

const options = { ...defaultTranslateOptions, systemRootsFile: file("ca.pem"), accessLogPath: file("access.log") };
const base = [
  service("reviews", [
    "http:9080",
    "http-b:9081",
    "tcp-c:9082:7000",
    "grpc-d:9083:7001",
    "tls-e:9084:7002",
    "any:9085:7003",
  ]),
  service("ratings", ["http:80:8080"]),
  service("other", ["http:80:8080"], "foo"),
  workload("reviews", "v1", [9080, 9081, 7000, 7001, 7002, 7003, 7004]),
  workload("reviews", "v2", [9080, 9081, 7000, 7001, 7002, 7003, 7004]),
  workload("ratings", "v1", [8080]),
  workload("other", "v1", [8080], "foo"),
];

/** What Envoy says against `resources`; undefined when it takes them. */
function objection(resources: ProxyResources): string | undefined {
  const bootstrap = file("bootstrap.json");
  writeFileSync(bootstrap, staticBootstrap(resources));
  const args = ["--mode", "validate", "-c", bootstrap, "--log-level", "warn"];
  const { status, stderr } = spawnSync(ENVOY ?? "", args, {
    encoding: "utf8",
    timeout: LIMIT_MS,
    maxBuffer: MAX_LOG_BYTES,
  });
  return status === 0 ? undefined : stderr.slice(-2000);
}

const sidecar = (state: MeshState, instance: string): ProxyResources =>
  translate(withLoopbacks(state), { t: "sidecar", instance }, options);

const EVERY_OPERATOR = [...PLAIN_OPERATORS.map((name) => `%${name}%`), "%REQ(a?b):3%", "%RESP(c)%"].join(" ");

const ENTRIES = ["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"]
  .map((resolution, i) => {
    const wild = resolution === "DYNAMIC_DNS" ? "" : `e${i}.example.com, `;
    const others = resolution.startsWith("DNS") ? `f${i}.example.com` : `"*.f${i}.example.com"`;
    const endpoints =
      resolution === "STATIC" ? ", endpoints: [{address: 10.0.0.1, weight: 2, labels: {v: a}, locality: a/b/c}]" : "";
    return `
{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: e${i}}, spec: {hosts: [${wild}${others}], resolution: ${resolution}, location: ${i % 2 === 0 ? "MESH_EXTERNAL" : "MESH_INTERNAL"},
  addresses: [10.${i}.0.1, "fd00::${i}"], subjectAltNames: [a.example.com], ports: [{number: 80, name: http, protocol: HTTP}, {number: 81, name: grpc, protocol: GRPC}, {number: 82, name: any},
  {number: 443, name: tls, protocol: TLS}, {number: 444, name: https, protocol: HTTPS}, {number: 90, name: tcp, protocol: TCP}]${endpoints}}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: e${i}}, spec: {host: ${others}, trafficPolicy: {outlierDetection: {}, loadBalancer: {consistentHash: {httpHeaderName: a}},
  portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}, {port: {number: 81}, tls: {mode: SIMPLE, sni: a}}, {port: {number: 90}, loadBalancer: {simple: PASSTHROUGH}}]}, subsets: [{name: a, labels: {v: a}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: e${i}}, spec: {hosts: [${others}],
  tls: [{match: [{sniHosts: [${others}], port: 443}], route: [{destination: {host: reviews}, weight: 1}, {destination: {host: details}, weight: 2}]}],
  tcp: [{match: [{port: 90, destinationSubnets: [10.0.0.0/8]}], route: [{destination: {host: reviews, port: {number: 9080}}}]}]}}`;
  })
  .join("\n---\n");

const FEATURES: Readonly<Record<string, string>> = {
  "ServiceEntries of every resolution, with TLS, hashing and rules of connections": ENTRIES,
  "no documents but services": "{}",
  "every match, edit, fault, retry and redirect of a VirtualService": `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews, only-in-rules.example.com, alias, "*.wild.example.com"]
  http:
  - name: canary
    match:
    - name: jason
      uri: {prefix: /api}
      ignoreUriCase: true
      headers: {end-user: {exact: jason}, x-any: {}, x-re: {regex: "a.*"}, x-pre: {prefix: ab}}
      withoutHeaders: {x-not: {}, x-but: {regex: "b.*"}, A-not: {exact: ""}}
      queryParams: {any: {}, q: {exact: "1"}, re: {regex: "[0-9]+"}, pre: {prefix: x}}
      method: {exact: GET}
      authority: {prefix: rev}
      scheme: {exact: http}
      port: 9080
    - uri: {exact: /exact}
    - uri: {regex: "/re/[^/]+"}
    rewrite: {uri: /v2, authority: new.example.com}
    headers: {request: {set: {X-A: "100%", x-empty: ""}, add: {x-b: "%PROTOCOL%", x-all: "OPERATORS"}, remove: [x-c]}, response: {add: {x-d: e}}}
    fault: {delay: {percentage: {value: 0.01}, fixedDelay: 5s}, abort: {percentage: {value: 50}, httpStatus: 503}}
    retries: {attempts: 3, perTryTimeout: 2s, retryOn: "5xx,reset,503"}
    timeout: 3s
    route:
    - destination: {host: reviews, subset: v1}
      weight: 90
      headers: {request: {set: {host: written.example.com}}, response: {remove: [server]}}
    - {destination: {host: reviews, subset: v2, port: {number: 9081}}, weight: 10}
    mirrors:
    - {destination: {host: reviews, subset: v2, port: {number: 9081}}, percentage: {value: 0.01}}
    - {destination: {host: ratings}}
  - match: [{uri: {prefix: /old}}]
    redirect: {uri: /new, authority: elsewhere.example.com, scheme: https, port: 8443, redirectCode: 308}
  - match: [{uri: {prefix: /prefix}}]
    redirect: {prefixRewrite: /new, derivePort: FROM_REQUEST_PORT, redirectCode: 302}
  - match: [{uri: {prefix: /default}}]
    redirect: {scheme: https, derivePort: FROM_PROTOCOL_DEFAULT, redirectCode: 303}
  - match: [{uri: {prefix: /direct}}]
    directResponse: {status: 503, body: {string: "LARGE"}}
    headers: {response: {set: {content-type: text/html}}}
  - match: [{uri: {prefix: /cors}}]
    corsPolicy: {allowOrigins: [{exact: a}, {prefix: b}, {regex: "c.*"}], allowMethods: [GET, PUT], allowHeaders: [x], exposeHeaders: ["*"],
      maxAge: 24h, allowCredentials: false, unmatchedPreflights: FORWARD}
    route: [{destination: {host: ratings}}]
  - match: [{uri: {prefix: /cors-none}}]
    corsPolicy: {}
    fault: {abort: {grpcStatus: RESOURCE_EXHAUSTED, percentage: {value: 1}}}
    route: [{destination: {host: ratings}}]
  - match: [{uri: {prefix: /bare}}]
    directResponse: {status: 204}
  - match: [{uri: {prefix: /group}}]
    rewrite: {uriRegexRewrite: {match: "^/group/([^/]+)(/.*)?$", rewrite: "\\\\2/\\\\1"}, authority: other.example.com}
    retries: {attempts: 2, backoff: 100ms, retryIgnorePreviousHosts: false}
    route: [{destination: {host: ratings}}]
  - match: [{uri: {prefix: /absent}}]
    retries: {attempts: 0}
    route: [{destination: {host: absent}}]
  - route: [{destination: {host: ratings}}]`,
  "every setting of a DestinationRule": `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec:
  host: reviews
  trafficPolicy:
    loadBalancer: {simple: RANDOM}
    connectionPool:
      tcp: {maxConnections: 10, connectTimeout: 3s, idleTimeout: 5s, maxConnectionDuration: 60s, tcpKeepalive: {time: 30s, interval: 5s, probes: 4}}
      http: {http1MaxPendingRequests: 7, http2MaxRequests: 9, maxConcurrentStreams: 5, http2KeepAlive: {interval: 5s, timeout: 1s}, h2UpgradePolicy: UPGRADE, maxRequestsPerConnection: 4, maxRetries: 3, idleTimeout: 20s}
    outlierDetection:
      {consecutive5xxErrors: 3, consecutiveGatewayErrors: 2, interval: 1s, baseEjectionTime: 2s, maxEjectionPercent: 50,
       minHealthPercent: 20, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 4}
    retryBudget: {percent: 12.5, minRetryConcurrency: 2}
    proxyProtocol: {version: V2}
    portLevelSettings:
    - {port: {number: 9081}, loadBalancer: {simple: ROUND_ROBIN}, tls: {mode: DISABLE}}
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}, trafficPolicy: {outlierDetection: {consecutive5xxErrors: 0}, tls: {mode: ISTIO_MUTUAL}}}`,
  "consistent hashing by every key": `
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: reviews},
 spec: {host: reviews, trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: stay, path: /, ttl: 90s,
  attributes: [{name: Secure}, {name: SameSite, value: Lax}]}, ringHash: {minimumRingSize: 2048}}},
  portLevelSettings: [{port: {number: 9081}, loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 101}}}}]},
  subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user, maglev: {}}}}},
   {name: v2, labels: {version: v2}, trafficPolicy: {loadBalancer: {consistentHash: {httpQueryParameterName: q}}}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: reviews}, spec: {hosts: [reviews], http: [{route: [
 {destination: {host: reviews, subset: v1}, weight: 1}, {destination: {host: reviews, subset: v2}, weight: 2}]}]}}`,
  "the client's own protocol, no detection, HTTP/2 between proxies": `
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ratings},
 spec: {host: ratings, trafficPolicy: {connectionPool: {http: {useClientProtocol: true}}}}}
---
{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: mesh}, spec: {protocolDetectionTimeout: 0s, h2UpgradePolicy: UPGRADE}}`,
  "TLS with files, with and without names": `
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ratings},
 spec: {host: ratings, trafficPolicy: {tls: {mode: SIMPLE}}}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: other},
 spec: {host: other.foo.svc.cluster.local, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true}}}}
---
{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: reviews},
 spec: {host: reviews, trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: FOLDER/cert.pem, privateKey: FOLDER/key.pem,
  caCertificates: FOLDER/ca.pem, sni: reviews.example.com}, portLevelSettings: [{port: {number: 9081}, tls: {mode: MUTUAL,
  clientCertificate: FOLDER/cert.pem, privateKey: FOLDER/key.pem, subjectAltNames: ["spiffe://a/b", c.example.com]}}]}}}`,
  "mTLS modes that differ by workload and port": `
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: default, namespace: istio-system},
 spec: {mtls: {mode: STRICT}}}
---
{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: v1},
 spec: {selector: {matchLabels: {app: reviews, version: v1}}, mtls: {mode: DISABLE}, portLevelMtls: {9081: {mode: PERMISSIVE},
  7000: {mode: PERMISSIVE}, 7001: {mode: STRICT}}}}`,
  "every field of an AuthorizationPolicy": `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: viewers}
spec:
  selector: {matchLabels: {app: reviews}}
  rules:
  - from:
    - source: {principals: ["cluster.local/ns/default/sa/p", "*/sa/q", "cluster.local/*", "*"], ipBlocks: [10.0.0.0/8, "::1"]}
    - source: {namespaces: [a, "b*", "*c"], notPrincipals: ["td/x"], notNamespaces: [d], notIpBlocks: [10.1.0.0/16]}
    to:
    - operation: {methods: [GET, "P*"], notMethods: [PUT], paths: [/a, "/b*", "*/c", "*"], notPaths: [/d], ports: ["9080"],
        notPorts: ["9081"], hosts: ["a.example.com", "*.b.example.com"], notHosts: [c.example.com]}
    when:
    - {key: "request.headers[X-Token]", values: [a, "b*", "*c", "*"], notValues: [d]}
    - {key: source.ip, values: [10.0.0.1]}
    - {key: source.namespace, values: [a]}
    - {key: source.principal, notValues: [b]}
    - {key: destination.ip, values: [127.0.0.0/8]}
    - {key: destination.port, values: ["9080"]}
    - {key: connection.sni, values: ["*.reviews.default.svc.cluster.local", "*"]}
---
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: nothing, namespace: istio-system}, spec: {}}
---
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: blocked},
 spec: {action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}}
---
{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy,
 metadata: {name: tried, annotations: {istio.io/dry-run: "true"}}, spec: {action: DENY, rules: [{}]}}`,
};

describe.skipIf(ENVOY === undefined)("Envoy accepts", () => {
  describe.each(Object.entries(FEATURES))("%s", (_, yaml) => {
    const documents =
      yaml === "{}"
        ? base
        : [
            ...base,
            yaml
              .replaceAll("FOLDER", folder)
              .replaceAll("OPERATORS", EVERY_OPERATOR)
              .replaceAll("LARGE", "x".repeat(5000)),
          ];

    test("in a sidecar", () => {
      for (const instance of ["reviews-v1-0", "other-v1-0"])
        expect(objection(sidecar(stateOf(...documents), instance))).toBeUndefined();
    });

    test("in a proxy that workloads share", () => {
      const state = withLoopbacks(stateOf(...documents));
      const shared = { t: "shared", instances: state.instances.map((i) => i.id) } as const;
      expect(objection(translate(state, shared, options))).toBeUndefined();
    });
  });

  test.each(["edge-0", "edge-1-0", "edge-2-0"])("a gateway: %s", (instance) => {
    const resources = sidecar(stateOf(EDGE_DOCUMENTS), instance);
    expect(resources.listeners.length).toBeGreaterThan(0);
    expect(objection(resources)).toBeUndefined();
  });

  test("a gateway beside ServiceEntries of every resolution", () => {
    const edge =
      "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, labels: {edge: edge}}, spec: {role: gateway}}";
    const gateway =
      '{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g}, spec: {selector: {edge: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}}';
    expect(objection(sidecar(stateOf(...base, edge, gateway, ENTRIES), "edge-0"))).toBeUndefined();
  });

  test("every field of a Gateway's TLS, and what stands before it", () => {
    const hash = "ab".repeat(32);
    const files = `serverCertificate: ${file("cert.pem")}, privateKey: ${file("key.pem")}`;
    const limits =
      "minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_2, cipherSuites: [ECDHE-ECDSA-AES128-GCM-SHA256]";
    const clients = `caCertificates: ${file("ca.pem")}, subjectAltNames: [a, "spiffe://td/b"], verifyCertificateHash: [${hash}]`;
    const servers = [
      `{port: {number: 443, protocol: HTTPS, name: a}, hosts: [a.example.com], bind: 127.0.0.2, tls: {mode: SIMPLE, ${files}, ${limits}}}`,
      `{port: {number: 443, protocol: HTTPS, name: b}, hosts: [b.example.com], bind: 127.0.0.2, tls: {mode: MUTUAL, ${files}, ${clients}}}`,
      `{port: {number: 443, protocol: HTTPS, name: c}, hosts: ["*"], bind: 127.0.0.2, tls: {mode: ISTIO_MUTUAL}}`,
    ];
    const yaml = `
apiVersion: tulle.dev/v1
kind: Workload
metadata:
  name: edge
  labels: {edge: edge}
  annotations: {proxy.istio.io/config: "gatewayTopology: {numTrustedProxies: 3, forwardClientCertDetails: APPEND_FORWARD, proxyProtocol: {}}"}
spec: {role: gateway}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g}, spec: {selector: {edge: edge}, servers: [${servers.join(", ")}]}}`;
    const resources = sidecar(stateOf(...base, yaml), "edge-0");
    expect(resources.listeners[0]?.filterChains?.length).toBe(3);
    expect(objection(resources)).toBeUndefined();
  });

  test.each(["edge-tulle-0", "reviews-v1-0"])("documents of the Gateway API: %s", (instance) => {
    const pem = (name: string): string => btoa(readFileSync(file(name), "utf8"));
    const state = stateOf(
      ...base,
      GATEWAY_API_DOCUMENTS,
      `{apiVersion: v1, kind: Secret, type: kubernetes.io/tls, metadata: {name: shown}, data: {tls.crt: ${pem("cert.pem")}, tls.key: ${pem("key.pem")}}}`,
      `{apiVersion: v1, kind: ConfigMap, metadata: {name: roots}, data: {ca.crt: ${JSON.stringify(readFileSync(file("ca.pem"), "utf8"))}}}`,
    );
    const resources = sidecar(state, instance);
    const text = JSON.stringify(resources);
    for (const part of instance === "edge-tulle-0" ? EDGE_PARTS : MESH_PARTS) expect(text).toContain(part);
    expect(objection(resources)).toBeUndefined();
  });

  test("but not what is wrong: the judge can say no", () => {
    const resources = sidecar(stateOf(...base), "reviews-v1-0");
    const [first] = resources.routes[0]?.virtualHosts ?? [];
    const doubled = { name: "http_proxy", virtualHosts: [first ?? {}, { ...first, name: "twice" }] };
    expect(objection({ ...resources, routes: [doubled, ...resources.routes.slice(1)] })).toContain(
      "Only unique values for domains are permitted",
    );
  });
});
