/**
 * Istio's own AuthorizationPolicies and the RBAC filters that Istio makes of them, against ours.
 *
 * A case is run whole where the model carries everything in it; in part where what it does not carry are terms that stand beside others (end-user
 * tokens): those are taken out of the policy and of Istio's filter alike. The rest is named with its reason.
 *
 * @module
 */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Mesh } from "../../src/model/mesh.ts";
import { authorization } from "../../src/translate/authorization.ts";
import { HttpRbac } from "../../src/xds/proto/filter-http-rbac.ts";
import { NetworkRbac } from "../../src/xds/proto/filter-network-rbac.ts";
import type { Permission, Policy, Principal, Rbac } from "../../src/xds/proto/rbac.ts";
import { fromJson } from "../../src/xds/types/codec.ts";
import { meshOf } from "../support/mesh.ts";
import { readPolicies } from "../support/istio-authz-policies.ts";
import { suiteFigures } from "./figures.ts";

const FILE = join(import.meta.dir, "../../../shared/suites/istio-authz-builder/cases.json");

interface Case {
  readonly name: string;
  readonly protocol: "http" | "tcp";
  readonly in: string;
  readonly customBuilder: boolean;
  readonly trustDomain: { readonly trustDomain: string; readonly aliases: readonly string[] } | null;
  readonly out: readonly { readonly filter: { readonly typedConfig: Readonly<Record<string, unknown>> } }[];
}

interface Suite {
  readonly upstreamCases: number;
  readonly cases: readonly Case[];
}

/** Why a case cannot be run; undefined when it can. */
function reasonAgainst(c: Case): string | undefined {
  if (c.customBuilder) return "action CUSTOM is not carried";
  if (c.trustDomain !== null && c.trustDomain.aliases.length > 0) return "aliases of the trust domain are not carried";
  return readPolicies(c.in).refused;
}

export function istioAuthzSuite(): void {
  describe("Istio's authorization filters", () => {
    if (!existsSync(FILE)) {
      console.warn(`SKIPPED: ${FILE} is not there`);
      return test.skip("the cases", () => {});
    }
    const { cases, upstreamCases } = JSON.parse(readFileSync(FILE, "utf8")) as Suite;
    for (const c of cases) {
      const reason = reasonAgainst(c);
      if (reason === undefined) test(c.name, () => compare(c));
      else test.skip(`${c.name}: ${reason}`, () => {});
    }
    test("how many are run", () => {
      const run = cases.filter((c) => reasonAgainst(c) === undefined);
      const whole = run.filter((c) => readPolicies(c.in).leftOut.length === 0);
      console.info(
        `istio-authz: ${run.length} (${whole.length} whole) of ${cases.length} here and ${upstreamCases} upstream`,
      );
      expect(suiteFigures("istio-authz-builder")).toEqual({
        passed: run.length,
        here: cases.length,
        upstream: upstreamCases,
      });
    });
  });
}

function compare(c: Case): void {
  const { policies } = readPolicies(c.in);
  const empty = meshOf(`{apiVersion: tulle.dev/v1, kind: Workload, metadata: {name: httpbin, namespace: foo,
    labels: {app: httpbin, version: v1}}, spec: {ports: [80]}}`);
  const mesh: Mesh = { ...empty, settings: { ...empty.settings, rootNamespace: "" }, authorizationPolicies: policies };
  const [workload] = mesh.workloads;
  if (workload === undefined) throw new Error("the mesh has no workload");
  const { filters } = authorization({ mesh, workload, http: c.protocol === "http", at: undefined });
  const theirs = c.out.map(({ filter: { typedConfig } }) => {
    const { "@type": _, ...json } = typedConfig;
    return c.protocol === "http" ? fromJson(HttpRbac, json) : fromJson(NetworkRbac, json);
  });
  expect(filters.map(normal)).toEqual(theirs.map(normal));
}

type Filter = Pick<HttpRbac, "rules" | "shadowRules" | "shadowRulesStatPrefix">;

const normal = ({ rules, shadowRules, shadowRulesStatPrefix }: Filter): unknown => ({
  rules: rules && normalRules(rules),
  shadowRules: shadowRules && normalRules(shadowRules),
  shadowRulesStatPrefix,
});

const normalRules = ({ action = "ALLOW", policies = {} }: Rbac): unknown => ({
  action,
  policies: Object.fromEntries(Object.entries(policies).map(([name, policy]) => [name, carried(policy)])),
});

/** Without the terms that the model does not carry. */
const carried = ({ permissions = [], principals = [] }: Policy): Policy => ({
  permissions: permissions.map((p) =>
    p.andRules === undefined ? p : { andRules: { rules: terms(p.andRules.rules) } },
  ),
  principals: principals.map((p) => (p.andIds === undefined ? p : { andIds: { ids: terms(p.andIds.ids) } })),
});

function terms<T extends Permission | Principal>(all: readonly T[] = []): readonly (T | { readonly any: true })[] {
  const kept = all.filter((term) => !/"metadata":/.test(JSON.stringify(term)));
  return kept.length === 0 ? [{ any: true }] : kept;
}
