/**
 * Documents become the model, kind by kind, with Istio's defaults and traps.
 */
import { describe, expect, test } from "bun:test";
import { resolve } from "node:path";
import { formatProblem } from "../src/base/problem.ts";
import { loadDocuments } from "../src/config/load.ts";
import type { RouteAction } from "../src/model/virtual-service.ts";

// === helpers ===

const load = (text: string, file = "mesh.yaml") => loadDocuments([{ file, text }]);
const errors = (text: string): string[] =>
  load(text)
    .problems.filter((p) => p.severity === "error")
    .map(formatProblem);
const warnings = (text: string): string[] =>
  load(text)
    .problems.filter((p) => p.severity === "warning")
    .map(formatProblem);

function virtualService(http: string, more = ""): string {
  const rule = http
    .split("\n")
    .map((line) => `    ${line}`)
    .join("\n");
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews, namespace: shop}
spec:
  hosts: [reviews]
${more}  http:
  - name: rule
${rule}
`;
}

const ROUTE = "route: [{destination: {host: reviews}}]";

function rule(http: string) {
  const loaded = load(virtualService(http));
  expect(loaded.problems.filter((p) => p.severity === "error").map(formatProblem)).toEqual([]);
  const found = loaded.mesh.virtualServices[0]?.http[0];
  if (found === undefined) throw new Error("no rule was read");
  return found;
}

function action(http: string): RouteAction {
  const found = rule(http).action;
  if (found.t !== "route") throw new Error("not a route");
  return found;
}

const ruleErrors = (http: string): string[] =>
  errors(virtualService(http)).map((e) => e.replace(/^mesh\.yaml:\d+:\d+ spec\.http\[0\]\.?/, ""));

const policy = (kind: string, spec: string, metadata = ""): string =>
  `apiVersion: security.istio.io/v1\nkind: ${kind}\nmetadata: {name: p, namespace: shop${metadata}}\nspec: ${spec}\n`;

const destinationRule = (trafficPolicy: string): string =>
  `apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d, namespace: shop}\nspec: {host: reviews, trafficPolicy: ${trafficPolicy}}\n`;

// === tests ===

describe("hosts", () => {
  test("short names belong to the namespace of the rule, names with a dot stay", () => {
    const text = virtualService(
      "route: [{destination: {host: ratings}, weight: 1}, {destination: {host: a.prod}, weight: 1}]",
    ).replace("[reviews]", "[reviews, '*.example.com', API.example.org]");
    const vs = load(text).mesh.virtualServices[0];
    expect(vs?.hosts).toEqual(["reviews.shop.svc.cluster.local", "*.example.com", "api.example.org"]);
    const first = vs?.http[0]?.action;
    expect(first?.t === "route" && first.destinations.map((d) => d.host)).toEqual([
      "ratings.shop.svc.cluster.local",
      "a.prod",
    ]);
  });

  test("the cluster domain of the Mesh document is used, wherever it stands", () => {
    const mesh =
      "\n---\napiVersion: tulle.dev/v1\nkind: Mesh\nmetadata: {name: m}\nspec: {clusterDomain: corp.example, trustDomain: td.example, rootNamespace: root}\n";
    const loaded = load(virtualService(ROUTE) + mesh);
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.settings).toEqual({
      clusterDomain: "corp.example",
      trustDomain: "td.example",
      rootNamespace: "root",
    });
    expect(loaded.mesh.virtualServices[0]?.hosts).toEqual(["reviews.shop.svc.corp.example"]);
    expect(errors(`${mesh}${mesh.replace("name: m", "name: other")}`).join()).toContain(
      "a mesh has one Mesh document: see mesh.yaml:3",
    );
  });

  test.each([
    ["*", "the host * is not allowed in the mesh"],
    ["a_b..c", "must be a host name"],
    ["a.*.c", "must be a host name"],
    ["reviews, reviews", "already there"],
    ["a.example.com, '*.example.com'", "already there"],
  ])("hosts [%s] are refused", (hosts, message) => {
    const quoted = hosts === "*" ? "'*'" : hosts;
    expect(errors(virtualService(ROUTE).replace("[reviews]", `[${quoted}]`)).join()).toContain(message);
  });
});

describe("matches", () => {
  test("header names have no case, an empty match asks for the header", () => {
    const [match] = rule(
      `match: [{headers: {End-User: {exact: jason}, x-any: {}}, uri: {prefix: /a}, ignoreUriCase: true, port: 80}]\n${ROUTE}`,
    ).matches;
    expect(match?.headers).toEqual({ "end-user": { t: "exact", value: "jason" }, "x-any": { t: "present" } });
    expect(match).toMatchObject({
      uri: { t: "prefix", value: "/a" },
      ignoreUriCase: true,
      port: 80,
      method: undefined,
    });
  });

  test.each([
    ["{uri: {}}", "must have one of exact, prefix, regex, found none"],
    ["{uri: {exact: a, prefix: b}}", "must have one of exact, prefix, regex, found exact and prefix"],
    ["{uri: {regex: '('}}", "must be a regular expression in RE2 syntax"],
    ["{uri: {regex: '(?=a)b'}}", "must be a regular expression in RE2 syntax"],
    ["{uri: {exac: a}}", 'unknown field "exac"; did you mean "exact"?'],
    ["{headers: {'a b': {exact: x}}}", "is not a header name"],
    ["{headers: {A: {exact: x}, a: {exact: y}}}", "matched twice"],
    ["{headers: {method: {exact: GET}}}", "is no header: write match.method"],
    ["{headers: {'@request.auth.claims.sub': {exact: x}}}", "not supported yet"],
    ["{withoutHeaders: {a: {}}}", "is not supported yet"],
    ["{queryParams: {a: {exact: b}}}", "is not supported yet"],
    ["{sourceLabels: {app: a}}", "is not supported yet"],
    ["{gateways: [edge]}", "is not supported yet"],
    ["{port: 0}", "must be a whole number from 1 to 65535, found number 0"],
    ["{method: GET}", "must be a mapping"],
  ])("match %s is refused", (match, message) => {
    expect(ruleErrors(`match: [${match}]\n${ROUTE}`).join()).toContain(message);
  });
});

describe("routes", () => {
  test("one destination gets everything, several share by weight", () => {
    expect(action("route: [{destination: {host: a}, weight: 0}]").destinations[0]?.weight).toBeGreaterThan(0);
    expect(
      action("route: [{destination: {host: a}, weight: 3}, {destination: {host: b}, weight: 4}]").destinations.map(
        (d) => d.weight,
      ),
    ).toEqual([3, 4]);
    expect(ruleErrors("route: [{destination: {host: a}}, {destination: {host: b}}]")).toEqual([
      "route: weights must sum to more than 0",
    ]);
    expect(
      warnings(virtualService("route: [{destination: {host: a}, weight: 1}, {destination: {host: b}}]")).join(),
    ).toContain("gets no calls");
  });

  test("retries, timeouts and rewrites", () => {
    const read = action(
      `${ROUTE}\ntimeout: 1h2m\nrewrite: {uri: /x}\nretries: {attempts: 3, perTryTimeout: 1.5s, retryOn: "5xx, reset,503"}`,
    );
    expect(read.timeoutMs).toBe(3_720_000);
    expect(read.rewrite).toEqual({ uri: "/x", authority: undefined });
    expect(read.retries).toEqual({ attempts: 3, perTryTimeoutMs: 1500, retryOn: ["5xx", "reset", "503"] });
    expect(action(`${ROUTE}\nretries: {attempts: 0}`).retries).toEqual({
      attempts: 0,
      perTryTimeoutMs: undefined,
      retryOn: undefined,
    });
    expect(action(ROUTE)).toMatchObject({ timeoutMs: undefined, retries: undefined });
  });

  test("a fault without a percentage happens to no call", () => {
    expect(
      rule(`${ROUTE}\nfault: {delay: {fixedDelay: 100ms}, abort: {httpStatus: 555, percentage: {value: 0.1}}}`).fault,
    ).toEqual({
      delay: { percentage: 0, fixedDelayMs: 100 },
      abort: { percentage: 0.1, httpStatus: 555 },
    });
    expect(rule(`${ROUTE}\nfault: {delay: {fixedDelay: 1s, percent: 50}}`).fault?.delay?.percentage).toBe(50);
    expect(warnings(virtualService(`${ROUTE}\nfault: {delay: {fixedDelay: 1s}}`)).join()).toContain(
      "has no percentage, so it happens to no call",
    );
  });

  test("redirects", () => {
    expect(rule("redirect: {uri: /new, redirectCode: 307}").action).toEqual({
      t: "redirect",
      uri: "/new",
      authority: undefined,
      scheme: undefined,
      port: undefined,
      code: 307,
    });
    expect(rule("redirect: {scheme: https}").action).toMatchObject({ code: 301 });
  });

  test("header edits", () => {
    const read = rule(
      `${ROUTE}\nheaders: {request: {set: {__proto__: a, x-a: b}, add: {x-c: d}, remove: [x-e]}, response: {remove: [server]}}`,
    );
    expect(Object.entries(read.headers.request.set)).toEqual([
      ["__proto__", "a"],
      ["x-a", "b"],
    ]);
    expect(read.headers.request).toMatchObject({ add: { "x-c": "d" }, remove: ["x-e"] });
    expect(read.headers.response.remove).toEqual(["server"]);
  });

  test.each([
    [
      "timeout: 5",
      "timeout: must be a duration of 1ms or more, such as 5s, 100ms or 1h2m, with its unit, found number 5",
    ],
    ["timeout: 0s", "timeout: must be a duration of 1ms or more"],
    ["timeout: 5 s", "timeout: must be a duration of 1ms or more"],
    ["timeout: -5s", "timeout: must be a duration of 1ms or more"],
    ["timeout: null", "timeout: must be a duration of 1ms or more, such as 5s, 100ms or 1h2m"],
    ["retries: {retryOn: 5xx}", "retries.retryOn: has no effect without attempts"],
    ["retries: {attempts: -1}", "retries.attempts: must be a whole number from 0"],
    ["retries: {attempts: 1, retryOn: 'conect-failure'}", 'did you mean "connect-failure"?'],
    ["retries: {attempts: 1, backoff: 1s}", "retries.backoff: is not supported yet"],
    ["fault: {}", "fault: must have at least one of delay, abort"],
    [
      "fault: {abort: {percentage: {value: 101}, httpStatus: 500}}",
      "fault.abort.percentage.value: must be a number from 0 to 100",
    ],
    ["fault: {abort: {percentage: {value: 1}}}", 'fault.abort: field "httpStatus" is missing'],
    ["fault: {abort: {grpcStatus: UNAVAILABLE, httpStatus: 500}}", "fault.abort.grpcStatus: is not supported yet"],
    ["redirect: {uri: /}", "route: cannot stand beside redirect"],
    ["mirror: {host: a}", "mirror: is not supported yet"],
    ["corsPolicy: {}", "corsPolicy: is not supported yet"],
    ["directResponse: {status: 200}", "directResponse: is not supported yet"],
    ["rewrite: {}", "rewrite: must have at least one of uri, authority"],
    ["rewrite: {uriRegexRewrite: {match: a, rewrite: b}}", "rewrite.uriRegexRewrite: is not supported yet"],
    ["headers: {request: {remove: [':path']}}", "is not a header that can be removed"],
    ["headers: {response: {set: {host: a}}}", "is not a header that can be edited here"],
    ['headers: {request: {set: {a: "b\\r\\nc: d"}}}', "without line breaks"],
    ["rewrite: {authority: a}\nheaders: {request: {set: {Host: b}}}", "the authority is set twice"],
    ["time_out: 5s", 'unknown field "time_out"; did you mean "timeout"?'],
  ])("%s is refused", (more, message) => {
    expect(ruleErrors(`${ROUTE}\n${more}`).join("\n")).toContain(message);
  });

  test.each([
    ["route: []", "route: must have at least one destination"],
    ["timeout: 5s", "must have a route or a redirect"],
    ["redirect: {}", "redirect: must have at least one of uri, authority, scheme, port"],
    ["redirect: {uri: /, redirectCode: 304}", "redirect.redirectCode: must be one of 301"],
    ["route: [{destination: {subset: a}}]", 'route[0].destination: field "host" is missing'],
    ["route: [{destination: {host: '*.a'}}]", "route[0].destination.host: must be a host name"],
    ["route: [{destination: {host: a, port: 80}}]", "route[0].destination.port: must be a mapping"],
    ["route: [{destination: {host: a, subset: v_1}}]", "route[0].destination.subset: must be"],
    ["route: [{destination: {host: a}, weight: -1}]", "route[0].weight: must be a whole number"],
    ["delegate: {name: a}", "delegate: is not supported yet"],
  ])("a rule with %s alone is refused", (only, message) => {
    expect(ruleErrors(only).join("\n")).toContain(message);
  });

  test.each([
    ["  gateways: [edge]\n", "spec.gateways: is not supported yet"],
    ["  exportTo: ['.']\n", "spec.exportTo: is not supported yet"],
    ["  tcp: []\n", "spec.tcp: is not supported yet"],
  ])("%s is refused", (more, message) => {
    expect(errors(virtualService(ROUTE, more)).join()).toContain(message);
  });

  test("what says no more than the default is taken", () => {
    expect(errors(virtualService(ROUTE, "  gateways: [mesh]\n  exportTo: ['*']\n"))).toEqual([]);
  });
});

describe("DestinationRule", () => {
  test("all that the model carries", () => {
    const text = `apiVersion: networking.istio.io/v1beta1
kind: DestinationRule
metadata: {name: d, namespace: shop}
spec:
  host: reviews
  subsets:
  - {name: v1, labels: {version: v1}}
  - name: v2
    labels: {version: v2}
    trafficPolicy: {loadBalancer: {simple: RANDOM}}
  trafficPolicy:
    connectionPool:
      tcp: {maxConnections: 5, connectTimeout: 250ms, idleTimeout: 0s}
      http: {http1MaxPendingRequests: 6, http2MaxRequests: 7, maxRequestsPerConnection: 0, maxRetries: 8, idleTimeout: 9s, h2UpgradePolicy: DEFAULT}
    outlierDetection: {consecutive5xxErrors: 0, interval: 1s, baseEjectionTime: 2s, maxEjectionPercent: 50, minHealthPercent: 20}
    tls: {mode: MUTUAL, clientCertificate: a, privateKey: b, caCertificates: c, sni: s, subjectAltNames: [n]}
    portLevelSettings: [{port: {number: 80}, loadBalancer: {simple: ROUND_ROBIN}}]
`;
    const loaded = load(text);
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.destinationRules[0]).toMatchObject({
      host: "reviews.shop.svc.cluster.local",
      subsets: [
        { name: "v1", labels: { version: "v1" } },
        { name: "v2", trafficPolicy: { loadBalancer: "RANDOM" } },
      ],
      trafficPolicy: {
        loadBalancer: undefined,
        connectionPool: {
          maxConnections: 5,
          connectTimeoutMs: 250,
          tcpIdleTimeoutMs: 0,
          http1MaxPendingRequests: 6,
          http2MaxRequests: 7,
          maxRequestsPerConnection: 0,
          maxRetries: 8,
          httpIdleTimeoutMs: 9000,
        },
        outlierDetection: {
          consecutive5xxErrors: 0,
          intervalMs: 1000,
          baseEjectionTimeMs: 2000,
          maxEjectionPercent: 50,
          minHealthPercent: 20,
        },
        tls: {
          mode: "MUTUAL",
          clientCertificate: "a",
          privateKey: "b",
          caCertificates: "c",
          sni: "s",
          subjectAltNames: ["n"],
        },
        portLevel: [{ port: 80, policy: { loadBalancer: "ROUND_ROBIN", tls: undefined } }],
      },
    });
  });

  test("Istio's zeros that mean not set", () => {
    const loaded = load(
      destinationRule("{connectionPool: {tcp: {maxConnections: 0}}, outlierDetection: {maxEjectionPercent: 0}}"),
    );
    expect(loaded.problems.map((p) => p.severity)).toEqual(["warning", "warning"]);
    expect(loaded.mesh.destinationRules[0]?.trafficPolicy).toMatchObject({
      connectionPool: { maxConnections: undefined },
      outlierDetection: { maxEjectionPercent: undefined },
    });
  });

  test.each([
    ["{}", "must have at least one of"],
    ["{loadBalancer: {simple: PASSTHROUGH}}", "not supported yet"],
    ["{loadBalancer: {simple: ROUNDROBIN}}", 'did you mean "ROUND_ROBIN"?'],
    ["{loadBalancer: {consistentHash: {useSourceIp: true}}}", "not supported yet"],
    ["{loadBalancer: {localityLbSetting: {}}}", "not supported yet"],
    ["{connectionPool: {}}", "must have at least one of tcp, http"],
    ["{connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}", "not supported yet"],
    ["{outlierDetection: {consecutiveErrors: 5}}", "not supported yet"],
    ["{outlierDetection: {consecutiveLocalOriginFailures: 5}}", "needs splitExternalLocalOriginErrors"],
    ["{outlierDetection: {maxEjectionPercent: 101}}", "must be a whole number from 0 to 100"],
    ["{tls: {mode: MUTUAL}}", "needs clientCertificate and privateKey"],
    ["{tls: {mode: ISTIO_MUTUAL, caCertificates: a}}", "takes no files"],
    ["{tls: {mode: SIMPLE, credentialName: a}}", "not supported yet"],
    ["{tls: {mode: SIMPLE, caCertificates: a, insecureSkipVerify: true}}", "cannot stand beside"],
    ["{portLevelSettings: [{port: {number: 80}}]}", "must have at least one of"],
    ["{portLevelSettings: [{loadBalancer: {simple: RANDOM}}]}", 'field "port" is missing'],
    ["{retryBudget: {}}", "not supported yet"],
  ])("trafficPolicy %s is refused", (text, message) => {
    expect(errors(destinationRule(text)).join()).toContain(message);
  });
});

describe("PeerAuthentication", () => {
  test("modes by workload and port", () => {
    const loaded = load(
      policy(
        "PeerAuthentication",
        "{selector: {matchLabels: {app: a}}, mtls: {mode: UNSET}, portLevelMtls: {8080: {mode: DISABLE}, '81': {}}}",
      ),
    );
    expect(loaded.problems).toEqual([]);
    const [read] = loaded.mesh.peerAuthentications;
    expect(read?.selector).toEqual({ app: "a" });
    expect(read?.mode).toBeUndefined();
    expect([...(read?.portModes ?? [])]).toEqual([
      [8080, "DISABLE"],
      [81, undefined],
    ]);
  });

  test("without a spec it inherits", () => {
    const loaded = load("apiVersion: security.istio.io/v1beta1\nkind: PeerAuthentication\nmetadata: {name: default}\n");
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.peerAuthentications[0]).toMatchObject({ selector: undefined, mode: undefined });
  });

  test.each([
    ["{portLevelMtls: {80: {mode: STRICT}}}", "needs a selector with labels"],
    ["{selector: {matchLabels: {app: a}}, portLevelMtls: {}}", "must have at least one port"],
    ["{selector: {matchLabels: {app: a}}, portLevelMtls: {http: {}}}", "the key must be a workload's port"],
    ["{selector: {matchLabels: {app: a}}, portLevelMtls: {65536: {}}}", "the key must be a workload's port"],
    ["{mtls: {mode: strict}}", 'did you mean "STRICT"?'],
    ["{selector: {matchLabels: {app: '*'}}}", "a selector has no wildcards"],
    ["{selector: {app: a}}", 'unknown field "app"'],
  ])("%s is refused", (spec, message) => {
    expect(errors(policy("PeerAuthentication", spec)).join()).toContain(message);
  });
});

describe("AuthorizationPolicy", () => {
  test("all that the model carries", () => {
    const spec = `{action: DENY, selector: {matchLabels: {app: a}}, rules: [{
      from: [{source: {principals: [cluster.local/ns/a/sa/b, 'x*', '*y', '*'], notNamespaces: [n], ipBlocks: [10.0.0.0/8, '::1']}}],
      to: [{operation: {methods: [GET], paths: [/a*], ports: ['8080'], notHosts: ['*.b']}}],
      when: [{key: 'request.headers[x-a]', values: [b]}, {key: source.ip, notValues: [10.0.0.1]}]}]}`;
    const loaded = load(policy("AuthorizationPolicy", spec, ", annotations: {istio.io/dry-run: 'true'}"));
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.authorizationPolicies[0]).toMatchObject({
      action: "DENY",
      dryRun: true,
      selector: { app: "a" },
      rules: [
        {
          from: [
            {
              principals: [
                { t: "exact", value: "cluster.local/ns/a/sa/b" },
                { t: "prefix", value: "x" },
                { t: "suffix", value: "y" },
                { t: "present" },
              ],
              notNamespaces: [{ t: "exact", value: "n" }],
              ipBlocks: ["10.0.0.0/8", "::1"],
              namespaces: [],
            },
          ],
          to: [
            {
              methods: [{ t: "exact", value: "GET" }],
              paths: [{ t: "prefix", value: "/a" }],
              ports: [8080],
              notHosts: [{ t: "suffix", value: ".b" }],
            },
          ],
          when: [
            { key: "request.headers[x-a]", values: ["b"], notValues: [] },
            { key: "source.ip", values: [], notValues: ["10.0.0.1"] },
          ],
        },
      ],
    });
  });

  test("an ALLOW policy without rules allows nothing, and says so by having none", () => {
    for (const spec of ["{}", "{rules: []}", "{action: ALLOW}"]) {
      const loaded = load(policy("AuthorizationPolicy", spec));
      expect(loaded.problems).toEqual([]);
      expect(loaded.mesh.authorizationPolicies[0]).toMatchObject({ action: "ALLOW", rules: [] });
    }
    expect(load(policy("AuthorizationPolicy", "{rules: [{}]}")).mesh.authorizationPolicies[0]?.rules).toHaveLength(1);
  });

  test("service accounts are the ends of principals", () => {
    const loaded = load(policy("AuthorizationPolicy", "{rules: [{from: [{source: {serviceAccounts: [shop/web]}}]}]}"));
    expect(loaded.mesh.authorizationPolicies[0]?.rules[0]?.from[0]?.principals).toEqual([
      { t: "suffix", value: "/ns/shop/sa/web" },
    ]);
  });

  test.each([
    ["{action: CUSTOM, rules: [{}]}", "not supported yet"],
    ["{action: DENY}", "needs rules"],
    ["{rules: [{from: []}]}", "must have at least one item"],
    ["{rules: [{from: [{}]}]}", 'field "source" is missing'],
    ["{rules: [{from: [{source: {}}]}]}", "source must ask for something"],
    ["{rules: [{from: [{source: {principals: []}}]}]}", "must have at least one item"],
    ["{rules: [{from: [{source: {principals: ['']}}]}]}", "must not be empty"],
    ["{rules: [{from: [{source: {principals: ['*a*']}}]}]}", '"*" may stand at the front or at the end'],
    ["{rules: [{from: [{source: {principals: ['spiffe://a/ns/b/sa/c']}}]}]}", "without spiffe://"],
    ["{rules: [{from: [{source: {serviceAccounts: [a/b], namespaces: [a]}}]}]}", "cannot stand beside namespaces"],
    ["{rules: [{from: [{source: {serviceAccounts: ['a/*']}}]}]}", "without wildcards"],
    ["{rules: [{from: [{source: {requestPrincipals: ['*']}}]}]}", "not supported yet"],
    ["{rules: [{from: [{source: {ipBlocks: [10.0.0.0/33]}}]}]}", "must be an IP address or a range"],
    ["{rules: [{to: [{operation: {ports: [80]}}]}]}", "(put it in quotes)"],
    ["{rules: [{to: [{operation: {ports: ['http']}}]}]}", "a port as text"],
    ["{rules: [{to: [{operation: {paths: ['/a/{*}']}}]}]}", "not supported yet"],
    ["{rules: [{when: [{key: source.ip}]}]}", "at least one of values, notValues"],
    ["{rules: [{when: [{key: source.namespaces, values: [a]}]}]}", 'did you mean "source.namespace"?'],
    ["{rules: [{when: [{key: 'request.auth.claims[a]', values: [a]}]}]}", "not supported yet"],
    ["{rules: [{when: [{key: destination.port, values: ['0']}]}]}", "a port as text"],
    ["{targetRefs: []}", "not supported yet"],
  ])("%s is refused", (spec, message) => {
    expect(errors(policy("AuthorizationPolicy", spec)).join()).toContain(message);
  });

  test("a dry run that is not said plainly is refused", () => {
    expect(errors(policy("AuthorizationPolicy", "{}", ", annotations: {istio.io/dry-run: yes}")).join()).toContain(
      'must be "true" or "false", found "yes"',
    );
  });
});

describe("Service", () => {
  const service = (ports: string, more = ""): string =>
    `apiVersion: v1\nkind: Service\nmetadata: {name: reviews, namespace: shop}\nspec: {selector: {app: reviews}, ports: ${ports}${more}}\n`;

  test.each([
    ["{port: 80, name: http-web}", "http"],
    ["{port: 80, name: http2}", "http2"],
    ["{port: 80, name: grpc-web}", "http"],
    ["{port: 80, name: grpc}", "grpc"],
    ["{port: 80, name: tcp-x}", "tcp"],
    ["{port: 80, name: httpx}", "tcp"],
    ["{port: 80, name: mysql}", "tcp"],
    ["{port: 80}", "tcp"],
    ["{port: 80, name: tcp, appProtocol: HTTP}", "http"],
    ["{port: 80, appProtocol: kubernetes.io/h2c}", "http2"],
    ["{port: 80, appProtocol: kubernetes.io/wss}", "https"],
  ])("port %s speaks %s", (port, protocol) => {
    const loaded = load(service(`[${port}]`));
    expect(loaded.problems.filter((p) => p.severity === "error")).toEqual([]);
    expect(loaded.mesh.services[0]?.ports[0]).toMatchObject({ number: 80, targetPort: 80, protocol });
  });

  test("its host, and ports that are no TCP", () => {
    const loaded = load(
      service(
        "[{port: 53, protocol: UDP, name: dns}, {port: 80, targetPort: 8080, name: http}]",
        ", type: NodePort, clusterIP: None",
      ),
    );
    expect(loaded.mesh.services[0]).toMatchObject({
      hostname: "reviews.shop.svc.cluster.local",
      selector: { app: "reviews" },
      ports: [{ name: "http", number: 80, targetPort: 8080, protocol: "http" }],
    });
    expect(loaded.problems.map((p) => p.severity)).toEqual(["warning"]);
  });

  test.each([
    ["[{port: 80, targetPort: http}]", "a port's name is not supported yet here"],
    ["[{port: 80}, {port: 81}]", "with several ports each has a name"],
    ["[{port: 80, name: a}, {port: 80, name: b}]", "the port 80 stands twice"],
    ["[{port: 80, name: a}, {port: 81, name: a}]", 'the port name "a" stands twice'],
    ["[{targetPort: 80}]", 'field "port" is missing'],
    ["[{port: '80'}]", "must be a whole number"],
  ])("ports %s are refused", (ports, message) => {
    expect(errors(service(ports)).join()).toContain(message);
  });
});

describe("Workload", () => {
  test("its process, with the folder of the file", () => {
    const text =
      "apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: w, labels: {app: a}}\nspec: {command: [bun, a.ts], env: {A: b}, ports: [9080], workingFolder: ../x}\n";
    const loaded = load(text, "some/folder/w.yaml");
    expect(loaded.problems).toEqual([]);
    expect(loaded.mesh.workloads[0]).toMatchObject({
      name: "w",
      namespace: "default",
      labels: { app: "a" },
      serviceAccount: "default",
      ports: [9080],
      process: { command: ["bun", "a.ts"], environment: { A: "b" }, workingFolder: resolve("some/x") },
    });
    expect(
      load(text.replace(", workingFolder: ../x", ""), "some/w.yaml").mesh.workloads[0]?.process?.workingFolder,
    ).toBe(resolve("some"));
  });

  test.each([
    ["{command: []}", "must have at least one item"],
    ["{command: [a, 1]}", "must be text (put it in quotes), found number 1"],
    ["{env: {A: b}}", 'has no effect without "command"'],
    ["{ports: [80, 80]}", "the port 80 stands twice"],
    ["{replicas: 3}", 'unknown field "replicas"'],
  ])("%s is refused", (spec, message) => {
    expect(errors(`apiVersion: tulle.dev/v1\nkind: Workload\nmetadata: {name: w}\nspec: ${spec}\n`).join()).toContain(
      message,
    );
  });
});

describe("TrafficSplit", () => {
  const split = (backends: string, version = "v1alpha4"): string =>
    `apiVersion: split.smi-spec.io/${version}\nkind: TrafficSplit\nmetadata: {name: s, namespace: shop}\nspec: {service: web, backends: ${backends}}\n`;
  const weights = (text: string): readonly number[] | undefined => {
    const action = load(text).mesh.virtualServices[0]?.http[0]?.action;
    return action?.t === "route" ? action.destinations.map((d) => d.weight) : undefined;
  };

  test.each([
    ["[{service: a, weight: 900m}, {service: b, weight: 100m}]", [900, 100]],
    ["[{service: a, weight: 1}, {service: b, weight: 500m}]", [1000, 500]],
    ["[{service: a, weight: '1'}, {service: b, weight: 0}]", [1, 0]],
    ["[{service: a, weight: 90}, {service: b, weight: 10}]", [90, 10]],
    ["[{service: a, weight: 0.25}, {service: b, weight: 1}]", [250, 1000]],
  ])("weights of %s", (backends, expected) => {
    for (const version of ["v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4"])
      expect(weights(split(backends, version))).toEqual(expected);
  });

  test("a backend without a port of the root gets no calls on that port", () => {
    const service = (name: string, ports: string): string =>
      `---\napiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: {ports: ${ports}}\n`;
    const two = "[{port: 80, name: http}, {port: 81, name: http-b}]";
    const loaded = load(
      split("[{service: a, weight: 1}, {service: b, weight: 3}]") +
        service("web", two) +
        service("a", two) +
        service("b", "[{port: 80, name: http}]"),
    );
    expect(loaded.problems).toEqual([]);
    const rules = loaded.mesh.virtualServices[0]?.http.map((r) => [
      r.matches[0]?.port,
      r.action.t === "route" ? r.action.destinations.map((d) => [d.host.split(".")[0], d.port, d.weight]) : [],
    ]);
    expect(rules).toEqual([
      [
        80,
        [
          ["a", 80, 1],
          ["b", 80, 3],
        ],
      ],
      [81, [["a", 81, 1]]],
    ]);
  });

  test.each([
    ["[{service: a, weight: 0}]", "weights must sum to more than 0"],
    ["[{service: a, weight: -1}]", "must be a weight such as 90 or 900m"],
    ["[{service: a, weight: 90%}]", "must be a weight such as 90 or 900m"],
    ["[{service: a, weight: 1}, {service: a, weight: 1}]", "stands twice"],
  ])("backends %s are refused", (backends, message) => {
    expect(errors(split(backends)).join()).toContain(message);
  });
});
