/**
 * Documents of a small mesh that change by chance, one at a time: of every kind that a proxy's resources are made from.
 *
 * @module
 */
import type { Dice } from "./fuzz.ts";
import { service, workload } from "./mesh.ts";
import { serverKeyPair } from "./server-certificates.ts";

/** A document by its key, or undefined: it goes. */
export type Edit = readonly [key: string, text: string | undefined];

const hosts = ["a", "b", "c"];
const spaces = ["default", "other"];
const HOME = "workload a v1 default";
const EDGE = "edge";

/** Those that are there from the start; the last two stay. */
export const FIRST_DOCUMENTS: ReadonlyMap<string, string> = new Map([
  ...hosts.map((host) => [`service ${host} default`, service(host, ["http:80:8080"])] as const),
  [HOME, workload("a", "v1", [8080, 8081])],
  [
    EDGE,
    "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, labels: {istio: edge}}, spec: {serviceAccount: edge, role: gateway}}",
  ],
]);

/** What one roll of the dice changes. */
export function randomEdit(dice: Dice): Edit {
  const [key, text] = dice.of(editsOf(dice))();
  return dice.one(4) && !FIRST_DOCUMENTS.has(key) ? [key, undefined] : [key, text];
}

const meta = (name: string, namespace: string, more = ""): string =>
  `metadata: {name: ${name}, namespace: ${namespace}${more}}`;

function editsOf(dice: Dice): readonly (() => readonly [string, string])[] {
  const pick = <T>(from: readonly T[]): T => dice.of(from);
  const exported = (): string => pick(["", ", exportTo: ['.']", ", exportTo: [other]", ", exportTo: ['*']"]);
  return [
    () => {
      const [host, ns] = [pick(hosts), pick(spaces)];
      const annotated = pick(["", ", annotations: {networking.istio.io/exportTo: '.'}"]);
      const ports = pick([
        "{name: http, port: 80, targetPort: 8080}",
        "{name: tcp, port: 81, targetPort: 8080}",
        "{name: x, port: 80, targetPort: 8081}",
        "{name: http, port: 80, targetPort: 8080}, {name: udp, port: 80, protocol: UDP, targetPort: 8081}",
      ]);
      return [
        `service ${host} ${ns}`,
        `{apiVersion: v1, kind: Service, ${meta(host, ns, annotated)}, spec: {selector: {app: ${host}}, ports: [${ports}]}}`,
      ];
    },
    () => {
      const [app, version, ns] = [pick(hosts), pick(["v1", "v2"]), pick(spaces)];
      const where = pick(["", ", istio-locality: eu.eu-1", ", istio-locality: us.us-1"]);
      return [
        `workload ${app} ${version} ${ns}`,
        `{apiVersion: tulle.dev/v1, kind: Workload, ${meta(`${app}-${version}`, ns, `, labels: {app: ${app}, version: ${version}${where}}`)}, spec: {serviceAccount: ${app}, ports: [8080, 8081]}}`,
      ];
    },
    () => {
      const [host, ns] = [pick(hosts), pick(spaces)];
      const match = pick([
        "",
        "match: [{sourceLabels: {version: v1}}], ",
        "match: [{sourceNamespace: other}], ",
        "match: [{uri: {prefix: /x}}], ",
      ]);
      const to = `${pick(hosts)}.${pick(spaces)}.svc.cluster.local`;
      const named = pick([host, `${host}.example.com`]);
      return [
        `vs ${host} ${ns}`,
        `{apiVersion: networking.istio.io/v1, kind: VirtualService, ${meta(host, ns)}, spec: {hosts: [${named}], http: [{${match}route: [{destination: {host: ${to}${pick(["", ", subset: v1"])}}}]}]${exported()}}}`,
      ];
    },
    () => {
      const [name, ns] = [pick(["r1", "r2", "r3"]), pick([...spaces, "istio-system"])];
      const host = pick([...hosts.map((h) => `${h}.${pick(spaces)}.svc.cluster.local`), "'*.svc.cluster.local'"]);
      const policy = pick([
        "{loadBalancer: {simple: RANDOM}}",
        "{loadBalancer: {consistentHash: {httpHeaderName: x}}}",
        "{outlierDetection: {interval: 1s}}",
        "{tls: {mode: DISABLE}}",
        "{tls: {mode: SIMPLE, credentialName: c}}",
        "{tls: {mode: MUTUAL, credentialName: d}}",
        "{loadBalancer: {zoneAwareLbSetting: {minClusterSize: 1}}}",
        "{retryBudget: {percent: 5, budgetInterval: 3s}}",
        "{loadBalancer: {simple: LEAST_REQUEST, warmup: {duration: 10s}}}",
      ]);
      const selector = pick(["", ", workloadSelector: {matchLabels: {version: v2}}"]);
      const subsets = ", subsets: [{name: v1, labels: {version: v1}}]";
      return [
        `dr ${name} ${ns}`,
        `{apiVersion: networking.istio.io/v1, kind: DestinationRule, ${meta(name, ns)}, spec: {host: ${host}, trafficPolicy: ${policy}${subsets}${selector}${selector === "" ? exported() : ""}}}`,
      ];
    },
    () => {
      const ns = pick([...spaces, "istio-system"]);
      const only = pick(["./*", "*/*", "other/*", "*/a.default.svc.cluster.local"]);
      const selector = ns === "istio-system" ? "" : pick(["", "workloadSelector: {labels: {version: v1}}, "]);
      return [
        `sidecar ${ns}`,
        `{apiVersion: networking.istio.io/v1, kind: Sidecar, ${meta("s", ns)}, spec: {${selector}egress: [{hosts: ["${only}"]}]}}`,
      ];
    },
    () => {
      const ns = pick([...spaces, "istio-system"]);
      return [
        `pa ${ns}`,
        `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, ${meta("p", ns)}, spec: {mtls: {mode: ${pick(["STRICT", "DISABLE", "PERMISSIVE"])}}}}`,
      ];
    },
    () => [
      "se",
      `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, ${meta("out", pick(spaces))}, spec: {hosts: [out.example.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: STATIC, endpoints: [{address: 127.0.0.${pick([1, 2, 3])}}]${exported()}}}`,
    ],
    () => {
      const says = pick([
        "h2UpgradePolicy: UPGRADE",
        "h2UpgradePolicy: DO_NOT_UPGRADE",
        "zoneAwareLbSetting: {minClusterSize: 2}",
        "defaultInboundHttpRetryPolicy: {attempts: 1}",
        "outboundTrafficPolicy: {mode: REGISTRY_ONLY}",
        "trustDomain: other.example",
        "rootNamespace: other",
        "defaultServiceExportTo: ['.']",
        "defaultConfig: {gatewayTopology: {numTrustedProxies: 1}}",
      ]);
      return ["mesh", `{apiVersion: tulle.dev/v1, kind: Mesh, ${meta("m", "default")}, spec: {${says}}}`];
    },
    ...routesOf(pick),
    ...gatewaysOf(pick),
    ...policiesOf(pick),
    ...endpointsOf(pick),
    ...tlsOf(pick),
    ...smiOf(pick),
  ];
}

type Pick = <T>(from: readonly T[]) => T;
type Edits = readonly (() => readonly [string, string])[];

const routeKinds = {
  HTTPRoute: "v1",
  GRPCRoute: "v1",
  TCPRoute: "v1alpha2",
  UDPRoute: "v1alpha2",
} as const;

/** Of the Gateway API, at Services and at a Gateway. */
const routesOf = (pick: Pick): Edits => [
  () => {
    const kind = pick(["HTTPRoute", "HTTPRoute", "GRPCRoute", "TCPRoute", "UDPRoute"] as const);
    const [name, ns] = [pick(hosts), pick(spaces)];
    const parent = pick([
      `{group: "", kind: Service, name: ${pick(hosts)}}`,
      `{group: "", kind: Service, name: ${pick(hosts)}, namespace: ${pick(spaces)}, port: 80}`,
      "{name: api, namespace: default}",
      "{name: api, namespace: default, sectionName: http}",
    ]);
    const hostnames =
      kind === "HTTPRoute" ? pick(["", ", hostnames: [r.example.com]", ", hostnames: ['*.example.com']"]) : "";
    const match = kind === "HTTPRoute" ? pick(["", "matches: [{path: {type: PathPrefix, value: /r}}], "]) : "";
    const session =
      kind === "HTTPRoute"
        ? pick([
            "",
            "",
            ", sessionPersistence: {type: Cookie}",
            ", sessionPersistence: {type: Header, idleTimeout: 9s}",
          ])
        : "";
    const filters =
      kind === "HTTPRoute" && session === ""
        ? pick(["", "", ", filters: [{type: ExtensionRef, extensionRef: {group: x.io, kind: X, name: x}}]"])
        : "";
    const backend = (): string => `{name: ${pick(hosts)}, namespace: ${pick(spaces)}, port: ${pick([80, 81])}}`;
    const to = kind === "UDPRoute" ? backend() : pick([backend(), `${backend()}, ${backend()}`]);
    return [
      `${kind} ${name} ${ns}`,
      `{apiVersion: gateway.networking.k8s.io/${routeKinds[kind]}, kind: ${kind}, ${meta(name, ns)}, spec: {parentRefs: [${parent}]${hostnames}, rules: [{${match}backendRefs: [${to}]${session}${filters}}]}}`,
    ];
  },
  () => [
    "grant",
    `{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, ${meta("g", pick(spaces))}, spec: {from: [{group: gateway.networking.k8s.io, kind: ${pick(["HTTPRoute", "GRPCRoute", "TCPRoute", "UDPRoute"])}, namespace: ${pick(spaces)}}], to: [{group: "", kind: Service}]}}`,
  ],
  () => {
    const ns = pick(spaces);
    const says = pick(["retryConstraint: {budget: {percent: 30}}", "sessionPersistence: {sessionName: seat}"]);
    return [
      `backend traffic ${ns}`,
      `{apiVersion: gateway.networking.x-k8s.io/v1alpha1, kind: XBackendTrafficPolicy, ${meta("x", ns)}, spec: {targetRefs: [{group: "", kind: Service, name: ${pick(hosts)}}], ${says}}}`,
    ];
  },
  () => {
    const ns = pick(spaces);
    return [
      `backend tls ${ns}`,
      `{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, ${meta("t", ns)}, spec: {targetRefs: [{group: "", kind: Service, name: ${pick(hosts)}}], validation: {hostname: x.example.com, ${pick(["wellKnownCACertificates: System", 'caCertificateRefs: [{group: "", kind: ConfigMap, name: roots}]'])}}}}`,
    ];
  },
];

const CERTIFICATES = [serverKeyPair(["a.example.com"]), serverKeyPair(["a.example.com"])];

const gatewaysOf = (pick: Pick): Edits => [
  () => {
    const tls = pick([
      "{mode: SIMPLE, credentialName: c}",
      "{mode: MUTUAL, credentialName: c}",
      "{mode: SIMPLE, credentialNames: [c, d]}",
      "{mode: PASSTHROUGH}",
      "{mode: AUTO_PASSTHROUGH}",
      "{mode: ISTIO_MUTUAL}",
    ]);
    const secure = `{port: {number: 443, name: https, protocol: ${tls.includes("PASS") ? "TLS" : "HTTPS"}}, hosts: ['${pick(["*", "*.example.com"])}'], tls: ${tls}}`;
    const plain = `{port: {number: 80, name: http, protocol: HTTP}, hosts: ['${pick(["*", "*.example.com", "other/*"])}']${pick(["", ", tls: {httpsRedirect: true}"])}}`;
    const tcp = "{port: {number: 9000, name: tcp, protocol: TCP}, hosts: ['*']}";
    return [
      "gateway",
      `{apiVersion: networking.istio.io/v1, kind: Gateway, ${meta("g", "default")}, spec: {selector: {istio: edge}, servers: [${pick([plain, secure, tcp, `${plain}, ${secure}`, `${secure}, ${tcp}`])}]}}`,
    ];
  },
  () => {
    const [host, ns] = [pick(hosts), pick(spaces)];
    const to = `route: [{destination: {host: ${host}.${pick(spaces)}.svc.cluster.local, port: {number: 80}}}]`;
    const rules = pick([
      `http: [{${pick(["", "match: [{uri: {prefix: /e}}], "])}${to}}]`,
      `tcp: [{match: [{port: 9000}], ${to}}]`,
      `tls: [{match: [{port: 443, sniHosts: [x.example.com]}], ${to}}]`,
    ]);
    return [
      `edge rules ${host} ${ns}`,
      `{apiVersion: networking.istio.io/v1, kind: VirtualService, ${meta(`edge-${host}`, ns)}, spec: {hosts: [${pick(["x.example.com", "x.example.com, y.example.com"])}], gateways: [default/g${pick(["", ", mesh"])}], ${rules}}}`,
    ];
  },
  () => {
    const from = pick(["Same", "All"]);
    const listeners = pick([
      `{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: ${from}}}}`,
      `{name: udp, port: 9000, protocol: UDP, allowedRoutes: {namespaces: {from: ${from}}}}`,
      `{name: tcp, port: 9000, protocol: TCP, allowedRoutes: {namespaces: {from: ${from}}}}`,
      `{name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c}]}, allowedRoutes: {namespaces: {from: ${from}}}}`,
      "{name: tls, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: c}, {name: d}]}}",
      "{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {in: yes}}}}}",
    ]);
    const at = pick(["", "addresses: [{type: Hostname, value: edge}], "]);
    return [
      "api gateway",
      `{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, ${meta("api", "default")}, spec: {gatewayClassName: tulle, ${at}listeners: [${listeners}]}}`,
    ];
  },
  () => [
    "edge service",
    `{apiVersion: v1, kind: Service, ${meta("edge", "default")}, spec: {selector: {istio: edge}, ports: [{name: http, port: 80, targetPort: ${pick([80, 443, 9000])}}]}}`,
  ],
  () => {
    const name = pick(["c", "d", "c-cacert"]);
    const namespace = pick(spaces);
    const { certChainPem, privateKeyPem } = pick(CERTIFICATES);
    const pair = name === "c-cacert" ? {} : { cert: certChainPem, key: privateKeyPem };
    const roots = name === "c-cacert" || pick([true, false]) ? { cacert: pick(CERTIFICATES).certChainPem } : {};
    return [
      `secret ${name} ${namespace}`,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name, namespace },
        stringData: { ...pair, ...roots },
      }),
    ];
  },
  () => {
    const namespace = pick(spaces);
    const data = { "ca.crt": pick(CERTIFICATES).certChainPem };
    return [
      `roots ${namespace}`,
      JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "roots", namespace }, data }),
    ];
  },
  () => ["namespace", `{apiVersion: v1, kind: Namespace, metadata: {name: other${pick(["", ", labels: {in: yes}"])}}}`],
  () => [
    "class",
    `{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: tulle}, spec: {controllerName: ${pick(["tulle.dev/gateway-controller", "x.example.com/y"])}}}`,
  ],
  () => {
    const ns = pick(spaces);
    return [
      `listeners ${ns}`,
      `{apiVersion: gateway.networking.k8s.io/v1, kind: ListenerSet, ${meta("l", ns)}, spec: {parentRef: {name: api, namespace: default}, listeners: [{name: more, port: 8080, protocol: HTTP}]}}`,
    ];
  },
];

const policiesOf = (pick: Pick): Edits => [
  () => {
    const [name, ns] = [pick(["p", "q"]), pick([...spaces, "istio-system"])];
    const selector = pick(["", `selector: {matchLabels: {${pick(["app: a", "version: v2", "istio: edge"])}}}, `]);
    const rule = pick([
      `{to: [{operation: {methods: [${pick(["GET", "POST"])}]}}]}`,
      "{to: [{operation: {ports: ['8080']}}]}",
      `{from: [{source: {namespaces: [${pick(spaces)}]}}]}`,
      "{when: [{key: connection.sni, values: [x]}]}",
      "{from: [{source: {remoteIpBlocks: [10.0.0.0/8], trustDomains: ['*.example']}}]}",
      "{when: [{key: source.serviceAccount, values: [a]}]}",
    ]);
    return [
      `policy ${name} ${ns}`,
      `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, ${meta(name, ns)}, spec: {${selector}action: ${pick(["ALLOW", "DENY"])}, rules: [${rule}]}}`,
    ];
  },
  () => {
    const ns = pick([...spaces, "istio-system"]);
    const limit = pick([
      `requests: {count: ${pick([1, 2])}, per: 1s}`,
      "connections: {count: 3, per: 1s}",
      "rules: [{requests: {count: 1, per: 1s}, match: {method: {exact: GET}}}]",
    ]);
    return [
      `limit ${ns}`,
      `{apiVersion: tulle.dev/v1, kind: RateLimit, ${meta("l", ns)}, spec: {${pick(["", "selector: {matchLabels: {version: v1}}, "])}${limit}}}`,
    ];
  },
  () => {
    const ns = pick(spaces);
    return [
      `backend policy ${ns}`,
      `{apiVersion: tulle.dev/v1, kind: BackendPolicy, ${meta("b", ns)}, spec: {host: ${pick(hosts)}.${pick(spaces)}.svc.cluster.local, ${pick(["loadBalancer: {peakEwma: {}}", "healthCheck: {tcp: {}}"])}}}`,
    ];
  },
  () => [
    "ingress",
    `{apiVersion: networking.istio.io/v1, kind: Sidecar, ${meta("i", "default")}, spec: {workloadSelector: {labels: {version: ${pick(["v1", "v2"])}}}, ingress: [{port: {number: 8080, protocol: ${pick(["HTTP", "TCP"])}, name: p}, defaultEndpoint: 127.0.0.1:${pick([8081, 9090])}}], egress: [{port: {number: 80, protocol: HTTP, name: e}, bind: 127.0.0.1, hosts: ["*/*"]}, {hosts: ["${pick(["./*", "*/*"])}"]}], outboundTrafficPolicy: {mode: ${pick(["REGISTRY_ONLY", "ALLOW_ANY"])}}}}`,
  ],
];

/** Endpoints that documents list. */
const endpointsOf = (pick: Pick): Edits => [
  () => [
    "service d other",
    `{apiVersion: v1, kind: Service, ${meta("d", "other")}, spec: {ports: [{name: http, port: 80}, {name: udp, port: 53, protocol: UDP}]}}`,
  ],
  () => [
    "slice",
    `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: d-1, namespace: other, labels: {kubernetes.io/service-name: d}}, addressType: IPv4, ports: [{name: http, port: ${pick([8080, 8081])}}, {name: udp, port: 53, protocol: UDP}], endpoints: [{addresses: [127.0.0.${pick([7, 8])}], conditions: {ready: ${pick([true, false])}}}]}`,
  ],
  () => {
    const at = pick(["127.0.0.9", "unix:///run/a.sock"]);
    const ports = at.startsWith("unix") ? "" : ", ports: {http: 8089}";
    return [
      "entry",
      `{apiVersion: networking.istio.io/v1, kind: WorkloadEntry, ${meta("e", "default")}, spec: {address: "${at}"${ports}, labels: {app: ${pick(hosts)}, version: v1}, locality: ${pick(["eu/eu-1", "us/us-1"])}}}`,
    ];
  },
  () => [
    "selecting entry",
    `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, ${meta("sel", "default")}, spec: {hosts: [sel.example.com], ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], location: MESH_INTERNAL, resolution: STATIC, workloadSelector: {labels: {app: ${pick(hosts)}}}${pick(["", ", exportTo: ['.']"])}}}`,
  ],
];

/** How workloads' own ports take TLS. */
const tlsOf = (pick: Pick): Edits => [
  () => [
    "pa of a",
    `{apiVersion: security.istio.io/v1, kind: PeerAuthentication, ${meta("a", "default")}, spec: {selector: {matchLabels: {app: a}}, mtls: {mode: ${pick(["STRICT", "DISABLE"])}}${pick(["", ", portLevelMtls: {8080: {mode: DISABLE}}"])}}}`,
  ],
  () => {
    const tls = pick(["", ", tls: {mode: SIMPLE, serverCertificate: c.pem, privateKey: k.pem}"]);
    const to = pick(["unix:///run/app.sock", "127.0.0.1:9090"]);
    const bind = pick(["unix:///run/out.sock", "127.0.0.1"]);
    return [
      "sidecar of a",
      `{apiVersion: networking.istio.io/v1, kind: Sidecar, ${meta("own", "default")}, spec: {workloadSelector: {labels: {app: a}}, ingress: [{port: {number: 8080, protocol: HTTPS, name: p}, defaultEndpoint: "${to}"${tls}}], egress: [{port: {number: 80, protocol: HTTP, name: e}, bind: "${bind}", hosts: ["./*"]}, {hosts: ["*/*"]}]}}`,
    ];
  },
];

const smi = (apiVersion: string, kind: string, name: string, spec: string): string =>
  `{apiVersion: ${apiVersion}, kind: ${kind}, ${meta(name, "default")}, spec: ${spec}}`;

const smiOf = (pick: Pick): Edits => [
  () => [
    "split",
    smi(
      "split.smi-spec.io/v1alpha4",
      "TrafficSplit",
      "s",
      `{service: a, backends: [{service: ${pick(["a", "b"])}, weight: 1}, {service: c, weight: ${pick([1, 2])}}]}`,
    ),
  ],
  () => {
    const who = pick(["serviceAccount: b", "podLabelSelectors: [{matchLabels: {app: b}}]"]);
    const caller = pick(["{kind: ServiceAccount, name: a}", "{kind: ServiceAccount, name: c, namespace: other}"]);
    return [
      "target",
      [
        smi("access.smi-spec.io/v1alpha4", "IdentityBinding", "w", `{schemes: {${who}}}`),
        smi("specs.smi-spec.io/v1alpha4", "TCPRoute", "t", "{matches: {ports: [8080]}}"),
        smi(
          "access.smi-spec.io/v1alpha3",
          "TrafficTarget",
          "t",
          `{destination: {kind: IdentityBinding, name: w}, sources: [${caller}], rules: [{kind: TCPRoute, name: t}]}`,
        ),
      ].join("\n---\n"),
    ];
  },
];
