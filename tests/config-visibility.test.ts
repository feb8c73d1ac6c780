/**
 * `exportTo`, the mesh's defaults for it, `workloadSelector`, and what is said of rules that are seen by some callers only.
 */
import { describe, expect, test } from "bun:test";
import { analyze } from "../src/config/analyze.ts";
import { errors, load } from "./support/documents.ts";

const mesh = (spec: string): string =>
  `{apiVersion: tulle.dev/v1, kind: Mesh, metadata: {name: m}, spec: {${spec}}}\n---\n`;
const service = (annotations: string): string =>
  `{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop, annotations: {${annotations}}}, spec: {ports: [{port: 80}]}}\n---\n`;
const rule = (more: string, name = "r"): string =>
  `{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: ${name}, namespace: shop}, spec: {host: a${more}}}\n---\n`;
const routes = (name: string, more: string, http = "{directResponse: {status: 200}}"): string =>
  `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ${name}, namespace: shop},
 spec: {hosts: [a], http: [${http}]${more}}}\n---\n`;

test("a Service says it by its annotation, and the Mesh document for those that do not", () => {
  const exported = (text: string): unknown => load(text).mesh.services[0]?.exportTo;
  expect(exported(service(""))).toBe("all");
  expect(exported(service("networking.istio.io/exportTo: '., jobs'"))).toEqual(["shop", "jobs"]);
  expect(exported(service("networking.istio.io/exportTo: '~'"))).toEqual([]);
  expect(exported(mesh("defaultServiceExportTo: ['.']") + service(""))).toEqual(["shop"]);
  expect(errors(service("networking.istio.io/exportTo: 'A B'")).join()).toContain('exportTo"]: must be "*", ".", "~"');
});

test("DestinationRules and their workloadSelector", () => {
  const read = (text: string) => load(text).mesh.destinationRules[0];
  expect(read(rule(""))).toMatchObject({ exportTo: "all", workloadSelector: undefined });
  expect(read(mesh("defaultDestinationRuleExportTo: ['.']") + rule(""))?.exportTo).toEqual(["shop"]);
  expect(read(rule(", workloadSelector: {matchLabels: {app: b}}, exportTo: ['.']"))?.workloadSelector).toEqual({
    app: "b",
  });
  expect(errors(rule(", workloadSelector: {matchLabels: {app: b}}, exportTo: ['*']")).join()).toContain(
    'must be ["."]',
  );
});

test.each([
  ["defaultServiceExportTo: ['*', '.']", 'must be ["*"], ["."] or ["~"]'],
  ["defaultVirtualServiceExportTo: [jobs]", 'must be ["*"], ["."] or ["~"]'],
])("the Mesh document takes one entry: %s is refused", (spec, message) => {
  expect(errors(mesh(spec)).join()).toContain(message);
});

describe("analysis", () => {
  const found = (text: string): readonly string[] => analyze(load(text)).map((p) => p.message);

  test("rules of one host stand in each other's way only where the same callers see them", () => {
    const clash = "is routed already";
    expect(found(service("") + routes("x", "") + routes("y", "")).join()).toContain(clash);
    expect(found(service("") + routes("x", "") + routes("y", ", exportTo: ['.']")).join()).not.toContain(clash);
    const selecting = rule(", workloadSelector: {matchLabels: {app: b}}", "s");
    expect(found(service("") + rule("") + rule("", "s")).join()).toContain("has a rule already");
    expect(found(service("") + rule("") + selecting)).toEqual([]);
  });

  test("a match for some callers leaves others for the next rule", () => {
    const two = (first: string, later: string): string =>
      found(
        service("") +
          routes(
            "x",
            "",
            `{match: [${first}], directResponse: {status: 200}}, {match: [${later}], directResponse: {status: 201}}`,
          ),
      ).join();
    const unreached = "no call reaches this rule";
    expect(two("{sourceLabels: {app: a}}", "{uri: {prefix: /a}}")).not.toContain(unreached);
    expect(two("{sourceLabels: {app: a}}", "{sourceLabels: {app: a, version: v1}}")).toContain(unreached);
    expect(two("{sourceNamespace: b}", "{sourceNamespace: c}")).not.toContain(unreached);
    expect(two("{uri: {prefix: /}}", "{sourceNamespace: c}")).toContain(unreached);
  });
});
