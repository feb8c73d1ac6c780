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
const binding = (schemes: string, name = "b", namespace = "shop"): string =>
  doc("access.smi-spec.io/v1alpha4", "IdentityBinding", name, `spec: {schemes: {${schemes}}}`).replace(
    "namespace: shop",
    `namespace: ${namespace}`,
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

  test("for an IdentityBinding is for each way in which it is meant, in its own namespace", () => {
    const made = (schemes: string) => {
      const { mesh } = load(
        binding(schemes) + tcp("80") + target("{kind: TCPRoute, name: t}", "{kind: IdentityBinding, name: b}"),
      );
      return mesh.authorizationPolicies.map(({ selector, serviceAccount, rules }) => [
        selector,
        serviceAccount,
        rules.length,
      ]);
    };
    expect(made("serviceAccount: s")).toEqual([[undefined, "s", 1]]);
    expect(made("podLabelSelectors: [{name: n, matchLabels: {app: a}}, {matchLabels: {app: b}}]")).toEqual([
      [{ app: "a" }, undefined, 1],
      [{ app: "b" }, undefined, 1],
    ]);
    // Of another namespace, and of another trust domain: neither is of here.
    expect(
      made(
        "spiffeIdentities: [cluster.local/ns/shop/sa/s, cluster.local/ns/other/sa/o, spiffe://far.test/ns/shop/sa/f]",
      ),
    ).toEqual([[undefined, "s", 1]]);
  });

  test("from an IdentityBinding is from its certificates' names", () => {
    const from = (...bindings: readonly string[]) => {
      const text = `${bindings.join("")}${tcp("80")}${target("{kind: TCPRoute, name: t}").replace(
        /sources: .*/,
        "sources: [{kind: IdentityBinding, group: access.smi-spec.io, name: b, namespace: other}]}",
      )}`;
      expect(errors(text)).toEqual([]);
      const { mesh, remarks } = load(text);
      const [made] = mesh.authorizationPolicies;
      // A rule without a principal would let anybody in.
      if (made?.rules.length === 0) return ["nobody", remarks.map(({ message }) => message).join()];
      return [
        made?.rules.flatMap((r) => r.from.flatMap((f) => f.principals.map((it) => "value" in it && it.value))),
        remarks.map(({ message }) => message).join(),
      ];
    };
    expect(from(binding("serviceAccount: s, spiffeIdentities: [spiffe://far.test/a/b]", "b", "other"))).toEqual([
      ["far.test/a/b", "cluster.local/ns/other/sa/s"],
      "",
    ]);
    expect(from(binding("podLabelSelectors: [{matchLabels: {a: b}}]", "b", "other"))).toEqual([
      "nobody",
      'the podLabelSelectors of "b" allow nobody: a caller\'s certificate tells no labels',
    ]);
    expect(from()).toEqual(["nobody", 'there is no IdentityBinding "b" in the namespace other, so it allows nobody']);
  });

  test("of UDP alone allows nothing", () => {
    const udp = doc("specs.smi-spec.io/v1alpha4", "UDPRoute", "u", "spec: {matches: {ports: [53]}}");
    const made = policy(udp + target("{kind: UDPRoute, name: u}"));
    expect(made.policy).toMatchObject({ action: "ALLOW", rules: [] });
    expect(made.remarks.join()).toContain("allows nothing: the proxies carry no UDP");
    expect(operations(udp + tcp("80") + target("{kind: UDPRoute, name: u}, {kind: TCPRoute, name: t}"))).toMatchObject([
      { ports: [80] },
    ]);
  });

  test("for a binding that is not there is for nobody, and says so", () => {
    const { mesh, remarks } = load(tcp("80") + target("{kind: TCPRoute, name: t}", "{kind: IdentityBinding, name: b}"));
    expect(mesh.authorizationPolicies).toEqual([]);
    expect(remarks.map(({ message }) => message)).toEqual([
      'there is no IdentityBinding "b", so the target is for no workload',
    ]);
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
    [target("{kind: Pod, name: g}"), "must be one of HTTPRouteGroup, TCPRoute, UDPRoute"],
    [target("{kind: TCPRoute, name: g}", "{kind: Pod, name: s}"), "must be one of ServiceAccount, IdentityBinding"],
    [
      target("{kind: TCPRoute, name: g}", "{kind: IdentityBinding, group: apps, name: s}"),
      "must be one of access.smi-spec.io",
    ],
    [binding(""), "must have at least one of podLabelSelectors, spiffeIdentities, serviceAccount"],
    [binding("serviceAccount: a, podLabelSelectors: [{matchLabels: {a: b}}]"), "cannot stand beside podLabelSelectors"],
    [binding("podLabelSelectors: [{matchLabels: {}}]"), "must have at least one label"],
    [binding("spiffeIdentities: ['a b']"), "must be an identity such as"],
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

/** Documents of the shapes that the pages of the specification show, version by version. */
describe("the specification's forms", () => {
  const GROUP_MATCHES =
    "[{name: metrics, pathRegex: /metrics, methods: [GET]}, {name: all, pathRegex: '.*', methods: ['*']}]";
  const subject = (name: string): string => `{kind: ServiceAccount, name: ${name}, namespace: shop}`;
  const TARGET_V1 = `destination: {kind: ServiceAccount, name: service-a, namespace: shop, port: 8080}
specs: [{kind: HTTPRouteGroup, name: routes, matches: [metrics]}]
sources: [${subject("prometheus")}]`;
  const rules = "rules: [{kind: TCPRoute, name: ports}, {kind: HTTPRouteGroup, name: routes, matches: [metrics]}]";
  const targetV2 = `spec: {destination: ${subject("service-a")}, ${rules}, sources: [${subject("prometheus")}]}`;
  const bound = (name: string): string =>
    `{kind: IdentityBinding, group: access.smi-spec.io, name: ${name}, namespace: shop}`;

  test.each([
    ["v1alpha1", "HTTPRouteGroup", `matches: ${GROUP_MATCHES}`],
    ["v1alpha2", "HTTPRouteGroup", `matches: ${GROUP_MATCHES}`],
    [
      "v1alpha2",
      "HTTPRouteGroup",
      "matches: [{name: android, headers: [{user-agent: '.*Android.*'}, {cookie: '^(.*?;)?(type=insider)(;.*)?$'}]}]",
    ],
    ["v1alpha3", "HTTPRouteGroup", `spec: {matches: ${GROUP_MATCHES}}`],
    [
      "v1alpha3",
      "HTTPRouteGroup",
      "spec: {matches: [{name: iphone, pathRegex: '/api/.*', methods: [GET, HEAD], headers: [{user-agent: '.*iPhone.*'}]}]}",
    ],
    ["v1alpha4", "HTTPRouteGroup", `spec: {matches: ${GROUP_MATCHES}}`],
    ["v1alpha4", "HTTPRouteGroup", "spec: {matches: [{name: android, headers: {user-agent: '.*Android.*'}}]}"],
    ["v1alpha1", "TCPRoute", ""],
    ["v1alpha2", "TCPRoute", ""],
    ["v1alpha3", "TCPRoute", "spec: {}"],
    ["v1alpha4", "TCPRoute", "spec: {matches: {ports: [3306, 6446]}}"],
    ["v1alpha4", "TCPRoute", "spec: {matches: {ports: []}}"],
    ["v1alpha4", "UDPRoute", "spec: {matches: {ports: [989, 990]}}"],
  ])("specs %s %s: %s", (version, kind, rest) => {
    expect(errors(doc(`specs.smi-spec.io/${version}`, kind, "routes", rest))).toEqual([]);
  });

  test.each([
    ["v1alpha1", "TrafficTarget", TARGET_V1],
    ["v1alpha2", "TrafficTarget", targetV2],
    ["v1alpha3", "TrafficTarget", targetV2],
    [
      "v1alpha4",
      "TrafficTarget",
      `spec: {destination: ${bound("service-a")}, ${rules}, sources: [${bound("prometheus")}]}`,
    ],
    [
      "v1alpha4",
      "IdentityBinding",
      "spec: {schemes: {podLabelSelectors: [{name: pods, matchLabels: {app: service-a}}], spiffeIdentities: [cluster.local/ns/shop/sa/service-a, federated.trustdomain/boundary/name/type/identifier]}}",
    ],
  ])("access %s %s: %s", (version, kind, rest) => {
    expect(errors(doc(`access.smi-spec.io/${version}`, kind, "a", rest))).toEqual([]);
  });

  test.each([
    ["v1alpha1", "{service: web, backends: [{service: next, weight: 100m}, {service: current, weight: 900m}]}"],
    ["v1alpha1", "{service: web, backends: [{service: next, weight: 1}, {service: current, weight: 0.5}]}"],
    ["v1alpha2", "{service: web, backends: [{service: next, weight: 10}, {service: current, weight: 90}]}"],
    [
      "v1alpha3",
      "{service: web, matches: [{kind: HTTPRouteGroup, name: ab}], backends: [{service: next, weight: 100}, {service: current, weight: 0}]}",
    ],
    ["v1alpha4", "{service: web, matches: [{kind: HTTPRouteGroup, name: ab}], backends: [{service: next, weight: 1}]}"],
  ])("split %s: %s", (version, spec) => {
    expect(errors(doc(`split.smi-spec.io/${version}`, "TrafficSplit", "s", `spec: ${spec}`))).toEqual([]);
  });

  test("the same target means the same in each version", () => {
    const identities =
      binding("serviceAccount: service-a", "service-a") + binding("serviceAccount: prometheus", "prometheus");
    const meant = (version: string, rest: string) => {
      const ports = doc("specs.smi-spec.io/v1alpha4", "TCPRoute", "ports", "spec: {matches: {ports: [8080]}}");
      const group = doc("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup", "routes", `spec: {matches: ${GROUP_MATCHES}}`);
      const { mesh } = load(
        group + ports + identities + doc(`access.smi-spec.io/${version}`, "TrafficTarget", "t", rest),
      );
      return mesh.authorizationPolicies.map(({ serviceAccount, rules: [rule] }) => ({
        serviceAccount,
        from: rule?.from[0]?.principals,
        to: rule?.to.map(({ methods, paths, ports: at }) => ({ methods, paths, ports: at })),
      }));
    };
    const first = meant("v1alpha1", TARGET_V1);
    expect(first).toMatchObject([{ serviceAccount: "service-a", to: [{ ports: [8080] }] }]);
    expect(meant("v1alpha2", targetV2)).toEqual(first);
    expect(meant("v1alpha3", targetV2)).toEqual(first);
    const v4 = `spec: {destination: ${bound("service-a")}, ${rules}, sources: [${bound("prometheus")}]}`;
    expect(meant("v1alpha4", v4)).toEqual(first);
  });
});
