/**
 * `tulle test`: the example's own tests, expectations that fail, reports, and the page about it.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { EXPECT_COLUMNS } from "../src/config/config-expectations.ts";
import { loadDocuments } from "../src/config/load.ts";
import { type Ended, runCli } from "./support/cli-context.ts";
import { service, workload } from "./support/mesh.ts";

const example = relative(process.cwd(), join(import.meta.dir, "../examples/bookinfo"));
const page = readFileSync(join(import.meta.dir, "../docs/config-tests.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "tulle-config-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function written(...documents: readonly string[]): string {
  const path = join(folder, `${files++}.yaml`);
  writeFileSync(path, documents.join("\n---\n"));
  return path;
}

const configTest = (cases: string, name = "own"): string =>
  `apiVersion: tulle.dev/v1\nkind: ConfigTest\nmetadata: {name: ${name}}\nspec:\n  cases:\n${cases}\n`;

/** A case in one line. */
const line = (request: string, expected: string): string =>
  `    - {name: it, request: {${request}}, expect: {${expected}}}`;

const shop = written(
  ...["shop", "shop-beta"].flatMap((name) => [
    service(name, ["http:80:8080", "tcp-x:90:8090"]),
    workload(name, "v1", [8080, 8090]),
  ]),
  workload("client", "v1", []),
  `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop]
  http:
  - {name: away, match: [{uri: {exact: /away}}], redirect: {uri: /new, redirectCode: 302}}
  - {name: closed, match: [{uri: {exact: /closed}}], directResponse: {status: 503, body: {string: not now}}}
  - name: usual
    timeout: 5s
    retries: {attempts: 3, perTryTimeout: 1s, retryOn: "5xx,reset"}
    rewrite: {uri: /v2/, authority: inner}
    match: [{uri: {prefix: /v1/}}]
    headers: {request: {set: {x-a: b}, remove: [x-b]}, response: {set: {x-c: "true"}, remove: [server]}}
    mirror: {host: shop-beta}
    mirrorPercentage: {value: 50}
    fault: {delay: {fixedDelay: 2s, percentage: {value: 10}}, abort: {grpcStatus: UNAVAILABLE, percentage: {value: 5}}}
    route:
    - {destination: {host: shop}, weight: 75}
    - {destination: {host: shop-beta, port: {number: 80}}, weight: 25, headers: {response: {set: {x-beta: "1"}}}}
`,
);

const run = (...args: readonly string[]): Promise<Ended> => runCli(["test", ...args]);

/** What is told of one case: nothing where it passes. */
async function told(request: string, expected: string): Promise<readonly string[]> {
  const { err, out } = await run(shop, written(configTest(line(request, expected))), "-o", "json");
  expect(err).toBe("");
  interface Told {
    readonly cases: readonly { readonly failures: readonly Record<"field" | "expected" | "found", string>[] }[];
  }
  const { cases } = JSON.parse(out) as Told;
  return (cases[0]?.failures ?? []).map((f) => `${f.field}: expected ${f.expected}, found ${f.found}`);
}

const usual = 'from: client-v1, url: "http://shop/v1/items?q=1", headers: {x-b: c}';
const beta = "shop-beta.default.svc.cluster.local";
const main = "shop.default.svc.cluster.local";

describe("expectations", () => {
  test.each([
    [usual, "outcome: allowed, matchedRule: usual, timeout: 5s"],
    [usual, "matchedRule: shop/usual"],
    [usual, "matchedRule: default/shop/usual"],
    [usual, "destinations: [{host: shop-beta, weight: 25}, {host: shop, port: 80, weight: 75}]"],
    [usual, "workloads: [shop-v1, shop-beta-v1], port: 80, subset: '', tls: mutual TLS"],
    [usual, "request: {path: '/v2/items?q=1', authority: inner, headers: {X-A: b}, withoutHeaders: [x-b]}"],
    [usual, 'response: {headers: {x-c: "true"}, withoutHeaders: [server]}'],
    [usual, 'retries: {attempts: 3, perTryTimeout: 1s, retryOn: "reset, 5xx"}'],
    [usual, "mirrors: [{host: shop-beta, percentage: 50}]"],
    [usual, "fault: {delay: {fixedDelay: 2s, percentage: 10}, abort: {grpcStatus: 14, percentage: 5}}"],
    ['from: client-v1, url: "http://shop/away"', "outcome: answered, status: 302, redirect: 'http://shop/new'"],
    ['from: client-v1, url: "http://shop/closed"', "outcome: answered, status: 503, body: not now, mirrors: []"],
    ['from: client-v1, url: "http://shop/other"', "outcome: noRoute, status: 404"],
    ['from: client-v1, url: "tcp://shop:90"', "outcome: allowed, workloads: [shop-v1], cluster: outbound|90||" + main],
    ['url: "http://shop/other"', "outcome: allowed, tls: plain text, timeout: 0s, retries: {attempts: 0}, fault: {}"],
  ])("%s gives %s", async (request, expected) => expect(await told(request, expected)).toEqual([]));

  test.each([
    ["outcome: denied", `outcome: expected denied, found allowed (allowed: 75 % to shop-v1, 25 % to shop-beta-v1)`],
    ["status: 200", "status: expected 200, found the application's"],
    ["matchedRule: away", "matchedRule: expected away, found default/shop/usual"],
    [
      "destinations: [{host: shop, weight: 100}]",
      `destinations: expected ${main} 100 %, found ${main}:80 75 %, ${beta}:80 25 %`,
    ],
    ["host: shop", `host: expected ${main}, found ${main} or ${beta}`],
    ["subset: v2", "subset: expected v2, found none"],
    ["workloads: [shop-v1]", "workloads: expected shop-v1, found shop-beta-v1, shop-v1"],
    ["timeout: 0s", "timeout: expected none, found 5000 ms"],
    ["retries: {attempts: 0}", "retries: expected attempts 0, found attempts 3"],
    ["fault: {}", "fault: expected none, found delay 2000 ms for 10 %, abort gRPC status 14 for 5 %"],
    ["mirrors: []", `mirrors: expected none, found ${beta}:80 50 %`],
    ["policy: x", "policy: expected default/x, found none"],
    ["tls: plain text", "tls: expected plain text, found mutual TLS"],
    ["redirect: /x", "redirect: expected /x, found none"],
    ["body: x", 'body: expected "x", found none'],
    ["request: {path: /v1/items}", "request.path: expected /v1/items, found /v2/items?q=1"],
    ["request: {headers: {x-a: c}}", 'request.headers.x-a: expected "c", found "b"'],
    ["request: {withoutHeaders: [x-a]}", 'request.withoutHeaders: expected none, found "b"'],
    [
      "response: {headers: {x-beta: '1'}}",
      'response.headers.x-beta: expected "1", found as the application sends it or "1"',
    ],
    ["response: {withoutHeaders: [x-c]}", 'response.withoutHeaders: expected none, found "true"'],
  ])("%s fails", async (expected, failure) => expect(await told(usual, expected)).toEqual([`expect.${failure}`]));

  test("of a caller that is not there cannot be compared", async () => {
    const { code, out } = await run(
      shop,
      written(configTest(line('from: nobody, url: "http://a/"', "outcome: allowed"))),
    );
    expect([code, out]).toEqual([1, expect.stringContaining('cannot be asked: there is no workload "nobody"')]);
  });

  test("a name is looked for in the test's namespace first", async () => {
    const others = [
      workload("client", "v1", [], "other"),
      configTest(line('from: client-v1, url: "http://shop/away"', "outcome: answered")),
    ];
    expect((await run(shop, written(...others))).code).toBe(0);
  });
});

describe("the example", () => {
  test("passes, and its tests meet every rule", async () => {
    const { code, err, out } = await run(example, "--coverage");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(
      "17 cases: 17 passed\ncoverage  11 of 11 routing rules, 5 of 5 policy rules, 3 of 3 subsets\n",
    );
  });

  test("what no case meets is told with its place", async () => {
    const { out } = await run(example, "--coverage", "--filter", "JASON");
    expect(out).toContain("1 case: 1 passed\ncoverage  1 of 11 routing rules, 1 of 5 policy rules, 1 of 3 subsets\n");
    expect(out).toContain(`no case VirtualService default/ratings rule test-delay (${example}/ratings.yaml:12:11)\n`);
    expect(out).toContain(`no case DestinationRule default/reviews subset v3 (${example}/reviews.yaml:33:1)\n`);
  });

  test("other commands pass over the tests, and validate checks them", async () => {
    const { mesh } = loadDocuments([{ file: "a", text: configTest(line('url: "http://a/"', "outcome: allowed")) }]);
    expect(mesh).toEqual(loadDocuments([]).mesh);
    expect((await runCli(["validate", example])).out).toContain("31 documents in 9 files: no problems");
  });
});

describe("reports", () => {
  const bad = written(
    configTest(
      `    - name: "a <b> & \\x01"\n      request: {from: client-v1, url: "http://shop/away"}\n      expect: {status: 301}`,
      "bad",
    ),
  );

  test("what failed is told with places, the rule that decided and the explanation", async () => {
    const { code, out } = await run(shop, bad);
    expect(code).toBe(1);
    expect(out).toContain(`${bad}:8:24 expect.status: expected 301, found 302\n`);
    expect(out).toContain("      decided by VirtualService default/shop rule away (");
    expect(out).toContain("│ outcome  answered by the caller's proxy: 302");
    expect((await run(shop, bad, "--brief")).out).not.toContain("│");
  });

  test("JUnit", async () => {
    const { code, out } = await run(shop, bad, "-o", "junit");
    expect(code).toBe(1);
    expect(out).toContain(
      '<testsuites tests="1" failures="1">\n  <testsuite name="default/bad" tests="1" failures="1">\n',
    );
    expect(out).toContain('name="a &lt;b&gt; &amp; ?"');
    expect(out).toContain("expect.status: expected 301, found 302");
  });
});

describe("what cannot be run", () => {
  test.each([
    [[shop], "there is no ConfigTest in"],
    [[example, "--filter", "nothing of it"], 'no case has "nothing of it" in its name'],
    [["/nowhere"], "cannot be read"],
  ])("%j", async (args, message) => {
    const { code, err } = await run(...args);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });

  test("with a document that is refused the cases run, and the run is no success", async () => {
    const refused = written(
      "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec: {hots: [a]}\n",
    );
    const { code, err, out } = await run(example, refused);
    expect([code, err]).toEqual([2, expect.stringContaining('unknown field "hots"')]);
    expect(out).toContain("17 passed");
    expect((await run(example, refused, "--allow-refused")).code).toBe(0);
  });

  test.each([
    ["{request: {url: 'http://a/'}, expect: {outcome: allowed}}", '7 spec.cases[0]: field "name" is missing'],
    ["{name: a, request: {url: 'http://a/'}, expect: {}}", "54 spec.cases[0].expect: must expect something"],
    [
      "{name: a, request: {url: a}, expect: {port: 1}}",
      '32 spec.cases[0].request.url: must be a URL such as http://reviews:9080/reviews/1 or tcp://mongodb:27017, found text "a"',
    ],
    [
      "{name: a, request: {url: 'http://a/'}, expect: {subst: v1}}",
      '55 spec.cases[0].expect.subst: unknown field "subst"; did you mean "subset"?',
    ],
    [
      "{name: a, request: {url: 'http://a/'}, expect: {fault: {abort: {}}}}",
      "70 spec.cases[0].expect.fault.abort: must have one of httpStatus, grpcStatus",
    ],
    [
      "{name: a, request: {url: 'http://a/'}, table: [[expect.outcme], [allowed]]}",
      '55 spec.cases[0].table[0][0]: must be a field of request or expect, such as request.from or expect.outcome, found "expect.outcme"; did you mean "expect.outcome"?',
    ],
    [
      "{name: a, request: {url: 'http://a/'}, table: [[expect.outcome, expect.port], [allowed]]}",
      "85 spec.cases[0].table[1]: must have 2 cells, as the first row has, found 1",
    ],
    // Once, although each row has it.
    [
      "{name: a, request: {url: 'http://a/', x: 1}, table: [[expect.port], [1], [2]]}",
      '45 spec.cases[0].request.x: unknown field "x"',
    ],
  ])("%s", async (one, problem) => {
    const { problems } = loadDocuments([{ file: "t.yaml", text: configTest(`    - ${one}`) }]);
    expect(problems.map((p) => `${p.place.column} ${p.path}: ${p.message}`)).toEqual([problem]);
  });
});

describe("docs/config-tests.md", () => {
  const [documents = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml]) => yaml ?? "");

  test("its test passes on the example", async () => {
    const { code, out } = await run(example, written(documents), "--filter", "default/reviews");
    expect([code, out]).toEqual([0, expect.stringContaining("5 cases: 5 passed")]);
  });

  test("its failure is what is printed", async () => {
    const [, shownText = ""] = /\$ tulle test [^\n]*\n([\s\S]*?)```/.exec(page) ?? [];
    const path = written(
      configTest(
        `    # jason\n    - name: jason tests v3\n      request: {from: productpage-v1, url: "http://reviews:9080/reviews/1", headers: {end-user: jason}}\n      expect: {subset: v3, outcome: denied}`,
        "wrong",
      ),
    );
    const { out } = await run(example, path, "--filter", "wrong");
    expect(out.replaceAll(path, "wrong.yaml").replaceAll(example, "examples/bookinfo")).toStartWith(shownText);
  });

  test("names every field", () => {
    const names = EXPECT_COLUMNS.map((column) => column.split(".").at(-1) ?? "");
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
