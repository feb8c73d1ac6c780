/**
 * The engine takes what the translation makes: every document of the example, and a rule with everything in it.
 */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compileCluster } from "../src/engine/cluster/cluster.ts";
import { compileHttp, type CompiledHttp, type Decision } from "../src/engine/http.ts";
import { compileNetworkRbac } from "../src/engine/rbac/network-rbac.ts";
import { formatTraceStep, type TraceStep } from "../src/engine/trace.ts";
import { PLAIN_OPERATORS } from "../src/model/header-operators.ts";
import { defaultTranslateOptions } from "../src/translate/options.ts";
import { type MeshState, type ProxyResources, translate } from "../src/translate/translate.ts";
import { NetworkRbac } from "../src/xds/proto/filter-network-rbac.ts";
import { HttpConnectionManager } from "../src/xds/proto/http-connection-manager.ts";
import { isAny, unpack } from "../src/xds/types/any.ts";
import { load } from "./support/documents.ts";
import { service, stateOf, workload } from "./support/mesh.ts";
import { peerOf, PLAIN_PEER, request, type RequestParts } from "./support/requests.ts";

const BOOKINFO = join(import.meta.dir, "../examples/bookinfo");
const bookinfo = stateOf(
  ...readdirSync(BOOKINFO)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(join(BOOKINFO, name), "utf8")),
);

const resourcesOf = (state: MeshState, instance: string): ProxyResources =>
  translate(state, { t: "sidecar", instance }, { ...defaultTranslateOptions, accessLogPath: "/dev/stdout" });

/** Every connection manager of the listeners whose names begin with `prefix`. */
function managers({ listeners, routes }: ProxyResources, prefix: string): readonly CompiledHttp[] {
  return listeners
    .filter(({ name = "" }) => name.startsWith(prefix))
    .flatMap(({ filterChains = [], defaultFilterChain }) => [
      ...filterChains,
      ...(defaultFilterChain ? [defaultFilterChain] : []),
    ])
    .flatMap(({ filters = [] }) => filters)
    .flatMap(({ typedConfig }) => {
      if (typedConfig === undefined) return [];
      if (isAny(typedConfig, NetworkRbac)) compileNetworkRbac(unpack(typedConfig, NetworkRbac));
      if (!isAny(typedConfig, HttpConnectionManager)) return [];
      const rds = (name: string) => routes.find((route) => route.name === name);
      return [compileHttp(unpack(typedConfig, HttpConnectionManager), rds)];
    });
}

function only(http: readonly CompiledHttp[]): CompiledHttp {
  const [first] = http;
  if (first === undefined) throw new Error("expected a connection manager, found none");
  return first;
}

function clusterOf(decision: Decision): string {
  return decision.t === "forward" ? decision.clusterName : decision.t === "reply" ? String(decision.status) : "delay";
}

describe("bookinfo", () => {
  test("every connection manager of every proxy compiles, without the large regex engine", () => {
    // Another file of the same run may have loaded it.
    const loaded = regexEngine();
    const count = bookinfo.instances.flatMap(({ id }) => managers(resourcesOf(bookinfo, id), "")).length;
    expect(count).toBeGreaterThanOrEqual(2 * bookinfo.instances.length);
    expect(regexEngine()).toEqual(loaded);
  });

  const page = only(managers(resourcesOf(bookinfo, "productpage-v1-0"), "outbound"));
  const ask = (path: string, parts: RequestParts, drawn = 0): string =>
    clusterOf(page.decide(request(path, parts), PLAIN_PEER, () => drawn));

  test("a tester gets v2, others v1 and one in ten v3", () => {
    const reviews = { authority: "reviews:9080" };
    expect(ask("/reviews/1", { ...reviews, headers: { "end-user": "jason" } })).toContain("|v2|reviews.");
    expect(ask("/reviews/1", reviews, 0)).toContain("|v1|reviews.");
    expect(ask("/reviews/1", reviews, 89.9 / 2 ** 32)).toContain("|v1|reviews.");
    expect(ask("/reviews/1", reviews, 90 / 2 ** 32)).toContain("|v3|reviews.");
  });

  test("faults on purpose", () => {
    const ratings = { authority: "ratings:9080" };
    expect(ask("/ratings/1", { ...ratings, headers: { "x-test-fault": "abort" } })).toBe("503");
    expect(ask("/ratings/1", { ...ratings, headers: { "x-test-fault": "delay" } })).toBe("delay");
    expect(ask("/ratings/1", ratings)).toContain("||ratings.");
  });

  test("only who may call reviews is let in", () => {
    const inbound = only(managers(resourcesOf(bookinfo, "reviews-v1-0"), "inbound"));
    const from = (account: string, method = "GET"): Decision =>
      inbound.decide(
        request("/reviews/1", { method }),
        peerOf(`spiffe://cluster.local/ns/default/sa/${account}`),
        () => 0,
      );
    expect(clusterOf(from("bookinfo-productpage"))).toContain("inbound|9080");
    expect(from("bookinfo-details")).toMatchObject({ status: 403, details: "rbac_access_denied_matched_policy[none]" });
    expect(from("bookinfo-productpage", "DELETE")).toMatchObject({ status: 403 });
  });

  test("the reasons name the documents", () => {
    const steps: TraceStep[] = [];
    const view = request("/reviews/1", { authority: "reviews:9080", headers: { "end-user": "jason" } });
    page.decide(view, PLAIN_PEER, () => 0, steps);
    const text = steps.map(formatTraceStep).join("\n");
    expect(text).toContain('header end-user: wanted exact "jason", found "jason"');
    expect(text).toMatch(/VirtualService default\/reviews.*mesh\.yaml:\d+/);
  });
});

test("a rule with everything in it compiles", () => {
  const state = stateOf(
    service("reviews", ["http:9080"]),
    workload("reviews", "v1", [9080]),
    `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - match:
    - {uri: {prefix: /api}, ignoreUriCase: true, headers: {a: {exact: b}, any: {}, re: {regex: "x[0-9]+(y|z)*"}},
       method: {exact: GET}, authority: {prefix: rev}, scheme: {exact: http}, withoutHeaders: {x: {}, y: {regex: "a|b"}},
       queryParams: {q: {}, r: {exact: s}}}
    - uri: {exact: /exact}
    - uri: {regex: "/re/[^/]+"}
    rewrite: {uriRegexRewrite: {match: "^/re(/.*)", rewrite: '/v2\\1'}, authority: new.example.com}
    headers: {request: {set: {x-a: "100%"}, add: {x-b: b}, remove: [x-c]}, response: {add: {x-d: e}}}
    fault: {delay: {percentage: {value: 0.01}, fixedDelay: 5s}, abort: {percentage: {value: 50}, httpStatus: 503}}
    retries: {attempts: 3, perTryTimeout: 2s, retryOn: "5xx,reset", backoff: 50ms, retryIgnorePreviousHosts: false}
    timeout: 3s
    route: [{destination: {host: reviews}}]
  - match: [{uri: {prefix: /old}}]
    redirect: {uri: /new, authority: elsewhere.example.com, scheme: https, port: 8443, redirectCode: 308}
  - match: [{uri: {prefix: /prefix}}]
    redirect: {prefixRewrite: /new, derivePort: FROM_REQUEST_PORT}
  - match: [{uri: {prefix: /direct}}]
    directResponse: {status: 503, body: {string: "${"x".repeat(100_000)}"}}
  - route: [{destination: {host: reviews}}]`,
    `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: viewers}
spec:
  selector: {matchLabels: {app: reviews}}
  rules:
  - from:
    - source: {principals: ["cluster.local/ns/default/sa/p", "*/sa/q", "*"], ipBlocks: [10.0.0.0/8, "::1"]}
    - source: {namespaces: [a, "b*", "*c"], notPrincipals: ["td/x"], notNamespaces: [d], notIpBlocks: [10.1.0.0/16]}
    to:
    - operation: {methods: [GET, "P*"], notMethods: [PUT], paths: [/a, "/b*", "*/c", "*"], notPaths: [/d], ports: ["9080"],
        hosts: ["a.example.com", "*.b.example.com"]}
    when:
    - {key: "request.headers[X-Token]", values: [a, "b*", "*c", "*"], notValues: [d]}
    - {key: connection.sni, values: ["*"]}`,
  );
  expect(managers(resourcesOf(state, "reviews-v1-0"), "").length).toBeGreaterThanOrEqual(2);
});

const regexEngine = (): string[] => Object.keys(require.cache).filter((file) => file.includes("re2js"));

test("SIMPLE without sni: the host of each request names the server, and the engine takes the cluster", () => {
  const byHost = (tls: string) => {
    const rule = `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: r}, spec: {host: reviews, trafficPolicy: {tls: {mode: SIMPLE${tls}}}}}`;
    const state = stateOf(service("reviews", ["http:9080"]), workload("reviews", "v1", [9080]), rule);
    const { clusters } = resourcesOf(state, "reviews-v1-0");
    const outbound = clusters.find(({ name = "" }) => name.startsWith("outbound|"));
    return outbound && compileCluster(outbound).http.serverByHost;
  };
  expect(byHost("")).toEqual({ sni: true, san: true });
  expect(byHost(", subjectAltNames: [a.example.com]")).toEqual({ sni: true, san: false });
  expect(byHost(", sni: a.example.com")).toBeUndefined();
});

test("an operator that proxies do not know costs its own document, and every operator that is accepted compiles", () => {
  const rule = (name: string, value: string): string =>
    `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}}, spec: {hosts: [${name}], http: [
      {headers: {request: {set: {x-a: "${value}"}}}, route: [{destination: {host: reviews}}]}]}}`;
  const all = [...PLAIN_OPERATORS.map((name) => `%${name}%`), "%REQ(a?b):3%", "%RESP(c)%", "100%", "%%"].join(" ");
  const loaded = load([rule("wrong", "%HOSTNAME%"), rule("good", all)].join("\n---\n"));
  expect(loaded.mesh.virtualServices.map(({ origin }) => origin.name)).toEqual(["good"]);
  expect(loaded.problems.map(({ path, message }) => `${path}: ${message.split(" (")[0]}`)).toEqual([
    "spec.http[0].headers.request.set.x-a: the operator %HOSTNAME% is not supported in headers",
  ]);
  const state = stateOf(service("reviews", ["http:9080"]), workload("reviews", "v1", [9080]), rule("good", all));
  expect(managers(resourcesOf(state, "reviews-v1-0"), "outbound").length).toBeGreaterThan(0);
});
