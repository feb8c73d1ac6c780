/**
 * Comparisons that a person wrote: each kind of rule at least once, with requests that meet it and ones that just do not.
 *
 * @module
 */
import { type Ask, type Case, TARGET_PORT } from "./comparison.ts";
import { documentsOf } from "./rig/document.ts";
import { VISIBILITY } from "./visibility.ts";

const SUBSETS = `{host: HOST, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}},
  {name: pair, labels: {tier: pair}}, {name: nobody, labels: {version: v9}}]}`;

const document = (kind: string, spec: string): string =>
  `---\napiVersion: networking.istio.io/v1\nkind: ${kind}\nmetadata: {name: HOST}\nspec: ${spec}\n`;

/** A case of one VirtualService and, unless said otherwise, the DestinationRule with the subsets v1 to v3, pair and nobody. */
function rules(what: string, http: string, asks: readonly Ask[], destination = SUBSETS): Case {
  const text = document("VirtualService", `{hosts: [HOST], http: ${http}}`) + document("DestinationRule", destination);
  return { what, documents: documentsOf(text), asks };
}

interface Extras {
  readonly method?: string;
  readonly body?: string;
  readonly host?: string;
  readonly port?: 0 | 1;
}

const ask = (path: string, headers: Readonly<Record<string, string>> = {}, extras: Extras = {}): Ask => ({
  port: 0,
  method: "GET",
  body: "",
  ...extras,
  path,
  headers: Object.entries(headers),
});

const to = (subset: string, more = ""): string => `{destination: {host: HOST, subset: ${subset}}${more}}`;
const A = { origin: "https://a.example" };
const PREFLIGHT = { "access-control-request-method": "PUT", "access-control-request-headers": "x-one,x-nine" };
const grpc = { "content-type": "application/grpc" };
const post = { method: "POST", body: "what is sent" };

const ENTRY_PORT = `ports: [{number: 80, name: http, protocol: HTTP, targetPort: ${TARGET_PORT}}]`;

/** A case of ServiceEntries, and a rule for their hosts. */
function outside(
  what: string,
  entries: readonly string[],
  rule: string | undefined,
  destination: string | undefined,
  asks: readonly Ask[],
): Case {
  const texts = [
    ...entries.map((spec, i) => document("ServiceEntry", spec).replace("name: HOST", `name: HOST-${i}`)),
    ...(rule === undefined ? [] : [document("VirtualService", rule)]),
    ...(destination === undefined ? [] : [document("DestinationRule", destination)]),
  ];
  return { what, documents: documentsOf(texts.join("")), asks };
}

export const FIXED: readonly Case[] = [
  {
    what: "no documents",
    documents: [],
    asks: [
      ask("/"),
      ask("/a/../b//c%2Fd?e=f"),
      ask("/x", {}, post),
      ask("/", {}, { method: "HEAD" }),
      ask("/", {}, { port: 1 }),
    ],
  },
  {
    what: "a host that nobody has",
    documents: [],
    asks: [ask("/", {}, { host: "nobody" }), ask("/", {}, { host: "nobody.example" })],
  },
  {
    what: "names",
    documents: [],
    asks: [
      "HOST.default",
      "HOST.default.svc",
      "HOST.default.svc.cluster.local",
      "HOST.other",
      "far",
      "far.other",
      "HOST.",
      "HOST.default.svc.cluster.local.",
    ].map((host) => ask("/", {}, { host })),
  },
  { what: "a service with nobody behind it", documents: [], asks: [ask("/", {}, { host: "empty" })] },
  rules(
    "prefixes",
    `[{match: [{uri: {prefix: /api}}], route: [${to("v1")}]}, {match: [{uri: {prefix: /b/}}], route: [${to("v2")}]}]`,
    ["/api", "/api/", "/apix", "/api?x", "/ap", "/b", "/b/", "/b/c", "/API", "/", "/x/../api", "//api"].map((path) =>
      ask(path),
    ),
  ),
  rules(
    "exact paths",
    `[{match: [{uri: {exact: /api}}], route: [${to("v1")}]}, {match: [{uri: {exact: /B}, ignoreUriCase: true}], route: [${to("v2")}]}, {route: [${to("v3")}]}]`,
    ["/api", "/api/", "/api?x=y", "/apix", "/API", "/b", "/B", "/b?"].map((path) => ask(path)),
  ),
  rules(
    "regexes",
    `[{match: [{uri: {regex: "/re/[0-9]+"}}], route: [${to("v1")}]}, {match: [{uri: {regex: "(?i)/case.*"}}], route: [${to("v2")}]}, {match: [{headers: {x-id: {regex: "a|b"}}}], route: [${to("v3")}]}]`,
    [
      ...["/re/1", "/re/12?q", "/re/", "/re/1x", "/CASE", "/case/x"].map((path) => ask(path)),
      ask("/", { "x-id": "a" }),
      ask("/", { "x-id": "ab" }),
    ],
  ),
  rules(
    "headers",
    `[{match: [{headers: {x-a: {exact: one}, x-b: {prefix: p}}}], route: [${to("v1")}]}, {match: [{headers: {x-c: {}}}], route: [${to("v2")}]}, {match: [{withoutHeaders: {x-d: {}, x-e: {exact: e}}}], route: [${to("v3")}]}]`,
    [
      { "x-a": "one", "x-b": "pq" },
      { "x-a": "one" },
      { "x-a": "One", "x-b": "p", "x-d": "" },
      { "x-c": "" },
      { "x-c": "any", "x-d": "d" },
      { "x-d": "d" },
      { "x-e": "e" },
      { "x-e": "f" },
      {},
    ].map((headers) => ask("/", headers)),
  ),
  rules(
    "methods, authorities, schemes",
    `[{match: [{method: {exact: POST}}], route: [${to("v1")}]}, {match: [{authority: {prefix: HOST.default}}], route: [${to("v2")}]}, {match: [{scheme: {exact: http}, uri: {prefix: /s}}], route: [${to("v3")}]}, {match: [{scheme: {exact: https}}], route: [${to("v1")}]}]`,
    [
      ask("/", {}, post),
      ask("/"),
      ask("/", {}, { host: "HOST.default" }),
      ask("/s"),
      ask("/s", { "x-forwarded-proto": "https" }),
    ],
  ),
  rules(
    "query parameters",
    `[{match: [{queryParams: {v: {exact: "2"}, any: {}}}], route: [${to("v1")}]}, {match: [{queryParams: {n: {regex: "[0-9]+"}}}], route: [${to("v2")}]}, {match: [{queryParams: {e: {exact: ""}}}], route: [${to("v3")}]}, {match: [{queryParams: {p: {prefix: ab}}}], route: [${to("v1")}]}]`,
    [
      "/?v=2&any",
      "/?v=2",
      "/?any=&v=2&v=3",
      "/?v=3&v=2&any",
      "/?n=12",
      "/?n=x",
      "/?n=1&n=x",
      "/?e",
      "/?e=",
      "/?e=1",
      "/?p=abc",
      "/?p=%61b",
      "/",
    ].map((path) => ask(path)),
  ),
  rules(
    "ports",
    `[{match: [{port: 80}], route: [${to("v1")}]}, {match: [{port: 8080, uri: {prefix: /x}}], route: [{destination: {host: HOST, subset: v2, port: {number: 80}}}]}, {route: [${to("v3")}]}]`,
    [ask("/"), ask("/x"), ask("/x", {}, { port: 1 }), ask("/", {}, { port: 1 })],
  ),
  rules(
    "several matches and names",
    `[{name: first, match: [{name: one, uri: {exact: /1}}, {uri: {exact: /2}}, {name: three, headers: {x: {}}}], route: [${to("v1")}]}, {name: rest, route: [${to("v2")}]}]`,
    [ask("/1"), ask("/2"), ask("/", { x: "" }), ask("/")],
  ),
  rules(
    "what cannot be reached",
    `[{match: [{uri: {prefix: /}}], route: [${to("v1")}]}, {match: [{uri: {prefix: /x}}], route: [${to("v2")}]}]`,
    [ask("/"), ask("/x")],
  ),
  rules(
    "destinations that are not there",
    `[{match: [{uri: {prefix: /subset}}], route: [${to("v9")}]}, {match: [{uri: {prefix: /host}}], route: [{destination: {host: nobody}}]}, {match: [{uri: {prefix: /port}}], route: [{destination: {host: HOST, port: {number: 99}}}]}, {match: [{uri: {prefix: /empty}}], route: [{destination: {host: empty}}]}, {match: [{uri: {prefix: /none}}], route: [${to("nobody")}]}]`,
    ["/subset", "/host", "/port", "/empty", "/none", "/else"].map((path) => ask(path)),
  ),
  rules(
    "other services",
    `[{match: [{uri: {prefix: /peer}}], route: [{destination: {host: peer}}]}, {match: [{uri: {prefix: /far}}], route: [{destination: {host: far.other.svc.cluster.local}}]}, {match: [{uri: {prefix: /short}}], route: [{destination: {host: far.other}}]}]`,
    ["/peer", "/far", "/short"].map((path) => ask(path)),
  ),
  rules(
    "weights of 0 and 100",
    `[{match: [{uri: {prefix: /a}}], route: [${to("v1", ", weight: 100")}, ${to("v2", ", weight: 0")}]}, {match: [{uri: {prefix: /b}}], route: [${to("v1", ", weight: 0")}, ${to("v2", ', weight: 1, headers: {request: {set: {x-w: "2"}}}')}]}, {match: [{uri: {prefix: /c}}], route: [${to("v1", ", weight: 0")}]}, {match: [{uri: {prefix: /d}}], route: [${to("v1", ", weight: 50")}, ${to("v1", ", weight: 50")}]}]`,
    ["/a", "/b", "/c", "/d"].map((path) => ask(path)),
  ),
  rules(
    "rewrites",
    `[{match: [{uri: {prefix: /old/}}], rewrite: {uri: /new/}, route: [${to("v1")}]}, {match: [{uri: {prefix: /p}}], rewrite: {uri: /}, route: [${to("v1")}]}, {match: [{uri: {exact: /e}}], rewrite: {uri: /exact}, route: [${to("v1")}]}, {match: [{uri: {regex: "/r.*"}}], rewrite: {uri: /regex}, route: [${to("v1")}]}, {match: [{uri: {prefix: /host}}], rewrite: {authority: other.example}, route: [${to("v1")}]},
    {match: [{uri: {prefix: /g/}}], rewrite: {uriRegexRewrite: {match: "^/g/([^/]+)(/.*)?$", rewrite: "/by-\\\\1\\\\2"}}, route: [${to("v1")}]}, {match: [{headers: {x-r: {}}}], rewrite: {uri: /none}, route: [${to("v1")}]}]`,
    [
      ...["/old/a?b", "/old", "/pa/b", "/p", "/p/x", "/e?q=1", "/r/x?y", "/host", "/g/1/2?q", "/g/1"].map((path) =>
        ask(path),
      ),
      ask("/zz?a", { "x-r": "" }),
    ],
  ),
  rules(
    "redirects",
    `[{match: [{uri: {prefix: /uri}}], redirect: {uri: /there}}, {match: [{uri: {prefix: /host}}], redirect: {authority: other.example}}, {match: [{uri: {prefix: /both}}], redirect: {uri: /there, authority: "other.example:99", redirectCode: 308}}, {match: [{uri: {prefix: /secure}}], redirect: {scheme: https}}, {match: [{uri: {prefix: /port}}], redirect: {port: 8443}}, {match: [{uri: {prefix: /ps}}], redirect: {scheme: https, port: 8443, redirectCode: 302}}, {match: [{uri: {prefix: /own}}], redirect: {scheme: https, derivePort: FROM_REQUEST_PORT, redirectCode: 307}}, {match: [{uri: {prefix: /std}}], redirect: {scheme: https, derivePort: FROM_PROTOCOL_DEFAULT, redirectCode: 303}}, {match: [{uri: {prefix: /prefix/}}], redirect: {uri: "%PREFIX()%/x"}}, {match: [{uri: {prefix: /q}}], redirect: {uri: "/there?x=y"}}]`,
    ["/uri/a?b=c", "/host/a?b=c", "/both", "/secure/a", "/port", "/ps", "/own", "/std", "/q?z"].map((path) =>
      ask(path),
    ),
  ),
  rules(
    "direct responses",
    `[{match: [{uri: {prefix: /text}}], directResponse: {status: 418, body: {string: "no coffee"}}}, {match: [{uri: {prefix: /bytes}}], directResponse: {status: 200, body: {bytes: aGVsbG8=}}}, {match: [{uri: {prefix: /bare}}], directResponse: {status: 204}}, {match: [{uri: {prefix: /h}}], directResponse: {status: 200, body: {string: x}}, headers: {response: {set: {x-answer: a, content-type: application/json}}}}]`,
    [
      ask("/text"),
      ask("/text", {}, { method: "HEAD" }),
      ask("/text", {}, post),
      ask("/bytes"),
      ask("/bare"),
      ask("/h"),
    ],
  ),
  rules(
    "edits of headers",
    `[{match: [{uri: {prefix: /r}}], headers: {request: {set: {x-set: s, host: edited.example}, add: {x-add: more}, remove: [x-remove]}, response: {set: {x-answer: a}, add: {x-internal: three}, remove: [set-cookie]}}, route: [${to("v1")}]},
    {match: [{uri: {prefix: /d}}], headers: {request: {set: {x-both: rule}, add: {x-more: rule}}, response: {add: {x-more: rule}}}, route: [${to("v1", ", headers: {request: {set: {x-both: destination}, add: {x-more: destination}, remove: [x-remove]}, response: {add: {x-more: destination}, remove: [x-internal]}}")}]},
    {match: [{uri: {prefix: /w}}], headers: {request: {set: {x-both: rule}}, response: {set: {x-both: rule}}}, route: [${to("v1", ", weight: 100, headers: {request: {set: {x-both: destination}}, response: {set: {x-both: destination}}}")}, ${to("v2", ", weight: 0")}]},
    {match: [{uri: {prefix: /o}}], headers: {request: {set: {x-made: "%REQ(:path)% %PROTOCOL% 100%%"}}, response: {set: {x-made: "%RESPONSE_CODE% %RESPONSE_FLAGS%"}}}, route: [${to("v1")}]},
    {match: [{uri: {prefix: /a}}], headers: {request: {set: {":authority": edited.example}}}, route: [${to("v1")}]}, {match: [{uri: {prefix: /p}}], headers: {request: {remove: [user-agent, X-REMOVE]}, response: {remove: [X-Internal]}}, route: [${to("v1")}]}]`,
    ["/r", "/d", "/w", "/o?q", "/a", "/p"].flatMap((path) => [
      ask(path),
      ask(path, {
        "x-remove": "r",
        "x-set": "before",
        "x-add": "before",
        "x-both": "before",
        "x-more": "before",
        "user-agent": "test",
      }),
    ]),
  ),
  rules("a scheme that is empty", `[{route: [${to("v1")}]}]`, [ask("/", { "x-forwarded-proto": "" })]),
  rules(
    "a mirror of what is tried again",
    `[{retries: {attempts: 1, perTryTimeout: 1s}, route: [${to("v1")}], mirror: {host: peer}}]`,
    [ask("/")],
  ),
  rules(
    "a rule's authority and a destination's host",
    `[{rewrite: {authority: rule.example}, route: [${to("v1", ", headers: {request: {set: {host: one.example}}}")}]}]`,
    [ask("/")],
  ),
  rules(
    "hosts that destinations give themselves",
    `[{match: [{uri: {prefix: /one}}], route: [${to("v1", ", headers: {request: {set: {host: one.example}}}")}]},
    {match: [{uri: {prefix: /both}}], rewrite: {authority: rule.example}, route: [${to("v1", ", weight: 1, headers: {request: {set: {host: one.example}}}")}, ${to("v2", ", weight: 0")}]},
    {match: [{uri: {prefix: /part}}], route: [${to("v1", ", weight: 1, headers: {request: {set: {host: one.example}}}")}, ${to("v2", ", weight: 0")}]}]`,
    ["/one", "/both", "/part"].map((path) => ask(path)),
  ),
  rules(
    "retries",
    `[{match: [{uri: {prefix: /none}}], retries: {attempts: 0}, route: [${to("v1")}]}, {match: [{uri: {prefix: /five}}], retries: {attempts: 3, retryOn: "5xx"}, route: [${to("v1")}]}, {match: [{uri: {prefix: /gateway}}], retries: {attempts: 1, retryOn: gateway-error}, route: [${to("v1")}]}, {match: [{uri: {prefix: /codes}}], retries: {attempts: 2, retryOn: "418,reset"}, route: [${to("v1")}]}, {match: [{uri: {prefix: /usual}}], retries: {attempts: 2}, route: [${to("v1")}]}, {match: [{uri: {prefix: /try}}], retries: {attempts: 2, perTryTimeout: 0.1s, retryOn: "5xx"}, route: [${to("v1")}]}, {route: [${to("v1")}]}]`,
    ["/none", "/five", "/gateway", "/codes", "/usual", "/else"]
      .flatMap((path) => [
        ...["503,503,200", "500,200", "418,200", "reset,200", "409,200", "503", "reset"].map((answers) =>
          ask(path, { "x-answers": answers }),
        ),
        ask(path, { "x-answers": "503,200" }, post),
        ask(path, { ...grpc, "x-grpc-status": "14" }, post),
        ask(path, { "x-answers": "502,200", "x-envoy-max-retries": "3", "x-envoy-retry-on": "5xx" }),
      ])
      .concat(ask("/try", { "x-wait": "400" })),
  ),
  rules(
    "timeouts",
    `[{match: [{uri: {prefix: /slow}}], timeout: 0.2s, route: [${to("v1")}]}, {route: [${to("v1")}]}]`,
    [
      ask("/slow"),
      ask("/slow", { "x-wait": "600" }),
      ask("/slow", { "x-wait": "600", ...grpc }, post),
      ask("/else", { "x-wait": "300" }),
      ask("/else", { "x-wait": "400", "x-envoy-upstream-rq-timeout-ms": "100" }),
      ask("/slow", { "x-envoy-upstream-rq-timeout-ms": "900", "x-wait": "600" }),
      ask("/else", { ...grpc, "grpc-timeout": "100m", "x-wait": "400" }, post),
      ask("/slow", { ...grpc, "grpc-timeout": "900m", "x-wait": "400" }, post),
    ],
  ),
  rules(
    "faults",
    `[{match: [{uri: {prefix: /abort}}], fault: {abort: {httpStatus: 418, percentage: {value: 100}}}, route: [${to("v1")}]}, {match: [{uri: {prefix: /never}}], fault: {abort: {httpStatus: 418, percentage: {value: 0}}}, route: [${to("v1")}]}, {match: [{uri: {prefix: /default}}], fault: {abort: {httpStatus: 500}}, route: [${to("v1")}]}, {match: [{uri: {prefix: /grpc}}], fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}, route: [${to("v1")}]}, {match: [{uri: {prefix: /delay}}], fault: {delay: {fixedDelay: 0.1s, percentage: {value: 100}}}, timeout: 0.05s, route: [${to("v1")}]}, {match: [{uri: {prefix: /both}}], fault: {delay: {fixedDelay: 0.05s, percentage: {value: 100}}, abort: {httpStatus: 503, percentage: {value: 100}}}, retries: {attempts: 3, retryOn: "5xx"}, route: [${to("v1")}]}, {match: [{uri: {prefix: /edited}}], fault: {abort: {httpStatus: 503, percentage: {value: 100}}}, headers: {response: {set: {x-answer: a}}}, route: [${to("v1")}]}]`,
    ["/abort", "/never", "/default", "/grpc", "/delay", "/both", "/edited"].flatMap((path) => [
      ask(path),
      ask(path, grpc, post),
    ]),
  ),
  rules(
    "mirrors",
    `[{match: [{uri: {prefix: /one}}], route: [${to("v1")}], mirror: {host: HOST, subset: v2}}, {match: [{uri: {prefix: /none}}], route: [${to("v1")}], mirror: {host: HOST, subset: v2}, mirrorPercentage: {value: 0}}, {match: [{uri: {prefix: /several}}], route: [${to("v1")}], mirrors: [{destination: {host: HOST, subset: v2}}, {destination: {host: peer}, percentage: {value: 100}}, {destination: {host: HOST, subset: v3}, percentage: {value: 0}}]}, {match: [{uri: {prefix: /edited}}], rewrite: {uri: /new}, headers: {request: {set: {x-set: s}}}, route: [${to("v1")}], mirror: {host: peer}}, {match: [{uri: {prefix: /lost}}], route: [${to("v1")}], mirror: {host: nobody}}]`,
    ["/one", "/none", "/several", "/edited/x", "/lost"].flatMap((path) => [ask(path), ask(path, {}, post)]),
  ),
  rules(
    "cors",
    `[{match: [{uri: {prefix: /one}}], corsPolicy: {allowOrigins: [{exact: "https://a.example"}, {prefix: "https://b."}, {regex: "https://[a-z]+\\\\.c\\\\.example"}], allowMethods: [GET, PUT], allowHeaders: [x-one, x-two], exposeHeaders: [x-three], maxAge: 1h, allowCredentials: true}, route: [${to("v1")}]},
    {match: [{uri: {prefix: /all}}], corsPolicy: {allowOrigins: [{exact: "*"}], allowMethods: ["*"], allowHeaders: ["*"], unmatchedPreflights: IGNORE}, route: [${to("v1")}]}, {match: [{uri: {prefix: /old}}], corsPolicy: {allowOrigin: ["https://a.example"], allowMethods: [POST]}, route: [${to("v1")}]}]`,
    ["/one", "/all", "/old"].flatMap((path) => [
      ask(path),
      ask(path, A),
      ask(path, { origin: "https://evil.example" }),
      ask(path, { origin: "https://x.c.example" }),
      ask(path, { ...A, ...PREFLIGHT }, { method: "OPTIONS" }),
      ask(path, { origin: "https://evil.example", ...PREFLIGHT }, { method: "OPTIONS" }),
      ask(path, A, { method: "OPTIONS" }),
    ]),
  ),
  rules(
    "a rule and its destination that set one host",
    `[{headers: {request: {set: {host: edited.example}}}, route: [${to("v1", ", weight: 100, headers: {request: {set: {host: edited.example}}}")}, ${to("v2", ", weight: 0")}]}]`,
    [ask("/")],
  ),
  rules(
    "cors that browsers do not keep",
    `[{corsPolicy: {allowOrigins: [{exact: "https://a.example"}], maxAge: 0s}, route: [${to("v1")}]}]`,
    [],
  ),
  rules(
    "mirrors of calls of gRPC whose tries alone have a time",
    `[{retries: {attempts: 1, perTryTimeout: 2s}, route: [${to("v1")}], mirror: {host: peer}}]`,
    [ask("/", grpc)],
  ),
  rules(
    "hashing",
    `[{route: [{destination: {host: HOST}}]}]`,
    Array.from({ length: 12 }, (_, i) => ask("/", { "x-user": `user-${i}` })),
    "{host: HOST, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user}}}}",
  ),
  rules(
    "limits and protocols that change nothing",
    `[{route: [${to("v1")}]}]`,
    [ask("/"), ask("/", {}, post)],
    "{host: HOST, trafficPolicy: {connectionPool: {tcp: {maxConnections: 100, connectTimeout: 3s}, http: {http1MaxPendingRequests: 100, maxRequestsPerConnection: 1}}, outlierDetection: {consecutive5xxErrors: 100}, loadBalancer: {simple: ROUND_ROBIN}}, subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]}",
  ),
  outside(
    "entries with endpoints",
    [
      `{hosts: [HOST.example], resolution: STATIC, ${ENTRY_PORT}, endpoints: [{address: 127.0.10.1, labels: {version: v1}}, {address: 127.0.10.2, labels: {version: v2}}]}`,
    ],
    `{hosts: [HOST.example], http: [{match: [{uri: {prefix: /one}}], route: [{destination: {host: HOST.example, subset: v1}}]},
      {match: [{uri: {prefix: /two}}], rewrite: {authority: other.example}, route: [{destination: {host: HOST.example, subset: v2}}]},
      {match: [{uri: {prefix: /none}}], route: [{destination: {host: HOST.example, subset: v9}}]},
      {match: [{uri: {prefix: /lost}}], route: [{destination: {host: lost.example}}]}]}`,
    "{host: HOST.example, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v9, labels: {version: v9}}]}",
    ["/one", "/two", "/none", "/lost", "/else"].map((path) => ask(path, {}, { host: "HOST.example" })),
  ),
  outside(
    "entries by name, whose names are addresses",
    [
      `{hosts: [HOST.example], resolution: DNS, ${ENTRY_PORT}, endpoints: [{address: 127.0.10.3}]}`,
      `{hosts: [rr.HOST.example], resolution: DNS_ROUND_ROBIN, ${ENTRY_PORT}, endpoints: [{address: 127.0.10.4}]}`,
    ],
    "{hosts: [HOST.example], http: [{timeout: 0.3s, route: [{destination: {host: HOST.example}}], headers: {request: {set: {x-set: s}}}}]}",
    undefined,
    [
      ask("/", {}, { host: "HOST.example" }),
      ask("/", { "x-wait": "600" }, { host: "HOST.example" }),
      ask("/", {}, { host: "rr.HOST.example" }),
      ask("/", {}, { host: "HOST.example." }),
    ],
  ),
  outside(
    "entries of wildcards, of several hosts, and rules of wildcards over them",
    [
      `{hosts: ["*.HOST.example", HOST.org], resolution: STATIC, ${ENTRY_PORT}, endpoints: [{address: 127.0.10.1}]}`,
      `{hosts: [near.HOST.example], location: MESH_INTERNAL, resolution: STATIC, ${ENTRY_PORT}, workloadSelector: {labels: {app: peer}}}`,
    ],
    '{hosts: ["*.HOST.example"], http: [{match: [{uri: {prefix: /direct}}], directResponse: {status: 418}}, {route: [{destination: {host: near.HOST.example}}]}]}',
    undefined,
    ["a.HOST.example", "a.b.HOST.example", "near.HOST.example", "HOST.example", "HOST.org"].flatMap((host) => [
      ask("/", {}, { host }),
      ask("/direct", {}, { host }),
    ]),
  ),
  outside(
    "entries of one host: ports and endpoints of both",
    [
      `{hosts: [HOST.example], resolution: STATIC, ${ENTRY_PORT}, endpoints: [{address: 127.0.10.1}]}`,
      `{hosts: [HOST.example], resolution: STATIC, ports: [{number: 8080, name: http-b, protocol: HTTP, targetPort: 9080}], endpoints: [{address: 127.0.10.2}]}`,
    ],
    undefined,
    undefined,
    [ask("/", {}, { host: "HOST.example" }), ask("/", {}, { host: "HOST.example", port: 1 })],
  ),
  ...VISIBILITY,
];
