/**
 * `tulle explain`: each outcome with its reasons and its code, on the example and on documents that go wrong.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Explanation } from "../src/app/explain/explanation.ts";
import { runCli } from "./support/cli-context.ts";
import { service, workload } from "./support/mesh.ts";

const example = relative(process.cwd(), join(import.meta.dir, "../examples/bookinfo"));
const folder = mkdtempSync(join(tmpdir(), "tulle-explain-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function explain(files: readonly string[], ...args: string[]): Promise<Explanation & { code: number }> {
  const { code, out, err } = await runCli(["explain", ...files.flatMap((f) => ["-f", f]), "-o", "json", ...args]);
  expect(err).toBe("");
  return { ...(JSON.parse(out) as Explanation), code };
}

const bookinfo = (...args: string[]): Promise<Explanation & { code: number }> => explain([example], ...args);

/** The example with one more document. */
function withDocument(name: string, text: string): readonly string[] {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, text);
  return [example, path];
}

/** The line, from 1, on which the text stands. */
async function lineOf(file: string, text: string): Promise<number> {
  const lines = (await Bun.file(join(example, file)).text()).split("\n");
  return lines.findIndex((line) => line.includes(text)) + 1;
}

describe("the example", () => {
  test("as a person reads it", async () => {
    const { code, out, err } = await runCli([
      "explain",
      "-f",
      example,
      "--from",
      "productpage-v1",
      "GET",
      "http://reviews:9080/reviews/1",
      "-H",
      "end-user: jason",
    ]);
    expect([code, err]).toEqual([0, ""]);
    for (const text of [
      "GET http://reviews:9080/reviews/1\n  end-user: jason\n  from productpage-v1, spiffe://cluster.local/ns/default/sa/bookinfo-productpage\n",
      `✓ VirtualService default/reviews rule testers (${example}/reviews.yaml:${await lineOf("reviews.yaml", "- headers:")}:11)\n      http[0].match[0].headers.end-user.exact: jason, the header is jason\n`,
      `- VirtualService default/reviews rule canary (${example}/reviews.yaml:${await lineOf("reviews.yaml", "name: canary")}:7) not reached: a rule before it matches\n`,
      "timeout  none\n",
      "destination  reviews.default.svc.cluster.local:9080 subset v2\n",
      "· reviews-v1: the subset v2 wants version=v2, found v1\n",
      "✓ reviews-v2: the subset v2 selects version=v2\n",
      `server STRICT by PeerAuthentication istio-system/default (${example}/security.yaml:2)\n`,
      "✓ ALLOW  AuthorizationPolicy default/reviews-viewer rule 0 (",
      "outcome  allowed: it goes to reviews-v2\n",
    ])
      expect(out).toContain(text);
  });

  test("is what the page about it shows", async () => {
    const page = await Bun.file(join(import.meta.dir, "../docs/explain.md")).text();
    const [shown = ""] = /^GET http:[\s\S]*?(?=```)/m.exec(page) ?? [];
    const { out } = await runCli([
      "explain",
      "-f",
      example,
      "--from",
      "productpage-v1",
      "http://ratings:9080/ratings/1",
    ]);
    expect(out).toBe(shown.replaceAll("examples/bookinfo", example));
  });

  test("rules before the one that matches say why they do not, and weights are told", async () => {
    const { code, routing, destinations, summary } = await bookinfo(
      "--from",
      "productpage-v1",
      "http://reviews:9080/reviews/1",
    );
    expect(code).toBe(0);
    expect(routing?.rules).toMatchObject([
      {
        name: "testers",
        matched: false,
        reason: "http[0].match[0].headers.end-user.exact: jason, the request has none",
      },
      {
        name: "old-path",
        matched: false,
        reason: "http[1].match[0].uri.prefix: /api/reviews/, the path is /reviews/1",
      },
      { name: "canary", matched: true, reason: "every call matches" },
    ]);
    expect(routing?.rules[2]?.source).toMatchObject({
      kind: "VirtualService",
      name: "reviews",
      file: `${example}/reviews.yaml`,
      line: await lineOf("reviews.yaml", "name: canary"),
    });
    expect(destinations).toMatchObject([
      { subset: "v1", share: 0.9, weight: "weight 90 of 100", loadBalancer: "round robin" },
      { subset: "v3", share: 0.1, weight: "weight 10 of 100", loadBalancer: "random" },
    ]);
    expect(summary).toBe("allowed: 90 % to reviews-v1, 10 % to reviews-v3");
  });

  test("every condition is told in the document's words, and rules for others or behind the match too", async () => {
    const files = withDocument(
      "words",
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: details}
spec:
  hosts: [details]
  http:
  - name: first
    match:
    - uri: {exact: /A}
      ignoreUriCase: true
      method: {regex: "P.*"}
      scheme: {exact: https}
      authority: {prefix: other}
      headers: {x-a: {exact: "b c"}, x-b: {}}
      withoutHeaders: {x-robot: {}, x-old: {prefix: v1}}
      queryParams: {"x.y": {exact: ""}}
    - {port: 80}
    - {gateways: [bookinfo-gateway]}
    - {sourceLabels: {app: reviews, none: "1"}, sourceNamespace: other}
    route: [{destination: {host: details}}]
  - match: [{uri: {prefix: /details}, headers: {x-robot: {regex: "y.*"}}}]
    route: [{destination: {host: details}}]
  - {name: all, route: [{destination: {host: details}}]}
  - {name: never, route: [{destination: {host: details}}]}
`,
    );
    const [, path = ""] = files;
    const asked = [
      "--from",
      "productpage-v1",
      "http://details:9080/details/1?q=1",
      "-H",
      "x-robot: yes",
      "-H",
      "x-old: v12",
    ];
    const { routing } = await explain(files, ...asked);
    const [first, ...others] = routing?.rules ?? [];
    expect(
      first?.conditions.map(({ holds, text }) => `${holds ? "+" : "-"} ${text.replace("http[0].match[0].", "")}`),
    ).toEqual([
      "- uri.exact: /A in any case, the path is /details/1",
      "- headers.x-a.exact: b c, the request has none",
      "- headers.x-b: any value, the request has none",
      "- withoutHeaders.x-old.prefix: v1, the header is v12",
      "- withoutHeaders.x-robot: any value, the header is yes",
      "- method.regex: P.*, the method is GET",
      "- authority.prefix: other, the host is details:9080",
      "- scheme.exact: https, the scheme is http",
      '- queryParams["x.y"].exact: "", the request has none',
    ]);
    expect(first).toMatchObject({
      verdict: "notMatched",
      match: "http[0].match[0]",
      source: { file: path, line: 9, column: 7 },
    });
    expect(others.map(({ name, verdict, reason, source }) => `${name} ${verdict} ${source?.line}: ${reason}`)).toEqual([
      "first notForCall 17: for other calls: http[0].match[1].port: 80, the port is 9080",
      "first notForCall 18: for other calls: http[0].match[2].gateways: default/bookinfo-gateway, the call is served by mesh",
      "first notForCall 19: for other calls: http[0].match[3].sourceNamespace: other, the caller is in default; http[0].match[3].sourceLabels.app: reviews, the caller has productpage; http[0].match[3].sourceLabels.none: 1, the caller has no such label",
      "http[1] matched 21: http[1].match[0].uri.prefix: /details, the path is /details/1; http[1].match[0].headers.x-robot.regex: y.*, the header is yes",
      "all notReached 23: not reached: a rule before it matches",
      "never notReached 24: not reached: a rule before it takes every call",
    ]);
    const { out } = await runCli(["explain", ...files.flatMap((f) => ["-f", f]), ...asked]);
    expect(out).toContain(
      `  · VirtualService default/details rule first (${path}:9:7)\n      http[0].match[0].uri.exact: /A in any case, the path is /details/1\n      http[0].match[0].headers.x-a.exact: b c, the request has none\n`,
    );
    expect(out).toContain(
      `  - VirtualService default/details rule all (${path}:23:5) not reached: a rule before it matches\n`,
    );
  });

  test("rules of a delegate are told with its lines, conditions of the root's among them", async () => {
    const files = withDocument(
      "delegates",
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: details}
spec:
  hosts: [details]
  http:
  - match: [{uri: {prefix: /a}}, {uri: {prefix: /a/b}, headers: {x: {exact: "1"}}}]
    delegate: {name: leaf}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: leaf}
spec:
  http:
  - match: [{uri: {prefix: /a/b/c}}, {uri: {exact: /a/x}}]
    route: [{destination: {host: details}}]
`,
    );
    const { code, routing } = await explain(files, "--from", "productpage-v1", "http://details:9080/z");
    expect(code).toBe(4);
    expect(routing?.rules.map(({ reason, source }) => `${source?.name} ${source?.line}: ${reason}`)).toEqual([
      "leaf 15: http[0].match[0].uri.prefix: /a/b/c, the path is /z",
      "leaf 15: http[0].match[0].uri.prefix: /a/b/c, the path is /z; http[0].match[0].headers.x.exact: 1, the request has none",
      "leaf 15: http[0].match[1].uri.exact: /a/x, the path is /z",
    ]);
  });

  test("an HTTPRoute and a GRPCRoute are told in their own words", async () => {
    const path = join(folder, "gateway-api-words.yaml");
    const route = (kind: string, rules: string): string =>
      `apiVersion: gateway.networking.k8s.io/v1\nkind: ${kind}\nmetadata: {name: r-${kind.toLowerCase()}}\nspec:\n  parentRefs: [{group: "", kind: Service, name: ${kind === "HTTPRoute" ? "web" : "rpc"}, port: 80}]\n  rules:\n${rules}`;
    const documents = [
      ...["web", "rpc"].flatMap((name) => [service(name, ["http:80:8080"]), workload(name, "v1", [8080])]),
      route(
        "HTTPRoute",
        "  - matches:\n    - {path: {type: Exact, value: /a}, headers: [{name: X-B, value: c}]}\n    - {method: POST, queryParams: [{name: q, type: RegularExpression, value: 1+}]}\n    backendRefs: [{name: web, port: 80}]\n  - {name: rest, backendRefs: [{name: web, port: 80}]}\n",
      ),
      route(
        "GRPCRoute",
        "  - matches: [{method: {service: shop.Cart, method: Add}}]\n    backendRefs: [{name: rpc, port: 80}]\n",
      ),
    ];
    writeFileSync(path, documents.join("\n---\n"));
    const rulesOf = async (...args: readonly string[]) => {
      const { routing } = await explain([path], "--from", "web-v1", ...args);
      return routing?.rules.map(({ name, reason, source }) => `${source?.kind} ${name} ${source?.column}: ${reason}`);
    };
    expect(await rulesOf("http://web/b?q=2")).toEqual([
      "HTTPRoute rules[0] 7: rules[0].matches[0].path: Exact /a, the path is /b; rules[0].matches[0].headers.x-b: c, the request has none",
      "HTTPRoute rules[0] 7: rules[0].matches[1].method: POST, the method is GET; rules[0].matches[1].queryParams.q: RegularExpression 1+, the parameter is 2",
      "HTTPRoute rest 5: every call matches",
    ]);
    expect(await rulesOf("POST", "http://rpc/shop.Cart/Remove", "-H", "content-type: application/grpc")).toEqual([
      "GRPCRoute rules[0] 15: rules[0].matches[0].method: Exact shop.Cart/Add, the path is /shop.Cart/Remove",
    ]);
  });

  test("policies are told in the document's words, each value of each field", async () => {
    const files = withDocument(
      "policy-words",
      `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: words}
spec:
  selector: {matchLabels: {app: productpage}}
  rules:
  - to: [{operation: {methods: [POST, PUT], notPaths: [/a*, "*page"], ports: ["80", "9080"]}}, {operation: {hosts: [x, "*.y"]}}]
    from: [{source: {namespaces: [other]}}, {source: {notPrincipals: ["*/sa/z"], ipBlocks: [10.0.0.0/8]}}]
    when: [{key: "request.headers[x-token]", values: [a, b*], notValues: [bad]}, {key: destination.port, notValues: ["1"]}]
`,
    );
    const asked = ["--from", "reviews-v1", "DELETE", "http://productpage:9080/page"];
    const reasonsWith = async (header: string) => {
      const { destinations } = await explain(files, ...asked, "-H", header);
      return destinations[0]?.arrivals[0]?.policies.find((p) => p.policy === "default/words")?.reasons;
    };
    const operations =
      "rules[0].to[0].operation.methods: POST or PUT, the method is DELETE; rules[0].to[0].operation.notPaths: *page, the path is /page, or rules[0].to[1].operation.hosts: x or *.y, the host is productpage:9080";
    const sources = (token: string): string =>
      `rules[0].from[0].source.namespaces: other, the caller is cluster.local/ns/default/sa/bookinfo-reviews; ${token}, or rules[0].from[1].source.ipBlocks: 10.0.0.0/8, the address is 127.0.0.1; ${token}`;
    expect(await reasonsWith("x-token: bad")).toEqual([
      operations,
      sources("rules[0].when[0].notValues (request.headers[x-token]): bad, the header is bad"),
    ]);
    expect(await reasonsWith("x-other: bad")).toEqual([
      operations,
      sources("rules[0].when[0].values (request.headers[x-token]): a or b*, there is no header"),
    ]);
  });

  test("which key chooses the endpoint, where the balancer hashes", async () => {
    const balancerOf = async (key: string, ...args: string[]) => {
      const documents = withDocument(
        `hash-${key.replaceAll(/\W/g, "")}`,
        `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: hash}, spec: {host: details-v1,
 trafficPolicy: {loadBalancer: {consistentHash: {${key}}}}}}`,
      );
      const { destinations } = await explain(documents, "--from", "productpage-v1", ...args);
      return destinations[0]?.loadBalancer;
    };
    const url = "http://details:9080/details/0?q=7";
    const header = "httpHeaderName: end-user";
    expect(await balancerOf(header, url, "-H", "end-user: ann")).toBe('ring hash by header end-user "ann"');
    expect(await balancerOf(header, url)).toBe(
      "ring hash by header end-user, of which the request has none: at random",
    );
    expect(await balancerOf("httpQueryParameterName: q, maglev: {}", url)).toBe('Maglev by query parameter q "7"');
    expect(await balancerOf("useSourceIp: true", url)).toBe("ring hash by source IP");
    expect(await balancerOf("httpCookie: {name: stay, ttl: 1h}", url)).toBe(
      "ring hash by cookie stay, which the client gets",
    );
    expect(await balancerOf("useSourceIp: false", url)).toBe("ring hash without a key: at random");
  });

  test("timeouts, retries and rewrites in force are told", async () => {
    const ratings = await bookinfo("--from", "reviews-v2", "http://ratings:9080/ratings/1");
    expect(ratings.routing).toMatchObject({
      timeoutMs: 2000,
      retries: { attempts: 2, perTryTimeoutMs: 600, on: ["gateway-error", "connect-failure", "reset"] },
    });
    const old = await bookinfo("--from", "productpage-v1", "http://reviews:9080/api/reviews/1?x=y");
    expect(old.routing?.rewrite).toEqual({ path: "/reviews/1?x=y" } as never);
    // The destination's policy sees the new path, and would refuse the old one.
    expect(old.outcome).toBe("allowed");
  });

  test("a call that no ALLOW rule fits is denied, with what was in the way", async () => {
    const { code, destinations, summary } = await bookinfo("--from", "productpage-v1", "http://ratings:9080/ratings/1");
    expect(code).toBe(3);
    expect(destinations[0]?.arrivals[0]).toMatchObject({
      workloads: ["ratings-v1"],
      tls: {
        client: "mutual TLS",
        mode: "STRICT",
        modeSource: { kind: "PeerAuthentication", namespace: "istio-system" },
      },
      policies: [
        { policy: "default/ratings-read-only", action: "DENY", matched: false },
        {
          policy: "default/ratings-viewer",
          action: "ALLOW",
          matched: false,
          reasons: [
            "rules[0].from[0].source.principals: cluster.local/ns/default/sa/bookinfo-reviews, the caller is cluster.local/ns/default/sa/bookinfo-productpage",
          ],
        },
      ],
      outcome: "denied",
    });
    expect(summary).toContain("no rule of them matches; the caller gets 403");
  });

  test("a DENY rule wins over an ALLOW rule", async () => {
    const { code, destinations } = await bookinfo("--from", "reviews-v2", "POST", "http://ratings:9080/ratings/1");
    expect(code).toBe(3);
    expect(destinations[0]?.arrivals[0]).toMatchObject({
      policies: [{ policy: "default/ratings-read-only", action: "DENY", matched: true }],
      reason: "AuthorizationPolicy default/ratings-read-only denies it",
    });
  });

  test("mirrors are told, with what awaits the copies, and do not touch the outcome", async () => {
    const files = withDocument(
      "mirrored",
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: details}
spec:
  hosts: [details]
  http:
  - route: [{destination: {host: details}}]
    mirrors:
    - destination: {host: reviews, subset: v2}
      percentage: {value: 0.5}
    - destination: {host: ratings}
`,
    );
    const asked = ["--from", "productpage-v1", "http://details:9080/details/1"];
    const { code, mirrors, summary } = await explain(files, ...asked);
    expect([code, summary]).toEqual([0, "allowed: it goes to details-v1 or details-v2"]);
    expect(mirrors).toMatchObject([
      { host: "reviews.default.svc.cluster.local", subset: "v2", share: 0.005, outcome: "denied" },
      { host: "ratings.default.svc.cluster.local", share: 1, outcome: "denied" },
    ]);
    const { out } = await runCli(["explain", ...files.flatMap((f) => ["-f", f]), ...asked]);
    expect(out).toContain(
      "mirror  reviews.default.svc.cluster.local:9080 subset v2  a copy of 0.5 % of such requests, answers are dropped\n",
    );
  });

  test("faults are told; one that always aborts fails the call", async () => {
    const delayed = await bookinfo(
      "--from",
      "reviews-v2",
      "http://ratings:9080/ratings/1",
      "-H",
      "x-test-fault: delay",
    );
    expect([delayed.code, delayed.routing?.faults]).toEqual([0, [{ kind: "delay", what: "2000 ms", percent: 100 }]]);
    const aborted = await bookinfo(
      "--from",
      "reviews-v2",
      "http://ratings:9080/ratings/1",
      "-H",
      "x-test-fault: abort",
    );
    expect([aborted.code, aborted.outcome, aborted.summary]).toEqual([
      5,
      "fails",
      "fails: the rule's fault answers 503",
    ]);
  });

  test("a TrafficSplit is a rule like any other", async () => {
    const { routing, summary } = await bookinfo("--from", "productpage-v1", "http://details.default:9080/details/1");
    expect(routing?.rules[0]?.source).toMatchObject({ kind: "TrafficSplit", file: `${example}/split.yaml`, line: 2 });
    expect(summary).toBe("allowed: 80 % to details-v1, 20 % to details-v2");
  });

  test("a browser is let in where plain text is, and nowhere else", async () => {
    const page = await bookinfo("http://productpage:9080/productpage");
    expect([page.code, page.summary]).toEqual([0, "allowed: it goes to productpage-v1"]);
    expect(page.destinations[0]?.arrivals[0]?.tls).toMatchObject({ client: "plain text", mode: "PERMISSIVE" });
    expect((await bookinfo("POST", "http://productpage:9080/productpage")).code).toBe(3);
    const reviews = await bookinfo("http://reviews:9080/reviews/1");
    expect([reviews.code, reviews.destinations[0]?.arrivals]).toMatchObject([
      5,
      [
        {
          workloads: ["reviews-v1", "reviews-v2", "reviews-v3"],
          outcome: "fails",
          reason: expect.stringContaining("mutual TLS only"),
        },
      ],
    ]);
  });

  test("a client of outside comes in through the gateway, where no service has the name", async () => {
    const page = await bookinfo("https://shop.example.com/productpage");
    expect([page.code, page.summary]).toEqual([0, "allowed: it goes to productpage-v1"]);
    expect(page.request).toMatchObject({ workload: "ingressgateway", throughGateway: true });
    expect(page.routing?.rules.at(-1)?.source).toMatchObject({ name: "bookinfo", file: `${example}/gateway.yaml` });
    const named = await bookinfo("--from", "ingressgateway", "POST", "http://shop.example.com/productpage");
    expect([named.code, named.summary]).toMatchObject([3, expect.stringContaining("the client gets 403")]);
    const nothing = await bookinfo("--from", "ingressgateway", "http://shop.example.com/health");
    expect([nothing.code, nothing.outcome]).toEqual([4, "noRoute"]);
    const closed = await bookinfo("--from", "ingressgateway", "http://shop.example.com:81/");
    expect([closed.code, closed.summary]).toEqual([
      5,
      "fails: no Gateway that ingressgateway serves has port 81; the connection is closed",
    ]);
    expect((await bookinfo("http://shop.example.com:81/")).code).toBe(4);
    const plain = await bookinfo("--from", "ingressgateway", "http://shop.example.com:443/");
    expect(plain.summary).toContain("port 443 takes TLS, and the client calls in plain text");
  });

  test("what is no host of the mesh has no route", async () => {
    for (const url of ["http://nowhere/", "http://reviews/reviews/1", "http://reviews:9081/"]) {
      const { code, outcome, routing } = await bookinfo("--from", "productpage-v1", url);
      expect([code, outcome, routing?.host]).toEqual([4, "noRoute", undefined]);
    }
  });
});

describe("documents that go wrong", () => {
  const from = ["--from", "productpage-v1"];

  test("a host whose rules do not match has no route; a redirect is an answer", async () => {
    const files = withDocument(
      "rules",
      `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  http:
  - match: [{uri: {exact: /old}}]
    redirect: {uri: /new, redirectCode: 302}
  - match: [{uri: {prefix: /r}}]
    route: [{destination: {host: reviews, subset: v9}}]
  - match: [{uri: {prefix: /f}}]
    fault: {abort: {percentage: {value: 25}, httpStatus: 418}}
    headers: {request: {set: {x-a: b}}, response: {remove: [server]}}
    route:
    - {destination: {host: productpage, port: {number: 9080}}, weight: 3}
    - {destination: {host: ratings, port: {number: 9080}}, weight: 1}
`,
    );
    const none = await explain(files, ...from, "http://shop.example.com/x");
    expect([none.code, none.routing?.rules.length]).toEqual([4, 3]);
    expect(none.summary).toContain("no rule for shop.example.com:80 matches; the caller gets 404");
    const redirected = await explain(files, ...from, "http://shop.example.com/old");
    expect([redirected.code, redirected.outcome]).toEqual([0, "answered"]);
    expect(redirected.summary).toBe("answered by the caller's proxy: 302, redirect to http://shop.example.com/new");
    const missing = await explain(files, ...from, "http://shop.example.com/r");
    expect([missing.code, missing.outcome]).toEqual([5, "fails"]);
    expect(missing.summary).toContain("subset v9 has no endpoint");
    const split = await explain(files, ...from, "http://shop.example.com/f");
    expect(split.code).toBe(3);
    expect(split.summary).toStartWith("denied for 25 % of such requests: ratings-v1: ");
    expect(split.routing).toMatchObject({
      faults: [{ kind: "abort", what: "418", percent: 25 }],
      headers: { request: ["set x-a: b"], response: ["remove server"] },
    });
  });

  test("a client that is told to call in plain text does not get into a STRICT server, and the other way round", async () => {
    const plain = withDocument(
      "plain",
      "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: page}\nspec: {host: details-v1, trafficPolicy: {tls: {mode: DISABLE}}}\n",
    );
    const refused = await explain(plain, ...from, "http://details-v1:9080/details/1");
    expect([refused.code, refused.outcome]).toEqual([5, "fails"]);
    expect(refused.destinations[0]?.arrivals[0]?.tls).toMatchObject({
      client: "plain text",
      clientReason: "DestinationRule default/page says DISABLE",
      problem: "the server takes mutual TLS only, and the client calls in plain text",
    });
    const disabled = withDocument(
      "disabled",
      "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: ratings}\nspec: {selector: {matchLabels: {app: ratings}}, mtls: {mode: DISABLE}}\n",
    );
    const rejected = await explain(disabled, "--from", "reviews-v2", "http://ratings:9080/ratings/1");
    expect(rejected.destinations[0]?.arrivals[0]?.tls).toMatchObject({
      client: "mutual TLS",
      mode: "DISABLE",
      modeSource: { name: "ratings" },
      problem: "the client starts TLS, and the server takes plain text only",
    });
  });

  test("a dry run is told and not enforced", async () => {
    const files = withDocument(
      "dry",
      `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: closed, annotations: {istio.io/dry-run: "true"}}
spec: {action: DENY, selector: {matchLabels: {app: ratings}}, rules: [{}]}
`,
    );
    const { code, destinations } = await explain(files, "--from", "reviews-v2", "http://ratings:9080/ratings/1");
    expect(code).toBe(0);
    expect(destinations[0]?.arrivals[0]?.policies).toContainEqual(
      expect.objectContaining({ policy: "default/closed", dryRun: true, matched: true }),
    );
  });

  test("documents with errors are left out, and it is said", async () => {
    const [, bad = ""] = withDocument(
      "bad",
      "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec: {hots: [a]}\n",
    );
    const { code, err } = await runCli(["explain", "-f", example, "-f", bad, ...from, "http://reviews:9080/reviews/1"]);
    expect(code).toBe(0);
    expect(err).toContain('unknown field "hots"');
    expect(err).toContain("these documents are left out");
  });

  test.each([
    [["http://a/"], "required option '-f, --file <path>' not specified"],
    [["-f", example], "missing required argument 'request'"],
    [
      ["-f", example, "--from", "nobody", "http://a/"],
      'there is no workload "nobody"; there are: ingressgateway, productpage-v1',
    ],
    [["-f", example, "GET", "reviews:9080"], "the URL must be like http://"],
    [["-f", example, "--from", "reviews-v1", "https://ratings/"], "an application in the mesh calls plain HTTP"],
    [["-f", example, "GE T", "http://a/"], "is not a method"],
    [["-f", example, "GET", "http://a/", "x"], "must be a method and a URL"],
    [["-f", "/nowhere", "http://a/"], "/nowhere:1:1 cannot be read"],
    [["-f", example, "http://a/", "-H", "x"], "Write a header as"],
  ])("%j is wrong usage", async (args, message) => {
    const { code, err } = await runCli(["explain", ...args]);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});

test("every workload can ask every service, and gets an answer", async () => {
  const counts = new Map<number, number>();
  const workloads = [
    "productpage-v1",
    "details-v1",
    "details-v2",
    "reviews-v1",
    "reviews-v2",
    "reviews-v3",
    "ratings-v1",
  ];
  for (const workload of workloads) {
    for (const url of [
      "productpage:9080/",
      "details:9080/details/1",
      "reviews:9080/reviews/1",
      "ratings:9080/ratings/1",
    ]) {
      const { code } = await bookinfo("--from", workload, `http://${url}`);
      counts.set(code, (counts.get(code) ?? 0) + 1);
    }
  }
  // The page by everyone, details and reviews by the page, ratings by the three versions of reviews.
  expect(counts).toEqual(
    new Map([
      [0, 7 + 2 + 3],
      [3, 28 - 12],
    ]),
  );
});

describe("a TCP connection", () => {
  const documents = [
    service("store", ["redis:6379:7000", "http:80:7001"]),
    ...["store", "page", "stranger"].map((name) => workload(name, "v1", name === "store" ? [7000, 7001] : [])),
    "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p}, spec: {mtls: {mode: STRICT}}}",
    `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: readers}, spec: {selector: {matchLabels: {app: store}}, rules: [
      {from: [{source: {principals: [cluster.local/ns/default/sa/page]}}], to: [{operation: {ports: ["7000"]}}]},
      {from: [{source: {principals: [cluster.local/ns/default/sa/stranger]}}], to: [{operation: {methods: [GET]}}]}]}}`,
  ];
  const path = join(folder, "tcp.yaml");
  writeFileSync(path, documents.join("\n---\n"));
  const ask = (...args: string[]): Promise<Explanation & { code: number }> => explain([path], ...args);

  test("goes to the service's cluster, and is let in for its caller and port", async () => {
    const found = await ask("--from", "page-v1", "tcp://store:6379");
    expect([found.code, found.request.method, found.summary]).toEqual([0, "TCP", "allowed: it goes to store-v1"]);
    expect(found.destinations.map((d) => d.cluster)).toEqual(["outbound|6379||store.default.svc.cluster.local"]);
    const [arrival] = found.destinations[0]?.arrivals ?? [];
    expect(arrival?.tls.client).toBe("mutual TLS");
    expect(arrival?.policies.find((p) => p.matched)?.reasons).toContain(
      "rules[0].to[0].operation.ports: 7000, the port is 7000",
    );
  });

  test("is refused where nothing allows it: a rule that asks for a method allows no connection", async () => {
    const found = await ask("--from", "stranger-v1", "tcp://store:6379");
    expect(found.code).toBe(3);
    expect(found.summary).toBe(
      "denied: store-v1: there are ALLOW policies for the workload, and no rule of them matches; the connection is closed",
    );
  });

  test("from outside of the mesh meets STRICT", async () => {
    const found = await ask("tcp://store:6379");
    expect([found.code, found.summary]).toEqual([
      5,
      "fails: store-v1: the server takes mutual TLS only, and the client calls in plain text; the connection is closed",
    ]);
  });

  test("follows the tcp or tls rule that takes it, and the others are told", async () => {
    const path = join(folder, "connection-rules.yaml");
    writeFileSync(
      path,
      [
        ...["db", "other"].flatMap((name) => [
          service(name, ["tcp:5432:7000", "tls:443:7001"]),
          workload(name, "v1", [7000, 7001]),
        ]),
        `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: db}
spec:
  hosts: [db]
  tcp:
  - match: [{port: 1}, {sourceLabels: {app: x}}, {destinationSubnets: [10.0.0.0/8]}]
    route: [{destination: {host: db}}]
  - match: [{port: 5432}]
    route: [{destination: {host: other}}]
  - route: [{destination: {host: db}}]
  tls:
  - match: [{sniHosts: [db.default.svc.cluster.local]}, {port: 8443, sniHosts: [db.default.svc.cluster.local]}]
    route: [{destination: {host: other}}]
`,
      ].join("\n---\n"),
    );
    const rulesOf = async (url: string) => {
      const { connectionRules = [], summary } = await explain([path], "--from", "other-v1", url);
      return [...connectionRules.map(({ match, reason, verdict }) => `${match} ${verdict}: ${reason}`), summary];
    };
    expect(await rulesOf("tcp://db:5432")).toEqual([
      "tcp[0].match[0] notForCall: for other calls: tcp[0].match[0].port: 1, the port is 5432",
      "tcp[0].match[1] notForCall: for other calls: tcp[0].match[1].sourceLabels.app: x, the caller has other",
      "tcp[0].match[2] notForCall: for other calls: tcp[0].match[2].destinationSubnets: 10.0.0.0/8, the service has no address",
      "tcp[1].match[0] matched: every connection to the port matches",
      "tcp[2] notReached: not reached: a rule before it takes the connection",
      "allowed: it goes to other-v1",
    ]);
    expect(await rulesOf("tcp://db.default.svc.cluster.local:443")).toEqual([
      "tls[0].match[0] matched: tls[0].match[0].sniHosts: db.default.svc.cluster.local, the client asks for db.default.svc.cluster.local",
      "tls[0].match[1] notForCall: for other calls: tls[0].match[1].port: 8443, the port is 443",
      "allowed: it goes to other-v1",
    ]);
    expect((await rulesOf("tcp://db:443"))[0]).toBe(
      "tls[0].match[0] notMatched: tls[0].match[0].sniHosts: db.default.svc.cluster.local, the client asks for db",
    );
    const { out } = await runCli(["explain", "-f", path, "--from", "other-v1", "tcp://db:5432"]);
    expect(out).toContain("\nroute\n  - VirtualService default/db rule tcp[0] (");
  });

  test("of nobody has no route, and a request to a TCP port is told what to ask", async () => {
    expect((await ask("--from", "page-v1", "tcp://nobody:1")).code).toBe(4);
    const found = await ask("--from", "page-v1", "http://store:6379/");
    expect([found.code, found.summary]).toEqual([
      4,
      "no route: port 6379 of store.default.svc.cluster.local is TCP, whose bytes nobody looks into; ask about tcp://store:6379",
    ]);
  });

  test.each([
    ["tcp://store:80", "port 80 of store speaks HTTP: ask about http://store:80/"],
    ["tcp://store", "a TCP connection has a host and a port"],
    ["tcp://store:6379/path", "a TCP connection has a host and a port"],
  ])("%s is wrong usage", async (url, message) => {
    const { code, err } = await runCli(["explain", "-f", path, "--from", "page-v1", url]);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

describe("what is outside of the mesh", () => {
  const file = join(mkdtempSync(join(tmpdir(), "tulle-explain-")), "mesh.yaml");
  const entry = (name: string, spec: string): string =>
    `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: ${name}}, spec: {${spec}, ports: [{number: 80, name: http, protocol: HTTP}]}}`;
  const at = (mode: string): string =>
    `{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {outboundTrafficPolicy: {mode: ${mode}}}}`;
  const told = async (url: string, mode = "ALLOW_ANY"): Promise<readonly unknown[]> => {
    const documents = [
      workload("page", "v1", []),
      at(mode),
      entry("named", "hosts: [api.example.com], resolution: DNS"),
      entry("listed", "hosts: [old.example.com], resolution: STATIC, endpoints: [{address: 10.0.0.1}]"),
      entry("wild", 'hosts: ["*.wild.example.com"], resolution: DYNAMIC_DNS'),
    ];
    writeFileSync(file, documents.join("\n---\n"));
    const { code, out, err } = await runCli(["explain", "-f", file, "-o", "json", "--from", "page-v1", url]);
    expect(err).toBe("");
    const { destinations, summary } = JSON.parse(out) as Explanation;
    return [
      code,
      summary,
      destinations[0]?.outside,
      destinations[0]?.endpoints.map((e) => `${e.workload}: ${e.reason}`),
    ];
  };

  test.each([
    [
      "http://api.example.com/",
      "allowed: it goes to api.example.com:80, no workload of the mesh",
      "the caller's proxy looks its names up, and calls every address",
      ["api.example.com:80: ServiceEntry default/named lists it"],
    ],
    [
      "http://old.example.com/",
      "allowed: it goes to old.example.com:80, no workload of the mesh",
      "documents list its endpoints",
      ["10.0.0.1:80: ServiceEntry default/listed lists it"],
    ],
    [
      "http://a.wild.example.com/",
      "allowed: it goes to *.wild.example.com:80, no workload of the mesh",
      "*.wild.example.com leads to the host that the request names, which is looked up when it is called",
      [],
    ],
  ])("%s: %s", async (url, summary, outside, endpoints) => {
    expect(await told(url)).toEqual([0, summary, outside, endpoints]);
  });

  test("a host of no service is let through or refused, as outboundTrafficPolicy says", async () => {
    const [code, summary, outside] = await told("http://www.example.org/");
    expect([code, summary]).toEqual([0, "allowed: it goes to its host, outside of the mesh"]);
    expect(outside).toStartWith(
      "no service of the mesh has this host; outboundTrafficPolicy ALLOW_ANY lets it through",
    );
    expect((await told("http://www.example.org/", "REGISTRY_ONLY")).slice(0, 2)).toEqual([
      4,
      "no route: no service of the mesh has this host and port",
    ]);
  });
});

test("tls rules of the mesh are told by the name that is asked for", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "tulle-explain-")), "mesh.yaml");
  const entry = (name: string): string =>
    `{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: ${name}}, spec: {hosts: [${name}.example.com], resolution: DNS, ports: [{number: 443, name: tls, protocol: TLS}]}}`;
  const rule = `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: pay}, spec: {hosts: [pay.example.com, old.example.com],
    tls: [{match: [{sniHosts: [pay.example.com]}], route: [{destination: {host: next.example.com}}]}]}}`;
  writeFileSync(file, [workload("page", "v1", []), entry("pay"), entry("old"), entry("next"), rule].join("\n---\n"));
  const summaryOf = async (url: string): Promise<string> =>
    (JSON.parse((await runCli(["explain", "-f", file, "-o", "json", "--from", "page-v1", url])).out) as Explanation)
      .summary;
  expect(await summaryOf("tcp://pay.example.com:443")).toBe(
    "allowed: it goes to next.example.com:443, no workload of the mesh",
  );
  expect(await summaryOf("tcp://next.example.com:443")).toBe(
    "allowed: it goes to next.example.com:443, no workload of the mesh",
  );
  expect(await summaryOf("tcp://old.example.com:443")).toBe(
    "fails: no tls rule of the host's VirtualServices asks for the name old.example.com; the connection is closed",
  );
});

test("the limits of a gateway stand with its route", async () => {
  const path = join(folder, "edge.yaml");
  const documents = [
    service("shop", ["http:80:8080"]),
    workload("shop", "v1", [8080]),
    "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, labels: {istio: edge}}, spec: {role: gateway}}",
    "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: edge}, spec: {selector: {istio: edge}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}}",
    "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: edge}, spec: {hosts: ['*'], gateways: [edge], http: [{route: [{destination: {host: shop}}]}]}}",
    "{apiVersion: tulle.dev/v1, kind: RateLimit, metadata: {name: edge}, spec: {selector: {matchLabels: {istio: edge}}, requests: {count: 7}}}",
  ];
  writeFileSync(path, documents.join("\n---\n"));
  const { code, out } = await runCli(["explain", "-f", path, "--from", "edge", "GET", "http://x/"]);
  expect(code).toBe(0);
  expect(out).toContain("  limit    7 ");
});

test.each([
  [
    "http://rewiews:9080/",
    'no service of the mesh has this host and port; did you mean "reviews"?; the caller gets 502',
  ],
  ["http://reviews/", "no service of the mesh has this host and port: reviews has the port 9080; the caller gets 502"],
  ["http://zzzzzz/", "no service of the mesh has this host and port"],
])("what may have been meant by %s is said", async (url, words) => {
  const { out } = await runCli([
    "explain",
    "-f",
    join(import.meta.dir, "../examples/bookinfo"),
    "--from",
    "productpage-v1",
    url,
  ]);
  expect(out).toEndWith(`no route: ${words}\n`);
});
