/**
 * What an explanation says of one thing, in words that can be compared.
 *
 * @module
 */
import type { DestinationExplanation, Explanation, HeaderEdit } from "../explain/explanation.ts";

export const NONE = "none";

/** What all have in common, or each of their values. */
export function ofEach<T>(items: readonly T[], value: (item: T) => string): string {
  return [...new Set(items.map(value))].join(" or ") || NONE;
}

/** Of the answer, where the mesh gives it whatever the application would say. */
export function statusOf({ routing, destinations, outcome, request }: Explanation): string {
  if (routing?.reply !== undefined) return String(routing.reply.status);
  const ends: readonly string[] = destinations.flatMap((d) =>
    d.arrivals.length === 0 ? ["fails"] : d.arrivals.map((a) => a.outcome),
  );
  if (request.method === "TCP" || ends.length === 0) return NONE;
  const all = (wanted: string): boolean => ends.every((end) => end === wanted);
  if (all("denied")) return "403";
  if (all("fails") && routing !== undefined) return "503";
  return outcome === "allowed" ? "the application's" : "that of the one it meets";
}

/** From the short to the whole. Empty where no rule matched. */
export function ruleNames({ connectionRules = [], routing }: Explanation): readonly string[] {
  const rule = (routing?.rules ?? connectionRules).find((r) => r.matched);
  if (rule === undefined) return [];
  const { name, source } = rule;
  if (source === undefined) return [name];
  return [name, `${source.name}/${name}`, `${source.namespace}/${source.name}/${name}`];
}

/** Those that get the request, by name. */
export const workloadsOf = ({ destinations }: Explanation): readonly string[] =>
  [
    ...new Set(
      destinations
        .flatMap((d) => d.arrivals)
        .filter((a) => a.outcome === "allowed")
        .flatMap((a) => a.workloads),
    ),
  ].sort();

/** The policy that lets it in or keeps it out. */
export function decidingPolicy({ destinations }: Explanation): string {
  const arrivals = destinations.flatMap((d) => d.arrivals);
  return ofEach(arrivals, ({ policies }) => policies.find((p) => p.matched && !p.dryRun)?.policy ?? NONE);
}

/** What the caller sees of a header that only the mesh knows of. */
export function answerHeader({ routing, destinations }: Explanation, name: string): string {
  const { reply } = routing ?? {};
  if (reply !== undefined) return shown(reply.headers[name]);
  return ofEach(destinations, (d: DestinationExplanation) => edited(d.answerEdits, name));
}

function edited(edits: readonly HeaderEdit[], name: string): string {
  let value = "as the application sends it";
  let isThere = false;
  for (const edit of edits) {
    if (edit.name !== name) continue;
    if (edit.what === "remove") value = NONE;
    else if (edit.what === "append" && isThere) value = JSON.stringify(`${JSON.parse(value)},${edit.value ?? ""}`);
    else if (edit.what !== "setIfPresent")
      value = edit.value === undefined ? "made for each answer" : shown(edit.value);
    isThere = value.startsWith('"');
  }
  return value;
}

const shown = (value: string | undefined): string => (value === undefined ? NONE : JSON.stringify(value));
