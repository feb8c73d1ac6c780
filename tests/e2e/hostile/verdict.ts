/**
 * Rules that come with the cases: the first whose condition holds says the verdict.
 *
 * @module
 */
import type { ConnectionState, ProbeStep } from "./probe-client.ts";

/** `error`: what the case builds on was not there, so it does not count. */
export type Verdict = "pass" | "warn" | "fail" | "error";

interface Condition {
  readonly all?: readonly Condition[];
  readonly any?: readonly Condition[];
  readonly not?: Condition;
  /** Which message is looked at, from 1 on. */
  readonly step?: number;
  readonly noResponse?: boolean;
  readonly status?: readonly (readonly [low: number, high: number])[];
  readonly state?: ConnectionState | readonly ConnectionState[];
  readonly header?: string;
  readonly headerMatches?: readonly [name: string, regex: string];
  readonly bodyEquals?: string;
  readonly bodyContains?: string;
  readonly ignoreCase?: boolean;
  readonly bodyEmpty?: boolean;
  readonly bodyHasHeaderLine?: { readonly name: string; readonly value: string; readonly exactCase?: boolean };
  readonly executed?: boolean;
  readonly statusLines?: number;
  readonly upstreamSawExactlyOneRequest?: boolean;
}

export interface Rule {
  readonly if?: Condition;
  readonly verdict: Verdict;
}

export interface Observed {
  readonly steps: readonly ProbeStep[];
  /** The endpoint read exactly one request, and nothing that a strict reader could not tell. */
  readonly isOneUpstream: boolean;
}

export function verdictOf(rules: readonly Rule[], observed: Observed): Verdict {
  const rule = rules.find((it) => it.if === undefined || holds(it.if, observed));
  if (rule === undefined) throw new Error("the last rule of a case has no condition");
  return rule.verdict;
}

function holds(condition: Condition, observed: Observed): boolean {
  const { all, any, not, step = 1, ignoreCase: _, ...rest } = condition;
  if (all !== undefined) return all.every((it) => holds(it, observed));
  if (any !== undefined) return any.some((it) => holds(it, observed));
  if (not !== undefined) return !holds(not, observed);
  const [kind, ...more] = Object.keys(rest);
  if (kind === undefined || more.length > 0)
    throw new Error(`one condition at a time, not ${JSON.stringify(condition)}`);
  if (kind === "upstreamSawExactlyOneRequest") return observed.isOneUpstream === condition.upstreamSawExactlyOneRequest;
  const seen = observed.steps[step - 1];
  return seen !== undefined && holdsOf(condition, seen);
}

function holdsOf(condition: Condition, seen: ProbeStep): boolean {
  const { status } = seen;
  if (condition.executed !== undefined) return seen.executed === condition.executed;
  if (condition.noResponse !== undefined) return (status === undefined) === condition.noResponse;
  if (condition.status !== undefined)
    return status !== undefined && condition.status.some(([low, high]) => status >= low && status <= high);
  if (condition.state !== undefined) return [condition.state].flat().includes(seen.state);
  if (condition.header !== undefined) return seen.header(condition.header) !== undefined;
  if (condition.headerMatches !== undefined) {
    const [name, regex] = condition.headerMatches;
    return new RegExp(regex).test(seen.header(name) ?? "");
  }
  if (condition.statusLines !== undefined)
    return (seen.text.match(/HTTP\/\d\.\d \d{3}/g)?.length ?? 0) >= condition.statusLines;
  return holdsOfBody(condition, seen.body);
}

function holdsOfBody(condition: Condition, body: string): boolean {
  if (condition.bodyEquals !== undefined) return body === condition.bodyEquals;
  if (condition.bodyEmpty !== undefined) return (body === "") === condition.bodyEmpty;
  if (condition.bodyContains !== undefined)
    return condition.ignoreCase === true
      ? body.toLowerCase().includes(condition.bodyContains.toLowerCase())
      : body.includes(condition.bodyContains);
  if (condition.bodyHasHeaderLine === undefined) throw new Error(`unknown condition ${JSON.stringify(condition)}`);
  const { name, value, exactCase } = condition.bodyHasHeaderLine;
  const same = (a: string, b: string): boolean => (exactCase === true ? a === b : a.toLowerCase() === b.toLowerCase());
  return body.split(/\r?\n/).some((line) => {
    const colon = line.indexOf(":");
    return colon > 0 && same(line.slice(0, colon).trim(), name) && line.slice(colon + 1).trim() === value;
  });
}
