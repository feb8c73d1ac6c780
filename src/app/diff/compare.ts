/**
 * What two meshes do differently with the same calls.
 *
 * @module
 */
import type { Mesh } from "../../model/mesh.ts";
import type { Source } from "../../translate/source.ts";
import { explainIn } from "../explain/explain.ts";
import type { Explanation } from "../explain/explanation.ts";
import { SimulatedMesh } from "../explain/simulated-mesh.ts";
import { type Callers, callersOf, OUTSIDE } from "./callers.ts";
import { type Facet, FACETS, type Facets, facetsOf } from "./facets.ts";
import { keyOf, type Question, questionsOf } from "./questions.ts";

export interface Difference {
  readonly what: Facet;
  readonly was: string;
  readonly now: string;
}

/** Calls that change in the same way. */
export interface ChangedCalls {
  readonly host: string;
  readonly differences: readonly Difference[];
  /** What decides, before and after; undefined where no document does. */
  readonly was: Decider | undefined;
  readonly now: Decider | undefined;
  /** Representatives, as they were found. */
  readonly calls: readonly ChangedCall[];
}

export interface ChangedCall {
  /** `TCP` for a connection. */
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly from: readonly string[];
}

export interface Decider {
  /** `VirtualService default/reviews rule testers`. */
  readonly what: string;
  readonly source: Source;
}

export interface Comparison {
  readonly asked: number;
  readonly differ: number;
  /** There were more than may be asked: the rest is not known. */
  readonly cut: boolean;
  readonly changes: readonly ChangedCalls[];
}

/** @param maxCalls How many are asked at most. */
export function compareMeshes(before: Mesh, after: Mesh, maxCalls: number): Comparison {
  const old = new SimulatedMesh(before);
  const new_ = new SimulatedMesh(after);
  const groups = new Map<string, MutableGroup>();
  let asked = 0;
  let differ = 0;
  let cut = false;
  for (const callers of [...callersOf(old, new_), OUTSIDE]) {
    const questions = new Map([old, new_].flatMap((mesh) => questionsOf(mesh, callers)).map((q) => [keyOf(q), q]));
    for (const question of questions.values()) {
      if (asked >= maxCalls) {
        cut = true;
        break;
      }
      asked++;
      const change = changeOf(ask(old, question), ask(new_, question));
      if (change === undefined) continue;
      differ++;
      addTo(groups, question, callers, change);
    }
  }
  return { asked, differ, cut, changes: [...groups.values()].map(ended) };
}

type Change = Pick<ChangedCalls, "differences" | "was" | "now">;

/** A question that makes no sense to one of them, such as of a port that is TCP there, has its reason for an outcome. */
function ask(mesh: SimulatedMesh, question: Question): Explanation | string {
  try {
    return explainIn(mesh, { ...question, brief: true });
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
}

function changeOf(was: Explanation | string, now: Explanation | string): Change | undefined {
  const [before, after] = [facetsOf(was), facetsOf(now)];
  const all = FACETS.flatMap((what) =>
    before[what] === after[what] ? [] : [{ what, was: before[what], now: after[what] }],
  );
  // Who is kept out sees nothing of where it would have gone.
  if (all.length === 0 || (before.outcome === after.outcome && before.outcome.startsWith("denied"))) return undefined;
  const differences = all.filter(({ what }) => !follows(what, all)).map(shortened);
  const isOutcome = all.some(({ what }) => what === "outcome") && [before, after].every(isReached);
  return { differences, was: deciderOf(was, isOutcome), now: deciderOf(now, isOutcome) };
}

/** Where policies are asked. */
const isReached = ({ outcome }: Facets): boolean => outcome === "allowed" || outcome.startsWith("denied");

/** What goes elsewhere has another of everything that belongs to the destination: that is not told. */
function follows(what: Facet, all: readonly Difference[]): boolean {
  const changed = (facet: Facet): boolean => all.some((d) => d.what === facet);
  const toNowhere = all.some((d) => d.what === "goes to" && (d.was === "none" || d.now === "none"));
  if (what === "answer") return all.some(({ was, now }) => `${was} ${now}`.includes("no route"));
  if (toNowhere) return what !== "outcome" && what !== "goes to";
  if (what === "workloads") return changed("goes to") || changed("outcome");
  return (what === "balancer" || what === "TLS") && changed("goes to");
}

/** Of one host with several subsets only these are told. */
function shortened(difference: Difference): Difference {
  const { what, was, now } = difference;
  if (what !== "goes to") return difference;
  const shares = [...was.split(", "), ...now.split(", ")];
  const [host = ""] = shares[0]?.split(" subset ") ?? [];
  if (!shares.every((share) => share.startsWith(`${host} subset `))) return difference;
  const short = (text: string): string => text.replaceAll(`${host} subset `, "subset ");
  return { what, was: short(was), now: short(now) };
}

/** @param isOutcome Whether the outcome differs: then the policies count before the rule. */
function deciderOf(explanation: Explanation | string, isOutcome: boolean): Decider | undefined {
  if (typeof explanation === "string") return undefined;
  return (isOutcome ? policyOf(explanation) : undefined) ?? ruleOf(explanation);
}

/** Who keeps it out, or lets it in. */
function policyOf({ destinations, outcome }: Explanation): Decider | undefined {
  const arrivals = destinations.flatMap((d) => d.arrivals);
  for (const { policies } of arrivals.filter((a) => a.outcome === outcome)) {
    const enforced = policies.filter((p) => !p.dryRun);
    const matched = enforced.find((p) => p.matched);
    const asked = matched ?? enforced.find((p) => p.action === "ALLOW");
    if (asked?.source === undefined) continue;
    const rule = matched === undefined ? "no rule of " : "";
    const number = matched === undefined ? "" : ` rule ${matched.rule}`;
    return { what: `${rule}AuthorizationPolicy ${asked.policy}${number}`, source: asked.source };
  }
  return undefined;
}

function ruleOf({ connectionRules = [], routing }: Explanation): Decider | undefined {
  const rule = (routing?.rules ?? connectionRules).find((r) => r.matched);
  if (rule?.source === undefined) return undefined;
  const { kind, namespace, name } = rule.source;
  return { what: `${kind} ${namespace}/${name} rule ${rule.name}`, source: rule.source };
}

interface MutableGroup {
  readonly change: Change;
  readonly host: string;
  readonly calls: Map<string, { readonly question: Question; readonly from: string[] }>;
}

function addTo(groups: Map<string, MutableGroup>, question: Question, callers: Callers, change: Change): void {
  const key = JSON.stringify([question.host, change.differences, change.was?.what, change.now?.what]);
  const group = groups.get(key) ?? { change, host: question.host, calls: new Map() };
  groups.set(key, group);
  const callKey = keyOf({ ...question, from: undefined });
  const call = group.calls.get(callKey) ?? { question, from: [] };
  group.calls.set(callKey, call);
  call.from.push(...callers.names);
}

const ended = ({ change, host, calls }: MutableGroup): ChangedCalls => ({
  ...change,
  host,
  calls: [...calls.values()].map(({ question: { method, url, headers }, from }) => ({
    method: method ?? "TCP",
    url,
    headers: Object.fromEntries(headers),
    from,
  })),
});
