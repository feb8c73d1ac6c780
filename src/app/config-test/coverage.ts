/**
 * Which rules, policies and subsets the cases of configuration tests met, and which none did.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { VirtualService } from "../../model/virtual-service.ts";
import { type Source, sourceOf } from "../../translate/source.ts";
import type { Explanation } from "../explain/explanation.ts";
import { allMatches } from "../explain/rule-documents.ts";

export interface Covered {
  readonly kind: "rule" | "policy" | "subset";
  /** `VirtualService default/reviews rule testers`. */
  readonly what: string;
  readonly source: Source;
  /** How many cases met it. */
  readonly cases: number;
}

/** Everything that a request can meet, in the order of the documents. */
export function coverageOf(mesh: Mesh, explanations: readonly Explanation[]): readonly Covered[] {
  const counts = new Map<string, number>();
  for (const explanation of explanations)
    for (const key of new Set(metBy(explanation))) counts.set(key, (counts.get(key) ?? 0) + 1);
  const covered = ({ key, ...item }: Item): Covered => ({ ...item, cases: counts.get(key) ?? 0 });
  const items = [...rules(mesh), ...policies(mesh), ...subsets(mesh)];
  // A delegate's match is one, however many rules delegate to it.
  return [...new Map(items.map((item) => [item.key, item])).values()].map(covered);
}

type Item = Omit<Covered, "cases"> & { readonly key: string };

const ruleKey = ({ kind, namespace, name, file, line, column }: Source): string =>
  JSON.stringify([kind, namespace, name, file, line, column]);
const policyKey = (policy: string, rule: number): string => JSON.stringify(["policy", policy, rule]);
const subsetKey = (rule: Pick<Source, "namespace" | "name">, subset: string): string =>
  JSON.stringify(["subset", rule.namespace, rule.name, subset]);

/** A policy's rule is met when it matches, in force or as a dry run. */
function metBy({ connectionRules = [], routing, destinations }: Explanation): readonly string[] {
  const matched = (routing?.rules ?? connectionRules).find((r) => r.matched);
  return [
    ...(matched?.source === undefined ? [] : [ruleKey(matched.source)]),
    ...destinations.flatMap(({ arrivals, destinationRule, subset }) => [
      ...(destinationRule === undefined || subset === undefined ? [] : [subsetKey(destinationRule, subset)]),
      ...arrivals.flatMap(({ policies }) =>
        policies.filter((p) => p.matched).map(({ policy, rule }) => policyKey(policy, rule)),
      ),
    ]),
  ];
}

/** Each match of a rule is one: another match of it is another way in. */
const rules = (mesh: Mesh): readonly Item[] => [
  ...allMatches(mesh).map(({ origin, name, path, place, single }): Item => {
    const source = sourceOf(origin, place);
    const one = single ? "" : ` ${path.replace(/^.*\./, "")}`;
    return { kind: "rule", what: `${documentOf(source)} rule ${name}${one}`, source, key: ruleKey(source) };
  }),
  ...mesh.virtualServices.flatMap(connectionItems),
];

const connectionItems = ({ origin, tcp, tls }: VirtualService): readonly Item[] =>
  (["tls", "tcp"] as const).flatMap((kind) =>
    (kind === "tls" ? tls : tcp).flatMap((rule, i) =>
      (rule.matches.length === 0 ? [rule] : rule.matches).map(({ place }): Item => {
        const source = sourceOf(origin, place);
        return { kind: "rule", what: `${documentOf(source)} rule ${kind}[${i}]`, source, key: ruleKey(source) };
      }),
    ),
  );

const policies = ({ authorizationPolicies }: Mesh): readonly Item[] =>
  authorizationPolicies.flatMap(({ origin, rules }) =>
    rules.map(({ place }, i): Item => {
      const source = sourceOf(origin, place);
      const key = policyKey(`${origin.namespace}/${origin.name}`, i);
      return { kind: "policy", what: `${documentOf(source)} rule ${i}`, source, key };
    }),
  );

const subsets = ({ destinationRules }: Mesh): readonly Item[] =>
  destinationRules.flatMap(({ origin, subsets }) =>
    subsets.map(({ name }): Item => {
      const source = sourceOf(origin);
      return { kind: "subset", what: `${documentOf(source)} subset ${name}`, source, key: subsetKey(source, name) };
    }),
  );

const documentOf = ({ kind, namespace, name }: Source): string => `${kind} ${namespace}/${name}`;
