/**
 * Every field of Istio's documents, with a value: it is read, or it is in the list of docs/refused.md and is refused by name.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errors } from "./support/documents.ts";

// === one field in a document that needs nothing else ===

const virtualService = (spec: string) => ["VirtualService", spec] as const;
const http = (rule: string) => virtualService(`hosts: [a], http: [{route: [{destination: {host: a}}], ${rule}}]`);
const match = (field: string) => http(`match: [{${field}}]`);
const trafficPolicy = (field: string) => ["DestinationRule", `host: a, trafficPolicy: {${field}}`] as const;
const server = (field: string, port = "{number: 80, name: http, protocol: HTTP}") =>
  ["Gateway", `selector: {a: b}, servers: [{port: ${port}, hosts: ["*"], ${field}}]`] as const;
const serverTls = (fields: string) => server(`tls: {${fields}}`, "{number: 443, name: https, protocol: HTTPS}");
const serviceEntry = (fields: string) =>
  ["ServiceEntry", `hosts: [a.com], ports: [{number: 80, name: http, protocol: HTTP}], ${fields}`] as const;
const sidecar = (spec: string) => ["Sidecar", spec] as const;
const ingress = (field: string, protocol = "HTTP") =>
  sidecar(`ingress: [{port: {number: 80, protocol: ${protocol}, name: a}, ${field}}]`);
const workloadEntry = (spec: string) => ["WorkloadEntry", spec] as const;
const workloadGroup = (field: string) => ["WorkloadGroup", `template: {serviceAccount: a}, ${field}`] as const;
const peerAuthentication = (spec: string) => ["PeerAuthentication", spec] as const;
const policy = (spec: string) => ["AuthorizationPolicy", spec] as const;
const source = (field: string) => policy(`rules: [{from: [{source: {${field}}}]}]`);
const operation = (field: string) => policy(`rules: [{to: [{operation: {${field}}}]}]`);
const VALUES: Readonly<Record<string, string>> = { "destination.port": "80", "source.serviceAccount": "a/b" };
const condition = (key: string) =>
  policy(`rules: [{when: [{key: "${key}", values: ["${VALUES[key] ?? "10.0.0.0/8"}"]}]}]`);

const FIELDS: readonly (readonly [kind: string, spec: string])[] = [
  ...[
    "name: x",
    "uri: {exact: /a}",
    "scheme: {exact: http}",
    "method: {exact: GET}",
    "authority: {exact: a}",
    "headers: {a: {exact: b}}",
    "headers: {a: {}}",
    "withoutHeaders: {a: {exact: b}}",
    "queryParams: {a: {exact: b}}",
    "queryParams: {a: {prefix: b}}",
    "uri: {exact: /a}, ignoreUriCase: true",
    "port: 80",
    "sourceLabels: {a: b}",
    "sourceNamespace: x",
    "gateways: [mesh]",
    "statPrefix: x",
  ].map(match),
  http("timeout: 1s"),
  http(
    "retries: {attempts: 1, perTryTimeout: 1s, retryOn: '5xx', retryRemoteLocalities: true, retryIgnorePreviousHosts: false, backoff: 1s}",
  ),
  http("fault: {delay: {percentage: {value: 1}, fixedDelay: 1s}}"),
  http("fault: {delay: {percent: 1, fixedDelay: 1s}}"),
  http("fault: {delay: {exponentialDelay: 1s}}"),
  http("fault: {abort: {http2Error: CANCEL, percentage: {value: 1}}}"),
  http("fault: {abort: {grpcStatus: UNAVAILABLE}}"),
  http("fault: {abort: {httpStatus: 500}}"),
  http("mirror: {host: b}"),
  http("mirrors: [{destination: {host: b}, percentage: {value: 1}}]"),
  http("mirror: {host: b}, mirrorPercentage: {value: 1}"),
  http("mirror: {host: b}, mirrorPercent: 1"),
  http("mirror: {host: b}, mirror_percent: 1"),
  http(
    "corsPolicy: {allowOrigins: [{exact: a}], allowMethods: [GET], allowHeaders: [a], exposeHeaders: [b], maxAge: 1s, allowCredentials: true, unmatchedPreflights: IGNORE}",
  ),
  http("corsPolicy: {allowOrigin: [a]}"),
  http("headers: {request: {set: {a: b}, add: {a: b}, remove: [a]}, response: {set: {a: b}}}"),
  http("rewrite: {uri: /a, authority: b}"),
  http("rewrite: {uriRegexRewrite: {match: a, rewrite: b}}"),
  http("name: x"),
  virtualService("hosts: [a], http: [{redirect: {uri: /, authority: a, scheme: https, port: 1, redirectCode: 307}}]"),
  virtualService(
    "hosts: [a], http: [{match: [{uri: {prefix: /a}}], redirect: {prefixRewrite: /, derivePort: FROM_REQUEST_PORT}}]",
  ),
  virtualService("hosts: [a], http: [{directResponse: {status: 200, body: {string: a}}}]"),
  virtualService("hosts: [a], http: [{directResponse: {status: 200, body: {bytes: aGk=}}}]"),
  virtualService("hosts: [a], http: [{directResponse: {status: 200, body: {bytes: /w==}}}]"),
  virtualService("hosts: [a], http: [{delegate: {name: a, namespace: b}}]"),
  virtualService(
    "hosts: [a], tls: [{match: [{sniHosts: [a.default.svc.cluster.local], destinationSubnets: [10.0.0.0/8], port: 1, sourceLabels: {a: b}, gateways: [mesh], sourceNamespace: b}], route: [{destination: {host: a}}]}]",
  ),
  virtualService(
    "hosts: [a], tcp: [{match: [{destinationSubnets: [10.0.0.0/8], port: 1, sourceLabels: {a: b}, gateways: [mesh], sourceNamespace: b, sourceSubnet: 10.0.0.0/8}], route: [{destination: {host: a}}]}]",
  ),
  virtualService(
    "hosts: [a], exportTo: ['.', b], http: [{route: [{destination: {host: a, subset: b, port: {number: 1}}, weight: 1, headers: {request: {set: {a: b}}}}]}]",
  ),
  [
    "DestinationRule",
    "host: a, exportTo: ['.'], workloadSelector: {matchLabels: {a: b}}, subsets: [{name: a, labels: {a: b}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]",
  ],
  ...["UNSPECIFIED", "LEAST_REQUEST", "ROUND_ROBIN", "RANDOM", "PASSTHROUGH", "LEAST_CONN"].map((s) =>
    trafficPolicy(`loadBalancer: {simple: ${s}}`),
  ),
  ...[
    "httpHeaderName: a",
    "httpCookie: {name: a, path: /, ttl: 1s}",
    "httpCookie: {name: a, ttl: 0s}",
    "httpCookie: {name: a, ttl: 0s, attributes: [{name: SameSite, value: Strict}]}",
    "useSourceIp: true",
    "httpQueryParameterName: a",
    "httpHeaderName: a, ringHash: {minimumRingSize: 10}",
    "httpHeaderName: a, maglev: {tableSize: 65537}",
    "httpHeaderName: a, minimumRingSize: 10",
  ].map((s) => trafficPolicy(`loadBalancer: {consistentHash: {${s}}}`)),
  ...[
    "localityLbSetting: {enabled: true, distribute: [{from: a/*, to: {a: 100}}]}",
    "localityLbSetting: {failover: [{from: a, to: b}]}",
    "localityLbSetting: {failoverPriority: [a, b=c]}",
    "zoneAwareLbSetting: {enabled: true}",
    "warmup: {duration: 1s, minimumPercent: 10, aggression: 1.0}",
    "warmupDurationSecs: 1s",
  ].map((s) => trafficPolicy(`loadBalancer: {simple: ROUND_ROBIN, ${s}}`)),
  trafficPolicy(
    "connectionPool: {tcp: {maxConnections: 1, connectTimeout: 1s, tcpKeepalive: {probes: 1, time: 1s, interval: 1s}, maxConnectionDuration: 1s, idleTimeout: 1s}}",
  ),
  trafficPolicy(
    "connectionPool: {http: {http1MaxPendingRequests: 1, http2MaxRequests: 1, maxRequestsPerConnection: 1, maxRetries: 1, idleTimeout: 1s, h2UpgradePolicy: UPGRADE, maxConcurrentStreams: 1}}",
  ),
  trafficPolicy("connectionPool: {http: {useClientProtocol: true}}"),
  trafficPolicy("connectionPool: {http: {http2KeepAlive: {interval: 1s, timeout: 1s}}}"),
  trafficPolicy(
    "outlierDetection: {consecutive5xxErrors: 1, consecutiveGatewayErrors: 1, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 1, interval: 1s, baseEjectionTime: 1s, maxEjectionPercent: 1, minHealthPercent: 1, outlierDetectionHttpErrorCodes: [500]}",
  ),
  trafficPolicy("outlierDetection: {consecutiveErrors: 1}"),
  ...[
    "mode: DISABLE",
    "mode: SIMPLE, sni: a, subjectAltNames: [a], caCertificates: /a",
    "mode: MUTUAL, clientCertificate: /a, privateKey: /b",
    "mode: ISTIO_MUTUAL",
    "mode: SIMPLE, credentialName: a",
    "mode: SIMPLE, insecureSkipVerify: true",
    "mode: SIMPLE, caCrl: /a",
  ].map((s) => trafficPolicy(`tls: {${s}}`)),
  trafficPolicy("tunnel: {protocol: CONNECT, targetHost: a, targetPort: 1}"),
  trafficPolicy("tunnel: {protocol: POST, targetHost: a, targetPort: 1}"),
  trafficPolicy("proxyProtocol: {version: V2}"),
  trafficPolicy("retryBudget: {percent: 20, minRetryConcurrency: 3, budgetInterval: 1ms}"),
  ...[
    "loadBalancer: {simple: RANDOM}",
    "connectionPool: {tcp: {maxConnections: 1}}",
    "outlierDetection: {interval: 1s}",
    "tls: {mode: SIMPLE}",
  ].map((s) => trafficPolicy(`portLevelSettings: [{port: {number: 80}, ${s}}]`)),
  server("name: a"),
  server("bind: 10.0.0.1"),
  server("bind: 'unix:///a'"),
  server("defaultEndpoint: '127.0.0.1:80'"),
  server("tls: {httpsRedirect: true}"),
  [
    "Gateway",
    "selector: {a: b}, servers: [{port: {number: 80, name: g, protocol: GRPC-WEB, targetPort: 8080}, hosts: ['ns/a.com','*/b','./c']}]",
  ],
  ...[
    "mode: SIMPLE, serverCertificate: /a, privateKey: /b",
    "mode: MUTUAL, serverCertificate: /a, privateKey: /b, caCertificates: /c",
    "mode: MUTUAL, serverCertificate: /a, privateKey: /b, caCertificates: /c, caCrl: /d",
    "mode: SIMPLE, credentialName: a",
    "mode: SIMPLE, credentialNames: [a, b]",
    "mode: SIMPLE, tlsCertificates: [{serverCertificate: /a, privateKey: /b}]",
    "mode: MUTUAL, credentialName: a, caCertCredentialName: b",
    "mode: MUTUAL, credentialName: a, subjectAltNames: [a]",
    "mode: MUTUAL, credentialName: a, verifyCertificateSpki: ['" + Buffer.alloc(32).toString("base64") + "']",
    "mode: MUTUAL, credentialName: a, verifyCertificateHash: ['" + "a".repeat(64) + "']",
    "mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_2, maxProtocolVersion: TLSV1_3",
    "mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_0",
    "mode: SIMPLE, credentialName: a, cipherSuites: [ECDHE-RSA-AES256-GCM-SHA384]",
    "mode: OPTIONAL_MUTUAL, credentialName: a",
    "mode: ISTIO_MUTUAL",
    "mode: MUTUAL, credentialName: a, insecureSkipVerify: true",
  ].map(serverTls),
  [
    "Gateway",
    "selector: {a: b}, servers: [{port: {number: 443, name: tls, protocol: TLS}, hosts: ['*'], tls: {mode: AUTO_PASSTHROUGH}}]",
  ],
  [
    "Gateway",
    "selector: {a: b}, servers: [{port: {number: 443, name: tls, protocol: TLS}, hosts: ['*'], tls: {mode: PASSTHROUGH}}]",
  ],
  ["Gateway", "selector: {a: b}, servers: [{port: {number: 443, name: tls, protocol: MONGO}, hosts: ['*']}]"],
  ...[
    "addresses: [10.0.0.1, 10.1.0.0/16], resolution: STATIC, endpoints: [{address: 10.0.0.2}]",
    "location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: {a: b}}",
    "resolution: NONE",
    "resolution: DNS",
    "resolution: DNS_ROUND_ROBIN",
    "exportTo: ['.'], resolution: DNS",
    "subjectAltNames: [a], resolution: DNS",
    "resolution: STATIC, endpoints: [{address: 'unix:///a'}]",
    "resolution: STATIC, endpoints: [{address: 10.0.0.2, ports: {http: 81}, labels: {a: b}, network: n, locality: a/b/c, weight: 2, serviceAccount: s}]",
  ].map(serviceEntry),
  [
    "ServiceEntry",
    "hosts: ['*.a.com'], ports: [{number: 80, name: http, protocol: HTTP, targetPort: 81}], resolution: DYNAMIC_DNS",
  ],
  ["ServiceEntry", "hosts: ['a.com'], ports: [{number: 80, name: http, protocol: MONGO}], resolution: DNS"],
  sidecar("workloadSelector: {labels: {a: b}}"),
  ingress("bind: 10.0.0.1"),
  ingress("bind: 'unix:///a'"),
  ingress("captureMode: NONE"),
  ingress("defaultEndpoint: '127.0.0.1:80'"),
  ingress("defaultEndpoint: 'unix:///a'"),
  ingress("defaultEndpoint: 'unix://@a'"),
  ingress("tls: {mode: SIMPLE, serverCertificate: /a, privateKey: /b}", "HTTPS"),
  ingress("connectionPool: {tcp: {maxConnections: 1}}"),
  sidecar("egress: [{port: {number: 1, protocol: HTTP, name: a}, bind: 127.0.0.1, captureMode: NONE, hosts: ['./*']}]"),
  sidecar("egress: [{port: {number: 1, protocol: HTTP, name: a}, bind: 'unix:///a', hosts: ['./*']}]"),
  sidecar(
    "egress: [{port: {number: 1, protocol: HTTP, name: a}, bind: 'unix://@a', hosts: ['./*', '~prod/*', '~/*']}]",
  ),
  sidecar("inboundConnectionPool: {tcp: {maxConnections: 1}}"),
  sidecar("outboundTrafficPolicy: {mode: REGISTRY_ONLY}"),
  sidecar("outboundTrafficPolicy: {mode: REGISTRY_ONLY, egressProxy: {host: a}}"),
  workloadEntry(
    "address: 10.0.0.1, ports: {a: 1}, labels: {a: b}, network: n, locality: a/b, weight: 1, serviceAccount: s",
  ),
  workloadEntry("address: 'unix:///a'"),
  workloadEntry("address: a.com"),
  workloadEntry("network: n"),
  workloadGroup("metadata: {labels: {a: b}, annotations: {a: b}}"),
  ...[
    "httpGet: {path: /, port: 1, host: a, scheme: HTTP, httpHeaders: [{name: a, value: b}]}",
    "tcpSocket: {host: a, port: 1}",
    "exec: {command: [a]}",
    "grpc: {port: 1, service: a}",
  ].map((p) =>
    workloadGroup(
      `probe: {initialDelaySeconds: 1, timeoutSeconds: 1, periodSeconds: 1, successThreshold: 1, failureThreshold: 1, ${p}}`,
    ),
  ),
  peerAuthentication("mtls: {mode: UNSET}"),
  peerAuthentication("mtls: {mode: STRICT}"),
  peerAuthentication("selector: {matchLabels: {a: b}}, mtls: {mode: PERMISSIVE}, portLevelMtls: {80: {mode: DISABLE}}"),
  policy("action: ALLOW"),
  policy("action: DENY, rules: [{}]"),
  policy("action: AUDIT, rules: [{}]"),
  policy("action: CUSTOM, provider: {name: a}, rules: [{}]"),
  policy("targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: a}], rules: [{}]"),
  policy("targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: a}, rules: [{}]"),
  policy("targetRefs: [{group: '', kind: Service, name: a}], rules: [{}]"),
  policy("targetRefs: [{group: networking.istio.io, kind: ServiceEntry, name: a}], rules: [{}]"),
  ...[
    "principals: [a]",
    "notPrincipals: [a]",
    "requestPrincipals: [a]",
    "notRequestPrincipals: [a]",
    "namespaces: [a]",
    "notNamespaces: [a]",
    "serviceAccounts: [a/b]",
    "notServiceAccounts: [b]",
    "ipBlocks: [10.0.0.0/8]",
    "notIpBlocks: [10.0.0.0/8]",
    "remoteIpBlocks: [10.0.0.0/8]",
    "notRemoteIpBlocks: [10.0.0.0/8]",
    "trustDomains: [a]",
    "notTrustDomains: [a]",
  ].map(source),
  ...[
    "hosts: [a]",
    "ports: ['80']",
    "methods: [GET]",
    "paths: [/a]",
    "paths: ['/a/{*}/b/{**}']",
    "notHosts: [a]",
    "notPorts: ['80']",
    "notMethods: [a]",
    "notPaths: [/a]",
  ].map(operation),
  ...[
    "request.headers[X]",
    "source.ip",
    "remote.ip",
    "source.namespace",
    "source.principal",
    "source.serviceAccount",
    "source.trustDomain",
    "request.auth.principal",
    "request.auth.audiences",
    "request.auth.presenter",
    "request.auth.claims[a]",
    "destination.ip",
    "destination.port",
    "connection.sni",
    "experimental.envoy.filters.network.mysql_proxy[db]",
  ].map(condition),
];

// === what the page says ===

const page = readFileSync(join(import.meta.dir, "../docs/refused.md"), "utf8");
const LISTED: readonly (readonly [kind: string, path: string])[] = [
  ...page.matchAll(/^\| (\w+) \| ((?:`[^`]+`(?:, )?)+)/gm),
].flatMap(([, kind = "", paths = ""]) =>
  [...paths.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => [kind, path] as const),
);

const told = (kind: string, spec: string): readonly string[] => {
  const api = kind === "PeerAuthentication" || kind === "AuthorizationPolicy" ? "security" : "networking";
  return errors(`apiVersion: ${api}.istio.io/v1\nkind: ${kind}\nmetadata: {name: x}\nspec: {${spec}}\n`);
};

/** Paths as the page writes them: without numbers. */
const plain = (problem: string): string => problem.replaceAll(/\[\d+\]/g, "[]");

const isListed = (kind: string, problems: readonly string[]): boolean =>
  problems.some((problem) => LISTED.some(([of, path]) => of === kind && plain(problem).includes(` spec.${path}: `)));

describe("fields of Istio's documents", () => {
  test("there are many", () => expect([FIELDS.length > 190, LISTED.length > 10]).toEqual([true, true]));

  test.each(FIELDS)("%s: %s", (kind, spec) => {
    const problems = told(kind, spec);
    if (problems.length > 0) expect([isListed(kind, problems), problems]).toEqual([true, problems]);
  });

  test.each(LISTED)("the page is right about %s %s", (kind, path) => {
    const refused = FIELDS.filter(
      ([of, spec]) => of === kind && told(kind, spec).some((it) => plain(it).includes(` spec.${path}: `)),
    );
    expect(refused.length).toBeGreaterThan(0);
  });
});
