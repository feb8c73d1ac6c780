/**
 * Why a decision came out as it did, step by step. Asked for by `explain`; nothing is made when nobody asks.
 *
 * @module
 */
import type { RouteOrigin } from "./origin.ts";

export interface TraceStep {
  readonly step:
    | "authority"
    | "virtualHost"
    | "route"
    | "cluster"
    | "mirror"
    | "filter"
    | "policy"
    | "fault"
    | "outcome";
  /** What was looked at: a virtual host's name, `route 3 "canary"`, a policy's name. */
  readonly subject: string;
  readonly verdict: "matched" | "notMatched" | "chosen" | "allowed" | "denied" | "applied" | "skipped";
  /** In words: `header end-user: wanted exact "jason", found "bob"`. */
  readonly reason: string;
  /** Of a route: everything that it asks for, where `reason` names the first that does not hold. */
  readonly conditions?: readonly TraceCondition[];
  /** The document that it comes from. */
  readonly origin?: RouteOrigin;
  /** Evaluated and recorded, not enforced. */
  readonly shadow?: true;
}

export interface TraceCondition {
  readonly holds: boolean;
  /** In words, as {@link TraceStep.reason}. */
  readonly reason: string;
}

/** Where steps go; an array is one. */
export interface Trace {
  push(step: TraceStep): void;
}

const MARKS: Readonly<Record<TraceStep["verdict"], string>> = {
  matched: "+",
  notMatched: "-",
  chosen: ">",
  allowed: "+",
  denied: "!",
  applied: "!",
  skipped: " ",
};

/** `- route 0 "jason"  header end-user: wanted exact "jason", found "bob"  (VirtualService default/reviews, reviews.yaml:12)`. */
export function formatTraceStep(s: TraceStep): string {
  const origin = s.origin === undefined ? "" : `  (${describeRouteOrigin(s.origin)})`;
  const shadow = s.shadow === true ? "dry run: " : "";
  return `${MARKS[s.verdict]} ${s.step} ${s.subject}  ${shadow}${s.reason}${origin}`;
}

/** `VirtualService default/reviews, reviews.yaml:12`. */
export function describeRouteOrigin(o: RouteOrigin): string {
  const rule = o.rule === undefined ? "" : ` rule ${o.rule}`;
  const place = o.file === undefined ? "" : `, ${o.file}${o.line === undefined ? "" : `:${o.line}`}`;
  return `${o.kind} ${o.namespace}/${o.name}${rule}${place}`;
}

/** A value as reasons show it. */
export const quoted = (value: string | undefined): string => (value === undefined ? "nothing" : JSON.stringify(value));
