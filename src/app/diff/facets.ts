/**
 * What of a decision can change, each in words.
 *
 * @module
 */
import type { DestinationExplanation, Explanation, HeaderEdit } from "../explain/explanation.ts";
import { foundFaults } from "../config-test/faults.ts";
import { NONE, ofEach, statusOf, workloadsOf } from "../config-test/found.ts";

/** In the order in which they are told. */
export const FACETS = [
  "outcome",
  "goes to",
  "answer",
  "workloads",
  "path",
  "host",
  "request headers",
  "response headers",
  "timeout",
  "retries",
  "fault",
  "mirrors",
  "balancer",
  "TLS",
] as const;
export type Facet = (typeof FACETS)[number];
export type Facets = Readonly<Record<Facet, string>>;

const NOTHING = Object.fromEntries(FACETS.map((facet) => [facet, NONE])) as Facets;

/** @param explanation Or why there is none. */
export function facetsOf(explanation: Explanation | string): Facets {
  if (typeof explanation === "string") return { ...NOTHING, outcome: explanation };
  const { routing, destinations, mirrors, outcome } = explanation;
  const each = (value: (destination: DestinationExplanation) => string): string => ofEach(destinations, value);
  return {
    outcome: outcomeText(explanation),
    "goes to": destinations.map(shareText).sort().join(", ") || NONE,
    answer: routing?.reply === undefined ? NONE : replyText(routing.reply),
    workloads: outcome === "allowed" ? workloadsOf(explanation).join(", ") : NONE,
    path: each((d) => d.seen?.path ?? NONE),
    host: each((d) => d.seen?.authority ?? NONE),
    "request headers": each((d) => headersText(Object.entries(d.seen?.headers ?? {}))),
    "response headers": each((d) => d.answerEdits.map(editText).join(", ") || NONE),
    timeout: routing?.timeoutMs === undefined ? NONE : `${routing.timeoutMs} ms`,
    retries: retriesText(routing?.retries),
    fault: foundFaults(routing?.faults ?? []),
    mirrors: mirrors.map(shareText).sort().join(", ") || NONE,
    balancer: each((d) => d.loadBalancer ?? NONE),
    TLS: each((d) => ofEach(d.arrivals, (a) => a.tls.client)),
  };
}

function outcomeText(explanation: Explanation): string {
  const { outcome, request } = explanation;
  if (outcome === "allowed" || outcome === "answered") return outcome;
  const name = outcome === "noRoute" ? "no route" : outcome;
  const status = statusOf(explanation);
  return request.method === "TCP" || !/^\d+$/.test(status) ? name : `${name} (${status})`;
}

function shareText({ host, port, subset, share }: DestinationExplanation): string {
  const part = share === 1 ? "" : ` ${Number((share * 100).toFixed(4))} %`;
  return `${host}:${port}${subset === undefined ? "" : ` subset ${subset}`}${part}`;
}

const replyText = ({ status, location, body }: NonNullable<NonNullable<Explanation["routing"]>["reply"]>): string =>
  [
    String(status),
    ...(location === undefined ? [] : [`to ${location}`]),
    ...(body.trim() === "" ? [] : [JSON.stringify(body.trim())]),
  ].join(" ");

const headersText = (headers: readonly (readonly [string, string])[]): string =>
  [...headers]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}: ${value}`)
    .join(", ") || NONE;

const editText = ({ what, name, value }: HeaderEdit): string =>
  `${what} ${name}${what === "remove" ? "" : `: ${value ?? "(made for each request)"}`}`;

function retriesText(retries: NonNullable<Explanation["routing"]>["retries"]): string {
  if (retries === undefined || retries.attempts === 0) return NONE;
  const perTry = retries.perTryTimeoutMs === undefined ? "" : `, ${retries.perTryTimeoutMs} ms for each try`;
  const backoff = retries.backoffMs === undefined ? "" : `, the first after ${retries.backoffMs} ms at most`;
  return `${retries.attempts} on ${[...retries.on].sort().join(", ")}${perTry}${backoff}`;
}
