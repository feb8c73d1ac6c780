/**
 * The rules that concern a call, in order: those that were asked, the one that decides, those that are not reached, and those that
 * are for other calls.
 *
 * @module
 */
import type { RouteEntry } from "../../engine/http/route.ts";
import type { RouteOrigin } from "../../engine/origin.ts";
import type { TraceStep } from "../../engine/trace.ts";
import { selects } from "../../model/match.ts";
import type { Mesh } from "../../model/mesh.ts";
import type { Workload } from "../../model/service.ts";
import type { HttpMatch, VirtualService } from "../../model/virtual-service.ts";
import { indexOf, virtualServicesOf } from "../../translate/mesh-index.ts";
import { type Source, sourceOf } from "../../translate/source.ts";
import type { ConditionStep, RuleStep } from "./explanation.ts";
import { conditionWords, shown } from "./match-words.ts";
import { routeReason } from "./reasons.ts";
import { matchesOf, writtenAt, type WrittenMatch } from "./rule-documents.ts";

/** Whose rules they are. */
export interface RuleContext {
  /** As the caller sees it. */
  readonly mesh: Mesh;
  readonly workload: Workload;
  /** The Gateways that the workload serves, or `mesh`. */
  readonly gateways: readonly string[];
  /** Only which rule decides is asked for. */
  readonly brief: boolean;
}

/** The rule that decides alone. */
export function decidingStep(host: string, { label, route }: RouteEntry, { mesh }: RuleContext): RuleStep {
  const [written] = writtenAt(mesh, route.origin, host.replace(/:[^:]*$/, ""));
  return { ...named(label, route.origin, written), verdict: "matched", matched: true, reason: "", conditions: [] };
}

interface Told {
  readonly step: RuleStep;
  readonly written: WrittenMatch | undefined;
}

/**
 * @param host Of the virtual host that was chosen: `reviews.default.svc.cluster.local:9080`.
 * @param routes All of it.
 * @param tried The steps of those that were asked, from the first on.
 */
export function ruleSteps(
  host: string,
  routes: readonly RouteEntry[],
  tried: readonly TraceStep[],
  context: RuleContext,
): readonly RuleStep[] {
  const used = new Set<WrittenMatch>();
  const told = routes.map(({ label, route }, i): Told => {
    const candidates = writtenAt(context.mesh, route.origin, host.replace(/:[^:]*$/, ""));
    const written = candidates.find((it) => !used.has(it)) ?? candidates[0];
    if (written !== undefined) used.add(written);
    const step = tried[i];
    return { written, step: step === undefined ? notReached(label, route.origin, written) : asked(step, written) };
  });
  for (const virtualService of servicesOf(host, told, context.mesh)) addLeftOut(told, virtualService, host, context);
  return told.map(({ step }) => step);
}

function asked(
  { subject, verdict, reason, origin, conditions = [] }: TraceStep,
  written: WrittenMatch | undefined,
): RuleStep {
  const matched = verdict === "matched";
  const words = conditions.flatMap((c): readonly ConditionStep[] => {
    const told = written === undefined ? inOwnWords(c) : conditionWords(written.fieldOf, written.path, c);
    return told === undefined ? [] : [told];
  });
  const decisive = words.filter(({ holds }) => holds === matched).map(({ text }) => text);
  return {
    ...named(subject, origin, written),
    verdict: matched ? "matched" : "notMatched",
    matched,
    reason: decisive.join("; ") || routeReason(reason),
    conditions: words,
  };
}

/** Of a route that is traced back to no match: as the engine says it. */
const inOwnWords = ({
  holds,
  reason,
}: {
  readonly holds: boolean;
  readonly reason: string;
}): ConditionStep | undefined =>
  holds && routeReason(reason) === routeReason("") ? undefined : { holds, field: undefined, text: reason };

const notReached = (
  label: string,
  origin: RouteOrigin | undefined,
  written: WrittenMatch | undefined,
  reason = "not reached: a rule before it matches",
): RuleStep => ({
  ...named(label, origin, written),
  verdict: "notReached",
  matched: false,
  reason,
  conditions: [],
});

function named(
  label: string,
  origin: RouteOrigin | undefined,
  written: WrittenMatch | undefined,
): Pick<RuleStep, "name" | "source" | "match"> {
  const quoted = /^\d+ "(.*)"$/.exec(label.replace(/^route /, ""))?.[1];
  return {
    name: origin?.rule ?? written?.name ?? quoted ?? label,
    source: written === undefined ? origin && placedBy(origin) : sourceOf(written.origin, written.place),
    match: written?.path,
  };
}

const placedBy = ({ kind, namespace, name, file, line, column }: RouteOrigin): Source => ({
  kind,
  namespace,
  name,
  file: file ?? "",
  line: line ?? 0,
  column: column ?? 0,
});

/** The documents whose rules are for the host; where no route is left, the one that would have them. */
function servicesOf(host: string, told: readonly Told[], mesh: Mesh): readonly VirtualService[] {
  const found = [...new Set(told.flatMap(({ written }) => written?.virtualService ?? []))];
  if (found.length > 0) return found;
  return virtualServicesOf(indexOf(mesh), host.replace(/:[^:]*$/, "")).slice(0, 1);
}

/** Matches that are no routes for this caller and port, each before the next one of its document. */
function addLeftOut(told: Told[], virtualService: VirtualService, host: string, context: RuleContext): void {
  const there = new Set(told.map(({ written }) => written?.place));
  for (const written of matchesOf(virtualService)) {
    if (there.has(written.place)) continue;
    const next = told.findIndex((t) => t.written?.virtualService === virtualService && t.written.order > written.order);
    told.splice(next < 0 ? told.length : next, 0, { written, step: leftOut(written, host, context) });
  }
}

function leftOut(written: WrittenMatch, host: string, context: RuleContext): RuleStep {
  const others = otherCalls(written, host, context);
  if (others.length === 0)
    return notReached(written.name, undefined, written, "not reached: a rule before it takes every call");
  return {
    ...named(written.name, undefined, written),
    verdict: "notForCall",
    matched: false,
    reason: `for other calls: ${others.map(({ text }) => text).join("; ")}`,
    conditions: others,
  };
}

interface OtherCallsMatch {
  readonly match: Pick<HttpMatch, "port" | "gateways" | "source"> | undefined;
  readonly path: string;
}

/** What of a match is settled before any request. */
export function otherCalls(
  { match, path }: OtherCallsMatch,
  host: string,
  { gateways, workload }: RuleContext,
): readonly ConditionStep[] {
  if (match === undefined) return [];
  const found: ConditionStep[] = [];
  const differs = (field: string, wanted: string, is: string): void => {
    const whole = `${path}.${field}`;
    found.push({ holds: false, field: whole, text: `${whole}: ${wanted}, ${is}` });
  };
  const port = /:(\d+)$/.exec(host)?.[1];
  if (match.port !== undefined && String(match.port) !== port)
    differs("port", String(match.port), port === undefined ? "the port is another one" : `the port is ${port}`);
  if (match.gateways !== undefined) {
    if (!match.gateways.some((name) => gateways.includes(name)))
      differs("gateways", match.gateways.join(" or "), `the call is served by ${gateways.join(" and ")}`);
    return found;
  }
  const { labels, namespace } = match.source;
  if (namespace !== undefined && namespace !== workload.namespace)
    differs("sourceNamespace", namespace, `the caller is in ${workload.namespace}`);
  for (const [key, wanted] of Object.entries(labels))
    if (!selects({ [key]: wanted }, workload.labels))
      differs(`sourceLabels.${key}`, shown(wanted), `the caller has ${workload.labels[key] ?? "no such label"}`);
  return found;
}
