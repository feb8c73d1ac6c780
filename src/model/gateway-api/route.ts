/**
 * Routes of the Gateway API: HTTPRoute, GRPCRoute, TLSRoute, TCPRoute and UDPRoute.
 *
 * What the API server would fill in is filled in here: a rule without matches matches every path. Durations are milliseconds.
 *
 * @module
 */
import type { StringMatch } from "../match.ts";
import type { CorsPolicy, HeaderEdits } from "../virtual-service.ts";
import type { BackendReference, FieldPlace, ObjectMeta, ParentReference } from "./reference.ts";

export type GatewayRoute = HttpRoute | GrpcRoute | TlsRoute | TcpRoute | UdpRoute;

interface RouteOf<T extends string, Rule> {
  readonly t: T;
  readonly meta: ObjectMeta;
  readonly parents: readonly ParentReference[];
  /** Lower-case, wildcards too. Empty: those of the parent. */
  readonly hostnames: readonly string[];
  readonly rules: readonly Rule[];
}

export type HttpRoute = RouteOf<"HTTPRoute", HttpRouteRule>;
export type GrpcRoute = RouteOf<"GRPCRoute", GrpcRouteRule>;
export type TlsRoute = RouteOf<"TLSRoute", ConnectionRouteRule>;
/** Its `hostnames` are always empty. */
export type TcpRoute = RouteOf<"TCPRoute", ConnectionRouteRule>;
/** Its `hostnames` are always empty. */
export type UdpRoute = RouteOf<"UDPRoute", ConnectionRouteRule>;

/** What rules of HTTPRoute and GRPCRoute have in common. */
interface RequestRule<Match> {
  readonly at: FieldPlace;
  readonly name: string | undefined;
  /** One or more; one of them must match. */
  readonly matches: readonly Match[];
  readonly filters: RouteFilters;
  /** None, and no redirect: such calls get a 500 (HTTP), or UNAVAILABLE (gRPC). */
  readonly backends: readonly RouteBackend[];
  readonly sessionPersistence: SessionPersistence | undefined;
}

export interface HttpRouteRule extends RequestRule<HttpRouteMatch> {
  /** Undefined: no limit was asked for. 0: no limit at all. */
  readonly timeouts: { readonly requestMs: number | undefined; readonly backendRequestMs: number | undefined };
  readonly retry: RouteRetry | undefined;
}

export type GrpcRouteRule = RequestRule<GrpcRouteMatch>;

export interface ConnectionRouteRule {
  readonly at: FieldPlace;
  readonly name: string | undefined;
  readonly backends: readonly WeightedBackend[];
}

/** All that is given must match. */
export interface HttpRouteMatch {
  readonly at: FieldPlace;
  /** `PathPrefix` matches whole elements, without a slash at its end: `/abc` matches `/abc/def`, not `/abcd`. */
  readonly path: { readonly t: "Exact" | "PathPrefix" | "RegularExpression"; readonly value: string };
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, StringMatch>>;
  readonly queryParams: Readonly<Record<string, StringMatch>>;
  readonly method: string | undefined;
}

export interface GrpcRouteMatch {
  readonly at: FieldPlace;
  /** Neither: every method. */
  readonly method: {
    readonly t: "Exact" | "RegularExpression";
    readonly service: string | undefined;
    readonly method: string | undefined;
  };
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, StringMatch>>;
}

export interface WeightedBackend {
  readonly ref: BackendReference;
  /** Relative to the sum of the rule's; all 0: calls get a 500. */
  readonly weight: number;
}

export interface RouteBackend extends WeightedBackend {
  readonly filters: RouteFilters;
}

/** The filters of a rule, or of one backend; none of them stands twice but mirrors. */
export interface RouteFilters {
  /** As Istio's: values may hold operators, so a percent sign of the document is doubled here. */
  readonly headers: HeaderEdits;
  /** Never beside `rewrite`. */
  readonly redirect: RequestRedirect | undefined;
  readonly rewrite: UrlRewrite | undefined;
  readonly mirrors: readonly RequestMirror[];
  readonly cors: CorsPolicy | undefined;
  /** Any: calls fail, since none of them may be skipped. */
  readonly unsupported: readonly UnsupportedFilter[];
}

export interface UnsupportedFilter {
  readonly at: FieldPlace;
  readonly t: "ExtensionRef" | "ExternalAuth";
  /** What is not supported. */
  readonly message: string;
}

export interface RequestRedirect {
  readonly at: FieldPlace;
  /** Undefined: the request's. */
  readonly scheme: "http" | "https" | undefined;
  readonly hostname: string | undefined;
  readonly path: PathModifier | undefined;
  /** Undefined: the well-known one of `scheme`, else the listener's. */
  readonly port: number | undefined;
  readonly statusCode: 301 | 302 | 303 | 307 | 308;
}

export interface UrlRewrite {
  readonly at: FieldPlace;
  readonly hostname: string | undefined;
  readonly path: PathModifier | undefined;
}

/** `ReplacePrefixMatch` only stands where the rule's one match has a `PathPrefix`. */
export type PathModifier =
  | { readonly t: "ReplaceFullPath"; readonly value: string }
  | { readonly t: "ReplacePrefixMatch"; readonly value: string };

export interface RequestMirror {
  readonly ref: BackendReference;
  /** 0 to 100, fractions too. */
  readonly percentage: number;
}

export interface RouteRetry {
  /** Statuses to retry on; empty: none but failures of the connection. */
  readonly codes: readonly number[];
  /** Undefined: as the mesh does. */
  readonly attempts: number | undefined;
  readonly backoffMs: number | undefined;
}

export interface SessionPersistence {
  readonly at: FieldPlace;
  readonly type: "Cookie" | "Header";
  /** Of the cookie or header. Undefined: ours to choose. */
  readonly sessionName: string | undefined;
  readonly absoluteTimeoutMs: number | undefined;
  readonly idleTimeoutMs: number | undefined;
  /** Of the cookie: `Permanent` gives it `absoluteTimeoutMs` to live. */
  readonly lifetime: "Session" | "Permanent";
}
