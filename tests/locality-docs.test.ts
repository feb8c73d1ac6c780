/**
 * The table of docs/locality.md is the order in which the resources of a caller there have the endpoints.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { explain } from "../src/app/explain/explain.ts";
import { defaultTranslateOptions } from "../src/translate/options.ts";
import { translate } from "../src/translate/translate.ts";
import { meshOf, service, stateOf } from "./support/mesh.ts";

const page = readFileSync(join(import.meta.dir, "../docs/locality.md"), "utf8");
const [, yaml = ""] = /```yaml\n([\s\S]*?)```/.exec(page) ?? [];
const [byNearness = ""] = page.split("## By zones");
const rows = [...byNearness.matchAll(/^\| (`[a-z0-9/-]+`|nowhere) \|(.*)\|$/gm)].map(([, where = "", cells = ""]) => [
  where,
  ...cells.split("|").map((cell) => cell.trim()),
]);

const SHARES =
  "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: stock}, spec: {host: stock, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: eu/*, to: {eu: 100}}]}}}}}";
const callerAt = (where: string): string =>
  `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: caller, labels: {app: caller${where === "nowhere" ? "" : `, istio-locality: ${where.replaceAll("/", ".")}`}}}, spec: {}}`;
const documents = (where: string): readonly string[] => [service("stock", ["http:80:8080"]), yaml, callerAt(where)];

/** Names of the workloads of each priority. */
function orderFor(where: string): readonly (readonly string[])[] {
  const state = stateOf(...documents(where));
  const { endpoints } = translate(state, { t: "sidecar", instance: "caller-0" }, defaultTranslateOptions);
  const groups = endpoints.find((it) => it.clusterName?.includes("stock"))?.endpoints ?? [];
  const found: string[][] = [];
  for (const { lbEndpoints = [], priority = 0 } of groups)
    for (const { endpoint } of lbEndpoints) {
      const port = endpoint?.address?.socketAddress?.portValue;
      const name = state.instances.find(({ ports }) => ports.some((p) => p.inbound.port === port))?.workload.name;
      (found[priority] ??= []).push(name ?? "");
    }
  return found.map((names) => names.sort());
}

describe("docs/locality.md", () => {
  test("has a table", () => expect(rows).toHaveLength(4));

  test.each(rows.map(([where = "", ...cells]) => [where.replaceAll("`", ""), cells] as const))(
    "a caller in %s",
    (where, cells) => {
      const expected = cells.filter((cell) => cell !== "").map((cell) => cell.replaceAll("`", "").split(", "));
      expect(orderFor(where)).toEqual(expected);
    },
  );

  const placed = (name: string, app: string, at: string): string =>
    `{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: ${name}, labels: {app: ${app}, istio-locality: ${at}}}, spec: {ports: [8080]}}`;
  const zoned = [
    service("stock", ["http:80:8080"]),
    service("shop", ["http:80:8080"]),
    /## By zones[\s\S]*?```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? "",
    placed("shop-a", "shop", "eu.a"),
    placed("shop-b", "shop", "eu.b"),
    placed("a1", "stock", "eu.a"),
    placed("b1", "stock", "eu.b"),
    placed("b2", "stock", "eu.b"),
    placed("us1", "stock", "us.a"),
  ];

  test.each([
    ["a", "| the shop in `eu/a` | 67 % | 33 % | 0 % |", ["67 %", "33 %", "33 %"]],
    ["b", "| the shop in `eu/b` | 0 % | 100 % | 0 % |", ["other zones take all", "100 %", "100 %"]],
  ])("the shares of zones from %s", (zone, row, shares) => {
    expect(page).toContain(row);
    const asked = { from: `shop-${zone}`, method: "GET", url: "http://stock/", headers: [] };
    const { endpoints = [] } = explain(meshOf(...zoned), asked).destinations[0] ?? {};
    expect(endpoints.map(({ workload: name, used }) => [name, used])).toEqual([
      ["a1", zone === "a"],
      ["b1", true],
      ["b2", true],
      ["us1", false],
    ]);
    for (const [i, share] of shares.entries()) expect(endpoints[i]?.reason).toContain(share);
    expect(endpoints[3]?.reason).toContain("in us/a, of priority 1: called when those before it are not well");
  });

  test("explain says whom distribute leaves out", () => {
    const mesh = meshOf(...documents("eu/eu-1").map((text) => text.replace(/[\s\S]*?\n---\n/, "")), SHARES);
    const { endpoints = [] } =
      explain(mesh, { from: "caller", method: "GET", url: "http://stock/", headers: [] }).destinations[0] ?? {};
    expect(endpoints.map(({ workload, used }) => [workload, used])).toEqual([
      ["stock-eu", true],
      ["stock-us", false],
      ["stock-asia", false],
    ]);
    expect(endpoints[1]?.reason).toBe(
      "the service selects app=stock; in us/us-1: localityLbSetting.distribute gives it nothing from here",
    );
  });

  test("explain says who stands behind whom", () => {
    const mesh = meshOf(...documents("eu/eu-1"));
    const asked = { from: "caller", method: "GET", url: "http://stock/", headers: [] };
    const told = explain(mesh, asked).destinations[0]?.endpoints.map(({ workload, used, reason }) => [
      workload,
      used,
      reason,
    ]);
    expect(told).toEqual([
      ["stock-eu", true, "the service selects app=stock"],
      [
        "stock-us",
        false,
        "the service selects app=stock; in us/us-1, of priority 1: called when those before it are not well",
      ],
      [
        "stock-asia",
        false,
        "the service selects app=stock; in asia/as-1, of priority 2: called when those before it are not well",
      ],
    ]);
  });
});
