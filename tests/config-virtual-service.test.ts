/**
 * VirtualService becomes the model, with Istio's defaults and traps.
 */
import { describe, expect, test } from "bun:test";
import { defaultMeshSettings } from "../src/model/mesh.ts";
import { formatProblem } from "../src/base/problem.ts";
import { noTopology } from "../src/model/gateway.ts";
import type { RouteAction } from "../src/model/virtual-service.ts";
import { errors, load, warnings } from "./support/documents.ts";

// === helpers ===

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
      ...defaultMeshSettings,
      clusterDomain: "corp.example",
      trustDomain: "td.example",
      rootNamespace: "root",
      gatewayTopology: noTopology,
    });
    expect(loaded.mesh.virtualServices[0]?.hosts).toEqual(["reviews.shop.svc.corp.example"]);
    expect(errors(`${mesh}${mesh.replace("name: m", "name: other")}`).join()).toContain(
      "a mesh has one Mesh document: see mesh.yaml:3",
    );
  });

  test.each([
    ["*", "the host * is not allowed in the mesh"],
    ["a_b", "must be a host name"],
    ["a..c", "must be a host name"],
    ["1.2.3", "must be a host name"],
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
    ["{headers: {'@request.auth.claims.sub': {exact: x}}}", "not supported yet"],
    ["{queryParams: {a: {exac: b}}}", 'unknown field "exac"'],
    ["{queryParams: {'a b': {exact: b}}}", "is no name of a query parameter"],
    ["{sourceLabels: {app: '*'}}", "must be a label's value"],
    ["{sourceNamespace: Apps}", "must be 1 to 63 lower-case letters"],
    ["{statPrefix: ''}", "must not be empty"],
    ["{gateways: [ed_ge]}", "must be mesh, or a Gateway as name or namespace/name"],
    ["{port: 0}", "must be a whole number from 1 to 65535, found number 0"],
    ["{method: GET}", "must be a mapping"],
  ])("match %s is refused", (match, message) => {
    expect(ruleErrors(`match: [${match}]\n${ROUTE}`).join()).toContain(message);
  });

  test("whose calls they are for, and the name that Envoy counts under", () => {
    const written = "match: [{sourceLabels: {app: a}, sourceNamespace: apps, statPrefix: a}, {gateways: [mesh]}]";
    const [match, other] = rule(`${written}\n${ROUTE}`).matches;
    expect(match).toMatchObject({ source: { labels: { app: "a" }, namespace: "apps" }, statPrefix: "a" });
    expect(other?.source).toEqual({ labels: {}, namespace: undefined });
  });

  test.each([
    ["{headers: {method: {exact: GET}}}", "matches a header of that name, as in Istio"],
    ["{withoutHeaders: {uri: {}}}", "matches a header of that name, as in Istio"],
    ["{sourceLabels: {app: a}, gateways: [mesh]}", "has no effect beside gateways"],
  ])("match %s is warned of", (match, message) => {
    expect(warnings(virtualService(`match: [${match}]\n${ROUTE}`)).join()).toContain(message);
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
    expect(read.rewrite).toEqual({ uri: "/x", uriRegex: undefined, authority: undefined });
    expect(read.retries).toEqual({
      attempts: 3,
      perTryTimeoutMs: 1500,
      retryOn: ["5xx", "reset", "503"],
      backoffMs: undefined,
      remoteLocalities: false,
      ignorePreviousHosts: true,
    });
    expect(
      action(
        `${ROUTE}\nretries: {attempts: 1, backoff: 1s, retryRemoteLocalities: true, retryIgnorePreviousHosts: false}`,
      ).retries,
    ).toMatchObject({
      backoffMs: 1000,
      remoteLocalities: true,
      ignorePreviousHosts: false,
    });
    expect(action(`${ROUTE}\nrewrite: {uriRegexRewrite: {match: '^/a/([^/]+)', rewrite: '/b/\\1'}}`).rewrite).toEqual({
      uri: undefined,
      uriRegex: { match: "^/a/([^/]+)", rewrite: "/b/\\1" },
      authority: undefined,
    });
    expect(action(`${ROUTE}\nretries: {attempts: 0}`).retries).toEqual({
      attempts: 0,
      perTryTimeoutMs: undefined,
      retryOn: undefined,
      backoffMs: undefined,
      remoteLocalities: false,
      ignorePreviousHosts: true,
    });
    expect(action(ROUTE)).toMatchObject({ timeoutMs: undefined, retries: undefined });
  });

  test("a fault without a percentage happens to no call", () => {
    expect(
      rule(`${ROUTE}\nfault: {delay: {fixedDelay: 100ms}, abort: {httpStatus: 555, percentage: {value: 0.1}}}`).fault,
    ).toEqual({
      delay: { percentage: 0, fixedDelayMs: 100 },
      abort: { percentage: 0.1, httpStatus: 555, grpcStatus: undefined },
    });
    expect(rule(`${ROUTE}\nfault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 1}}}`).fault?.abort).toEqual({
      percentage: 1,
      httpStatus: undefined,
      grpcStatus: 14,
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
      prefixRewrite: undefined,
      authority: undefined,
      scheme: undefined,
      port: undefined,
      derivePort: undefined,
      code: 307,
    });
    expect(rule("redirect: {scheme: https}").action).toMatchObject({ code: 301 });
    expect(rule("redirect: {prefixRewrite: /b, derivePort: FROM_REQUEST_PORT}").action).toMatchObject({
      prefixRewrite: "/b",
      derivePort: "FROM_REQUEST_PORT",
    });
  });

  test("direct responses", () => {
    const answer = (text: string) => rule(`directResponse: ${text}`).action;
    expect(answer("{status: 503}")).toEqual({ t: "directResponse", status: 503, body: undefined });
    expect(answer("{status: 200, body: {string: 'hi é'}}")).toMatchObject({ body: "hi é" });
    expect(answer("{status: 200, body: {bytes: aGkgw6k=}}")).toMatchObject({ body: "hi é" });
    const large = `directResponse: {status: 200, body: {string: ${"x".repeat(110_000)}}}`;
    expect(warnings(virtualService(large)).join()).toContain("has 110000 bytes, which every proxy");
  });

  test("CORS", () => {
    const policy =
      "{allowOrigins: [{exact: a}, {prefix: b}], allowMethods: [GET], exposeHeaders: ['*'], maxAge: 1h, unmatchedPreflights: IGNORE}";
    expect(rule(`${ROUTE}\ncorsPolicy: ${policy}`).cors).toEqual({
      allowOrigins: [
        { t: "exact", value: "a" },
        { t: "prefix", value: "b" },
      ],
      allowMethods: ["GET"],
      allowHeaders: [],
      exposeHeaders: ["*"],
      maxAgeSeconds: 3600,
      allowCredentials: undefined,
      forwardsUnmatched: false,
    });
    expect(rule(`${ROUTE}\ncorsPolicy: {allowOrigin: [a]}`).cors).toMatchObject({
      allowOrigins: [{ t: "exact", value: "a" }],
      forwardsUnmatched: true,
    });
    expect(rule(ROUTE).cors).toBeUndefined();
    const warned = (cors: string): string => warnings(virtualService(`${ROUTE}\ncorsPolicy: ${cors}`)).join();
    expect(warned("{}")).toContain("has no allowOrigins, so no origin is allowed");
    expect(warned("{allowOrigin: [a]}")).toContain("is deprecated [IST0002]");
    expect(warned("{allowOrigins: [{exact: '*'}], allowCredentials: true}")).toContain("every origin may call");
    expect(warnings(virtualService("redirect: {uri: /}\ncorsPolicy: {allowOrigins: [{exact: a}]}")).join()).toContain(
      "corsPolicy: warning: has no effect beside redirect",
    );
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
    ["retries: {attempts: 1, backoff: 0s}", "retries.backoff: must be a duration of 1ms or more"],
    ["retries: {backoff: 1s}", "retries.backoff: has no effect without attempts"],
    ["fault: {}", "fault: must have at least one of delay, abort"],
    [
      "fault: {delay: {exponentialDelay: 5s}}",
      "fault.delay.exponentialDelay: is not supported: Istio refuses it too; write",
    ],
    [
      "fault: {abort: {http2Error: PROTOCOL_ERROR}}",
      "fault.abort.http2Error: is not supported: Istio refuses it too; write",
    ],
    [
      "fault: {abort: {percentage: {value: 101}, httpStatus: 500}}",
      "fault.abort.percentage.value: must be a number from 0 to 100",
    ],
    ["fault: {abort: {percentage: {value: 1}}}", "fault.abort: must have at least one of httpStatus, grpcStatus"],
    [
      "fault: {abort: {grpcStatus: UNAVAILABLE, httpStatus: 500}}",
      "fault.abort.grpcStatus: cannot stand beside httpStatus",
    ],
    ["fault: {abort: {grpcStatus: UNAVAILIBLE}}", 'did you mean "UNAVAILABLE"?'],
    ["fault: {abort: {grpcStatus: 14}}", "fault.abort.grpcStatus: must be one of OK, CANCELLED"],
    ["redirect: {uri: /}", "route: cannot stand beside redirect"],
    ["mirror: {subset: a}", 'mirror: field "host" is missing'],
    ["mirrors: [{percentage: {value: 1}}]", 'mirrors[0]: field "destination" is missing'],
    ["mirrors: [{destination: {host: a}}]\nmirror: {host: a}", "mirrors: cannot stand beside mirror"],
    ["mirror: {host: a}\nmirrorPercentage: {value: 101}", "mirrorPercentage.value: must be a number from 0 to 100"],
    ["mirror: {host: a}\nmirrorPercentage: 50", "mirrorPercentage: must be a mapping"],
    ["mirror: {host: a}\nmirror_percent: 101", "mirror_percent: must be a whole number from 0 to 100"],
    ["mirror: {host: a}\nmirror_percent: 1\nmirrorPercent: 1", "mirror_percent: cannot stand beside mirrorPercent"],
    ["mirrors: [{destination: {host: a}, percentage: {value: -1}}]", "mirrors[0].percentage.value: must be a number"],
    ["corsPolicy: {allowOrigins: [{}]}", "corsPolicy.allowOrigins[0]: must have one of exact, prefix, regex"],
    ["corsPolicy: {allowOrigins: [{regex: '('}]}", "corsPolicy.allowOrigins[0].regex: must be a regular expression"],
    ["corsPolicy: {allowOrigins: [a]}", "corsPolicy.allowOrigins[0]: must be a mapping"],
    ["corsPolicy: {allowOrigin: [a], allowOrigins: [{exact: b}]}", "corsPolicy.allowOrigin: cannot stand beside"],
    ["corsPolicy: {allowMethods: ['GET PUT']}", "corsPolicy.allowMethods[0]: must be a name, or *"],
    ["corsPolicy: {allowHeaders: ['a: b']}", "corsPolicy.allowHeaders[0]: must be a name, or *"],
    ["corsPolicy: {maxAge: 1500ms}", "corsPolicy.maxAge: must be whole seconds"],
    ["corsPolicy: {allowCredentials: 'yes'}", "corsPolicy.allowCredentials: must be true or false"],
    ["corsPolicy: {unmatchedPreflights: DROP}", 'must be one of UNSPECIFIED, FORWARD, IGNORE, found "DROP"'],
    ["corsPolicy: {allowOrigns: []}", 'did you mean "allowOrigins"?'],
    ["directResponse: {status: 200}", "route: cannot stand beside directResponse"],
    ["rewrite: {}", "rewrite: must have at least one of uri, authority"],
    ["rewrite: {uri: /a, uriRegexRewrite: {match: a, rewrite: b}}", "rewrite.uriRegexRewrite: cannot stand beside uri"],
    ["rewrite: {uriRegexRewrite: {match: '(', rewrite: b}}", "rewrite.uriRegexRewrite.match: must be a regular"],
    ["rewrite: {uriRegexRewrite: {match: '(a)', rewrite: 'b\\2'}}", "is no group of match, which has 1"],
    ["rewrite: {uriRegexRewrite: {match: a, rewrite: 'b\\n'}}", "a backslash must be before a group's number"],
    ["rewrite: {uriRegexRewrite: {match: a, rewrite: 'b c'}}", "must be of a path's characters"],
    ["headers: {request: {remove: [':path']}}", "is not a header that can be removed"],
    ["headers: {response: {set: {host: a}}}", "is not a header that can be edited here"],
    ['headers: {request: {set: {a: "b\\r\\nc: d"}}}', "without line breaks"],
    [
      'headers: {request: {set: {x-a: "%HOSTNAME%"}}}',
      "headers.request.set.x-a: the operator %HOSTNAME% is not supported in headers",
    ],
    ['headers: {response: {add: {x-a: "a %START_TIMES%"}}}', 'did you mean "START_TIME"?'],
    ['headers: {request: {set: {x-a: "%START_TIME(%s)%"}}}', "the operator %START_TIME% takes no argument here"],
    ['headers: {request: {set: {x-a: "%REQ()%"}}}', "the operator %REQ% takes a header and at most one alternative"],
    ['headers: {request: {set: {x-a: "100%25%"}}}', "the operator %25% is not supported"],
    ["rewrite: {authority: a}\nheaders: {request: {set: {Host: b}}}", "the authority is set twice"],
    ["time_out: 5s", 'unknown field "time_out"; did you mean "timeout"?'],
  ])("%s is refused", (more, message) => {
    expect(ruleErrors(`${ROUTE}\n${more}`).join("\n")).toContain(message);
  });

  test.each([
    ["route: []", "route: must have at least one destination"],
    ["timeout: 5s", "must have a route, a redirect, a directResponse or a delegate"],
    ["redirect: {}", "redirect: must have at least one of uri, prefixRewrite, authority, scheme, port, derivePort"],
    ["redirect: {uri: /, prefixRewrite: /}", "redirect.prefixRewrite: cannot stand beside uri"],
    ["redirect: {port: 1, derivePort: FROM_REQUEST_PORT}", "redirect.derivePort: cannot stand beside port"],
    ["redirect: {derivePort: FROM_PORT}", 'must be one of FROM_PROTOCOL_DEFAULT, FROM_REQUEST_PORT, found "FROM_PORT"'],
    ["redirect: {prefixRewrite: '/a b'}", "redirect.prefixRewrite: must be a path without spaces"],
    ["redirect: {uri: /}\ndirectResponse: {status: 200}", "directResponse: cannot stand beside redirect"],
    ["directResponse: {}", 'directResponse: field "status" is missing'],
    ["directResponse: {status: 199}", "directResponse.status: must be a whole number from 200 to 599"],
    ["directResponse: {status: 200, body: {}}", "directResponse.body: must have at least one of string, bytes"],
    ["directResponse: {status: 200, body: {string: a, bytes: YQ==}}", "directResponse.body.bytes: cannot stand beside"],
    ["directResponse: {status: 200, body: {bytes: '%'}}", "directResponse.body.bytes: must be bytes in base64"],
    ["directResponse: {status: 200, body: {bytes: /w==}}", "bytes that are no UTF-8 text are not supported yet"],
    [
      `directResponse: {status: 200, body: {string: ${"x".repeat(1_048_577)}}}`,
      "may have 1048576 bytes, found 1048577",
    ],
    ["redirect: {uri: /, redirectCode: 304}", "redirect.redirectCode: must be one of 301"],
    ["route: [{destination: {subset: a}}]", 'route[0].destination: field "host" is missing'],
    ["route: [{destination: {host: '*.a'}}]", "route[0].destination.host: must be a host name"],
    ["route: [{destination: {host: a, port: 80}}]", "route[0].destination.port: must be a mapping"],
    ["route: [{destination: {host: 10.0.0.1}}]", "route[0].destination.host: must be a host name"],
    ["route: [{destination: {host: a, subset: v_1}}]", "route[0].destination.subset: must be"],
    ["route: [{destination: {host: a}, weight: -1}]", "route[0].weight: must be a whole number"],
    ["delegate: {name: A}", "delegate.name: must be lower-case letters"],
  ])("a rule with %s alone is refused", (only, message) => {
    expect(ruleErrors(only).join("\n")).toContain(message);
  });

  test.each([
    ["  gateways: [a/b/c]\n", "spec.gateways[0]: must be mesh, or a Gateway as name or namespace/name"],
    ["  exportTo: ['~']\n", 'must be "*", "." or the name of a namespace, found "~"'],
    ["  exportTo: ['*', '.']\n", '"*" stands alone'],
    ["  exportTo: [shop, '.']\n", '"." is there already'],
    ["  tcp: []\n", "spec.tcp: must have at least one rule"],
    [
      "  tcp: [{match: [{sourceSubnet: 10.0.0.0/40}], route: [{destination: {host: a}}]}]\n",
      "must be an IP address, or a range",
    ],
    [
      "  tls: [{match: [{sniHosts: [a.example.com]}], route: [{destination: {host: a}}]}]\n",
      "no host of the VirtualService covers",
    ],
  ])("%s is refused", (more, message) => {
    expect(errors(virtualService(ROUTE, more)).join()).toContain(message);
  });

  test("what says no more than the default is taken", () => {
    expect(errors(virtualService(ROUTE, "  gateways: [mesh]\n  exportTo: ['*']\n"))).toEqual([]);
  });
});

describe("mirrors", () => {
  const shares = (more: string): string[] =>
    action(`${ROUTE}\n${more}`).mirrors.map(
      ({ field, host, percentage }) => `${field} ${host.split(".")[0]} ${percentage}`,
    );

  test.each([
    ["mirror: {host: a}", ["mirror a 100"]],
    ["mirror: {host: a}\nmirrorPercentage: {value: 12.5}", ["mirror a 12.5"]],
    ["mirror: {host: a}\nmirrorPercentage: {}", ["mirror a 0"]],
    ["mirror: {host: a}\nmirrorPercent: 7", ["mirror a 7"]],
    ["mirror: {host: a}\nmirror_percent: 7\nmirrorPercentage: {value: 8}", ["mirror a 8"]],
    [
      "mirrors: [{destination: {host: a}}, {destination: {host: b}, percentage: {value: 5}}]",
      ["mirrors[0].destination a 100", "mirrors[1].destination b 5"],
    ],
  ])("%s", (more, expected) => expect(shares(more)).toEqual(expected));

  test("subset and port are read as those of a route", () => {
    const [mirror] = action(`${ROUTE}\nmirror: {host: a, subset: v2, port: {number: 81}}`).mirrors;
    expect(mirror).toMatchObject({ host: "a.shop.svc.cluster.local", subset: "v2", port: 81 });
  });

  test.each([
    [`${ROUTE}\nmirrorPercentage: {value: 5}`, "mirrorPercentage: warning: has no effect without mirror"],
    [`${ROUTE}\nmirror: {host: a}\nmirror_percent: 7`, "mirror_percent: warning: is deprecated [IST0002]"],
    ["redirect: {uri: /}\nmirror: {host: a}", "mirror: warning: has no effect beside redirect"],
  ])("%s is warned of", (http, message) => expect(warnings(virtualService(http)).join("\n")).toContain(message));
});
