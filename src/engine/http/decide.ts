/**
 * Runs a request through the filters of its route, to the route's end.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { Decision, Forward, Reply } from "../http.ts";
import type { PeerView, RequestView } from "../request.ts";
import type { Trace } from "../trace.ts";
import type { FilterEdits, RouteTarget } from "./target.ts";

export function decideTarget(
  target: RouteTarget,
  request: RequestView,
  peer: PeerView,
  random: Random,
  trace: Trace | undefined,
): Decision {
  let delayMs = 0;
  let edits: FilterEdits | undefined;
  for (const filter of target.filters) {
    const outcome = filter(request, peer, target, random, trace);
    if (outcome === undefined) continue;
    if (outcome.t === "reply") return settle(delayMs, edited(outcome, edits), trace);
    if (outcome.t === "edits") edits = edits === undefined ? outcome : joined(edits, outcome);
    else {
      delayMs += outcome.delayMs;
      if (outcome.reply !== undefined) return settle(delayMs, edited(outcome.reply, edits), trace);
    }
  }
  const { end } = target;
  return settle(delayMs, edited(typeof end === "function" ? end(request, random, trace) : end, edits), trace);
}

function edited(then: Forward | Reply, edits: FilterEdits | undefined): Forward | Reply {
  if (edits === undefined) return then;
  const responseHeaders = [...then.responseHeaders, ...edits.responseHeaders];
  if (then.t === "reply") return { ...then, responseHeaders };
  const { session, requestHeaders = [] } = edits;
  return {
    ...then,
    responseHeaders,
    ...(requestHeaders.length > 0 && { requestHeaders: [...then.requestHeaders, ...requestHeaders] }),
    ...(session !== undefined && { session }),
  };
}

const joined = (a: FilterEdits, b: FilterEdits): FilterEdits => ({
  ...a,
  ...b,
  requestHeaders: [...(a.requestHeaders ?? []), ...(b.requestHeaders ?? [])],
  responseHeaders: [...a.responseHeaders, ...b.responseHeaders],
});

function settle(delayMs: number, then: Forward | Reply, trace: Trace | undefined): Decision {
  if (trace !== undefined) traceEnd(then, trace);
  // Not a promise: the name is what comes after the delay.
  // oxlint-disable-next-line unicorn/no-thenable
  return delayMs === 0 ? then : { t: "delay", delayMs, then };
}

function traceEnd(end: Forward | Reply, trace: Trace): void {
  if (end.t === "forward") {
    trace.push({ step: "outcome", subject: end.clusterName, verdict: "chosen", reason: "forwarded to this cluster" });
    return;
  }
  const location = end.headers.find(([name]) => name === "location");
  const subject = location === undefined ? String(end.status) : `${end.status} ${location[1]}`;
  trace.push({ step: "outcome", subject, verdict: "chosen", reason: `answered here: ${end.details}` });
}
