/**
 * What a request counts as: the descriptors that `rate_limits` make of it.
 *
 * Source: `envoy.config.route.v3.RateLimit` and Envoy's `RateLimitPolicyEntryImpl`: an action that finds nothing makes that there
 * is no descriptor, `skip_if_absent` that only its entry is missing. A limit with `disable_key` is off, as in Envoy.
 *
 * Not here: metadata, extensions, `source_cluster`, limits that requests bring along.
 *
 * @module
 */
import { parseIp, formatIp } from "../../base/ip-address.ts";
import type { RateLimit, RateLimitAction } from "../../xds/proto/route-rate-limit.ts";
import { CompileError, fieldPath, refuseOthers } from "../compile-error.ts";
import { allOf } from "../match/check.ts";
import { compileHeaderMatchers, headerReader } from "../match/header-matcher.ts";
import { compileQueryMatchers } from "../match/query-matcher.ts";
import { wireText } from "../match/wire-text.ts";
import type { PeerView, RequestView } from "../request.ts";

export interface DescriptorEntry {
  readonly key: string;
  readonly value: string;
}
export type Descriptor = readonly DescriptorEntry[];

/** What entries are made of. */
export interface DescriptorSource {
  readonly request: RequestView;
  readonly peer: PeerView;
  readonly clusterName: string | undefined;
  readonly remoteAddress: string;
}

/** Undefined: there is no descriptor. `skip`: without this entry. */
type Action = (source: DescriptorSource) => DescriptorEntry | "skip" | undefined;

export interface CompiledRateLimit {
  readonly stage: number;
  /** Undefined where the request is none of this limit's. */
  of(source: DescriptorSource): Descriptor | undefined;
}

/** @throws {CompileError} Undefined where there are none. */
export function compileRateLimits(
  limits: readonly RateLimit[] | undefined,
  path: string,
): readonly CompiledRateLimit[] | undefined {
  if (limits === undefined || limits.length === 0) return undefined;
  return limits.flatMap((limit, i) => compileLimit(limit, `${path}[${i}]`) ?? []);
}

function compileLimit(limit: RateLimit, path: string): CompiledRateLimit | undefined {
  refuseOthers(limit, path, new Set(["stage", "disableKey", "actions"]));
  const { actions: messages = [], disableKey = "", stage = 0 } = limit;
  if (messages.length === 0) throw new CompileError(`${path}.actions`, "must hold at least one");
  const actions = messages.map((action, i) => compileAction(action, `${path}.actions[${i}]`));
  return disableKey === "" ? { stage, of: (source) => descriptorOf(actions, source) } : undefined;
}

function descriptorOf(actions: readonly Action[], source: DescriptorSource): Descriptor | undefined {
  const entries: DescriptorEntry[] = [];
  for (const action of actions) {
    const entry = action(source);
    if (entry === undefined) return undefined;
    if (entry !== "skip") entries.push(entry);
  }
  return entries;
}

const ACTIONS = new Set([
  "destinationCluster",
  "requestHeaders",
  "remoteAddress",
  "genericKey",
  "headerValueMatch",
  "maskedRemoteAddress",
  "queryParameterValueMatch",
]);

function compileAction(action: RateLimitAction, path: string): Action {
  refuseOthers(action, path, ACTIONS);
  const at = (field: keyof RateLimitAction): string => fieldPath(path, field);
  if (action.requestHeaders !== undefined) return headerAction(action.requestHeaders, at("requestHeaders"));
  if (action.genericKey !== undefined) return genericKey(action.genericKey, at("genericKey"));
  if (action.headerValueMatch !== undefined) return headerMatch(action.headerValueMatch, at("headerValueMatch"));
  if (action.queryParameterValueMatch !== undefined)
    return queryMatch(action.queryParameterValueMatch, at("queryParameterValueMatch"));
  if (action.maskedRemoteAddress !== undefined)
    return maskedAddress(action.maskedRemoteAddress, at("maskedRemoteAddress"));
  if (action.remoteAddress !== undefined)
    return ({ remoteAddress }) => (remoteAddress === "" ? undefined : { key: "remote_address", value: remoteAddress });
  if (action.destinationCluster !== undefined)
    return ({ clusterName = "" }) => ({ key: "destination_cluster", value: clusterName });
  throw new CompileError(path, "must hold an action");
}

function constant(value: string | undefined, path: string): string {
  if (value === undefined || value === "") throw new CompileError(path, "must not be empty");
  if (value.includes("%"))
    throw new CompileError(path, `operators are not supported here, found ${JSON.stringify(value)}`);
  return wireText(value);
}

function headerAction(
  { headerName = "", descriptorKey, skipIfAbsent = false }: NonNullable<RateLimitAction["requestHeaders"]>,
  path: string,
): Action {
  if (headerName === "") throw new CompileError(`${path}.header_name`, "must not be empty");
  const read = headerReader(headerName.toLowerCase());
  const key = constant(descriptorKey, `${path}.descriptor_key`);
  return ({ request }) => {
    const value = read(request);
    if (value === undefined) return skipIfAbsent ? "skip" : undefined;
    return { key, value };
  };
}

function genericKey(
  { descriptorKey, descriptorValue }: NonNullable<RateLimitAction["genericKey"]>,
  path: string,
): Action {
  const value = constant(descriptorValue, `${path}.descriptor_value`);
  const entry = { key: wireText(descriptorKey || "generic_key"), value };
  return () => entry;
}

function headerMatch(message: NonNullable<RateLimitAction["headerValueMatch"]>, path: string): Action {
  const { descriptorKey, descriptorValue, expectMatch = true, headers = [] } = message;
  if (headers.length === 0) throw new CompileError(`${path}.headers`, "must hold at least one");
  const test = allOf(compileHeaderMatchers(headers, `${path}.headers`));
  const value = constant(descriptorValue, `${path}.descriptor_value`);
  const entry = { key: wireText(descriptorKey || "header_match"), value };
  return ({ request, peer }) => ((test?.(request, peer) ?? true) === expectMatch ? entry : undefined);
}

function queryMatch(message: NonNullable<RateLimitAction["queryParameterValueMatch"]>, path: string): Action {
  const { descriptorKey, descriptorValue, expectMatch = true, queryParameters = [] } = message;
  if (queryParameters.length === 0) throw new CompileError(`${path}.query_parameters`, "must hold at least one");
  const test = allOf(compileQueryMatchers(queryParameters, `${path}.query_parameters`));
  const value = constant(descriptorValue, `${path}.descriptor_value`);
  const entry = { key: wireText(descriptorKey || "query_match"), value };
  return ({ request, peer }) => ((test?.(request, peer) ?? true) === expectMatch ? entry : undefined);
}

function maskedAddress(
  { v4PrefixMaskLen = 32, v6PrefixMaskLen = 128 }: NonNullable<RateLimitAction["maskedRemoteAddress"]>,
  path: string,
): Action {
  if (v4PrefixMaskLen > 32 || v6PrefixMaskLen > 128) throw new CompileError(path, "a mask must be at most 32 and 128");
  return ({ remoteAddress }) => {
    const ip = parseIp(remoteAddress);
    if (ip === undefined) return undefined;
    const bits = ip.length === 4 ? v4PrefixMaskLen : v6PrefixMaskLen;
    const masked = ip.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i))) & 0xff);
    return { key: "masked_remote_address", value: `${formatIp(masked)}/${bits}` };
  };
}
