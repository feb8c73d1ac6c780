/**
 * SMI's documents become the model; what leads nowhere allows nothing, and what is wrong is refused.
 */
import { describe, expect, test } from "bun:test";
import { formatProblem } from "../src/base/problem.ts";
import type { Workload } from "../src/model/service.ts";
import { authorization } from "../src/translate/authorization.ts";
import { errors, load } from "./support/documents.ts";
import { service } from "./support/mesh.ts";

const doc = (apiVersion: string, kind: string, name: string, rest: string): string =>
  `---\napiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: ${name}, namespace: shop}\n${rest}\n`;
const group = (matches: string, name = "g"): string =>
  doc("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", name, `spec: {matches: [${matches}]}`);
const tcp = (ports: string, name = "t"): string =>
  doc("specs.smi-spec.io/v1alpha4", "TCPRoute", name, `spec: {matches: {ports: [${ports}]}}`);
const target = (rules: string, destination = "{kind: ServiceAccount, name: s}"): string =>
  doc(
    "access.smi-spec.io/v1alpha3",
    "TrafficTarget",
    "target",
    `spec: {destination: ${destination}, rules: [${rules}], sources: [{kind: ServiceAccount, name: a}, {kind: ServiceAccount, name: b, namespace: other}]}`,
  );
const METRICS = "{name: metrics, pathRegex: /metrics, methods: [GET]}";

function policy(text: string) {
  expect(errors(text)).toEqual([]);
  const { mesh, remarks } = load(text);
  return { policy: mesh.authorizationPolicies[0], remarks: remarks.map(formatProblem) };
}

const operations = (text: string) => policy(text).policy?.rules.flatMap((r) => r.to) ?? [];

describe("TrafficTarget", () => {
  test("is an ALLOW policy for one identity", () => {
    expect(policy(group(METRICS) + target("{kind: HTTPRouteGroup, name: g}")).policy).toMatchObject({
      origin: { kind: "TrafficTarget", namespace: "shop", name: "target" },
      selector: undefined,
      serviceAccount: "s",
      action: "ALLOW",
      rules: [
        {
          from: [
            {
              principals: [
                { t: "exact", value: "cluster.local/ns/shop/sa/a" },
                { t: "exact", value: "cluster.local/ns/other/sa/b" },
              ],
            },
          ],
          to: [
            { paths: [{ t: "regex", value: "(?:/metrics).*" }], methods: [{ t: "exact", value: "GET" }], ports: [] },
          ],
        },
      ],
    });
  });

  test("of any method is still for HTTP alone", () => {
    const any = `${group('{name: any, methods: ["*"]}')}${target("{kind: HTTPRouteGroup, name: g}")}`;
    expect(operations(any)).toMatchObject([{ paths: [], methods: [{ t: "present" }], headers: {} }]);
    const { mesh } = load(any);
    const workload = { namespace: "shop", name: "s", labels: {}, serviceAccount: "s" } as Workload;
    const at = { targetPort: 80, listenPort: 80 };
    const allows = (http: boolean): boolean =>
      JSON.stringify(authorization({ mesh, workload, http, at }).filters).includes("cluster.local/ns/shop/sa/a");
    expect([allows(true), allows(false)]).toEqual([true, false]);
  });

  test("with a TCPRoute is for its ports only", () => {
    const both = "{kind: HTTPRouteGroup, name: g}, {kind: TCPRoute, name: t}";
    expect(operations(group(METRICS) + tcp("80, 81") + target(both))).toMatchObject([
      { ports: [80, 81], methods: [{}] },
    ]);
    expect(operations(tcp("80") + target("{kind: TCPRoute, name: t}"))).toMatchObject([{ ports: [80], methods: [] }]);
    expect(operations(tcp("") + target("{kind: TCPRoute, name: t}"))).toMatchObject([{ ports: [], methods: [] }]);
    const atPort = "{kind: ServiceAccount, name: s, port: 80}";
    expect(operations(group(METRICS) + target("{kind: HTTPRouteGroup, name: g}", atPort))).toMatchObject([
      { ports: [80] },
    ]);
    expect(operations(tcp("90") + target("{kind: TCPRoute, name: t}", atPort))).toEqual([]);
  });

  test.each([
    ["{kind: HTTPRouteGroup, name: none}", 'there is no HTTPRouteGroup "none", so the rule allows nothing'],
    ["{kind: TCPRoute, name: none}", 'there is no TCPRoute "none", so the target allows nothing'],
    ["{kind: HTTPRouteGroup, name: g}, {kind: TCPRoute, name: none}", 'there is no TCPRoute "none"'],
    ["{kind: HTTPRouteGroup, name: g, matches: [none]}", 'the HTTPRouteGroup "g" has no match "none"'],
  ])("that leads nowhere allows nothing: %s", (rules, message) => {
    const made = policy(group(METRICS) + target(rules));
    expect(made.policy).toMatchObject({ action: "ALLOW", rules: [] });
    expect(made.remarks.join()).toContain(message);
    expect(made.remarks[0]).toMatch(/^mesh\.yaml:\d+:\d+ spec\.rules\[\d\]: /);
  });

  test("of the first versions has no spec", () => {
    const old = `${doc("specs.smi-spec.io/v1alpha1", "HTTPRouteGroup", "g", `matches: [${METRICS}]`)}${doc(
      "access.smi-spec.io/v1alpha1",
      "TrafficTarget",
      "target",
      "destination: {kind: ServiceAccount, name: s, port: 80}\nspecs: [{kind: HTTPRouteGroup, name: g}]\nsources: [{kind: ServiceAccount, name: a}]",
    )}`;
    expect(operations(old)).toMatchObject([{ ports: [80], methods: [{ value: "GET" }] }]);
  });

  test.each([
    [
      target("{kind: HTTPRouteGroup, name: g}", "{kind: ServiceAccount, name: s, namespace: other}"),
      "must be the document's own namespace",
    ],
    [target("{kind: UDPRoute, name: g}"), "must be one of HTTPRouteGroup, TCPRoute"],
    [target("{kind: TCPRoute, name: g}", "{kind: IdentityBinding, name: s}"), "must be one of ServiceAccount"],
    [target(""), "must have at least one item"],
    [group("{name: a}"), "must have at least one of pathRegex, methods, headers"],
    [group("{name: a, pathRegex: '(?=a)'}"), "must be a regular expression in RE2 syntax"],
    [group(`${METRICS}, ${METRICS}`), 'the match "metrics" stands twice'],
    [group("{name: a, headers: {A: b, a: c}}"), "matched twice"],
    [group("{name: a, methods: [get]}"), "a method such as GET"],
    [tcp("0"), "whole number from 1"],
  ])("is refused: %s", (text, message) => {
    expect(errors(text).join("\n")).toContain(message);
  });
});

describe("TrafficSplit with matches", () => {
  const split = (name = "g"): string =>
    doc(
      "split.smi-spec.io/v1alpha4",
      "TrafficSplit",
      "s",
      `spec: {service: root, matches: [{kind: HTTPRouteGroup, name: ${name}}], backends: [{service: next, weight: 1}]}`,
    );

  test("splits what matches, and leaves the rest to the root", () => {
    const matches = "{name: a, methods: [GET, PUT], headers: [{X-A: b}]}, {name: c, pathRegex: /c}";
    const { mesh } = load(`${service("root", ["http:80:80"])}\n${group(matches)}${split()}`);
    const [first, rest, ...more] = mesh.virtualServices[0]?.http ?? [];
    expect(first?.matches).toMatchObject([
      { method: { t: "regex", value: "GET|PUT" }, headers: { "x-a": { t: "regex", value: "b" } }, uri: undefined },
      { uri: { t: "regex", value: "(?:/c).*" }, method: undefined },
    ]);
    expect(first?.action).toMatchObject({ destinations: [{ host: "next.shop.svc.cluster.local" }] });
    expect(rest).toMatchObject({ matches: [], action: { destinations: [{ host: "root.shop.svc.cluster.local" }] } });
    expect(more).toEqual([]);
  });

  test("of a group that is not there splits nothing", () => {
    const { mesh, remarks } = load(split("none"));
    expect(mesh.virtualServices[0]?.http).toMatchObject([
      { matches: [], action: { destinations: [{ host: "root.shop.svc.cluster.local" }] } },
    ]);
    expect(remarks.map(formatProblem).join()).toContain(
      'there is no HTTPRouteGroup "none", so its calls are not split',
    );
  });
});

describe("TrafficSplit", () => {
  const split = (root: string, backend: string): string =>
    doc(
      "split.smi-spec.io/v1alpha4",
      "TrafficSplit",
      "s",
      `spec: {service: ${root}, backends: [{service: ${backend}, weight: 1}]}`,
    );

  test.each([
    ["root", "next"],
    ["root.shop.svc.cluster.local", "next.shop.svc.cluster.local"],
  ])("is of its own namespace: %s to %s", (root, backend) => expect(errors(split(root, backend))).toEqual([]));

  test.each([
    ["root.other.svc.cluster.local", "next"],
    ["root", "next.other.svc.cluster.local"],
    ["pay.example.com", "next"],
    ["root", "pay.example.com"],
  ])("and says nothing of others: %s to %s", (root, backend) => {
    expect(errors(split(root, backend)).join()).toContain(`must be a service of the document's own namespace "shop"`);
  });
});
