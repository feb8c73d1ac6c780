/**
 * What came of a request by one way, in a form that is the same by another, and where two such differ.
 *
 * @module
 */
import type { Headers } from "./rig/messages.ts";
import type { Seen } from "./rig/oracle.ts";
import { type Hit, isMirror } from "./rig/upstreams.ts";

/** Names of what is compared, such as `hits.0.headers.x-set`, and their values. */
export type Outcome = ReadonlyMap<string, string>;

export interface Difference {
  readonly at: string;
  /** By the real Istio; undefined: it is not there. */
  readonly istio: string | undefined;
  /** By us. */
  readonly ours: string | undefined;
}

export function outcomeOf({ answer, hits, logged }: Seen): Outcome {
  const choice = choiceOf(logged?.cluster ?? "");
  const found = new Map<string, string>([["status", String(answer.status)]]);
  const body = answer.body.replace(/^from (\S+)\n$/, (_, name: string) => `from ${choice(name)}`);
  found.set("body", body);
  for (const [name, value] of stable(answer.headers))
    found.set(`headers.${name}`, name === "x-application" ? choice(value) : value);
  for (const [key, value] of Object.entries(logged ?? { logged: "not" })) found.set(`log.${key}`, value);
  found.set("hits", String(hits.length));
  for (const [i, hit] of [...hits].sort(inOrder).entries())
    for (const [name, value] of hitEntries(hit, choice)) found.set(`hits.${i}.${name}`, value);
  return found;
}

export function differences(istio: Outcome, ours: Outcome): readonly Difference[] {
  return [...new Set([...istio.keys(), ...ours.keys()])].flatMap((at) => {
    const difference = { at, istio: istio.get(at), ours: ours.get(at) };
    return difference.istio === difference.ours ? [] : [difference];
  });
}

type Choice = (application: string) => string;

/** Where balancing chooses among several, one that is allowed is as good as another. */
const SEVERAL: Readonly<Record<string, readonly string[]>> = {
  "": ["v1", "v2", "v3"],
  pair: ["v1", "v2"],
};

/** @param cluster `outbound|80|v1|h-0.default.svc.cluster.local`. */
function choiceOf(cluster: string): Choice {
  const [, , subset = "", host = ""] = cluster.split("|");
  const several = host.startsWith("h-") ? (SEVERAL[subset] ?? []) : [];
  return (application) => (several.includes(application) ? `one of ${several.join(" ")}` : application);
}

function hitEntries({ application, body, headers, line, port }: Hit, choice: Choice): (readonly [string, string])[] {
  return [
    ["application", choice(application)],
    ["port", String(port)],
    ["line", line],
    ["body", body],
    ...stable(headers).map(([name, value]) => [`headers.${name}`, value] as const),
  ];
}

const inOrder = (a: Hit, b: Hit): number => (sortKey(a) < sortKey(b) ? -1 : 1);

/** Mirrors come before or behind what they mirror, as it happens. */
function sortKey({ line, headers, application }: Hit): string {
  const of = (wanted: string): string => headers.find(([name]) => name === wanted)?.[1] ?? "";
  return `${isMirror(headers) ? `mirror ${application}` : ""} ${of("x-envoy-attempt-count")} ${line}`;
}

/** Values that differ from way to way, or from time to time, by the header's name. */
const VOLATILE: Readonly<Record<string, readonly [RegExp, string]>> = {
  date: [/.+/, "a date"],
  "x-envoy-upstream-service-time": [/^\d+$/, "milliseconds"],
  "x-request-id": [/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, "an id"],
  "x-case": [/.+/, "the case"],
  // What is left of the time once attempts have taken theirs.
  "x-envoy-expected-rq-timeout-ms": [/^\d+$/, "milliseconds"],
  "grpc-timeout": [/^\d+m$/, "milliseconds"],
};

/** One entry a name, with all values in order. */
function stable(headers: Headers): (readonly [string, string])[] {
  const found = new Map<string, string>();
  for (const [name, value] of headers) {
    const [pattern, word] = VOLATILE[name] ?? [];
    const written = pattern === undefined ? value : value.replace(pattern, word ?? "");
    const before = found.get(name);
    found.set(name, before === undefined ? written : `${before} | ${written}`);
  }
  return [...found];
}
