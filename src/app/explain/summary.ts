/**
 * The outcome in one sentence.
 *
 * @module
 */
import { unreachable } from "../../base/unreachable.ts";
import { PASSTHROUGH_CLUSTER } from "../../translate/discovery.ts";
import type { Arrival, DestinationExplanation, Outcome, Routing } from "./explanation.ts";

/** @param http False for a TCP connection. */
export function summaryOf(
  outcome: Outcome,
  routing: Routing | undefined,
  destinations: readonly DestinationExplanation[],
  http = true,
): string {
  switch (outcome) {
    case "allowed":
      return `allowed: ${destinations.map(shareText).join(", ")}`;
    case "denied":
      return `denied${partly(destinations, "denied")}: ${whyNot(destinations, "denied")}; ${http ? "the caller gets 403" : "the connection is closed"}`;
    case "fails":
      return failure(routing, destinations);
    case "answered":
      return `answered by the caller's proxy: ${routing?.reply?.status}, ${routing?.reply?.reason}`;
    case "noRoute":
      return noRoute(routing);
    default:
      return unreachable(outcome);
  }
}

const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`;

function shareText({ share, arrivals, ...destination }: DestinationExplanation): string {
  const inside = arrivals.flatMap((a) => a.workloads);
  const to = [...inside, ...(destination.outside === undefined ? [] : [outsideText(destination)])].join(" or ");
  return share === 1 ? `it goes to ${to}` : `${percent(share)} to ${to}`;
}

const outsideText = ({ cluster, host, port }: Pick<DestinationExplanation, "cluster" | "host" | "port">): string =>
  cluster === PASSTHROUGH_CLUSTER ? "its host, outside of the mesh" : `${host}:${port}, no workload of the mesh`;

/** ` for 10 % of such requests`, where others fare better. */
function partly(destinations: readonly DestinationExplanation[], outcome: Outcome): string {
  const share = destinations.filter((d) => d.outcome === outcome).reduce((sum, d) => sum + d.share, 0);
  const mixed = destinations.some((d) => d.outcome === outcome && d.arrivals.some((a) => a.outcome !== outcome));
  if (mixed) return " for some such requests";
  return share > 0.999_999 ? "" : ` for ${percent(share)} of such requests`;
}

function whyNot(destinations: readonly DestinationExplanation[], outcome: Arrival["outcome"]): string {
  const arrivals = destinations.flatMap((d) => d.arrivals).filter((a) => a.outcome === outcome);
  return [...new Set(arrivals.map((a) => `${a.workloads.join(", ")}: ${a.reason}`))].join("; ");
}

function failure(routing: Routing | undefined, destinations: readonly DestinationExplanation[]): string {
  if (routing?.reply !== undefined)
    return `fails: the rule's fault answers ${routing.faults.find(({ kind }) => kind === "abort")?.what ?? routing.reply.status}`;
  const empty = destinations.filter((d) => d.arrivals.length === 0);
  const reasons = [
    ...empty.map((d) => d.fault ?? `${d.host}${d.subset === undefined ? "" : ` subset ${d.subset}`} has no endpoint`),
    ...(destinations.length > empty.length ? [whyNot(destinations, "fails")].filter((r) => r !== "") : []),
  ];
  const failing = destinations.filter((d) => d.outcome === "fails");
  const invalid = failing.length > 0 && failing.every((d) => d.fault !== undefined);
  const isGrpc = routing?.rules.find((r) => r.matched)?.source?.kind === "GRPCRoute";
  const status = invalid && !isGrpc ? 500 : 503;
  const seen = routing === undefined ? "the connection is closed" : `the caller gets ${status}`;
  return `fails${partly(destinations, "fails")}: ${reasons.join("; ")}; ${seen}`;
}

function noRoute(routing: Routing | undefined): string {
  if (routing?.host === undefined) return "no route: no service of the mesh has this host and port";
  return `no route: no rule for ${routing.host} matches; the caller gets ${routing.reply?.status ?? 404}`;
}
