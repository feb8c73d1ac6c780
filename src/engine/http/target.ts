/**
 * Where a request goes once its route is known, and the filters on the way there.
 *
 * @module
 */
import type { Random } from "../../base/random.ts";
import type { CompiledRoute, Forward, HeaderOperation, Reply } from "../http.ts";
import type { PeerView, RequestView } from "../request.ts";
import type { Trace } from "../trace.ts";
import type { Session } from "./stateful-session.ts";

/** One for each route and each of its weighted clusters, made when routes are compiled. */
export interface RouteTarget {
  /** Undefined where no route matched. */
  readonly route: CompiledRoute | undefined;
  /** Undefined for redirects, direct responses and where no route matched. */
  readonly clusterName: string | undefined;
  /** The chain, with what the route overrides. */
  readonly filters: readonly FilterStep[];
  /** Put on replies of filters too. */
  readonly responseHeaders: readonly HeaderOperation[];
  readonly end: Forward | Reply | RouteEnd;
}

/** An end that depends on the request: on its headers, or by chance. */
export type RouteEnd = (request: RequestView, random: Random, trace: Trace | undefined) => Forward | Reply;

/** Joins the operations on the answer, whoever makes it, behind the route's. */
export interface FilterEdits {
  readonly t: "edits";
  /** Join those on the request, where it is forwarded. */
  readonly requestHeaders?: readonly HeaderOperation[];
  readonly responseHeaders: readonly HeaderOperation[];
  /** Which endpoint the client has been with. */
  readonly session?: Session;
}

/** A filter of the chain; undefined lets the request pass. */
export type FilterStep = (
  request: RequestView,
  peer: PeerView,
  target: RouteTarget,
  random: Random,
  trace: Trace | undefined,
) => Reply | FilterDelay | FilterEdits | undefined;

/** The request waits, then is answered or goes on. */
export interface FilterDelay {
  readonly t: "delay";
  readonly delayMs: number;
  readonly reply: Reply | undefined;
}
