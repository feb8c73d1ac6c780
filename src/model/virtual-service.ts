/**
 * Where calls go: Istio's VirtualService, which SMI's TrafficSplit is read into as well.
 *
 * Hosts are fully qualified here; durations are milliseconds; percentages are 0 to 100.
 *
 * @module
 */
import type { Place } from "../base/problem.ts";
import type { LabelSelector, StringMatch } from "./match.ts";
import type { Origin } from "./origin.ts";
import type { Visibility } from "./visibility.ts";

export interface VirtualService {
  readonly origin: Origin;
  /** Fully qualified, or `*` and `*.suffix` wildcards. */
  readonly hosts: readonly string[];
  /** Who serves the rules: `namespace/name` of Gateways, and `mesh` for sidecars. */
  readonly gateways: readonly string[];
  /** Whose workloads and gateways follow the rules. */
  readonly exportTo: Visibility;
  /** In order; the first rule that matches decides. */
  readonly http: readonly HttpRule[];
  /** Of TLS that is passed through, by the name that the client asks for. */
  readonly tls: readonly TlsRule[];
  readonly tcp: readonly TcpRule[];
}

/** Any of `matches` may match. */
export interface TlsRule {
  readonly place: Place;
  readonly matches: readonly TlsMatch[];
  readonly destinations: readonly ConnectionDestination[];
}

export interface TlsMatch extends ConnectionMatch {
  /** One or more, wildcards too. */
  readonly sniHosts: readonly string[];
}

/** None at all matches every connection. */
export interface TcpRule {
  readonly place: Place;
  readonly matches: readonly ConnectionMatch[];
  readonly destinations: readonly ConnectionDestination[];
}

export interface ConnectionMatch {
  readonly place: Place;
  readonly port: number | undefined;
  /** Undefined: all of the VirtualService. */
  readonly gateways: readonly string[] | undefined;
  readonly source: SourceMatch;
  /** Addresses and ranges that the connection is for; none at all: any. */
  readonly destinationSubnets: readonly string[];
}

/** Whose calls a match is for. Both are looked at only where the match names no gateways, as in Istio. */
export interface SourceMatch {
  /** Of the calling workload; none at all: any. */
  readonly labels: LabelSelector;
  /** Undefined: any. */
  readonly namespace: string | undefined;
}

export const anySource: SourceMatch = { labels: {}, namespace: undefined };

export type ConnectionDestination = Omit<WeightedDestination, "headers">;

export interface HttpRule {
  /** The rule's line. */
  readonly place: Place;
  /** In the document, such as `http[0]`. */
  readonly field: string;
  /** The document that the rule stands in, where the VirtualService delegates to another. */
  readonly delegate: Origin | undefined;
  readonly name: string | undefined;
  /** One of them must match; none at all matches every request. */
  readonly matches: readonly HttpMatch[];
  readonly action: RouteAction | RedirectAction | DirectResponseAction;
  readonly headers: HeaderEdits;
  readonly fault: Fault | undefined;
  readonly cors: CorsPolicy | undefined;
}

/** All that is given must match. */
export interface HttpMatch {
  readonly place: Place;
  readonly name: string | undefined;
  readonly uri: StringMatch | undefined;
  /** For `exact` and `prefix` of `uri` only. */
  readonly ignoreUriCase: boolean;
  readonly method: StringMatch | undefined;
  readonly authority: StringMatch | undefined;
  readonly scheme: StringMatch | undefined;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, StringMatch>>;
  /** None of these may match; lower-case names. A header that is not there counts as an empty one. */
  readonly withoutHeaders: Readonly<Record<string, StringMatch>>;
  /** By name, as they are written in the URL. */
  readonly queryParams: Readonly<Record<string, StringMatch>>;
  /** The port that was called. */
  readonly port: number | undefined;
  /** As {@link VirtualService.gateways}; undefined: all of these. */
  readonly gateways: readonly string[] | undefined;
  readonly source: SourceMatch;
  /** Under which Envoy counts what the route does; our own proxy does not. */
  readonly statPrefix: string | undefined;
}

export interface RouteAction extends RuleSettings {
  readonly t: "route";
  /** One or more; weights sum to more than 0. */
  readonly destinations: readonly WeightedDestination[];
}

/** What a rule asks for whatever its destinations are. */
export interface RuleSettings {
  readonly rewrite: Rewrite | undefined;
  /** Undefined: no limit (Istio's default). */
  readonly timeoutMs: number | undefined;
  /** Undefined: the mesh's default policy. */
  readonly retries: Retries | undefined;
  /** Who gets a copy of calls. */
  readonly mirrors: readonly MirrorDestination[];
}

/** Its answers are dropped. */
export interface MirrorDestination extends Omit<WeightedDestination, "weight" | "headers"> {
  /** In the document, such as `mirrors[0].destination`. */
  readonly field: string;
  /** 0 to 100. */
  readonly percentage: number;
}

export interface WeightedDestination {
  readonly place: Place;
  readonly host: string;
  readonly subset: string | undefined;
  /** Undefined: the service's only port, or the port that was called. */
  readonly port: number | undefined;
  /** Relative to the sum of the rule's weights. */
  readonly weight: number;
  readonly headers: HeaderEdits;
}

export interface RedirectAction {
  readonly t: "redirect";
  /** Replaces the path; the query is kept unless it has one of its own. */
  readonly uri: string | undefined;
  /** Replaces what was matched of the path. Never beside `uri`. */
  readonly prefixRewrite: string | undefined;
  readonly authority: string | undefined;
  readonly scheme: string | undefined;
  readonly port: number | undefined;
  /** Never beside `port`. */
  readonly derivePort: "FROM_PROTOCOL_DEFAULT" | "FROM_REQUEST_PORT" | undefined;
  readonly code: 301 | 302 | 303 | 307 | 308;
}

/** An answer without a destination. */
export interface DirectResponseAction {
  readonly t: "directResponse";
  readonly status: number;
  readonly body: string | undefined;
}

export interface Rewrite {
  /** Replaces the path, or the part that a `prefix` match matched. Never beside `uriRegex`. */
  readonly uri: string | undefined;
  /** Replaces what `match` (RE2) matches in the path; `\1` in `rewrite` stands for a group. */
  readonly uriRegex: { readonly match: string; readonly rewrite: string } | undefined;
  readonly authority: string | undefined;
}

export interface Retries {
  /** Beside the first try; 0 disables. */
  readonly attempts: number;
  readonly perTryTimeoutMs: number | undefined;
  /** Envoy's words and bare status codes, such as `5xx,reset,connect-failure,503`. Undefined: the mesh's default. */
  readonly retryOn: readonly string[] | undefined;
  /** Of the first wait, which doubles. Undefined: Envoy's 25 ms. */
  readonly backoffMs: number | undefined;
  /** An endpoint that failed this call is avoided. */
  readonly ignorePreviousHosts: boolean;
  /** Later attempts go to other localities. */
  readonly remoteLocalities?: boolean;
}

export interface Fault {
  readonly delay: { readonly percentage: number; readonly fixedDelayMs: number } | undefined;
  readonly abort: FaultAbort | undefined;
}

/** One of the two statuses. */
export interface FaultAbort {
  readonly percentage: number;
  readonly httpStatus: number | undefined;
  /** gRPC's code. Callers of other protocols get 200 with it, as from Envoy. */
  readonly grpcStatus: number | undefined;
}

/** Which other origins a browser may call from. */
export interface CorsPolicy {
  readonly allowOrigins: readonly StringMatch[];
  /** `*` alone: whatever is asked for; so with headers. */
  readonly allowMethods: readonly string[];
  readonly allowHeaders: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly maxAgeSeconds: number | undefined;
  readonly allowCredentials: boolean | undefined;
  /** Preflight requests of other origins go to the destination; else they are answered, without leave. */
  readonly forwardsUnmatched: boolean;
}

export interface HeaderEdits {
  readonly request: HeaderOperations;
  readonly response: HeaderOperations;
}

export interface HeaderOperations {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

export const noHeaderEdits: HeaderEdits = {
  request: { set: {}, add: {}, remove: [] },
  response: { set: {}, add: {}, remove: [] },
};
