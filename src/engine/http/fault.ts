/**
 * The fault filter: delays first, then aborts, each by its own draw.
 *
 * Source: `HTTPFault`, and Envoy's filter: a fault that names an upstream cluster or headers is for requests that have
 * them. Not here: faults by request headers, rate limits, `max_active_faults`.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import { type FaultAbort, type FaultDelay, HTTPFault } from "../../xds/proto/filter-fault.ts";
import { CompileError, fieldPath, refuseOthers, unpackAt } from "../compile-error.ts";
import { FAILURES, replyOf } from "../failures.ts";
import type { Reply } from "../http.ts";
import { allOf } from "../match/check.ts";
import { compileFraction, type Fraction } from "../match/fraction.ts";
import { compileHeaderMatchers } from "../match/header-matcher.ts";
import type { Trace } from "../trace.ts";
import type { FilterType } from "./filter-type.ts";
import type { FilterStep, RouteTarget } from "./target.ts";

const KNOWN = new Set([
  "delay",
  "abort",
  "upstreamCluster",
  "headers",
  "downstreamNodes",
  "disableDownstreamClusterStats",
]);

interface Abort {
  readonly chance: Fraction;
  readonly reply: Reply;
}
interface Wait {
  readonly chance: Fraction;
  readonly delayMs: number;
}

export const FAULT_FILTER: FilterType = {
  message: HTTPFault,
  compile: (config, path) => compileFault(unpackAt(config, HTTPFault, path), path),
  compileForRoute: (config, path) => compileFault(unpackAt(config, HTTPFault, path), path),
};

/** @throws {CompileError} */
function compileFault(fault: HTTPFault, path: string): FilterStep | undefined {
  refuseOthers(fault, path, KNOWN);
  const wait = fault.delay === undefined ? undefined : compileDelay(fault.delay, fieldPath(path, "delay"));
  const abort = fault.abort === undefined ? undefined : compileAbort(fault.abort, fieldPath(path, "abort"));
  const applies = compileScope(fault, path);
  if (wait === undefined && abort === undefined) return undefined;
  return (request, peer, target, random, trace) => {
    if (applies !== undefined && !applies(request, peer, target, random, trace)) return undefined;
    const waits = wait !== undefined && draw("delay", `${wait.delayMs} ms`, wait.chance, random, trace);
    const aborts = abort !== undefined && draw("abort", String(abort.reply.status), abort.chance, random, trace);
    const reply = aborts ? onRoute(abort.reply, target) : undefined;
    return waits ? { t: "delay", delayMs: wait.delayMs, reply } : reply;
  };
}

type Applies = (...args: Parameters<FilterStep>) => boolean;

/** Undefined: to all requests. */
function compileScope(fault: HTTPFault, path: string): Applies | undefined {
  const { upstreamCluster = "", downstreamNodes = [] } = fault;
  const headers = allOf(compileHeaderMatchers(fault.headers, fieldPath(path, "headers")));
  if (upstreamCluster === "" && downstreamNodes.length === 0 && headers === undefined) return undefined;
  const nodes = new Set(downstreamNodes);
  return (request, peer, target) =>
    (upstreamCluster === "" || target.clusterName === upstreamCluster) &&
    (nodes.size === 0 || nodes.has(request.header("x-envoy-downstream-service-node") ?? "")) &&
    (headers === undefined || headers(request, peer));
}

function compileDelay(delay: FaultDelay, path: string): Wait | undefined {
  refuseOthers(delay, path, new Set(["fixedDelay", "percentage"]));
  const delayMs = delay.fixedDelay ?? 0;
  if (delayMs <= 0) throw new CompileError(fieldPath(path, "fixedDelay"), "must be longer than 0");
  const chance = compileFraction(delay.percentage);
  return chance.numerator === 0 ? undefined : { chance, delayMs };
}

function compileAbort(abort: FaultAbort, path: string): Abort | undefined {
  refuseOthers(abort, path, new Set(["httpStatus", "grpcStatus", "percentage"]));
  const { httpStatus, grpcStatus } = abort;
  if (httpStatus === undefined && grpcStatus === undefined) {
    throw new CompileError(path, "must hold http_status or grpc_status");
  }
  if (httpStatus !== undefined && (httpStatus < 200 || httpStatus > 599)) {
    throw new CompileError(fieldPath(path, "httpStatus"), `must be from 200 to 599, found ${httpStatus}`);
  }
  const chance = compileFraction(abort.percentage);
  if (chance.numerator === 0) return undefined;
  // As in Envoy a gRPC status is told to others than gRPC clients with 200.
  return { chance, reply: { ...replyOf("faultAbort"), status: httpStatus ?? 200, grpcStatus } };
}

function onRoute(reply: Reply, { clusterName, route, responseHeaders }: RouteTarget): Reply {
  return route === undefined ? reply : { ...reply, clusterName, route, responseHeaders };
}

function draw(
  kind: "delay" | "abort",
  what: string,
  { numerator, denominator }: Fraction,
  random: Random,
  trace: Trace | undefined,
): boolean {
  const drawn = Math.floor(random() * denominator);
  const hits = drawn < numerator;
  if (trace !== undefined) {
    const flag = FAILURES[kind === "delay" ? "faultDelay" : "faultAbort"].flag;
    const reason = `${what} for ${numerator} of ${denominator} requests; drew ${drawn}${hits ? ` (flag ${flag})` : ""}`;
    trace.push({ step: "fault", subject: kind, verdict: hits ? "applied" : "skipped", reason });
  }
  return hits;
}
