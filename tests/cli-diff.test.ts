/**
 * `tulle diff`: what changes for which calls, on the example and on small meshes, and the page about it.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { DiffReport } from "../src/cli/diff-report.ts";
import { runCli } from "./support/cli-context.ts";
import { service, workload } from "./support/mesh.ts";
import { serverKeyPair } from "./support/server-certificates.ts";

const example = relative(process.cwd(), join(import.meta.dir, "../examples/bookinfo"));
const folder = mkdtempSync(join(tmpdir(), "tulle-diff-"));
afterAll(() => rmSync(folder, { recursive: true }));

let folders = 0;
function written(...documents: readonly string[]): string {
  const path = join(folder, String(folders++));
  mkdirSync(path);
  writeFileSync(join(path, "mesh.yaml"), documents.join("\n---\n"));
  return path;
}

/** The example with one text in place of another. */
function changed(...edits: readonly (readonly [file: string, from: string, to: string])[]): string {
  const path = join(folder, String(folders++));
  cpSync(example, path, { recursive: true });
  for (const [file, from, to] of edits) {
    const text = readFileSync(join(path, file), "utf8");
    expect(text).toContain(from);
    writeFileSync(join(path, file), text.replace(from, to));
  }
  return path;
}

async function diff(...args: readonly string[]): Promise<DiffReport & { readonly code: number }> {
  const { code, err, out } = await runCli(["diff", ...args, "-o", "json"]);
  expect(err).toBe("");
  return { ...(JSON.parse(out) as DiffReport), code };
}

/** Each change in a line: its first call, who calls, and what differs. */
const told = ({ calls }: DiffReport): readonly string[] =>
  calls.changes.map(({ calls: [first], differences }) => {
    const headers = Object.entries(first?.headers ?? {}).map(([name, value]) => ` ${name}: ${value}`);
    const words = differences.map((d) => `${d.what} was ${d.was}, now ${d.now}`).join("; ");
    return `${first?.method} ${first?.url}${headers.join("")} from ${first?.from.join(" ")}: ${words}`;
  });

const APPS = ["shop", "cart"].flatMap((name) => [
  service(name, ["http:80:8080", "redis:6379:7000"]),
  workload(name, "v1", [8080, 7000]),
]);
const rules = (http: string, name = "shop"): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}}, spec: {hosts: [${name}], http: [${http}]}}`;
const TO_SHOP = "route: [{destination: {host: shop}}]";
const TO_CART = "route: [{destination: {host: cart}}]";

/** What the second rules change of the first. */
const between = async (before: string, after: string): Promise<readonly string[]> =>
  told(await diff(written(...APPS, rules(before)), written(...APPS, rules(after))));

describe("rules", () => {
  test("a route that leads elsewhere, for the calls that it takes alone", async () => {
    const match = "match: [{uri: {prefix: /a}, headers: {x-b: {exact: c}}}]";
    expect(await between(`{${match}, ${TO_SHOP}}, {${TO_SHOP}}`, `{${match}, ${TO_CART}}, {${TO_SHOP}}`)).toEqual([
      "GET http://shop:80/a x-b: c from shop-v1 cart-v1: goes to was shop.default.svc.cluster.local:80, now cart.default.svc.cluster.local:80",
    ]);
  });

  test.each([
    [`{${TO_SHOP}}`, `{${TO_SHOP}, timeout: 2s}`, "timeout was none, now 2000 ms"],
    [
      `{${TO_SHOP}}`,
      `{${TO_SHOP}, retries: {attempts: 0}}`,
      "retries was 2 on cancelled, connect-failure, refused-stream, retriable-status-codes, unavailable, now none",
    ],
    [`{${TO_SHOP}}`, `{${TO_SHOP}, mirror: {host: cart}}`, "mirrors was none, now cart.default.svc.cluster.local:80"],
    [
      `{${TO_SHOP}}`,
      `{${TO_SHOP}, fault: {abort: {httpStatus: 500, percentage: {value: 10}}}}`,
      "fault was none, now abort 500 for 10 %",
    ],
    [`{${TO_SHOP}}`, `{${TO_SHOP}, headers: {request: {set: {x-a: b}}}}`, "request headers was none, now x-a: b"],
    [
      `{${TO_SHOP}}`,
      `{${TO_SHOP}, headers: {response: {remove: [server]}}}`,
      "response headers was none, now remove server",
    ],
    [`{${TO_SHOP}}`, `{${TO_SHOP}, rewrite: {authority: inner}}`, "host was shop, now inner"],
    [
      `{${TO_SHOP}}`,
      "{redirect: {uri: /b}}",
      "outcome was allowed, now answered; goes to was shop.default.svc.cluster.local:80, now none; answer was none, now 301 to http://shop/b",
    ],
    [
      `{${TO_SHOP}}`,
      `{match: [{method: {exact: PUT}}], ${TO_SHOP}}`,
      "outcome was allowed, now no route (404); goes to was shop.default.svc.cluster.local:80, now none",
    ],
  ])("%s and %s", async (before, after, words) => {
    const all = await between(before, after);
    expect(all.every((line) => line.includes("http://shop:80/"))).toBe(true);
    expect(
      all.map((line) =>
        line
          .split(": ")
          .slice(1)
          .join(": ")
          .replace(/^\/\S* from shop-v1 cart-v1: /, ""),
      )[0],
    ).toEndWith(words);
  });

  test("a match that takes more is seen by what just missed it", async () => {
    const lines = await between(
      `{match: [{uri: {exact: /a}}], ${TO_CART}}, {${TO_SHOP}}`,
      `{match: [{uri: {prefix: /a}}], ${TO_CART}}, {${TO_SHOP}}`,
    );
    expect(lines).toEqual([
      "GET http://shop:80/a/something-else from shop-v1 cart-v1: goes to was shop.default.svc.cluster.local:80, now cart.default.svc.cluster.local:80",
    ]);
  });

  test("the same in other words is no change", async () => {
    expect(await between(`{match: [{uri: {prefix: /}}], ${TO_SHOP}}`, `{${TO_SHOP}}`)).toEqual([]);
  });
});

describe("policies and workloads", () => {
  const policy = (spec: string): string =>
    `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p}, spec: {selector: {matchLabels: {app: shop}}, ${spec}}}`;

  test("who is denied now, for what, and by which policy", async () => {
    const rule =
      "rules: [{from: [{source: {principals: [cluster.local/ns/default/sa/cart]}}], to: [{operation: {methods: [DELETE], paths: [/admin*]}}]}]";
    const report = await diff(written(...APPS), written(...APPS, policy(`action: DENY, ${rule}`)), "--exit-code");
    expect(report.code).toBe(1);
    expect(report.documents.map(({ change, name }) => `${change} ${name}`)).toEqual([
      "added AuthorizationPolicy default/p",
    ]);
    expect([...told(report)].sort()).toEqual([
      "DELETE http://shop:80/admin from cart-v1: outcome was allowed, now denied (403)",
      // On a connection of whatever bytes the rest of the rule cannot be asked: it denies them all.
      "TCP tcp://shop.default:6379 from cart-v1: outcome was allowed, now denied",
    ]);
    expect(report.calls.changes[0]?.now?.what).toBe("AuthorizationPolicy default/p rule 0");
  });

  test("a policy that no call meets changes a document and nothing else", async () => {
    const none = "action: DENY, rules: [{from: [{source: {principals: [nobody]}}]}]";
    const { out } = await runCli(["diff", written(...APPS), written(...APPS, policy(none))]);
    expect(out).toMatch(/no change in \d+ calls that were compared, though 1 document changed\n$/);
  });

  test("TLS that no longer fits, and an endpoint more", async () => {
    const strict =
      "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: p}, spec: {mtls: {mode: STRICT}}}";
    expect(told(await diff(written(...APPS), written(...APPS, strict)))).toContain(
      "GET http://shop.default:80/ from outside of the mesh: outcome was allowed, now fails",
    );
    const more = await diff(written(...APPS), written(...APPS, workload("shop", "v2", [8080])));
    expect(told(more)).toContain(
      "GET http://shop:80/ from shop-v1 cart-v1: workloads was shop-v1, now shop-v1, shop-v2",
    );
  });

  test("a port that turned to TCP", async () => {
    const tcp = APPS.map((text) => text.replace("{name: http, port: 80", "{name: tcp, port: 80"));
    const lines = told(await diff(written(...APPS), written(...tcp)));
    expect(lines.some((line) => line.includes("GET http://shop:80/") && line.includes("now no route"))).toBe(true);
  });
});

describe("the command", () => {
  test("nothing differs", async () => {
    const report = await diff(example, changed(), "--exit-code");
    expect([report.code, report.documents, report.calls.changes]).toEqual([0, [], []]);
    expect(report.calls.asked).toBeGreaterThan(200);
  });

  test("documents that are newly refused are told first", async () => {
    const { code, out } = await runCli([
      "diff",
      "--exit-code",
      example,
      changed(["reviews.yaml", "subset: v2}", "subst: v2}"]),
    ]);
    expect(code).toBe(1);
    expect(out).toStartWith("newly refused, and left out:\n");
    expect(out).toContain('unknown field "subst"');
  });

  test("calls beyond the limit are not asked, and that is said", async () => {
    const { out } = await runCli(["diff", example, example, "--max-calls", "10"]);
    expect(out).toBe("no change in 10 calls (there are more: see --max-calls) that were compared\n");
  });

  test("a git revision of the folder", async () => {
    const path = changed();
    const git = (...args: readonly string[]): void => {
      const identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
      expect(spawnSync("git", ["-C", path, ...identity, ...args]).status).toBe(0);
    };
    git("init", "-q");
    git("add", ".");
    git("commit", "-qm", "first", "--no-verify");
    expect((await diff("HEAD", path)).calls.changes).toEqual([]);
    writeFileSync(
      join(path, "ratings.yaml"),
      readFileSync(join(path, "ratings.yaml"), "utf8").replace("timeout: 2s", "timeout: 3s"),
    );
    const { out } = await runCli(["diff", "HEAD", "--", path]);
    expect(out).toContain("timeout  was 2000 ms, now 3000 ms");
  });

  test.each([
    [["nothing", example], "nothing is no path, and git does not know it in"],
    [[example, "/nowhere"], "/nowhere:1:1 cannot be read"],
    [["-x", example], "unknown option"],
  ])("%j is wrong usage", async (args, message) => {
    const { code, err } = await runCli(["diff", ...args]);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

test("docs/diff.md shows what is printed", async () => {
  const page = readFileSync(join(import.meta.dir, "../docs/diff.md"), "utf8");
  const [, shown = ""] = /```\n(~ VirtualService[\s\S]*?)```/.exec(page) ?? [];
  const path = changed(
    ["reviews.yaml", "subset: v2}", "subset: v3}"],
    ["reviews.yaml", "weight: 90", "weight: 80"],
    ["reviews.yaml", "weight: 10", "weight: 20"],
    ["security.yaml", "sa/bookinfo-reviews]", "sa/bookinfo-productpage]"],
  );
  const { out } = await runCli(["diff", example, path]);
  expect(out.replaceAll(path, "changed").replaceAll(example, "examples/bookinfo")).toBe(shown);
});

describe("--resources", () => {
  /** Each resource in a line: what it is, its fields, and how many proxies have it so. */
  const resources = async (from: string, to: string): Promise<readonly string[]> => {
    const { resources: found } = await diff("--resources", from, to);
    return (found?.changes ?? []).map(({ change, fields, kind, name, proxies }) => {
      const words = fields.map((f) => ` ${f.path}: ${f.was} > ${f.now};`).join("");
      return `${change} ${kind} ${name} of ${proxies.length}:${words}`.replaceAll(".default.svc.cluster.local", "");
    });
  };
  const rule = (weight: number, more = ""): string =>
    rules(
      `{name: split, route: [{destination: {host: shop}, weight: ${weight}}, {destination: {host: cart}, weight: 1}]}${more}`,
    );

  test("says which fields of which proxies change, and nothing where only lines move", async () => {
    const from = written(...APPS, rule(9));
    expect(await resources(from, written("# a line more", ...APPS, rule(9)))).toEqual([]);
    const weight = "route.weighted_clusters.clusters[outbound|80||shop].weight: 9 > 8;";
    expect(await resources(from, written(...APPS, rule(8)))).toEqual([
      `changed routes http_proxy of 2: virtual_hosts[shop:80].routes[split].${weight}`,
      `changed routes shop:80 of 2: virtual_hosts[shop:80].routes[split].${weight} virtual_hosts[shop:80|loopback].routes[split].${weight}`,
    ]);
  });

  test("a service more moves nothing of the others", async () => {
    const more = [service("pay", ["http:80:8080"])];
    const lines = await resources(written(...APPS), written(...APPS, ...more));
    expect(lines.filter((line) => line.startsWith("changed")).map((line) => line.split(":")[0])).toEqual([
      "changed routes http_proxy of 2",
    ]);
    expect(lines.filter((line) => line.startsWith("added")).map((line) => line.split(" ")[1])).toEqual([
      "listener",
      "routes",
      "cluster",
      "endpoints",
    ]);
  });

  test("proxies that come and go are named, not told", async () => {
    const { resources: found } = await diff(
      "--resources",
      written(...APPS),
      written(...APPS, workload("pay", "v1", [])),
    );
    expect(found).toMatchObject({ compared: 2, newProxies: ["default/pay-v1"], goneProxies: [], changes: [] });
  });

  test("is printed a line for each field", async () => {
    const { out } = await runCli(["diff", "--resources", written(...APPS, rule(9)), written(...APPS, rule(8))]);
    expect(out).toContain("resources of proxies\n  ~ routes http_proxy of default/shop-v1, default/cart-v1\n");
    expect(out).toMatch(/\n      virtual_hosts\[shop\S+weight  was 9, now 8\n/);
    const { out: same } = await runCli(["diff", "--resources", written(...APPS), written(...APPS)]);
    expect(same).toContain("resources of proxies\n  no change, of 2 that both sides have\n");
  });

  test("what a document says stays on its line, and moves no cursor", async () => {
    const body = (text: string): string => rules(`{directResponse: {status: 200, body: {string: "${text}"}}}`);
    const [from, to] = [written(...APPS, body("a")), written(...APPS, body("b\\e[2J\\n  no change\\x9b2J"))];
    const { out } = await runCli(["diff", "--resources", from, to]);
    expect(out).toContain("inline_string  was a, now b\\u001b[2J\\n  no change\\u009b2J\n");
  });

  test("never prints what a certificate holds", async () => {
    const secret = (key: string): string =>
      JSON.stringify({
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "c" },
        type: "kubernetes.io/tls",
        stringData: { "tls.crt": PAIRS[key]?.certChainPem, "tls.key": PAIRS[key]?.privateKeyPem },
      });
    const PAIRS: Record<string, ReturnType<typeof serverKeyPair>> = {
      a: serverKeyPair(["a.com"]),
      b: serverKeyPair(["a.com"]),
    };
    const edge = [
      "{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: edge, labels: {edge: edge}}, spec: {role: gateway}}",
      "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g}, spec: {selector: {edge: edge}, servers: [{port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.com], tls: {mode: SIMPLE, credentialName: c}}]}}",
    ];
    const { out } = await runCli([
      "diff",
      "--resources",
      "-o",
      "json",
      written(...APPS, ...edge, secret("a")),
      written(...APPS, ...edge, secret("b")),
    ]);
    expect(out).not.toContain("PRIVATE KEY");
    expect((JSON.parse(out) as DiffReport).resources?.changes).toMatchObject([
      { kind: "certificate", change: "changed", fields: [], proxies: ["default/edge"] },
    ]);
  });
});
