/**
 * What the router check tool reports of a decision, and how it compares it with what is wanted.
 *
 * @module
 */
import type { CompiledHttp, Forward, HeaderOperation, Reply } from "../../src/engine/http.ts";
import { compileHeaderMatcher } from "../../src/engine/match/header-matcher.ts";
import type { RequestView, SubstitutionView } from "../../src/engine/request.ts";
import { HeaderMatcher } from "../../src/xds/proto/route-match.ts";
import type { JsonObject } from "../../src/xds/types/struct.ts";
import { fromJson } from "../../src/xds/types/codec.ts";
import { PLAIN_PEER, request } from "../support/requests.ts";

export interface CheckInput {
  readonly authority: string;
  readonly path: string;
  readonly method: string;
  readonly ssl?: boolean;
  readonly internal?: boolean;
  readonly random_value?: number;
  readonly additional_request_headers?: readonly { readonly key: string; readonly value: string }[];
  /** Merged in their order: without `allow_overwrite` what is there stays. */
  readonly dynamic_metadata?: readonly {
    readonly metadata_namespace: string;
    readonly value: JsonObject;
    readonly allow_overwrite?: boolean;
  }[];
}

/** Only the fields that are there are compared. */
export interface Validate {
  readonly request_header_matches?: readonly unknown[];
  readonly response_header_matches?: readonly unknown[];
  readonly route_metadata?: readonly { readonly namespace: string; readonly key: string; readonly value: string }[];
  readonly timeout?: string;
  readonly [field: string]: unknown;
}

interface Outcome {
  readonly fields: Readonly<Record<string, string | number>>;
  readonly requestHeaders: RequestView;
  readonly responseHeaders: RequestView;
  readonly decision: Forward | Reply;
}

const LOOPBACK = { ...PLAIN_PEER, remote: { address: "127.0.0.1", port: 1 } };

export function outcomeOf(http: CompiledHttp, input: CheckInput): Outcome {
  const scheme = input.ssl === true ? "https" : "http";
  const headers: Record<string, string> = { "x-forwarded-proto": scheme };
  if (input.internal === true) headers["x-envoy-internal"] = "true";
  for (const { key, value } of input.additional_request_headers ?? []) headers[key] = value;
  const metadata = metadataOf(input);
  const view = Object.assign(
    request(input.path, { method: input.method, authority: input.authority, scheme, headers }),
    { dynamicMetadata: (filter: string) => metadata.get(filter) },
  );
  const decision = http.decide(view, LOOPBACK, () => (input.random_value ?? 0) / 2 ** 32);
  if (decision.t === "delay") throw new Error("no fault is configured");
  return decision.t === "forward" ? forwarded(decision, view, headers) : replied(decision, view);
}

function metadataOf({ dynamic_metadata: given = [] }: CheckInput): ReadonlyMap<string, JsonObject> {
  const merged = new Map<string, JsonObject>();
  for (const { allow_overwrite: overwrites, metadata_namespace: name, value } of given) {
    const before = merged.get(name);
    merged.set(name, before === undefined ? value : overwrites === true ? { ...before, ...value } : before);
  }
  return merged;
}

function forwarded(decision: Forward, view: RequestView, headers: Readonly<Record<string, string>>): Outcome {
  const { route } = decision;
  const path = route.rewritePath?.(view.path) ?? view.path;
  const final = request(path, {
    authority: decision.hostRewrite ?? view.authority,
    headers: edited(headers, decision.requestHeaders, view),
  });
  return {
    decision,
    requestHeaders: final,
    responseHeaders: request("", { headers: edited({}, decision.responseHeaders, view) }),
    fields: {
      cluster_name: decision.clusterName,
      virtual_cluster_name: route.virtualClusterOf?.(view, LOOPBACK) ?? "",
      virtual_host_name: route.virtualHostName,
      path_rewrite: path,
      host_rewrite: final.authority,
      path_redirect: "",
    },
  };
}

/** Of a direct response the tool reports the request's own URL as where it redirects to. */
function replied(decision: Reply, view: RequestView): Outcome {
  const location = decision.headers.find(([name]) => name === "location")?.[1];
  const length = Buffer.byteLength(decision.body);
  const own: Record<string, string> = Object.fromEntries(decision.headers);
  if (length > 0) Object.assign(own, { "content-type": "text/plain", "content-length": String(length) });
  const found = decision.kind !== "noRoute";
  return {
    decision,
    requestHeaders: view,
    responseHeaders: request("", { headers: edited(own, decision.responseHeaders, view) }),
    fields: {
      cluster_name: "",
      virtual_cluster_name: "",
      virtual_host_name: "",
      path_rewrite: "",
      host_rewrite: "",
      path_redirect: location ?? (found ? `${view.scheme}://${view.authority}${view.path}` : ""),
      code_redirect: found ? decision.status : 0,
    },
  };
}

/** The names of the fields that are not as wanted. */
export function wrongFields(outcome: Outcome, validate: Validate): readonly string[] {
  const plain = Object.entries(validate).filter(([field]) => !LISTS.has(field));
  const wrong = plain.filter(([field, wanted]) => outcome.fields[field] !== wanted);
  return [
    ...wrong.map(([field, wanted]) => `${field}: wanted ${String(wanted)}, found ${String(outcome.fields[field])}`),
    ...headerProblems("request", outcome.requestHeaders, validate.request_header_matches),
    ...headerProblems("response", outcome.responseHeaders, validate.response_header_matches),
    ...metadataProblems(outcome, validate),
    ...timeoutProblems(outcome, validate),
  ];
}

const LISTS = new Set(["request_header_matches", "response_header_matches", "route_metadata", "timeout"]);

function headerProblems(what: string, view: RequestView, matchers: readonly unknown[] = []): readonly string[] {
  return matchers
    .map((matcher) => compileHeaderMatcher(fromJson(HeaderMatcher, matcher), what))
    .filter((check) => !check.test(view, LOOPBACK))
    .map((check) => `${what} ${check.explain(view, LOOPBACK)}`);
}

function metadataProblems({ decision }: Outcome, { route_metadata: wanted = [] }: Validate): readonly string[] {
  return wanted
    .filter(({ namespace, key, value }) => decision.route?.metadata?.filterMetadata?.[namespace]?.[key] !== value)
    .map(({ namespace, key }) => `metadata ${namespace} ${key}`);
}

function timeoutProblems({ decision }: Outcome, { timeout }: Validate): readonly string[] {
  if (timeout === undefined || decision.route?.timeoutMs === Number.parseFloat(timeout) * 1000) return [];
  return [`timeout: wanted ${timeout}, found ${decision.route?.timeoutMs} ms`];
}

function edited(
  headers: Readonly<Record<string, string>>,
  operations: readonly HeaderOperation[],
  view: RequestView,
): Record<string, string> {
  const result: Record<string, string> = { ...headers };
  for (const { t, lowerName, value, format } of operations) {
    const next = value ?? format?.(substitutionView(view)) ?? "";
    const before = result[lowerName];
    if (t === "remove") delete result[lowerName];
    else if (t === "append" && before !== undefined) result[lowerName] = `${before},${next}`;
    else if (t !== "addIfAbsent" || before === undefined) result[lowerName] = next;
  }
  return result;
}

/** The tool's downstream is the loopback. */
function substitutionView(view: RequestView): SubstitutionView {
  return {
    startWallMs: 0,
    method: view.method,
    path: view.path,
    authority: view.authority,
    scheme: view.scheme,
    protocol: "HTTP/1.1",
    responseCode: 0,
    upstreamHost: undefined,
    upstreamCluster: undefined,
    upstreamLocalAddress: undefined,
    upstreamPeerUriSan: undefined,
    upstreamRequestAttemptCount: 1,
    responseFlags: "",
    responseCodeDetails: undefined,
    downstreamDirectRemoteAddress: "127.0.0.1:1",
    downstreamLocalUriSan: undefined,
    downstreamLocalAddress: "127.0.0.1:1",
    downstreamRemoteAddress: "127.0.0.1:1",
    downstreamPeerUriSan: undefined,
    requestedServerName: undefined,
    routeName: undefined,
    requestHeader: (name) => view.header(name),
    responseHeader: () => undefined,
  };
}
