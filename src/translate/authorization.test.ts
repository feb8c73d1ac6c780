import { describe, expect, test } from "bun:test";
import { meshOf, workload } from "../../tests/support/mesh.ts";
import type { Mesh } from "../model/mesh.ts";
import { type Authorization, authorization } from "./authorization.ts";

const policy = (name: string, spec: string, namespace = "default", annotations = "{}"): string =>
  `{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: ${name}, namespace: ${namespace}, annotations: ${annotations}}, spec: ${spec}}`;

function made(documents: readonly string[], http = true, change: (mesh: Mesh) => Mesh = (m) => m): Authorization {
  const mesh = change(meshOf(workload("a", "v1", [80]), ...documents));
  const [subject] = mesh.workloads;
  if (subject === undefined) throw new Error("no workload");
  return authorization({ mesh, workload: subject, http, at: { targetPort: 80, listenPort: 20_001 } });
}

const names = (a: Authorization): unknown =>
  a.filters.map((f) => [f.rules?.action, Object.keys(f.rules?.policies ?? {})]);

test("without policies there is no filter", () => {
  expect(made([]).filters).toEqual([]);
  expect(made([policy("x", "{selector: {matchLabels: {app: b}}}"), policy("y", "{}", "elsewhere")]).filters).toEqual(
    [],
  );
});

test("DENY comes before ALLOW; the root namespace's policies hold everywhere", () => {
  const allow = policy("a", "{rules: [{}, {to: [{operation: {methods: [GET]}}]}]}");
  const deny = policy("d", "{action: DENY, rules: [{}]}", "istio-system");
  expect(names(made([allow, deny]))).toEqual([
    ["DENY", ["ns[istio-system]-policy[d]-rule[0]"]],
    ["ALLOW", ["ns[default]-policy[a]-rule[0]", "ns[default]-policy[a]-rule[1]"]],
  ]);
});

test("each policy's name leads back to its line", () => {
  const { sources } = made([policy("a", "\n {rules: [\n  {}]}")]);
  expect(sources["ns[default]-policy[a]-rule[0]"]).toMatchObject({
    kind: "AuthorizationPolicy",
    name: "a",
    file: "mesh.yaml",
  });
});

test("a dry-run policy is only watched", () => {
  const { filters } = made([policy("d", "{action: DENY, rules: [{}]}", "default", '{istio.io/dry-run: "true"}')]);
  expect(filters).toMatchObject([
    { rules: undefined, shadowRules: { action: "DENY" }, shadowRulesStatPrefix: "istio_dry_run_deny_" },
  ]);
});

describe("a port in a rule", () => {
  const permissions = (port: string): unknown =>
    made([policy("a", `{rules: [{to: [{operation: {ports: ["${port}"]}}]}]}`)]).filters[0]?.rules?.policies?.[
      "ns[default]-policy[a]-rule[0]"
    ]?.permissions;

  test("is the workload's, wherever its proxy listens", () => {
    expect(permissions("80")).toEqual([
      { andRules: { rules: [{ orRules: { rules: [{ destinationPort: 20_001 }] } }] } },
    ]);
  });

  test("never means the proxy's own", () => {
    expect(permissions("20001")).toEqual([
      { andRules: { rules: [{ orRules: { rules: [{ notRule: { any: true } }] } }] } },
    ]);
  });
});

describe("on an opaque connection", () => {
  const rules = "[{to: [{operation: {methods: [GET]}}], from: [{source: {namespaces: [x]}}]}, {}]";

  test("a rule of ALLOW that asks for HTTP is left out", () => {
    expect(names(made([policy("a", `{rules: ${rules}}`)], false))).toEqual([
      ["ALLOW", ["ns[default]-policy[a]-rule[1]"]],
    ]);
  });

  test("a rule of DENY gets wider", () => {
    const { filters } = made([policy("d", `{action: DENY, rules: ${rules}}`)], false);
    expect(filters[0]?.rules?.policies?.["ns[default]-policy[d]-rule[0]"]).toEqual({
      permissions: [{ andRules: { rules: [{ any: true }] } }],
      principals: [
        {
          andIds: {
            ids: [{ orIds: { ids: [{ authenticated: { principalName: { safeRegex: { regex: ".*/ns/x/.*" } } } }] } }],
          },
        },
      ],
    });
  });
});

test("a condition that nobody knows closes: ALLOW loses the rule, DENY asks less", () => {
  const strange = (mesh: Mesh): Mesh => ({
    ...mesh,
    authorizationPolicies: mesh.authorizationPolicies.map((p) => ({
      ...p,
      rules: p.rules.map((r) => ({ ...r, when: [{ key: "remote.port", values: ["1"], notValues: [] }] })),
    })),
  });
  expect(names(made([policy("a", "{rules: [{}]}")], true, strange))).toEqual([["ALLOW", []]]);
  const { filters } = made([policy("d", "{action: DENY, rules: [{}]}")], true, strange);
  expect(filters[0]?.rules?.policies?.["ns[default]-policy[d]-rule[0]"]?.permissions).toEqual([
    { andRules: { rules: [{ any: true }] } },
  ]);
});

test("cluster.local in a principal is the mesh's own trust domain", () => {
  const rule = '{rules: [{from: [{source: {principals: ["cluster.local/ns/a/sa/b", "other/ns/a/sa/b"]}}]}]}';
  const { filters } = made([policy("a", rule)], true, (m) => ({
    ...m,
    settings: { ...m.settings, trustDomain: "td.example" },
  }));
  const text = JSON.stringify(filters);
  expect(text).toContain('"exact":"spiffe://td.example/ns/a/sa/b"');
  expect(text).toContain('"exact":"spiffe://other/ns/a/sa/b"');
});

describe("who calls", () => {
  const asked = (rule: string): string => {
    const { filters } = made([policy("a", `{rules: [${rule}]}`)]);
    return JSON.stringify(Object.values(filters[0]?.rules?.policies ?? {})[0]?.principals);
  };
  const client = (ip: string): string => `{"remoteIp":{"addressPrefix":"${ip}","prefixLen":`;

  test.each([
    ["{from: [{source: {remoteIpBlocks: [10.0.0.0/8]}}]}", client("10.0.0.0")],
    ["{from: [{source: {notRemoteIpBlocks: [10.0.0.1]}}]}", `"notId":{"orIds":{"ids":[${client("10.0.0.1")}32`],
    ["{when: [{key: remote.ip, values: ['2001:db8::/32']}]}", client("2001:db8::")],
    ["{from: [{source: {trustDomains: [a.test]}}]}", '{"prefix":"spiffe://a.test/"}'],
    ["{from: [{source: {trustDomains: ['a*']}}]}", '{"regex":"spiffe://a[^/]*/.*"}'],
    ["{from: [{source: {trustDomains: ['*.test']}}]}", '{"regex":"spiffe://[^/]*\\\\.test/.*"}'],
    ["{when: [{key: source.trustDomain, notValues: [a.test]}]}", '"notId":{"orIds":{"ids":[{"authenticated":'],
    ["{when: [{key: source.serviceAccount, values: [shop/web]}]}", '{"regex":"spiffe://.*/ns/shop/sa/web"}'],
    ["{when: [{key: source.serviceAccount, values: [web]}]}", '{"regex":"spiffe://.*/ns/default/sa/web"}'],
  ])("%s", (rule, principal) => expect(asked(rule)).toContain(principal));
});
