/**
 * Conditions that permissions and principals share, and what joins them.
 *
 * @module
 */
import type { CidrRange } from "../../xds/proto/core-address.ts";
import { CompileError } from "../compile-error.ts";
import { parseIp } from "../../base/ip-address.ts";
import { cidrContains, compileCidr } from "../listener/cidr.ts";
import { allOf, anyOf, type Check } from "../match/check.ts";
import { compilePathMatcher } from "../match/path-matcher.ts";
import type { StringCheck } from "../match/string-matcher.ts";
import type { PathMatcher } from "../../xds/proto/matcher.ts";
import { type PeerView, pathOnly, type RequestView } from "../request.ts";
import { quoted } from "../trace.ts";

export const ANYTHING: Check = { test: () => true, explain: () => "any" };

/** @throws {CompileError} When there is nothing to join. */
export function conjunction(checks: readonly Check[], path: string): Check {
  const test = allOf(checks);
  if (test === undefined) throw new CompileError(path, "must not be empty");
  if (checks.length === 1) return checks[0] as Check;
  return { test, explain: (request, peer) => `all of (${reasons(checks, request, peer)})` };
}

/** @throws {CompileError} When there is nothing to choose from. */
export function disjunction(checks: readonly Check[], path: string): Check {
  if (checks.length === 0) throw new CompileError(path, "must not be empty");
  if (checks.length === 1) return checks[0] as Check;
  return { test: anyOf(checks), explain: (request, peer) => `one of (${reasons(checks, request, peer)})` };
}

export function negation(check: Check): Check {
  return {
    test: (request, peer) => !check.test(request, peer),
    explain: (request, peer) => `not (${check.explain(request, peer)})`,
  };
}

/** `any: false` is refused, as in Envoy's validation. @throws {CompileError} */
export function anything(value: boolean, path: string): Check {
  if (!value) throw new CompileError(path, "must be true");
  return ANYTHING;
}

/** @throws {CompileError} */
export function urlPath(matcher: PathMatcher, path: string): Check {
  const { test, wanted } = compilePathMatcher(matcher, path);
  return {
    test: (request) => test(pathOnly(request.path)),
    explain: (request) => `path: wanted ${wanted}, found ${quoted(pathOnly(request.path))}`,
  };
}

/** @param what For the reason: `destination`. @throws {CompileError} */
export function addressIn(
  range: CidrRange,
  what: string,
  read: (request: RequestView, peer: PeerView) => string,
  path: string,
): Check {
  const cidr = compileCidr(range, path);
  return {
    test: (request, peer) => {
      const ip = parseIp(read(request, peer));
      return ip !== undefined && cidrContains(cidr, ip);
    },
    explain: (request, peer) =>
      `${what}: wanted an address in ${range.addressPrefix}/${range.prefixLen ?? 0}, found ${quoted(read(request, peer))}`,
  };
}

/** A text that the connection has or has not; without it nothing matches. */
export function textOf(
  { test, wanted }: StringCheck,
  what: string,
  read: (peer: PeerView) => string | undefined,
): Check {
  return {
    test: (_, peer) => {
      const text = read(peer);
      return text !== undefined && test(text);
    },
    explain: (_, peer) => `${what}: wanted ${wanted}, found ${quoted(read(peer))}`,
  };
}

function reasons(checks: readonly Check[], request: RequestView, peer: PeerView): string {
  return checks.map((check) => `${check.test(request, peer) ? "+" : "-"} ${check.explain(request, peer)}`).join(", ");
}
