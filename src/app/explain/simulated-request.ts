/**
 * A request that nobody sent, as the engine looks at it.
 *
 * @module
 */
import type { Forward, HeaderOperation } from "../../engine/http.ts";
import { applyEdits, type EditedHeaders } from "../../engine/http/apply-edits.ts";
import type { HeaderEdit, SeenRequest } from "./explanation.ts";
import type { RequestView, SubstitutionView } from "../../engine/request.ts";

export class SimulatedRequest implements RequestView {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  readonly scheme = "http";
  readonly headers: ReadonlyMap<string, string>;

  constructor(method: string, path: string, authority: string, headers: ReadonlyMap<string, string>) {
    this.method = method;
    this.path = path;
    this.authority = authority;
    this.headers = headers;
  }

  header(lowerName: string): string | undefined {
    return this.headers.get(lowerName);
  }

  /** What arrives at the destination. */
  forwardedBy(forward: Forward): SimulatedRequest {
    const path = forward.route.rewritePath?.(this.path) ?? this.path;
    const authority = forward.hostRewrite ?? forward.clusterHost ?? this.authority;
    return new SimulatedRequest(this.method, path, authority, this.#edited(forward.requestHeaders));
  }

  /** Headers of an answer, after the edits. */
  answered(
    headers: Iterable<readonly [string, string]>,
    operations: readonly HeaderOperation[],
  ): ReadonlyMap<string, string> {
    return this.#edited(operations, headers);
  }

  #edited(
    operations: readonly HeaderOperation[],
    before: Iterable<readonly [string, string]> = this.headers,
  ): ReadonlyMap<string, string> {
    const headers = new Map(before);
    applyEdits(operations, editable(headers), this.#view());
    return headers;
  }

  /** What is not known before a request is sent is absent, as in a log line. */
  #view(): SubstitutionView {
    return {
      startWallMs: 0,
      method: this.method,
      path: this.path,
      authority: this.authority,
      scheme: this.scheme,
      protocol: "HTTP/1.1",
      responseCode: 0,
      upstreamHost: undefined,
      upstreamCluster: undefined,
      upstreamLocalAddress: undefined,
      upstreamPeerUriSan: undefined,
      upstreamRequestAttemptCount: 1,
      responseFlags: "",
      responseCodeDetails: undefined,
      downstreamDirectRemoteAddress: undefined,
      downstreamLocalUriSan: undefined,
      downstreamLocalAddress: undefined,
      downstreamRemoteAddress: undefined,
      downstreamPeerUriSan: undefined,
      requestedServerName: undefined,
      routeName: undefined,
      requestHeader: (name) => this.header(name),
      responseHeader: () => undefined,
    };
  }
}

/** Of several lines of one header, one with a comma between them. */
const editable = (headers: Map<string, string>): EditedHeaders => ({
  has: (lowerName) => headers.has(lowerName),
  remove: (lowerName) => void headers.delete(lowerName),
  replace: ({ lowerName }, value) => void headers.set(lowerName, value),
  add({ lowerName }, value) {
    const before = headers.get(lowerName);
    headers.set(lowerName, before === undefined ? value : `${before},${value}`);
  },
});

/** As explanations show it. */
export const seenBy = ({ path, authority, headers }: SimulatedRequest): SeenRequest => ({
  path,
  authority,
  headers: Object.fromEntries(headers),
});

export const editOf = ({ t, lowerName, value }: HeaderOperation): HeaderEdit => ({ what: t, name: lowerName, value });

/** `set x-canary: true`. */
export function describeOperation(operation: HeaderOperation): string {
  if (operation.t === "remove") return `remove ${operation.name}`;
  return `${operation.t === "append" ? "add" : operation.t} ${operation.name}: ${operation.value ?? "(made for each request)"}`;
}
